"""Ducking: some tracks make others softer while they sound, the classic voice over music.

What the key tracks' players play is followed before any effect, at the keys' faders, so no order of strips is needed.
Look-ahead delays what all players play, alike for all strips: nothing gets out of step, and the key is heard that much
sooner. The follower works frame by frame: the size of a block changes nothing.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel
from engine.mixer.graph import Graph
from engine.mixer.ramps import fill, glide, multiply, new_ramps, ramp_value
from engine.mixer.strips import FEED, GAIN, ROWS, STAGGER, Strips
from engine.mixer.uncounted import uncounted
from engine.params import DUCK
from engine.units import db_to_gain

DETECTOR_SECONDS = 0.04
"""How slowly the follower of the key's peaks falls: it bridges the gaps between them."""
_ENVELOPE, _HELD, _LEFT, _GAIN = 0, 1, 2, 3
_THRESHOLD, _DEPTH, _ATTACK, _RELEASE, _HOLD, _FALL = 0, 1, 2, 3, 4, 5
DUCK_PARAMS = tuple(DUCK)
"""What records count; look-ahead is no live parameter."""
_KNEE = 2.0**0.5
"""From this much below the threshold to as much above it the depth sets in."""


class Ducks(NamedTuple):
    """One row per strip. first_key: (strips + 1,) into keys, which are strips. knobs, state: see above.

    gains: (strips, at least max_block), this block's. late: ring of gains, for those whose look-ahead is shorter than
    the mixer's; lag: (strips, [from, to]), by how much; fade: between them. reduction: the lowest gain since it was
    last taken. whole: [frames so far]. level: scratch.
    """

    first_key: NDArray[np.int32]
    keys: NDArray[np.int32]
    knobs: NDArray[np.float64]
    state: NDArray[np.float64]
    gains: NDArray[np.float64]
    late: NDArray[np.float64]
    lag: NDArray[np.int64]
    fade: NDArray[Any]
    reduction: NDArray[np.float64]
    whole: NDArray[np.int64]
    level: NDArray[np.float64]


class Ahead(NamedTuple):
    """The delay of what players play: ring (strips, 2, size), size 1: unused; taps: [from, to]; fade: between them.

    The ring is written by the engine's frame: the mixer that plays can fill that of the one that follows.
    """

    ring: NDArray[np.float32]
    taps: NDArray[np.int64]
    fade: NDArray[Any]

    @property
    def frames(self) -> int:
        """By how much everything is delayed."""
        return int(self.taps[1])


def look_ahead_frames(graph: Graph, sample_rate: int) -> int:
    """Return how much later than without it everything sounds."""
    ahead = [spec.duck.look_ahead_ms for spec in graph.strips if spec.duck is not None and spec.lives]
    return round(max(ahead, default=0.0) / 1000.0 * sample_rate)


def new_ahead(graph: Graph, sample_rate: int, before_frames: int = 0) -> Ahead:
    """Return an empty delay for ``graph``. before_frames: that of the mixer which it follows, from which it fades."""
    frames = look_ahead_frames(graph, sample_rate)
    longest = round(DUCK["look_ahead_ms"].high / 1000.0 * sample_rate)
    size = 1 << longest.bit_length() if frames or before_frames else 1
    ring = np.zeros((len(graph.strips), 2, size), np.float32)
    return Ahead(ring, np.array([frames, frames]), new_ramps([1.0]))


