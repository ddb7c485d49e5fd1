"""Cuevox for scripts: ``from cuevox import Cuevox`` drives the engine that ``cuevox run`` started.

``Cuevox`` waits for answers, ``AsyncCuevox`` is the same for asyncio. Both come back by themselves when the engine was
gone, and hear anew what they had subscribed to.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from types import TracebackType
from typing import TypeVar

from bridge.errors import BridgeError, NoAnswer, Refused
from bridge.message import Message
from bridge.stream_client import PATIENCE_SECONDS, StreamClient
from engine.story.model import AS_IS, Delivery

__all__ = ["AsyncCuevox", "BridgeError", "Cuevox", "Delivery", "NoAnswer", "Refused", "discover"]

SPEECH_PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.05

T = TypeVar("T")


class AsyncCuevox:
    """A running engine, for asyncio. Use it as an asynchronous context manager.

    >>> async def fade(seconds):
    ...     async with AsyncCuevox() as cuevox:
    ...         await cuevox.set("/strip/voice/gain", -20.0, at=await cuevox.audio_time() + seconds)
    >>> asyncio.run(fade(0.5))

    docs/addresses.md lists what ``get``, ``set`` and ``subscribe`` reach. Every method raises Refused with the engine's
    own words when it won't, and NoAnswer when there is no engine.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 7400,
        *,
        passcode: str = "",
        name: str = "",
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._client = StreamClient(host, port, passcode=passcode, name=name, patience_seconds=patience_seconds)

    async def __aenter__(self) -> AsyncCuevox:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._client.connected

    @property
    def connections(self) -> int:
        """How often a connection was made: more than once when the engine was gone."""
        return self._client.connections

    async def wait_connected(self, timeout_seconds: float | None = None) -> None:
        """Return when there is a connection, and everything subscribed to is told anew."""
        await self._client.wait_connected(timeout_seconds)

    async def wait_ready(self, timeout_seconds: float = SPEECH_PATIENCE_SECONDS) -> None:
        """Return when every line and file of the story is there to be played."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            ready, wanted = (await self._client.ask("/status"))[10:12]
            if ready == wanted:
                return
            if time.monotonic() > deadline:
                raise NoAnswer(f"only {ready} of {wanted} takes were ready after {timeout_seconds:g} s")
            await asyncio.sleep(LOOK_SECONDS)

    async def play(self) -> None:
        """Run the timeline from where it stands."""
        await self._client.ask("/transport/play")

    async def stop(self) -> None:
        """Stop the timeline; it stays where it is."""
        await self._client.ask("/transport/stop")

    async def locate(self, seconds: float) -> None:
        """Move the timeline."""
        await self._client.ask("/transport/locate", float(seconds))

    async def go(self, cue: str | None = None) -> None:
        """Fire a cue by its id, or the next one of the list."""
        await self._client.ask("/go" if cue is None else f"/cue/{cue}/go")

    async def trigger(self, bank: str, index: int, velocity: float = 1.0) -> None:
        """Press a pad."""
        await self._client.ask(f"/slot/{bank}/{index}/trigger", float(velocity))

    async def release(self, bank: str, index: int) -> None:
        """Let a pad go."""
        await self._client.ask(f"/slot/{bank}/{index}/release")

    async def say(self, voice: str, text: str, track: str | None = None, *, delivery: Delivery = AS_IS) -> float:
        """Speak a line now, on a track's strip; return, as soon as it sounds, for how many seconds it does.

        delivery: speed, pitch and so on, see ``Delivery``.
        """
        how: list[object] = [track or "", delivery.speed, delivery.pitch_semitones, delivery.seed, delivery.instruct]
        how += [] if delivery.temperature is None else [delivery.temperature]
        told = await self._job("/say", voice, text, *how, patience=SPEECH_PATIENCE_SECONDS)
        seconds = told.args[3]
        return float(seconds) if isinstance(seconds, (int, float)) else 0.0

    async def render(self) -> None:
        """Have every take made that the story lacks; return when they are there."""
        await self._job("/render")

    async def export(self, folder: str, *formats: str) -> str:
        """Write the story as it is now into a folder of the engine's machine; return which, when all is there.

        formats: stems, mix, reaper and so on; none: stems and what the story names.
        """
        told = await self._job("/export", folder, " ".join(formats))
        return str(told.args[2])

    async def _job(self, address: str, *values: object, patience: float | None = None) -> Message:
        """Have a job done and return what is told of its end."""
        with self._client.watch(("/done", "/fail"), address) as told:
            (job,) = await self._client.ask(address, *values)
            try:
                async with asyncio.timeout(patience):
                    while (outcome := await told.get()) is not None and outcome.args[1] != job:
                        pass
            except TimeoutError:
                raise NoAnswer(f"{address}: no word of job {job} in {patience:g} s") from None
        if outcome is None:
            raise NoAnswer("the connection to the engine ended")
        if outcome.address == "/fail":
            raise Refused(address, *(str(value) for value in outcome.args[2:4]))
        return outcome

    async def ask(self, address: str, *values: object) -> tuple[object, ...]:
        """Send values to an address and return all values of the answer."""
        return await self._client.ask(address, *values)

    async def get(self, address: str) -> object:
        """Return the value of an address; several values come as a tuple."""
        values = await self._client.ask(address)
        return values[0] if len(values) == 1 else values

    async def set(self, address: str, *values: object, at: float | None = None) -> None:
        """Send values to an address; ``at``: the Unix time at which it is to happen, exact to the frame.

        With ``at`` nothing is waited for: an error is not heard.
        """
        if at is None:
            await self._client.ask(address, *values)
        else:
            await self._client.send(address, *values, at=at)

    async def at_position(self, seconds: float, address: str, *values: object) -> None:
        """Do something when the timeline next comes to a place, exact to the frame. An error is not heard."""
        await self._client.send("/atpos", float(seconds), address, *values)

    async def audio_time(self) -> float:
        """Return the engine's wall time: what ``at`` is held against, also from another machine."""
        begun = time.time()
        tag = (await self._client.ask("/clock/now"))[0]
        return float(getattr(tag, "unix", 0.0)) + (time.time() - begun) / 2.0

    async def subscribe(self, pattern: str, *, interval_ms: int = 0) -> int:
        """Hear the present values of what matches and every change, in ``values`` and ``events``; return how many."""
        return await self._client.subscribe(pattern, interval_ms=interval_ms)

    @property
    def values(self) -> dict[str, tuple[object, ...]]:
        """The last values of everything subscribed to, by address."""
        return self._client.values

    async def events(self) -> AsyncIterator[tuple[object, ...]]:
        """Iterate over what is heard, as (address, values …); it has no end."""
        async for message in self._client.messages():
            yield (message.address, *message.args)

    def heard(self) -> list[tuple[object, ...]]:
        """Return what was heard since the last time, as (address, values …), without waiting for more."""
        return [(message.address, *message.args) for message in self._client.heard()]

    async def panic(self) -> None:
        """Silence everything."""
        await self._client.ask("/panic")


