"""A plug-in that is late and needs no host: a gain behind a delay, with the face of ``HostedPlugin``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from engine.mixer.hosting import PluginRefused
from engine.params import ParamSpec
from engine.plugins.facts import PluginFacts, PluginParam

GAIN = PluginParam(name="gain", index=3, spec=ParamSpec(low=0.0, high=2.0, default=1.0))


def facts(name: str, fault: str = "") -> PluginFacts:
    """Return what is known of one; its name says how late it is: ``late 300``."""
    return PluginFacts(name=name, path=f"/{name}.vst3", params=(GAIN,), fault=fault)


class LatePlugin:
    """Delays by as many frames as its name says; it remembers who called it."""

    made: ClassVar[list[LatePlugin]] = []

    def __init__(self, known: PluginFacts, state: str, values: Sequence[tuple[int, float]]) -> None:
        self.latency_frames = int(known.name.split()[-1])
        self.state = state
        self.calls = 0
        self._raw = 0.5
        self._line = np.zeros((2, self.latency_frames), np.float32)
        for index, raw in values:
            self.turn(index, raw)
        LatePlugin.made.append(self)

    def turn(self, index: int, raw: float) -> None:
        assert index == GAIN.index
        self._raw = raw

    def raw(self, index: int) -> float:
        assert index == GAIN.index
        return self._raw

    def clear(self) -> None:
        self._line[:] = 0.0

    def process(self, input_array: Any, sample_rate: float, buffer_size: int, reset: bool) -> Any:
        self.calls += 1
        whole = np.concatenate([self._line, input_array], axis=1)
        self._line = whole[:, input_array.shape[1] :]
        return np.ascontiguousarray(whole[:, : input_array.shape[1]] * np.float32(2.0 * self._raw))


def load_late(known: PluginFacts, rate: float, frames: int, state: str, values: Sequence[tuple[int, float]]) -> Any:
    """Stand in for ``load_hosted``."""
    if state == "broken":
        raise PluginRefused(f"{known.name} does not take its state")
    return LatePlugin(known, state, values)
