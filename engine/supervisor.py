"""The supervisor: starts the processes in order, stops them in reverse, leaves nothing behind.

It owns the shared memory, whose segments have no names: when the last process is gone, so are they. Children
watch their standard input: its end means that the supervisor is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from engine.child import Child
from engine.errors import EngineError
from engine.realtime.shared import EngineMemory, MemoryConfig

log = logging.getLogger(__name__)

AUDIO_MODULE = "engine.realtime.audio_process"
STOP_SECONDS = 3.0
"""How long a child may take to stop before it is killed."""
START_SECONDS = 120.0
"""How long a child may take to start: the first start on a machine compiles the kernels."""
AUDIO_RESTARTS = 3
"""How often a dying audio process is started again."""

Message = dict[str, Any]


class RunConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What runs. control_module: the control process's entry, put in by whoever composes the program.

    control, audio: their own settings, passed on as JSON.
    """

    control_module: str
    control: Message
    audio: Message
    memory: MemoryConfig


class StartFailed(EngineError):
    """A process could not start; the text is its own."""

    code = "start_failed"


class AudioLost(EngineError):
    """The audio process died too often."""

    code = "audio_lost"


class Supervisor:
    """Runs one engine until it is told to stop. ``on_ready`` hears its facts once it plays."""

    def __init__(self, config: RunConfig, on_ready: Callable[[Message], None]) -> None:
        self._config = config
        self._on_ready = on_ready
        self._mix: Message = {}
        self._restarts = 0

    async def run(self) -> None:
        """Start everything and relay until cancelled; stop everything in reverse order in any case.

        Raises StartFailed when a process can't start, AudioLost when the audio process dies for good.
        """
        memory = EngineMemory.create(self._config.memory)
        try:
            async with contextlib.AsyncExitStack() as stack:
                audio = await Child.start(AUDIO_MODULE, memory.handles)
                stack.push_async_callback(audio.stop, STOP_SECONDS)
                control = await Child.start(self._config.control_module, memory.handles)
                stack.push_async_callback(control.stop, STOP_SECONDS)
                await self._start(memory, control, audio)
                await self._relay(memory, control, audio, stack)
        finally:
            memory.close()

    async def _start(self, memory: EngineMemory, control: Child, audio: Child) -> None:
        """Both import at the same time; graph and sample rate go from control to audio, its facts come back."""
        control.send({"memory": memory.describe(), **self._config.control})
        self._mix = await _answer(control, "mix")
        control.send({"audio": await self._start_audio(memory, audio)})
        self._on_ready(await _answer(control, "ready"))

    async def _start_audio(self, memory: EngineMemory, audio: Child) -> Message:
        audio.send({"memory": memory.describe(), **self._mix, **self._config.audio})
        return await _answer(audio, "ready")

    async def _relay(
        self, memory: EngineMemory, control: Child, audio: Child, stack: contextlib.AsyncExitStack
    ) -> None:
        """Pass graphs to the audio process and its answers back; start it again when it dies."""
        while True:
            ended = await _relay_between(control, audio, self._remember)
            if ended is control:
                raise StartFailed(f"the control process ended (exit code {control.returncode}); see its log above")
            self._restarts += 1
            if self._restarts > AUDIO_RESTARTS:
                raise AudioLost(f"the audio process died {self._restarts} times; see its log above")
            log.error("the audio process died (exit code %s); starting it again", audio.returncode)
            audio = await Child.start(AUDIO_MODULE, memory.handles)
            stack.push_async_callback(audio.stop, STOP_SECONDS)
            control.send({"audio": await self._start_audio(memory, audio)})

    def _remember(self, message: Message) -> None:
        if isinstance(message.get("graph"), dict):  # a number is the audio process's answer
            self._mix["graph"] = message["graph"]


async def _relay_between(control: Child, audio: Child, on_message: Callable[[Message], None]) -> Child:
    """Pass messages both ways until one of the two has ended; return that one."""

    async def pump(source: Child, target: Child) -> Child:
        while (message := await source.receive()) is not None:
            on_message(message)
            target.send(message)
        return source

    pumps = {asyncio.create_task(pump(control, audio)), asyncio.create_task(pump(audio, control))}
    try:
        done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def _answer(child: Child, key: str) -> Message:
    """Return what ``child`` says under ``key``; StartFailed with its own words when it says something else."""
    try:
        message = await asyncio.wait_for(child.receive(), START_SECONDS)
    except TimeoutError as error:
        raise StartFailed(f"the {child.name} was not ready in {START_SECONDS:g} s") from error
    if message is None:
        raise StartFailed(f"the {child.name} ended before it was ready (exit code {child.returncode})")
    if key not in message:
        failed = StartFailed(str(message.get("error") or f"the {child.name} said {json.dumps(message)}"))
        failed.code = str(message.get("code", failed.code))
        raise failed
    answer: Message = message[key]
    return answer