class Cuevox:
    """A running engine. Use it as a context manager; docs/addresses.md lists what ``get`` and ``set`` reach.

    >>> with Cuevox() as cuevox:
    ...     cuevox.set("/strip/voice/gain", -6.0)
    ...     cuevox.get("/strip/voice/gain")
    -6.0

    What is subscribed to is known at any time, and its changes can be iterated over; a refusal says what is allowed.

    >>> with Cuevox() as cuevox:
    ...     count = cuevox.subscribe("/strip/voice/pan")
    ...     assert cuevox.values["/strip/voice/pan"] == (0.0,)
    ...     cuevox.set("/strip/voice/pan", 3)
    Traceback (most recent call last):
    bridge.errors.Refused: /strip/voice/pan: pan: 3 is outside -1 to 1

    Things happen at an exact time, or when the timeline comes to a place.

    >>> with Cuevox() as cuevox:
    ...     cuevox.set("/cue/1/go", at=cuevox.audio_time() + 0.2)
    ...     cuevox.at_position(12.5, "/cue/2/go")

    Every method raises Refused with the engine's own words when it won't, and NoAnswer when there is no engine. The
    connection lives in a thread of its own; methods may be called from any thread.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 7400,
        *,
        passcode: str = "",
        name: str = "",
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cuevox", daemon=True)
        self._thread.start()
        self._engine = AsyncCuevox(host, port, passcode=passcode, name=name, patience_seconds=patience_seconds)
        self._wait(self._engine.__aenter__())

    def __enter__(self) -> Cuevox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; the engine plays on."""
        if self._loop.is_closed():
            return
        self._wait(self._engine.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._engine.connected

    def wait_connected(self, timeout_seconds: float | None = None) -> None:
        """Return when there is a connection, and everything subscribed to is told anew."""
        self._wait(self._engine.wait_connected(timeout_seconds))

    def wait_ready(self, timeout_seconds: float = SPEECH_PATIENCE_SECONDS) -> None:
        """Return when every line and file of the story is there to be played."""
        self._wait(self._engine.wait_ready(timeout_seconds))

    def play(self) -> None:
        """Run the timeline from where it stands."""
        self._wait(self._engine.play())

    def stop(self) -> None:
        """Stop the timeline; it stays where it is."""
        self._wait(self._engine.stop())

    def locate(self, seconds: float) -> None:
        """Move the timeline."""
        self._wait(self._engine.locate(seconds))

    def go(self, cue: str | None = None) -> None:
        """Fire a cue by its id, or the next one of the list."""
        self._wait(self._engine.go(cue))

    def trigger(self, bank: str, index: int, velocity: float = 1.0) -> None:
        """Press a pad."""
        self._wait(self._engine.trigger(bank, index, velocity))

    def release(self, bank: str, index: int) -> None:
        """Let a pad go."""
        self._wait(self._engine.release(bank, index))

    def say(self, voice: str, text: str, track: str | None = None, *, delivery: Delivery = AS_IS) -> float:
        """Speak a line now, on a track's strip; return, as soon as it sounds, for how many seconds it does.

        delivery: speed, pitch and so on, see ``Delivery``.
        """
        return self._wait(self._engine.say(voice, text, track, delivery=delivery))

    def render(self) -> None:
        """Have every take made that the story lacks; return when they are there."""
        self._wait(self._engine.render())

    def export(self, folder: str, *formats: str) -> str:
        """Write the story as it is now into a folder of the engine's machine; return which, when all is there.

        formats: stems, mix, reaper and so on; none: stems and what the story names.
        """
        return self._wait(self._engine.export(folder, *formats))

    def ask(self, address: str, *values: object) -> tuple[object, ...]:
        """Send values to an address and return all values of the answer."""
        return self._wait(self._engine.ask(address, *values))

    def get(self, address: str) -> object:
        """Return the value of an address; several values come as a tuple."""
        return self._wait(self._engine.get(address))

    def set(self, address: str, *values: object, at: float | None = None) -> None:
        """Send values to an address; ``at``: the Unix time at which it is to happen, exact to the frame.

        With ``at`` nothing is waited for: an error is not heard.
        """
        self._wait(self._engine.set(address, *values, at=at))

    def at_position(self, seconds: float, address: str, *values: object) -> None:
        """Do something when the timeline next comes to a place, exact to the frame. An error is not heard."""
        self._wait(self._engine.at_position(seconds, address, *values))

    def audio_time(self) -> float:
        """Return the engine's wall time: what ``at`` is held against, also from another machine."""
        return self._wait(self._engine.audio_time())

    def subscribe(self, pattern: str, *, interval_ms: int = 0) -> int:
        """Hear the present values of what matches and every change, in ``values`` and ``events``; return how many."""
        return self._wait(self._engine.subscribe(pattern, interval_ms=interval_ms))

    @property
    def values(self) -> dict[str, tuple[object, ...]]:
        """The last values of everything subscribed to, by address."""
        return dict(self._engine.values)

    def events(self, timeout_seconds: float | None = None) -> Iterator[tuple[object, ...]]:
        """Iterate over what is heard, as (address, values …); it ends when nothing came for so long (None: never)."""
        heard = self._engine.events()

        async def next_one() -> tuple[object, ...]:
            async with asyncio.timeout(timeout_seconds):
                return await anext(heard)

        while True:
            try:
                yield self._wait(next_one())
            except TimeoutError:
                return

    def heard(self) -> list[tuple[object, ...]]:
        """Return what was heard since the last time, as (address, values …), without waiting for more."""

        async def look() -> list[tuple[object, ...]]:
            return self._engine.heard()

        return self._wait(look())

    def panic(self) -> None:
        """Silence everything."""
        self._wait(self._engine.panic())

    def _wait(self, work: Coroutine[None, None, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def discover(seconds: float = 1.5) -> list[tuple[str, str, int]]:
    """Return name, host and port of the engines that say they are there, on this machine and on its networks."""
    from bridge.discovery import discover as found

    return [(engine.name, engine.host, engine.osc_port) for engine in asyncio.run(found(seconds)) if engine.osc_port]
