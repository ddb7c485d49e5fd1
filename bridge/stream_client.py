"""A connection to an engine that comes back by itself: OSC over TCP in an asyncio program."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import AsyncIterator, Iterator
from types import TracebackType

from bridge.access import answer
from bridge.errors import BadPacket, Busy, NoAnswer, Refused
from bridge.message import IMMEDIATELY, Message, TimeTag
from bridge.osc import codec
from bridge.osc.framing import Slip

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.1, 5.0
"""Between two tries to connect: it doubles, and is spread so that many clients don't come at once."""

PATIENCE_SECONDS = 2.0
ANSWER_SECONDS = 10.0
"""An engine that has taken the connection is there: a machine that is busy may let its answers wait."""
MAX_KEPT = 8_192
"""Messages that nobody has iterated over yet; beyond it the oldest go, and ``lost`` counts them."""


class StreamClient:
    """Talks to one engine. Use it as an asynchronous context manager.

    When the connection ends, by a fault or a restart of the engine, it is made anew, with rights and subscriptions as
    they were: the present values of all of these come again, so that what one knows is true. ``values`` holds the last
    values of everything subscribed to.
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
        self._place, self._passcode, self._name = (host, port), passcode, name
        self._patience_seconds = patience_seconds
        self._patterns: dict[str, tuple[int, float]] = {}
        self._requests = 0
        self._answers: dict[int, asyncio.Future[Message]] = {}
        self._watched: list[tuple[tuple[str, ...], tuple[object, ...], asyncio.Queue[Message | None]]] = []
        self._kept: deque[Message] = deque()
        self._came = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._settled = asyncio.Event()
        """There is a connection, or never will be."""
        self._why = ""
        self._denied: Refused | None = None
        self._running: asyncio.Task[None] | None = None
        self.values: dict[str, tuple[object, ...]] = {}
        self.connections = 0
        """How often a connection was made."""
        self.lost = 0

    async def __aenter__(self) -> StreamClient:
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection for good."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        self._drop("the client was closed")

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._settled.is_set() and self._denied is None

    async def wait_connected(self, timeout_seconds: float | None = None) -> None:
        """Return when there is a connection, with everything subscribed to asked for anew.

        timeout_seconds: None: the client's patience; an engine that has taken the connection, or has not been reached
        by then, is waited for a while longer. Raises NoAnswer when there is none in time, Refused when the engine does
        not know the passcode.
        """
        for patience_seconds in (timeout_seconds or self._patience_seconds, ANSWER_SECONDS):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_seconds):
                    await self._settled.wait()
            if self._settled.is_set() or (self._why and self._writer is None):
                break
        if not self._settled.is_set():
            host, port = self._place
            raise NoAnswer(self._why or f"no engine answers on {host}:{port}; start one with `cuevox run`")
        if self._denied is not None:
            raise self._denied

    async def send(self, address: str, *args: object, at: float | None = None) -> None:
        """Send one message; ``at``: the Unix time at which it is to sound, to the frame. Raises NoAnswer."""
        await self.send_bundle(Message(address, args), at=at)

    async def send_bundle(self, *messages: Message, at: float | None = None) -> None:
        """Send messages that take effect together, at the Unix time ``at`` (None: at once). Raises NoAnswer."""
        await self.wait_connected()
        tag = IMMEDIATELY if at is None else TimeTag.from_unix(at)
        packet = codec.encode(messages[0]) if at is None and len(messages) == 1 else codec.encode_bundle(messages, tag)
        await self._write(packet)

    async def ask(self, address: str, *args: object, timeout_seconds: float = ANSWER_SECONDS) -> tuple[object, ...]:
        """Send a command or a question and return the values of its answer.

        Raises Refused with the engine's own words, NoAnswer when none comes in time or the connection ends first.
        """
        await self.wait_connected()
        return await self._ask(address, *args, timeout_seconds=timeout_seconds)

    async def _ask(self, address: str, *args: object, timeout_seconds: float = ANSWER_SECONDS) -> tuple[object, ...]:
        self._requests += 1
        number = self._requests
        waiting = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            await self._write(codec.encode(Message("/req", (number, address, *args))))
            async with asyncio.timeout(timeout_seconds):
                reply = await waiting
        except TimeoutError:
            raise NoAnswer(f"no answer to {address} in {timeout_seconds:g} s") from None
        finally:
            self._answers.pop(number, None)
        if reply.args[1] != "ok":
            raise Refused(address, *(str(value) for value in reply.args[2:4]))
        values: tuple[object, ...] = reply.args[2:]
        return values

    @contextlib.contextmanager
    def watch(self, addresses: tuple[str, ...], *start: object) -> Iterator[asyncio.Queue[Message | None]]:
        """Give a queue of messages to ``addresses`` whose values begin with ``start``; None: the connection ended."""
        watched: asyncio.Queue[Message | None] = asyncio.Queue()
        entry = (addresses, start, watched)
        self._watched.append(entry)
        try:
            yield watched
        finally:
            self._watched.remove(entry)

    async def subscribe(self, pattern: str, *, interval_ms: int = 0) -> int:
        """Hear the present values of what matches and every change, also after a reconnection; return their count."""
        await self.wait_connected()
        self._patterns[pattern] = (interval_ms, 60.0)
        try:
            return await self._subscribe(pattern)
        except Refused:
            del self._patterns[pattern]
            raise

    async def unsubscribe(self, pattern: str) -> None:
        """Hear no more of a pattern."""
        self._patterns.pop(pattern, None)
        await self.ask("/unsubscribe", pattern)

    def heard(self) -> tuple[Message, ...]:
        """Return everything that was heard since the last call, or iteration, without waiting."""
        messages = tuple(self._kept)
        self._kept.clear()
        return messages

    async def messages(self) -> AsyncIterator[Message]:
        """Iterate over everything that is heard from now on, or was since the last iteration; it has no end."""
        while True:
            while self._kept:
                yield self._kept.popleft()
            self._came.clear()
            await self._came.wait()

    async def _subscribe(self, pattern: str) -> int:
        interval_ms, lease_seconds = self._patterns[pattern]
        with self.watch(("/subscribed",), pattern) as told:
            await self._ask("/subscribe", pattern, interval_ms, lease_seconds)
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    end = await told.get()
            except TimeoutError:
                raise NoAnswer(f"the present values of {pattern} did not come in time") from None
        if end is None:
            raise NoAnswer(f"the connection to the engine ended before all present values of {pattern} were there")
        return end.args[1] if isinstance(end.args[1], int) else 0

    async def _run(self) -> None:
        wait = FIRST_WAIT_SECONDS
        while self._denied is None:
            try:
                reader, self._writer = await asyncio.open_connection(*self._place)
            except OSError as error:
                host, port = self._place
                self._why = f"no engine listens on {host}:{port} ({error}); start one with `cuevox run`"
            else:
                wait = FIRST_WAIT_SECONDS
                await self._talk(reader)
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(LONGEST_WAIT_SECONDS, 2.0 * wait)

    async def _talk(self, reader: asyncio.StreamReader) -> None:
        """Hear everything until the connection ends, renewing leases meanwhile."""
        greeting, why = asyncio.create_task(self._greet()), "the connection to the engine ended"
        framing = Slip(codec.TOLD)
        try:
            while data := await reader.read(65_536):
                for packet in framing.feed(data):
                    for bundle in codec.parse(packet, codec.TOLD):
                        for message in bundle.messages:
                            self._hear(message)
        except OSError as error:
            why = f"{why}: {error}"
        except BadPacket as error:
            why = f"the engine said something that can't be read: {error}"
        finally:
            greeting.cancel()
            await asyncio.gather(greeting, return_exceptions=True)
            self._drop(why)

    async def _greet(self) -> None:
        """Get the rights and subscriptions that we had, and keep them alive."""
        try:
            if self._passcode:
                _, challenge = await self._ask("/connect")
                await self._ask("/connect/response", answer(self._passcode, str(challenge)))
            if self._name:
                await self._ask("/client/name", self._name)
            self.values.clear()
            for pattern in tuple(self._patterns):
                await self._subscribe(pattern)
            self.connections += 1
            self._settled.set()
            while True:
                await asyncio.sleep(20.0)
                await self._ask("/ping")
        except Refused as error:
            if error.code == Busy.code:  # the next connection may find it otherwise
                self._why = str(error)
            else:
                self._denied = error
        except NoAnswer as error:
            self._why = str(error)
        if self._writer is not None:
            self._writer.close()

    async def _write(self, packet: bytes) -> None:
        if self._writer is None:
            raise NoAnswer(self._why or "there is no connection")
        self._writer.write(Slip.framed(packet))
        with contextlib.suppress(OSError):
            await self._writer.drain()

    def _hear(self, message: Message) -> None:
        number = message.args[0] if message.args else None
        if message.address.startswith("/reply") and isinstance(number, int) and number in self._answers:
            future = self._answers[number]
            if not future.done():
                future.set_result(message)
            return
        for addresses, start, watched in self._watched:
            if message.address in addresses and message.args[: len(start)] == start:
                watched.put_nowait(message)
        if not message.address.startswith(("/reply", "/subscribed")):
            self.values[message.address] = message.args
        if len(self._kept) >= MAX_KEPT:
            self._kept.popleft()
            self.lost += 1
        self._kept.append(message)
        self._came.set()

    def _drop(self, why: str) -> None:
        if self._denied is None:
            self._settled.clear()
        else:
            self._settled.set()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        for _, _, watched in self._watched:
            watched.put_nowait(None)
        for future in self._answers.values():
            if not future.done():
                future.set_exception(NoAnswer(why))
                future.exception()  # nobody may be waiting
        self._answers.clear()
