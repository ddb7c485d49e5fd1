"""Effects on a whole take at once, those that can't run live included: nothing lost, nothing moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from engine.mixer.effects import effect_spec
from engine.mixer.plugins import Planar, make_plugin, run_plugin, stretch_planar
from engine.story.model import Effect

LEAD_SECONDS = 0.1
"""Silence before the take while it is processed: a pitch shifter's first window then holds no sound to lose."""

TAIL_STEPS_SECONDS = (0.2, 1.0, 4.0, 20.0)
"""How much tail an effect is given, until it is enough; the last is the cap, for echoes that hardly fade."""

TAIL_END = 10.0 ** (-66.0 / 20.0)
"""A take ends where it stays below this."""

STAGE_END = 10.0 ** (-90.0 / 20.0)
"""What an effect hands to the next ends where it stays below this."""

_BUFFER_FRAMES = 8192
_RESTING_SECONDS = 0.1


def render_offline(
    effects: Iterable[Effect], audio: NDArray[np.float32], sample_rate: int, tail: bool = True
) -> NDArray[np.float32]:
    """Return ``audio``, (frames, channels), through the effects from a fresh start; what latency they have is undone.

    tail: the result is longer by what still sounds (at most 20 s per effect, faded out where it is cut); otherwise as
    long as ``audio``. Raises EffectFailed. Not for the audio process.
    """
    heard = tuple(effect for effect in effects if not effect.bypass)
    if not heard or not len(audio):
        return audio
    lead = round(LEAD_SECONDS * sample_rate)
    planar: Planar = np.pad(audio.T, ((0, 0), (lead, 0)))
    for effect in heard:
        planar = _with_tail(effect, planar, sample_rate) if tail else _processed(effect, planar, 0, sample_rate)
    return np.ascontiguousarray(planar[:, lead : end_of(planar, lead + len(audio), TAIL_END)].T)


def time_stretch(
    audio: NDArray[np.float32], speed: float, sample_rate: int, semitones: float = 0.0
) -> NDArray[np.float32]:
    """Return ``audio``, (frames, channels), at ``speed``, its pitch kept or moved; its length is about right."""
    planar = np.ascontiguousarray(audio.T)
    return np.ascontiguousarray(stretch_planar(planar, float(sample_rate), speed, semitones).T)


def _with_tail(effect: Effect, planar: Planar, sample_rate: int) -> Planar:
    """Return ``planar`` through ``effect``, longer by its tail."""
    resting_seconds = _RESTING_SECONDS + echo_seconds(effect)
    quiet = STAGE_END
    for attempt, seconds in enumerate(tail_steps(resting_seconds)):
        out = _processed(effect, planar, round(seconds * sample_rate), sample_rate)
        if attempt == 1:  # it sounds on: a tail, or a phone codec that hisses when it gets nothing
            quiet = idle_level(effect, planar.shape[0], sample_rate)
        if np.abs(out[:, -round(resting_seconds * sample_rate) :]).max() <= quiet:
            break
    else:
        out[:, -sample_rate:] *= np.linspace(1.0, 0.0, sample_rate, dtype=np.float32)
    return out[:, : end_of(out, planar.shape[1], quiet)]


def tail_steps(resting_seconds: float) -> Iterator[float]:
    """Iterate over how much tail an effect is given that may be silent for so long before it sounds again."""
    yield from (step for step in TAIL_STEPS_SECONDS[:-1] if step > resting_seconds)
    yield TAIL_STEPS_SECONDS[-1]


def _processed(effect: Effect, planar: Planar, tail_frames: int, sample_rate: int) -> Planar:
    longer = np.pad(planar, ((0, 0), (0, tail_frames)))
    return run_plugin(make_plugin(effect), longer, float(sample_rate), _BUFFER_FRAMES, reset=True)


def echo_seconds(effect: Effect) -> float:
    """Return how long ``effect`` may be silent before it sounds again."""
    delay = effect_spec(effect.effect).params.get("delay_seconds")
    return 0.0 if delay is None else effect.params.get("delay_seconds", delay.spec.default)


def idle_level(effect: Effect, channels: int, sample_rate: int) -> float:
    """Return what counts as silence after ``effect``: a little more than what it gives for none."""
    nothing = np.zeros((channels, sample_rate // 10), np.float32)
    return max(STAGE_END, 1.5 * float(np.abs(_processed(effect, nothing, 0, sample_rate)).max()))


def end_of(planar: Planar, at_least: int, quiet: float) -> int:
    """Return the frame after the last one that is louder than ``quiet``, not before ``at_least``."""
    loud = np.flatnonzero(np.abs(planar[:, at_least:]).max(axis=0, initial=0.0) > quiet)
    return at_least + (int(loud[-1]) + 1 if loud.size else 0)
