"""The audio process at work: one core, one output, and a main thread that only builds graphs."""

from __future__ import annotations

import gc
import logging
import threading
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import DeviceError, EngineError
from engine.mixer.graph import Graph
from engine.output.base import Output
from engine.output.null import NullOutput
from engine.platform import Grant, lock_memory, raise_priority
from engine.realtime.config import NULL_DEVICE, AudioConfig, AudioFacts
from engine.realtime.core import AudioCore
from engine.realtime.shared import EngineMemory

log = logging.getLogger(__name__)

START_SECONDS = 5.0
SWAP_SECONDS = 2.0
"""How long the callback may take to take a new graph over."""
CURTAIN_SECONDS = 0.5
"""How long the fade-out may take before the output is stopped anyway: a dead device asks for no blocks."""


class AudioService:
    """Owns the core and the output. Everything here runs in the main thread, except ``_render``."""

    def __init__(self, config: AudioConfig) -> None:
        self._config = config
        self._memory = EngineMemory.attach(config.memory)
        self._memory.prefault()
        self._core = AudioCore(
            self._memory,
            config.graph,
            sample_rate=config.sample_rate,
            block_frames=config.block_frames,
            max_players=config.max_players,
        )
        self._output: Output | None = None
        self._priority: Grant | None = None
        self._rendering = threading.Event()
        self._seen_callbacks = -1
        self._seen_errors = 0
        self._graphs = 0

    def start(self) -> AudioFacts:
        """Begin to play and return the facts. Raises DeviceError."""
        locked = lock_memory()
        gc.collect()
        gc.freeze()
        gc.disable()  # a collection in the callback would be a drop-out; what is garbage here has no cycles
        fallback = self._open()
        output = self._output
        if output is None or not self._rendering.wait(START_SECONDS) or self._priority is None:
            raise DeviceError("the output does not ask for sound")
        self._core.set_output(output.block_frames, output.latency_frames, steady=output.steady)
        return AudioFacts(
            device=output.name,
            sample_rate=output.sample_rate,
            block_frames=output.block_frames,
            latency_seconds=(output.latency_frames + self._core.latency_frames) / output.sample_rate,
            realtime=self._priority.granted,
            realtime_reason=self._priority.reason,
            memory_locked=locked.granted,
            memory_reason=locked.reason,
            fallback=fallback,
        )

    def obey(self, line: bytes) -> dict[str, Any]:
        """Do what a line of JSON says and return the answer."""
        try:
            message = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
            if set(message) != {"graph"}:
                raise EngineError(f"the audio process knows 'graph', not {', '.join(map(repr, message))}")
            self._core.replace(msgspec.json.decode(message["graph"], type=Graph))
        except (msgspec.MsgspecError, EngineError) as error:
            return {"error": str(error)}
        if not self._core.swapped.wait(SWAP_SECONDS):
            return {"error": "the device asks for no more sound"}
        self._graphs += 1
        return {"graph": self._graphs}

    def check(self) -> None:
        """Log what the callback could not say. Raises DeviceError when no block was asked for since the last check."""
        self._core.tidy()
        if self._core.errors != self._seen_errors:
            self._seen_errors = self._core.errors
            log.error("%d blocks became silence; the last one because of: %s", self._seen_errors, self._core.fault)
        if self._core.callbacks == self._seen_callbacks:
            raise DeviceError("the device asks for no more sound")
        self._seen_callbacks = self._core.callbacks

    def stop(self) -> None:
        """Fade out, stop the output, let go of the memory."""
        if self._output is not None:
            self._core.close_curtain()
            self._core.shut.wait(CURTAIN_SECONDS)
            self._output.stop()
            self._output = None
        self._memory.close()

    def _open(self) -> str:
        """Start the output that the configuration asks for; return why it is the null output instead, or nothing."""
        wanted, rate, block = self._config.device, self._config.sample_rate, self._config.block_frames
        if wanted == NULL_DEVICE:
            self._start(NullOutput(rate, block))
            return ""
        try:
            from engine.output.device import DeviceOutput  # starts PortAudio: only when a device is wanted

            self._start(DeviceOutput(wanted, rate, block))
        except DeviceError as error:
            if not self._config.fallback_null:
                raise
            self._start(NullOutput(rate, block))
            return str(error)
        return ""

    def _start(self, output: Output) -> None:
        output.start(self._render)
        self._output = output

    def _render(self, out: NDArray[np.float32], unix_seconds: float, lost: bool) -> None:
        first = self._priority is None
        if first:
            self._priority = raise_priority()
        self._core.fill(out, unix_seconds, lost)
        if first:
            self._rendering.set()
