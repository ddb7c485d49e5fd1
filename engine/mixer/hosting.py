"""Third-party plug-ins in Pedalboard: loading, state, parameters, latency. The thread that loads the first is the only
one that may load, clear or free any; another may process.

Pedalboard gives the interpreter's lock away while a plug-in loads and while it works. What it would do by itself with
the lock held, asking every parameter for a thousand texts, is left out.
"""

from __future__ import annotations

import base64
import binascii
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard

from engine.errors import EngineError
from engine.mixer.plugins import EffectFailed, Planar, Plugin, run_plugin
from engine.plugins.facts import MOST_LATENCY_FRAMES, PluginFacts

LOAD_SECONDS = 10.0
"""What Pedalboard may wait for an instrument to wake up; effects are not waited for."""

FORMATS = {".vst3": "VST3Plugin", ".component": "AudioUnitPlugin"}
"""Pedalboard's classes by the ending of a file's name; which of them exist, the system decides."""


class PluginRefused(EngineError):
    """A plug-in that can't be loaded, or can't be an insert."""

    code = "plugin_refused"


def open_plugin(path: str, inner: str = "") -> Any:
    """Return Pedalboard's plug-in of a file. Raises PluginRefused."""
    plugin_class = _format(path)
    plugin_class.__set_initial_parameter_values__ = lambda *_: None  # what would ask for the texts
    try:
        return plugin_class(path, plugin_name=inner or None, initialization_timeout=LOAD_SECONDS)
    except (ImportError, RuntimeError, ValueError) as error:
        raise PluginRefused(f"{path}: {' '.join(str(error).split())}") from error


def plugin_names(path: str) -> list[str]:
    """Return the plug-ins of a file. Raises PluginRefused."""
    try:
        names: list[str] = _format(path).get_plugin_names_for_file(path)
    except (ImportError, RuntimeError, ValueError) as error:
        raise PluginRefused(f"{path}: {' '.join(str(error).split())}") from error
    return names


def _format(path: str) -> Any:
    name = FORMATS.get(Path(path).suffix.lower())
    plugin_class = None if name is None else getattr(pedalboard, name, None)
    if plugin_class is None:
        raise PluginRefused(f"{path}: no kind of plug-in that can be loaded on {sys.platform}")
    return plugin_class


