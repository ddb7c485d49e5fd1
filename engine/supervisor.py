"""The supervisor: starts the processes in order, stops them in reverse, leaves nothing behind.

It owns the shared memory, whose segments have no names: when the last process is gone, so are they. Children
watch their standard input: its end means that the supervisor is gone. A child that dies or hangs is replaced; what
its successor must know lies in the shared memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import msgspec

from engine.audio_pair import STOP_SECONDS, AudioPair, Switched
from engine.child import Child, StartFailed, answer
from engine.first_children import FirstChildren
from engine.io_keeper import IoKeeper
from engine.realtime.beats import Beats, Heart
from engine.realtime.shared import EngineMemory, MemoryConfig
from engine.watchdog import DEATHS, SHORT_SECONDS, Doom, Watchdog

log = logging.getLogger(__name__)

HANG_SECONDS = 3.0
"""A control process whose event loop gives no sign of life for so long is killed."""

END_SECONDS = 15.0
"""How long control may take to end what must not be cut off, before it is stopped."""

Message = dict[str, Any]


class RunConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What runs. control, audio: the processes' own settings, passed on as JSON.

    standby: keep an audio process ready to take over.
    """

    control: Message
    audio: Message
    memory: MemoryConfig
    standby: bool = True


class ShowOver(Exception):
    """Control has nothing left to do: a transcript has been played again, or it was asked to end."""


class Supervisor:
    """Runs one engine until it is told to stop. ``on_ready`` hears its facts once it plays."""

    def __init__(self, config: RunConfig, first: FirstChildren, on_ready: Callable[[Message], None]) -> None:
        self._config, self._first = config, first
        self._on_ready = on_ready
        self._control: Child | None = None
        self._settings = dict(config.control)
        self._doom = Doom()

    async def run(self) -> None:
        """Start everything and keep it running until cancelled; stop everything in reverse order in any case.

        Raises StartFailed when a process can't start, AudioLost when the audio process dies for good.
        """
        memory = EngineMemory.create(self._config.memory, self._first.handles, reserve=False)
        pair = AudioPair(
            memory,
            self._config.audio,
            tell=self._tell,
            switched=self._switched,
            stands_by=lambda pid: self._tell({"standby": pid}),
            standby=self._config.standby,
        )
        io = IoKeeper(memory, lambda message: self._tell({"io": message}))
        try:
            async with contextlib.AsyncExitStack() as stack:
                stack.push_async_callback(pair.close)
                stack.push_async_callback(io.close)
                stack.push_async_callback(self._stop_control, Beats(memory.beats))
                await asyncio.to_thread(memory.reserve)
                await self._start_control(memory, pair, io, "")
                with contextlib.suppress(ShowOver):
                    await self._first_to_fail(pair.run(), self._keep_control(memory, pair, io), io.run())
        finally:
            memory.close()

    async def _start_control(self, memory: EngineMemory, pair: AudioPair, io: IoKeeper, reason: str) -> None:
        """Start control; its graph and sample rate go to the audio process, whose facts come back.

        reason: why there was another one before, which is followed; nothing at the first start.
        """
        first = self._first.control
        control = self._control = first if not reason else await Child.start(first.module, memory.handles)
        since = time.monotonic() if reason else 0.0
        before = {"replaces": reason, "gone_since": since, "crashed": pair.without}
        control.send({"memory": memory.describe(), **before, **self._settings})
        mix = await answer(control, "mix")
        io.sample_rate = mix["sample_rate"]
        if not reason:
            await pair.start(self._first.audio, mix)
        elif mix["graph"] != pair.graph:
            pair.send({"graph": mix["graph"]})
        control.send({"audio": pair.facts})
        ready = await answer(control, "ready", aside=self._hearers(pair, io))
        self._settings |= ready.pop("again", {})
        control.send({"standby": pair.standby_pid})
        if pair.states:
            control.send({"states": pair.states})
        if not reason:
            self._on_ready(ready)

    async def _keep_control(self, memory: EngineMemory, pair: AudioPair, io: IoKeeper) -> None:
        """Pass on what control wants of the audio process; follow a dead one with another."""
        beats = Beats(memory.beats)
        while True:
            watching = asyncio.create_task(
                self._kill_if_it_hangs(Watchdog(lambda: beats.count(Heart.CONTROL), HANG_SECONDS))
            )
            try:
                reason = await self._listen(pair, io)
            finally:
                watching.cancel()
            while reason:
                if self._doom.died():
                    raise StartFailed(f"{DEATHS} control processes in a row died within {SHORT_SECONDS:g} s: {reason}")
                log.error("another control process takes over: %s", reason)
                await self._stop_control(beats)
                reason = await self._follow_control(memory, pair, io, reason)

    async def _follow_control(self, memory: EngineMemory, pair: AudioPair, io: IoKeeper, reason: str) -> str:
        """Have another control process go on; return why it did not get so far, nothing where it did."""
        self._doom.born()
        try:
            await self._start_control(memory, pair, io, reason)
        except StartFailed as error:
            return str(error)
        self._doom.born()
        return ""

    async def _listen(self, pair: AudioPair, io: IoKeeper) -> str:
        """Pass messages on until control has ended; return why."""
        control, reason, hearers = self._control, "", self._hearers(pair, io)
        assert control is not None
        while (message := await control.receive()) is not None:
            if "finished" in message:
                raise ShowOver
            reason = str(message.get("error", reason))
            for key in message.keys() & hearers.keys():
                hearers[key](message[key])
        return reason or f"it died (exit code {control.returncode})"

    def _hearers(self, pair: AudioPair, io: IoKeeper) -> Mapping[str, Callable[[Any], object]]:
        """Return who hears what control says by itself, by its key; it may say so before it is ready."""
        return {
            "graph": lambda graph: pair.send({"graph": graph}),
            "io": io.send,
            "allow": pair.allow,
            "again": self._settings.update,
        }

    async def _kill_if_it_hangs(self, watchdog: Watchdog) -> None:
        await watchdog.wait()
        log.error("the control process gave no sign of life for %g s; killing it", HANG_SECONDS)
        if self._control is not None:
            self._control.kill()

    async def _stop_control(self, beats: Beats) -> None:
        """End control; what it still writes down takes as long as it takes."""
        if self._control is not None:
            await self._control.stop(STOP_SECONDS, lambda: beats.count(Heart.CONTROL))

    async def _first_to_fail(self, *works: Coroutine[Any, Any, None]) -> None:
        """Run all until one of them fails, or we are cancelled: then control ends what needs the others, such as a
        recording, while they run. Cancelled once more, nothing is waited for.
        """
        tasks = [asyncio.create_task(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        except asyncio.CancelledError:
            self._tell({"end": {}})
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION, timeout=END_SECONDS)
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _tell(self, message: Message) -> None:
        if self._control is not None:
            self._control.send(message)

    def _switched(self, switched: Switched) -> None:
        self._tell({"switched": msgspec.to_builtins(switched)})
