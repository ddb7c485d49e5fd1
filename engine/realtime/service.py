"""The audio process at work: one core, one output, a main thread that builds graphs and looks after the callback."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from collections.abc import Collection
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import DeviceError, EngineError, OutputLost
from engine.mixer.graph import Graph
from engine.output.base import Output
from engine.output.null import NullOutput
from engine.platform import HELD_PRIORITY, Grant, cores, lock_memory, prefer_this_thread, raise_priority, silent_stderr
from engine.plugins.states import States, graph_with
from engine.realtime.config import (
    BOUNCE_FRAMES,
    DAW_DEVICE,
    JACK_PORTS_DEVICE,
    NULL_DEVICE,
    AudioConfig,
    AudioFacts,
    TakeOver,
)
from engine.realtime.core import AudioCore
from engine.realtime.plugin_graph import leave_out
from engine.realtime.plugin_reader import PluginReader, restore
from engine.realtime.shared import EngineMemory

if TYPE_CHECKING:
    from engine.output.jack_patch import Patch

log = logging.getLogger(__name__)

START_SECONDS = 5.0
SWAP_SECONDS = 2.0
"""How long the callback may take to take a new graph over."""
CURTAIN_SECONDS = 0.5
"""How long the fade-out may take before the output is stopped anyway: a dead device asks for no blocks."""
QUIET_SECONDS = 0.5
"""A device that asks for nothing for so long, and does not answer, is gone."""
QUIET_BLOCKS = 8
DEAF_SECONDS = 3.0
"""A device that answers, but asks for nothing for so long, is as good as gone."""
HANG_SECONDS = 1.0
HANG_LOOKS = 3
"""A block that is mixed for longer, at so many looks in a row, will never end; one look may follow a stall."""

MAX_BLOCK_FRAMES = 1024
"""Longer blocks of a device are mixed in pieces."""
LOOK = b'{"look": {}}'
"""What only a standby is asked."""

Message = dict[str, Any]


class AudioService:
    """Owns the core and the output. Everything here runs in the main thread, except ``_render``."""

    def __init__(self, config: AudioConfig) -> None:
        self._config = config
        self._locked = lock_memory()
        self._memory = EngineMemory.attach(config.memory)
        self._memory.prefault()
        self._core = AudioCore(
            self._memory,
            leave_out(graph_with(config.graph, config.states), config.without),
            sample_rate=config.sample_rate,
            block_frames=config.block_frames,
            max_block_frames=BOUNCE_FRAMES if config.device == DAW_DEVICE else MAX_BLOCK_FRAMES,
            max_players=config.max_players,
            trace_row=config.trace_row,
            helper=_helper(config),
        )
        self._output: Output | None = None
        self._priority: Grant | None = None
        self._rendering = threading.Event()
        self._seen_signs, self._hung = -1, 0
        self._heard_at = time.monotonic()
        self._seen_errors = 0
        self._graphs = 0
        self._reader = PluginReader(config.block_frames / config.sample_rate)
        self._states = dict(config.states)
        self._patch: Patch | None = None
        gc.collect()
        gc.freeze()
        gc.disable()  # a collection in the callback would be a drop-out; what is garbage here has no cycles

    def settle(self) -> None:
        """Touch the clips' memory, so that no block waits for the system to map it: 0.2 s, beside the callback."""
        self._memory.arena.prefault()

    def prepare(self) -> None:
        """Load what an output needs, so that taking over is quick."""
        self.settle()
        if self._config.device not in (NULL_DEVICE, DAW_DEVICE):
            with silent_stderr():  # no device is no news here
                self._missing()

    def start(
        self, *, fallback_null: bool | None = None, without: Collection[str] = (), patch: Patch | None = None
    ) -> AudioFacts:
        """Begin to play, where another audio process stopped if there was one; return the facts. Raises DeviceError.

        without: plug-ins that are never to be called. patch: how its ports are to be connected.
        """
        self._patch = patch
        self._core.take_over(without)
        fallback = self._open(self._config.fallback_null if fallback_null is None else fallback_null)
        output = self._output
        if output is None or not self._rendering.wait(START_SECONDS) or self._priority is None:
            raise DeviceError("the output does not ask for sound")
        prefer_this_thread(HELD_PRIORITY)  # it has the interpreter while it builds, and the callback may wait for it
        self._core.set_output(output.block_frames, output.latency_frames, steady=output.steady)
        self._heard_at = time.monotonic()
        return AudioFacts(
            device=output.name,
            sample_rate=output.sample_rate,
            block_frames=output.block_frames,
            latency_seconds=(output.latency_frames + self._core.latency_frames) / output.sample_rate,
            realtime=self._priority.granted,
            realtime_reason=self._priority.reason,
            memory_locked=self._locked.granted,
            memory_reason=self._locked.reason,
            fallback=fallback,
            private=() if output.name in (NULL_DEVICE, JACK_PORTS_DEVICE) else self._config.private,
            pid=os.getpid(),
            faults=self._core.faults,
            steady=output.steady,
        )

    def obey(self, line: bytes) -> Message:
        """Do what a line of JSON says and return the answer. Raises DeviceError when it is to play and can't."""
        if line == LOOK:
            with silent_stderr():
                return {"missing": self._missing()}
        try:
            message = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
            if set(message) == {"take_over"}:
                told = msgspec.json.decode(message["take_over"], type=TakeOver)
                return {"ready": self.start(fallback_null=True, without=told.without, patch=told.patch)}
            if set(message) == {"states"}:
                self._states = msgspec.json.decode(message["states"], type=States)
                restore(self._core.hosted, self._states)
                return {}
            if set(message) != {"graph"}:
                raise EngineError(f"the audio process knows 'graph', not {', '.join(map(repr, message))}")
            return self._replace(msgspec.json.decode(message["graph"], type=Graph))
        except DeviceError:
            raise
        except (msgspec.MsgspecError, EngineError) as error:
            return {"refused": str(error)}

    def news(self) -> Message:
        """Return what has become otherwise by itself since it was told last: plug-ins' states, ports' connections."""
        if self._output is None:
            return {}
        states = self._reader.changed(self._core.hosted)
        patch = self._output.patch.news() if self._output.patch is not None else None
        return {**({"states": states} if states else {}), **({} if patch is None else {"patch": patch})}

    def check(self) -> None:
        """Log what the callback could not say.

        Raises OutputLost when the device is gone, EngineError when a block will never end.
        """
        if self._output is None:
            return
        self._core.tidy()
        if self._core.errors != self._seen_errors:
            self._seen_errors = self._core.errors
            log.error("%d blocks became silence; the last one because of: %s", self._seen_errors, self._core.fault)
        self._hung = self._hung + 1 if self.hangs else 0
        if self._hung == HANG_LOOKS:
            raise EngineError(f"a block has been mixed for {self._core.inside_seconds:.1f} s: something in it hangs")
        if (signs := self._core.signs) != self._seen_signs:
            self._seen_signs, self._heard_at = signs, time.monotonic()
            return
        quiet = time.monotonic() - self._heard_at
        patience = max(QUIET_SECONDS, QUIET_BLOCKS * self._output.block_frames / self._config.sample_rate)
        if quiet > max(patience, DEAF_SECONDS) or (quiet > patience and not self._output.answers()):
            raise OutputLost(f"device {self._output.name!r} asks for no more sound")

    @property
    def hangs(self) -> bool:
        """Whether a block is under way that will never end: then the output can't be stopped."""
        return self._core.inside_seconds > HANG_SECONDS

    def stop(self) -> None:
        """Fade out, stop the output, let go of the memory."""
        if self._output is not None:
            self._core.close_curtain()
            self._core.shut.wait(CURTAIN_SECONDS)
            self._output.stop()
            self._output = None
        self._memory.close()

    def _replace(self, graph: Graph) -> Message:
        if self._output is None:
            self._core.rebuild(graph_with(graph, self._states))
        else:
            self._core.replace(graph)
            if not self._core.swapped.wait(SWAP_SECONDS):
                return {"refused": "the device asks for no more sound"}
            self._core.free_former()
            self._reader.forget()
        self._graphs += 1
        return {"graph": self._graphs, **({"faults": self._core.faults} if self._core.faults else {})}

    def _missing(self) -> str:
        """Return why the device that is wanted can't be had, or nothing. Lets go of all drivers."""
        if self._config.device == JACK_PORTS_DEVICE:
            from engine.output.jack_clock import server_answers

            return "" if server_answers() else "no JACK server is running"
        try:
            from engine.output.device import choose_device, forget_devices, list_devices

            choose_device(self._wanted, list_devices())
            forget_devices()
        except DeviceError as error:
            return str(error)
        return ""

    def _open(self, fallback_null: bool) -> str:
        """Start the output that the configuration asks for; return why it is the null output instead, or nothing."""
        rate, block = self._config.sample_rate, self._config.block_frames
        if self._config.device == NULL_DEVICE:
            self._start(NullOutput(rate, block))
            return ""
        if self._config.device == DAW_DEVICE:
            from engine.daw.output import DawOutput

            self._start(DawOutput(self._config.daw_link, rate, block, self._core, self._memory.daw_notes))
            return ""
        try:
            self._start(self._device(rate, block))
        except DeviceError as error:
            if not fallback_null:
                raise
            self._start(NullOutput(rate, block))
            return str(error)
        return ""

    def _device(self, rate: int, block: int) -> Output:
        """Return the device that is wanted. Raises DeviceError."""
        if self._config.device == JACK_PORTS_DEVICE:
            from engine.output.jack_ports import JackPortsOutput

            return JackPortsOutput(rate, block, self._core, self._patch)
        from engine.output.device import DeviceOutput  # starts PortAudio: only when a device is wanted

        return DeviceOutput(self._wanted, rate, block, self._config.private, self._patch)

    @property
    def _wanted(self) -> tuple[str | int | None, ...]:
        """The devices that will do, best first."""
        before = self._config.device_before
        return (before, self._config.device) if before else (self._config.device,)

    def _start(self, output: Output) -> None:
        output.start(self._render, self._core.catch_up)
        self._output = output

    def _render(self, out: NDArray[np.float32], unix_seconds: float, lost: bool) -> None:
        first = self._priority is None
        if first:
            self._priority = raise_priority()
        self._core.fill(out, unix_seconds, lost)
        if first:
            self._rendering.set()


def _helper(config: AudioConfig) -> Executor | None:
    """Return what helps to mix a DAW's bounce, where there is a core for it. It idles until one is mixed."""
    if config.device != DAW_DEVICE or cores() < 2:
        return None
    return ThreadPoolExecutor(1, thread_name_prefix="bounce")