def new_ducks(
    graph: Graph, sample_rate: int, max_block_frames: int, late_frames: int = 0, before: Ducks | None = None
) -> Ducks:
    """Return the followers of ``graph``, at rest. late_frames: by which plug-ins delay what is to be ducked.

    before: those that they will follow.
    """
    count, longest = len(graph.strips), look_ahead_frames(graph, sample_rate) + late_frames
    kept = max(longest, 0 if before is None else int(before.lag[:, 1].max(initial=0)))
    keys = [[graph.index(key) for key in spec.duck.by] if spec.duck and spec.lives else [] for spec in graph.strips]
    ducks = Ducks(
        first_key=np.cumsum([0, *map(len, keys)]).astype(np.int32),
        keys=np.array([key for row in keys for key in row], np.int32),
        knobs=np.zeros((count, 6)),
        state=np.tile(np.array([0.0, 1.0, 0.0, 1.0]), (count, 1)),
        gains=np.ones((count, max_block_frames + STAGGER)),
        late=np.ones((count, 1 << kept.bit_length() if kept else 1)),
        lag=np.zeros((count, 2), np.int64),
        fade=new_ramps([1.0]),
        reduction=np.ones(count),
        whole=np.zeros(1, np.int64),
        level=np.zeros(max_block_frames),
    )
    ducks.knobs[:, _FALL] = math.exp(-1.0 / (DETECTOR_SECONDS * sample_rate))
    for index, spec in enumerate(graph.strips):
        values = {} if spec.duck is None else {name: getattr(spec.duck, name) for name in DUCK}
        for name, knob in DUCK.items():
            set_duck(ducks, index, name, values.get(name, knob.default), sample_rate)
        if spec.duck is not None:
            ducks.lag[index] = longest - round(spec.duck.look_ahead_ms / 1000.0 * sample_rate)
    return ducks


def set_duck(ducks: Ducks, strip: int, name: str, value: float, sample_rate: int) -> None:
    """Turn one knob, in its own unit; the follower smooths what comes of it."""
    knobs = ducks.knobs[strip]
    match name:
        case "threshold_db":
            knobs[_THRESHOLD] = db_to_gain(value)
        case "depth_db":
            knobs[_DEPTH] = db_to_gain(value)
        case "attack_ms":
            knobs[_ATTACK] = _share(value, sample_rate)
        case "release_ms":
            knobs[_RELEASE] = _share(value, sample_rate)
        case "hold_ms":
            knobs[_HOLD] = round(value / 1000.0 * sample_rate)


def _share(milliseconds: float, sample_rate: int) -> float:
    """Return the part of the way that is gone in one frame, so that nine tenths of it take that long."""
    return 1.0 - math.exp(-math.log(10.0) / max(1.0, milliseconds / 1000.0 * sample_rate))


def follow_on(ducks: Ducks, graph: Graph, before: Ducks, places: NDArray[np.int32], frame: int, fade: int) -> None:
    """Go on where the followers of another mixer stand; ``places``: its strips' new indexes."""
    ducks.whole[0] = before.whole[0]
    known = np.flatnonzero(places >= 0)
    own = places[known]
    ducks.state[own] = before.state[known]
    for index, place in zip(known.tolist(), own.tolist(), strict=True):
        if graph.strips[place].duck is None:  # it comes back up as it was told to
            ducks.knobs[place] = before.knobs[index]
    newest, size, old = int(before.whole[0]) - 1, ducks.late.shape[1], before.late.shape[1]
    at = newest - np.arange(size)
    ducks.late[np.ix_(own, at & (size - 1))] = before.late[np.ix_(known, np.maximum(at, newest - old + 1) & (old - 1))]
    ducks.lag[own, 0] = before.lag[known, 1]
    _begin_anew(ducks.fade, frame, fade)


def go_on_delaying(ahead: Ahead, before: Ahead, places: NDArray[np.int32], frame: int, fade: int) -> None:
    """Fade from the delay of another mixer to this one's; one that begins to delay has listened to the other."""
    known = np.flatnonzero(places >= 0)
    if ahead.ring.shape[2] == before.ring.shape[2]:
        ahead.ring[places[known]] = before.ring[known]
    if before.frames != ahead.frames:
        ahead.taps[0] = before.frames
        _begin_anew(ahead.fade, frame, fade)


def _begin_anew(ramps: NDArray[Any], frame: int, frames: int) -> None:
    ramps["end"] = ramps["begin"] = 0.0
    glide(ramps, 0, 1.0, frame, frames)


@kernel
def follow(ducks: Ducks, strips: Strips, inputs: NDArray[np.float32], frame: int, frames: int) -> None:
    """Fill ``gains`` for the next ``frames``. inputs: planar, what the players play."""
    ducks, strips, inputs = uncounted((ducks, strips, inputs))
    level, heard = ducks.level[:frames], -1
    moving = frame < ducks.fade[0].start_frame + ducks.fade[0].frames
    for strip in range(len(strips.kind)):
        has_keys = ducks.first_key[strip] < ducks.first_key[strip + 1]
        if not (has_keys or moving) and ducks.state[strip, _GAIN] == 1.0 and ducks.state[strip, _HELD] == 1.0:
            ducks.gains[strip, :frames] = 1.0
            continue
        if heard < 0 or not _same_keys(ducks, strip, heard):
            level[:] = 0.0
            for at in range(ducks.first_key[strip], ducks.first_key[strip + 1]):
                _add_key(strips, ducks.keys[at], inputs, frame, level)
            heard = strip
        _follow(ducks, strip, frame, level, moving and ducks.lag[strip, 0] != ducks.lag[strip, 1])
    ducks.whole[0] += frames


