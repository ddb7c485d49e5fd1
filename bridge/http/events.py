"""GET /events: what subscribers hear, as server-sent events."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bridge.clients import Client
from bridge.errors import BridgeError
from bridge.http.command import problem
from bridge.http.stream import Stream
from bridge.http.wire import Kept, plain
from bridge.hub import Hub
from bridge.message import Message
from bridge.patterns import split

BEAT_SECONDS = 0.5
"""After so long without news a comment goes out, so that a client that is gone is noticed."""

LEASE_SECONDS = 86_400.0
DEFAULT_PATTERN = "/event//*"

_numbers = itertools.count(1)


class EventStream:
    """Tells clients of HTTP what they subscribe to by ``?pattern=``, again and again if they like."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def __call__(self, request: Request) -> Response:
        """Answer one request with a stream that goes on until the client leaves."""
        patterns = request.query_params.getlist("pattern") or [DEFAULT_PATTERN]
        interval = request.query_params.get("interval_ms", "0")
        if request.state.right < 1:
            return problem("denied", "needs the right to view", 403)
        try:
            for pattern in patterns:
                split(pattern)
            interval_seconds = min(60_000, max(0, int(interval))) / 1000.0
            wire, client = self._enter(request)
            for pattern in patterns:
                self._hub.feedback.listen(
                    client, self._hub.clients.subscribe(client, pattern, interval_seconds, LEASE_SECONDS)
                )
        except (BridgeError, ValueError) as error:
            return problem(getattr(error, "code", "bad_range"), str(error), 400)
        missed = self._hub.history.since(request.headers.get("last-event-id", ""), patterns)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return Stream(
            _told(wire, missed),
            media_type="text/event-stream",
            headers=headers,
            ended=lambda: self._hub.leave(client),
        )

    def _enter(self, request: Request) -> tuple[Kept, Client]:
        host = request.client.host if request.client else ""
        wire = Kept(mark=lambda: self._hub.history.mark)
        client = self._hub.client((host, next(_numbers)), wire)
        client.right = request.state.right
        return wire, client


async def _told(wire: Kept, missed: list[Message]) -> AsyncIterator[bytes]:
    for message in missed:
        yield _event("", message)
    while True:
        while wire.messages:
            yield _event(*wire.messages.popleft())
        if not await wire.more(BEAT_SECONDS):
            yield b": \n\n"


def _event(mark: str, message: Message) -> bytes:
    data = msgspec.json.encode({"address": message.address, "args": [plain(v) for v in message.args]})
    number = b"id: %s\n" % mark.encode() if mark else b""
    return b"%sevent: %s\ndata: %s\n\n" % (number, message.address.encode(), data)
