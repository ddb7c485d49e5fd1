"""Router, desk and feedback with time, transport and engine in the test's hand."""

from __future__ import annotations

from fake_engine import FakeEngine, WallClock
from hand_time import HandTime, KeptMessages

from bridge.clients import Client, Clients
from bridge.feedback import Feedback
from bridge.message import IMMEDIATELY, Bundle, Message, TimeTag
from bridge.router import Router
from bridge.routes import PUSHES, ROUTES
from bridge.tree import AddressTree


class Counter:
    """What clients come to: ``send`` returns what the sender is answered at once."""

    def __init__(self) -> None:
        self.time = HandTime(now=WallClock.START)
        self.wire = KeptMessages()
        self.engine = FakeEngine()
        self.clients = Clients(self.time.now)
        self.tree = AddressTree(ROUTES)
        self.feedback = Feedback(
            self.engine, self.tree, PUSHES, self.clients, call_later=self.time.call_later, now=self.time.now
        )
        self.router = Router(
            self.engine, self.tree, self.clients, self.feedback,
            call_later=self.time.call_later, wall=self.time.now, version="1.2.3",
        )  # fmt: skip

    def client(self, port: int = 9000, host: str = "127.0.0.1") -> Client:
        return self.clients.heard((host, port), self.wire)

    def send(self, address: str, *args: object, at: float | None = None, port: int = 9000) -> list[tuple[object, ...]]:
        return self.bundle(Message(address, args), at=at, port=port)

    def bundle(self, *messages: Message, at: float | None = None, port: int = 9000) -> list[tuple[object, ...]]:
        tag = IMMEDIATELY if at is None else TimeTag.from_unix(WallClock.START + at)
        self.router.receive(Bundle(tag=tag, messages=messages), self.client(port))
        return self.wire.take(port)
