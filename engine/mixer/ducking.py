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
    the mixer's. reduction: the lowest gain since it was last taken. whole: [frames so far]. level: scratch.
    """

    first_key: NDArray[np.int32]
    keys: NDArray[np.int32]
    knobs: NDArray[np.float64]
    state: NDArray[np.float64]
    gains: NDArray[np.float64]
    late: NDArray[np.float64]
    lag: NDArray[np.int64]
    reduction: NDArray[np.float64]
    whole: NDArray[np.int64]
    level: NDArray[np.float64]


class Ahead(NamedTuple):
    """The delay of what players play: ring (strips, 2, size); taps: [from, to]; fade: from one tap to the other."""

    ring: NDArray[np.float32]
    taps: NDArray[np.int64]
    fade: NDArray[Any]
    whole: NDArray[np.int64]


def look_ahead_frames(graph: Graph, sample_rate: int) -> int:
    """Return how much later than without it everything sounds."""
    ahead = [spec.duck.look_ahead_ms for spec in graph.strips if spec.duck is not None and spec.lives]
    return round(max(ahead, default=0.0) / 1000.0 * sample_rate)


def new_ahead(graph: Graph, sample_rate: int) -> Ahead:
    """Return an empty delay for ``graph``."""
    frames = look_ahead_frames(graph, sample_rate)
    longest = round(DUCK["look_ahead_ms"].high / 1000.0 * sample_rate)
    size = 1 << longest.bit_length() if frames else 1
    ring = np.zeros((len(graph.strips), 2, size), np.float32)
    return Ahead(ring, np.array([frames, frames]), new_ramps([1.0]), np.zeros(1, np.int64))


def new_ducks(graph: Graph, sample_rate: int, max_block_frames: int, late_frames: int = 0) -> Ducks:
    """Return the followers of ``graph``, at rest. late_frames: by which plug-ins delay what is to be ducked."""
    count, longest = len(graph.strips), look_ahead_frames(graph, sample_rate) + late_frames
    keys = [[graph.index(key) for key in spec.duck.by] if spec.duck and spec.lives else [] for spec in graph.strips]
    ducks = Ducks(
        first_key=np.cumsum([0, *map(len, keys)]).astype(np.int32),
        keys=np.array([key for row in keys for key in row], np.int32),
        knobs=np.zeros((count, 6)),
        state=np.tile(np.array([0.0, 1.0, 0.0, 1.0]), (count, 1)),
        gains=np.ones((count, max_block_frames + STAGGER)),
        late=np.ones((count, 1 << longest.bit_length() if longest else 1)),
        lag=np.zeros(count, np.int64),
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


def follow_on(ducks: Ducks, ahead: Ahead, graph: Graph, before: Ducks, was: Ahead, places: NDArray[np.int32]) -> None:
    """Go on where the followers and the delay of another mixer stand; ``places``: its strips' new indexes."""
    ducks.whole[0], ahead.whole[0] = before.whole[0], was.whole[0]
    known = np.flatnonzero(places >= 0)
    own = places[known]
    ducks.state[own] = before.state[known]
    for index, place in zip(known.tolist(), own.tolist(), strict=True):
        if graph.strips[place].duck is None:  # it comes back up as it was told to
            ducks.knobs[place] = before.knobs[index]
    if ahead.ring.shape[2] == was.ring.shape[2] > 1:  # else one of them delays nothing
        ahead.ring[own] = was.ring[known]


def change_delay(ahead: Ahead, before: int, frame: int, fade: int) -> None:
    """Fade from a delay of ``before`` frames to this one's, from ``frame`` on."""
    if before != ahead.taps[1]:
        ahead.taps[0] = before
        ahead.fade["end"] = ahead.fade["begin"] = 0.0
        glide(ahead.fade, 0, 1.0, frame, fade)


@kernel
def follow(ducks: Ducks, strips: Strips, inputs: NDArray[np.float32], frame: int, frames: int) -> None:
    """Fill ``gains`` for the next ``frames``. inputs: planar, what the players play."""
    ducks, strips, inputs = uncounted((ducks, strips, inputs))
    level, heard = ducks.level[:frames], -1
    for strip in range(len(strips.kind)):
        has_keys = ducks.first_key[strip] < ducks.first_key[strip + 1]
        if not has_keys and ducks.state[strip, _GAIN] == 1.0 and ducks.state[strip, _HELD] == 1.0:
            continue
        if heard < 0 or not _same_keys(ducks, strip, heard):
            level[:] = 0.0
            for at in range(ducks.first_key[strip], ducks.first_key[strip + 1]):
                _add_key(strips, ducks.keys[at], inputs, frame, level)
            heard = strip
        _follow(ducks, strip, level)
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
def _follow(ducks: Ducks, strip: int, level: NDArray[np.float64]) -> None:
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
        ducks.gains[strip, i] = late[(at - ducks.lag[strip]) & mask]
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
                    at = ahead.whole[0] + i
                    ring[at & (size - 1)] = part[i]
                    late = ring[(at - ahead.taps[1]) & (size - 1)]
                    if moving:
                        old = ring[(at - ahead.taps[0]) & (size - 1)]
                        late = old + (late - old) * np.float32(ramp_value(ahead.fade, 0, frame + i))
                    part[i] = late
    ahead.whole[0] += frames
