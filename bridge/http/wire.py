"""What a client of HTTP is told is kept here until a response takes it: a bounded queue per client."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections import deque
from collections.abc import Callable, Sequence

from bridge.access import Right
from bridge.clients import Bucket, Client
from bridge.message import Message, TimeTag
from bridge.places import HostPort

MAX_WAITING = 256
"""With so many messages waiting a client takes nothing: values wait, events are counted."""
MAX_ANSWERS = 65_536
"""The same for the answers to one request: a long list is whole."""

_numbers = itertools.count(1)


class Kept:
    """A wire that keeps what it is given to send."""

    def __init__(self, limit: int = MAX_WAITING, mark: Callable[[], str] = str) -> None:
        self.address: HostPort = ("http", 0)
        self.messages: deque[tuple[str, Message]] = deque()
        """What was sent, each with the mark of the last event at that moment."""
        self.came = asyncio.Event()
        self._limit, self._mark = limit, mark

    @property
    def connected(self) -> bool:
        """Whether a client has a connection: the request's."""
        return True

    def send(self, to: HostPort, messages: Sequence[Message]) -> None:
        """Keep messages."""
        del to
        self.messages.extend((self._mark(), message) for message in messages)
        self.came.set()

    def congested(self, to: HostPort) -> bool:  # noqa: ARG002 - one client
        """Tell whether enough waits."""
        return len(self.messages) >= self._limit

    async def more(self, seconds: float) -> bool:
        """Wait until something more comes; False when nothing did in time."""
        self.came.clear()
        try:
            async with asyncio.timeout(seconds):
                await self.came.wait()
        except TimeoutError:
            return False
        return True


def passing(host: str, right: Right, wire: Kept, pace: Bucket) -> Client:
    """Return a client for one request, that nobody remembers: it may do everything but subscribe."""
    client = Client((host, next(_numbers)), wire, (pace, pace))
    client.right, client.unremembered = right, True
    return client


def plain(value: object) -> object:
    """Return a value of OSC as JSON has it: time tags in Unix seconds, blobs in base64."""
    match value:
        case TimeTag():
            return value.unix
        case bytes():
            return base64.b64encode(value).decode()
        case list():
            return [plain(v) for v in value]
    return value
