"""POST /command: the address table for scripts, as JSON, with the same replies and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bridge.clients import Bucket, Client
from bridge.http.wire import MAX_ANSWERS, Kept, passing, plain
from bridge.hub import Hub
from bridge.message import IMMEDIATELY, Bundle, Double, Message, TimeTag

MAX_BODY_BYTES = 65_536
ANSWER_SECONDS = 5.0

STATUS = {
    "no_such_address": 404, "no_such_thing": 404, "denied": 403, "busy": 429, "queue_full": 429, "too_big": 413,
    "not_ready": 409, "too_late": 409, "no_midi": 409, "over_quota": 409,
}  # fmt: skip
"""The HTTP status of an error's code; 400 for what is wrong with the command, 500 for what is wrong here."""
_INNER = frozenset({"engine_error", "voice_failed", "model_failed", "memory_short", "export_failed", "bad_device"})

CONNECTION_ONLY = ("/subscribe", "/unsubscribe", "/subscriptions", "/resync", "/dump", "/client/", "/connect")

Scalar = str | int | float | bool | None


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """One message."""

    address: str
    args: list[Scalar] = []


class Command(msgspec.Struct, forbid_unknown_fields=True):
    """What is posted: one message, or several that take effect together. at: Unix time, to the frame; None: now."""

    address: str = ""
    args: list[Scalar] = []
    commands: list[Order] = []
    at: float | None = None

    @property
    def orders(self) -> list[Order]:
        """Return the messages."""
        return [*([Order(self.address, self.args)] if self.address else []), *self.commands]


class Answer(msgspec.Struct, omit_defaults=True):
    """What became of one message. status: ok, scheduled, error or denied. messages: what else it had us tell."""

    address: str
    status: str
    values: list[Any] = []
    code: str = ""
    text: str = ""
    messages: list[list[Any]] = []


class CommandDesk:
    """Does what is posted."""

    def __init__(self, hub: Hub, now: Callable[[], float]) -> None:
        self._hub, self._now = hub, now

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        try:
            command = msgspec.json.decode(await body_of(request), type=Command)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return problem("bad_type", str(error), 400)
        except OverflowError as error:
            return problem("too_big", str(error), 413)
        orders = command.orders
        if not orders or any(not order.address.startswith("/") for order in orders):
            return problem("bad_type", "expected an address such as /strip/narrator/gain", 400)
        if any(order.address.startswith(CONNECTION_ONLY) for order in orders):
            return problem("bad_type", "that needs a connection: listen to GET /events, or use the WebSocket", 400)
        answers = await self._do(request, orders, command.at)
        status = max(status_of(answer) for answer in answers)
        content = answers[0] if command.address and not command.commands else {"answers": answers}
        return Response(msgspec.json.encode(content), status, media_type="application/json")

    async def _do(self, request: Request, orders: list[Order], at: float | None) -> list[Answer]:
        host = request.client.host if request.client else ""
        wire = Kept(MAX_ANSWERS)
        client = passing(host, request.state.right, wire, Bucket(1e9, 1e9, self._now))
        messages = tuple(
            Message("/req", (number, order.address, *map(_argument, order.args))) for number, order in enumerate(orders)
        )
        tag = IMMEDIATELY if at is None else TimeTag.from_unix(at)
        self._hub.receive(Bundle(tag=tag, messages=messages), client)
        await self._rest(orders, wire, client)
        return [
            _answer(number, order, [message for _, message in wire.messages]) for number, order in enumerate(orders)
        ]

    async def _rest(self, orders: list[Order], wire: Kept, client: Client) -> None:
        """Wait for answers that come later, and for those that come in slices and have an end."""
        until = self._now() + ANSWER_SECONDS
        ends = {f"{order.address}/end" for order in orders if order.address == "/list"}
        while client.awaited or ends - {message.address for _, message in wire.messages}:
            if not await wire.more(until - self._now()):
                return


def _argument(value: Scalar) -> Scalar:
    return Double(value) if isinstance(value, float) else value


def _answer(number: int, order: Order, messages: list[Message]) -> Answer:
    """Put together what was answered to one message; of several (a pattern) the first error counts."""
    replies = [m for m in messages if m.address.startswith("/reply") and m.args[:1] == (number,)]
    rest = [[m.address, *map(plain, m.args)] for m in messages if not m.address.startswith("/reply")]
    refusal = next((reply for reply in replies if reply.args[1] != "ok"), None)
    if refusal is not None:
        _, status, code, text = refusal.args[:4]
        return Answer(order.address, str(status), code=str(code), text=str(text), messages=rest)
    if not replies:
        return Answer(order.address, "scheduled", messages=rest)
    return Answer(order.address, "ok", [plain(v) for reply in replies for v in reply.args[2:]], messages=rest)


def status_of(answer: Answer) -> int:
    """Return the HTTP status of an answer."""
    if answer.status in ("ok", "scheduled"):
        return 200 if answer.status == "ok" else 202
    return STATUS.get(answer.code, 500 if answer.code in _INNER else 400)


def problem(code: str, text: str, status: int) -> Response:
    """Return an error in the form of an answer."""
    body = {"status": "error", "code": code, "text": text}
    return Response(msgspec.json.encode(body), status, media_type="application/json")


async def body_of(request: Request) -> bytes:
    """Return the body of a request. Raises OverflowError when it weighs too much."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise OverflowError(f"at most {MAX_BODY_BYTES} bytes are read")
    return body
