"""Effects on a whole take at once, those that can't run live included: nothing lost, nothing moved."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from engine.mixer.effects import effect_spec
from engine.mixer.plugins import Planar, Plugin, make_plugin, run_plugin
from engine.story.model import Effect

LEAD_SECONDS = 0.1
"""Silence before the take while it is processed: a pitch shifter's first window then holds no sound to lose."""

TAIL_STEPS_SECONDS = (0.5, 2.0, 8.0, 20.0)
"""How much tail is tried; the last is the cap, for echoes that hardly fade."""

TAIL_END = 10.0 ** (-66.0 / 20.0)
"""A tail ends where it stays below this."""

_BUFFER_FRAMES = 8192
_RESTING_SECONDS = 0.1


def render_offline(
    effects: Iterable[Effect], audio: NDArray[np.float32], sample_rate: int, tail: bool = True
) -> NDArray[np.float32]:
    """Return ``audio``, (frames, channels), through the effects from a fresh start; what latency they have is undone.

    tail: the result is longer by what still sounds (at most 20 s, faded out where it is cut); otherwise as long as
    ``audio``. Raises EffectFailed. Not for the audio process.
    """
    heard = tuple(effect for effect in effects if not effect.bypass)
    if not heard or not len(audio):
        return audio
    if not tail:
        return _processed(heard, audio, sample_rate, 0)
    resting_seconds = _RESTING_SECONDS + sum(_echo_seconds(effect) for effect in heard)
    resting = round(resting_seconds * sample_rate)
    quiet = _idle_level(heard, audio.shape[1], sample_rate)
    for seconds in (*(step for step in TAIL_STEPS_SECONDS[:-1] if step > resting_seconds), TAIL_STEPS_SECONDS[-1]):
        processed = _processed(heard, audio, sample_rate, round(seconds * sample_rate))
        if np.abs(processed[-resting:]).max() <= quiet:
            break
    else:
        processed[-sample_rate:] *= np.linspace(1.0, 0.0, sample_rate, dtype=np.float32)[:, np.newaxis]
    return processed[: _sounding_frames(processed, len(audio), quiet)]


def _echo_seconds(effect: Effect) -> float:
    """Return how long ``effect`` may be silent before it sounds again."""
    params = effect_spec(effect.effect).params
    return (
        effect.params.get("delay_seconds", params["delay_seconds"].spec.default) if "delay_seconds" in params else 0.0
    )


def _idle_level(effects: tuple[Effect, ...], channels: int, sample_rate: int) -> float:
    """Return what counts as silence: a little more than what the effects give for none (a phone codec hisses)."""
    nothing = np.zeros((sample_rate // 10, channels), np.float32)
    return max(TAIL_END, 1.5 * float(np.abs(_processed(effects, nothing, sample_rate, 0)).max()))


def _processed(effects: tuple[Effect, ...], audio: NDArray[np.float32], sample_rate: int, tail_frames: int) -> Planar:
    """Return (frames, channels): ``audio`` and its tail, exactly ``tail_frames`` longer."""
    lead = round(LEAD_SECONDS * sample_rate)
    planar = np.zeros((audio.shape[1], lead + len(audio) + tail_frames), np.float32)
    planar[:, lead : lead + len(audio)] = audio.T
    plugins: list[Plugin] = [make_plugin(effect) for effect in effects]
    for plugin in plugins:
        planar = run_plugin(plugin, planar, float(sample_rate), _BUFFER_FRAMES, reset=True)
    return np.ascontiguousarray(planar[:, lead:].T)


def _sounding_frames(audio: NDArray[np.float32], at_least: int, quiet: float) -> int:
    loud = np.flatnonzero(np.abs(audio[at_least:]).max(axis=1, initial=0.0) > quiet)
    return at_least + (int(loud[-1]) + 1 if loud.size else 0)