class HostedPlugin:
    """One instance for stereo: a plug-in, or one for each side where it takes one channel only.

    It is warm: no block is ever its longest, and it has heard as much silence as it is late.
    """

    def __init__(
        self, facts: PluginFacts, sample_rate: float, max_block_frames: int, state: str, values: dict[int, float]
    ) -> None:
        self._rate, self._frames, self._name = sample_rate, max_block_frames, facts.name
        self._sides = [open_plugin(facts.path, facts.inner) for _ in range(2 if facts.channels == 1 else 1)]
        self._silence = np.zeros((3 - len(self._sides), max_block_frames), np.float32)
        for side in self._sides:
            _restore(side, state, facts.name)
        self._knobs: list[list[Any]] = []
        self._find_knobs()
        for index, raw in values.items():
            self.turn(index, raw)
        self.clear()  # what was turned has arrived by now
        self.clear()  # and what came of it, such as another latency, counts from the start
        self.latency_frames = self._latency()
        if self.latency_frames > MOST_LATENCY_FRAMES:
            raise PluginRefused(f"{facts.name} is {self.latency_frames} frames late; {MOST_LATENCY_FRAMES} are allowed")

    def turn(self, index: int, raw: float) -> None:
        """Set a parameter, 0 to 1, from the next block on. Cheap, any thread."""
        for knobs in self._knobs:
            knobs[index].raw_value = raw

    def raw(self, index: int) -> float:
        """Return where a parameter is, 0 to 1."""
        value: float = self._knobs[0][index].raw_value
        return value

    def state(self) -> str:
        """Return what it has made of itself, as stories hold it. The thread that loads. Raises EffectFailed."""
        try:
            return base64.b64encode(self._sides[0].raw_state).decode()
        except (RuntimeError, ValueError) as error:
            raise EffectFailed(f"{self._name} does not give its state: {error}") from error

    def restore(self, state: str) -> None:
        """Take a state and forget every sound. The thread that loads. Raises PluginRefused, EffectFailed."""
        for side in self._sides:
            _restore(side, state, self._name)
        self.clear()

    def follow(self, other: HostedPlugin) -> None:
        """Turn every parameter to where that of ``other``, another instance, is."""
        for index in range(len(self._knobs[0])):
            self.turn(index, other.raw(index))

    def process(self, input_array: Planar, sample_rate: float, buffer_size: int, reset: bool) -> Planar:
        """Return the effect of planar (2, frames) ``input_array``."""
        if len(self._sides) == 1:
            out: Planar = self._sides[0].process(input_array, sample_rate, buffer_size, reset)
            return out
        sides = zip(self._sides, input_array, strict=True)
        return np.concatenate([s.process(part[None, :], sample_rate, buffer_size, reset) for s, part in sides])

    def clear(self) -> None:
        """Forget every sound. Some are made anew for that, so it takes the thread that loads."""
        for side in self._sides:
            run_plugin(side, self._silence, self._rate, self._frames, reset=True)
            for _ in range(1 + self._latency() // self._frames):
                run_plugin(side, self._silence, self._rate, self._frames)
        self._find_knobs()

    def _latency(self) -> int:
        return int(max(side.reported_latency_samples for side in self._sides))

    def _find_knobs(self) -> None:
        self._knobs = [list(side._parameters) for side in self._sides]


def state_of(facts: PluginFacts, values: Sequence[tuple[int, float]], preset: str) -> str:
    """Return a plug-in's state as stories hold it, after a preset file and parameters (index, 0 to 1)."""
    plugin = open_plugin(facts.path, facts.inner)
    try:
        if preset:
            plugin.load_preset(preset)
        knobs = list(plugin._parameters)
        for index, raw in values:
            knobs[index].raw_value = raw
        silence = np.zeros((facts.channels, 1024), np.float32)
        run_plugin(plugin, silence, 48000.0, 1024)  # a plug-in hears of its parameters when it plays
        return base64.b64encode(plugin.raw_state).decode()
    except (RuntimeError, ValueError, EffectFailed) as error:
        raise PluginRefused(f"{facts.name}: {error}") from error


def preset_of(facts: PluginFacts, state: str, values: Sequence[tuple[int, float]]) -> bytes:
    """Return a VST3 plug-in as a preset file holds it, in that state, then with these parameters (index, 0 to 1)."""
    plugin = open_plugin(facts.path, facts.inner)
    _restore(plugin, state, facts.name)
    try:
        knobs = list(plugin._parameters)
        for index, raw in values:
            knobs[index].raw_value = raw
        silence = np.zeros((facts.channels, 1024), np.float32)
        run_plugin(plugin, silence, 48000.0, 1024)  # a plug-in hears of its parameters when it plays
        return bytes(plugin.preset_data)
    except (RuntimeError, ValueError, EffectFailed) as error:
        raise PluginRefused(f"{facts.name}: {error}") from error


def _restore(side: Plugin, state: str, name: str) -> None:
    if not state:
        return
    try:
        setattr(side, "raw_state", base64.b64decode(state, validate=True))  # noqa: B010  not part of what the mixer needs
    except (binascii.Error, RuntimeError, ValueError) as error:
        raise PluginRefused(f"{name} does not take its state: {error}") from error


def load_hosted(
    facts: PluginFacts, sample_rate: float, max_block_frames: int, state: str, values: Sequence[tuple[int, float]]
) -> HostedPlugin:
    """Return a warm instance in that state, then with these parameters (index, 0 to 1). Raises PluginRefused."""
    try:
        return HostedPlugin(facts, sample_rate, max_block_frames, state, dict(values))
    except EffectFailed as error:
        raise PluginRefused(f"{facts.name}: {error}") from error