@kernel
def _same_keys(ducks: Ducks, strip: int, other: int) -> bool:
    """Whether two strips are ducked by the same ones: as a rule the voice ducks all that is music."""
    first, before = ducks.first_key[strip], ducks.first_key[other]
    count = ducks.first_key[strip + 1] - first
    same: bool = ducks.first_key[other + 1] - before == count
    for at in range(count):
        same = same and ducks.keys[first + at] == ducks.keys[before + at]
    return same


@kernel
def _add_key(strips: Strips, key: int, inputs: NDArray[np.float32], frame: int, level: NDArray[np.float64]) -> None:
    frames = len(level)
    gain = strips.curves[4, :frames]
    fill(strips.ramps, ROWS * key + GAIN, frame, gain)
    multiply(strips.ramps, ROWS * key + FEED, frame, gain)
    multiply(strips.ramps, len(strips.ramps) - 1, frame, gain)
    for i in range(frames):
        level[i] += gain[i] * max(abs(inputs[key, i]), abs(inputs[key, frames + i]))


@kernel
def _follow(ducks: Ducks, strip: int, frame: int, level: NDArray[np.float64], moving: bool) -> None:
    knobs, late = ducks.knobs[strip], ducks.late[strip]
    low, high = knobs[_THRESHOLD] / _KNEE, knobs[_THRESHOLD] * _KNEE
    envelope, held, left, gain = (
        ducks.state[strip, _ENVELOPE], ducks.state[strip, _HELD], ducks.state[strip, _LEFT], ducks.state[strip, _GAIN]
    )  # fmt: skip
    fall, mask = knobs[_FALL], len(late) - 1
    for i in range(len(level)):
        envelope = max(level[i], envelope * fall)
        wanted = 1.0 + (knobs[_DEPTH] - 1.0) * min(1.0, max(0.0, (envelope - low) / (high - low)))
        if wanted <= held:
            held, left = wanted, knobs[_HOLD]
        elif left > 0.0:
            left -= 1.0
        else:
            held = wanted
        gain += (held - gain) * (knobs[_ATTACK] if held < gain else knobs[_RELEASE])
        if abs(held - gain) < 1e-6:
            gain = held
        at = ducks.whole[0] + i
        late[at & mask] = gain
        heard = late[(at - ducks.lag[strip, 1]) & mask]
        if moving:
            old = late[(at - ducks.lag[strip, 0]) & mask]
            heard = old + (heard - old) * ramp_value(ducks.fade, 0, frame + i)
        ducks.gains[strip, i] = heard
        ducks.reduction[strip] = min(ducks.reduction[strip], ducks.gains[strip, i])
    ducks.state[strip, _ENVELOPE] = envelope if envelope > 1e-9 else 0.0
    ducks.state[strip, _HELD], ducks.state[strip, _LEFT], ducks.state[strip, _GAIN] = held, left, gain


@kernel
def delay(ahead: Ahead, inputs: NDArray[np.float32], frame: int, frames: int) -> None:
    """Delay ``inputs`` (planar) by the look-ahead."""
    size = ahead.ring.shape[2]
    if size > 1:
        moving = frame < ahead.fade[0].start_frame + ahead.fade[0].frames
        for strip in range(len(inputs)):
            for channel in range(2):
                ring = ahead.ring[strip, channel]
                part = inputs[strip, channel * frames : (channel + 1) * frames]
                for i in range(frames):
                    at = frame + i
                    ring[at & (size - 1)] = part[i]
                    late = ring[(at - ahead.taps[1]) & (size - 1)]
                    if moving:
                        old = ring[(at - ahead.taps[0]) & (size - 1)]
                        late = old + (late - old) * np.float32(ramp_value(ahead.fade, 0, frame + i))
                    part[i] = late
