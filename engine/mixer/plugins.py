"""Pedalboard's plug-ins, built from the table of effects. Imports no compiler, so voice workers start fast."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import pedalboard
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.mixer.effects import EffectSpec, effect_spec
from engine.story.model import Effect

Planar = NDArray[np.float32]
"""Audio as Pedalboard wants it: (channels, frames)."""
MOMENT_FRAMES = 64
"""What a cleared plug-in has heard of silence."""


class Plugin(Protocol):
    """What the mixer needs of a Pedalboard plug-in."""

    def process(self, input_array: Planar, sample_rate: float, buffer_size: int, reset: bool) -> Planar:
        """Return the effect of planar ``input_array``; with ``reset`` forget every sound first."""


class EffectFailed(EngineError):
    """An effect raised, or did not return as many frames as it got."""

    code = "effect_failed"


def make_plugin(effect: Effect) -> Plugin:
    """Build Pedalboard's plug-in for ``effect``, which has been checked against the table."""
    spec = effect_spec(effect.effect)
    plugin_class = getattr(pedalboard, spec.class_name)
    fixed = {name: getattr(plugin_class.Mode, value) for name, value in spec.fixed.items()}
    plugin: Plugin = plugin_class(**fixed)
    for (name, param), value in zip(spec.params.items(), effect_values(effect, spec), strict=True):
        _set_checked(plugin, param.attribute, value, f"{effect.effect}.{name}")
    return plugin


def run_plugin(plugin: Plugin, block: Planar, sample_rate: float, buffer_frames: int, *, reset: bool = False) -> Planar:
    """Return ``block`` through ``plugin``. Raises EffectFailed, also when as many frames don't come back."""
    try:
        out = plugin.process(block, sample_rate, buffer_frames, reset)
    except (RuntimeError, ValueError, TypeError, MemoryError) as error:
        raise EffectFailed(f"{type(plugin).__name__} failed: {error}") from error
    if out.shape != block.shape:
        raise EffectFailed(f"{type(plugin).__name__} returned {out.shape} for {block.shape}")
    return out


class Caller:
    """Calls plug-ins with what is the same for all of one mixer. It knows none: inserts keep it, whoever built them."""

    def __init__(self, sample_rate: float, max_block_frames: int) -> None:
        self._sample_rate, self._max_block_frames = sample_rate, max_block_frames
        self._silence = np.zeros((2, max_block_frames), np.float32)
        self._moment = np.zeros((2, min(MOMENT_FRAMES, max_block_frames)), np.float32)

    def run(self, plugin: Plugin, block: Planar) -> Planar:
        """Return planar ``block`` through a plug-in. Raises EffectFailed."""
        return run_plugin(plugin, block, self._sample_rate, self._max_block_frames)

    def clear(self, plugin: Plugin) -> None:
        """Let a plug-in forget every sound, and warm it again: a block larger than any since would clear it, too.

        Its oscillators stand where a moment has brought them, however long a mixer's blocks are.
        """
        run_plugin(plugin, self._silence, self._sample_rate, self._max_block_frames, reset=True)
        run_plugin(plugin, self._moment, self._sample_rate, self._max_block_frames, reset=True)


def stretch_planar(audio: Planar, sample_rate: float, speed: float, semitones: float = 0.0) -> Planar:
    """Return ``audio`` at ``speed``, its pitch kept or moved by ``semitones``. Raises EffectFailed."""
    stretch: Callable[[Planar, float, float, float], Planar] = getattr(pedalboard, "time_stretch")  # noqa: B009  as below
    try:
        return stretch(audio, sample_rate, speed, semitones)
    except (RuntimeError, ValueError, TypeError, MemoryError) as error:
        raise EffectFailed(f"time_stretch failed: {error}") from error


def effect_values(effect: Effect, spec: EffectSpec) -> list[float]:
    """Return every parameter of ``effect`` in table order: what the story says, else the default.

    Of a plug-in: else NaN, since its own state says where they are.
    """
    own = spec.plugin is not None
    return [effect.params.get(name, math.nan if own else param.spec.default) for name, param in spec.params.items()]


class Goal(NamedTuple):
    """Where a graph wants an effect. values: see ``effect_values``; positions: the same as positions of knobs."""

    values: list[float]
    positions: list[float]
    bypass: bool


def goal_of(effect: Effect, spec: EffectSpec) -> Goal:
    """Return where ``effect`` is wanted."""
    values = effect_values(effect, spec)
    knobs = zip(spec.params.values(), values, strict=True)
    positions = [value if math.isnan(value) else param.spec.to_norm(value) for param, value in knobs]
    return Goal(values, positions, effect.bypass)


def _set_checked(plugin: Plugin, attribute: str, value: float, name: str) -> None:
    try:
        setattr(plugin, attribute, value)
    except (ValueError, RuntimeError) as error:
        raise EffectFailed(f"{name}: Pedalboard refuses {value:g}: {error}") from error
