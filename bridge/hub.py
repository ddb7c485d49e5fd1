"""The hub: what all wires into one engine share. Whatever came by which wire, the same table, the same clients."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from bridge.access import DUMP, Access, Right, veiled
from bridge.clients import Client, Clients, Transport
from bridge.errors import Busy
from bridge.feedback import Feedback
from bridge.guestbook import Guestbook
from bridge.history import History
from bridge.message import Bundle, Message
from bridge.moves import Moves
from bridge.places import HostPort
from bridge.port import EnginePort
from bridge.router import Router
from bridge.routes import PUSHES, ROUTES
from bridge.text import line
from bridge.tree import AddressTree


class Hub:
    """Clients, router and feedback of one engine. Built and used inside the control process's event loop."""

    def __init__(
        self,
        engine: EnginePort,
        *,
        version: str,
        commit: str = "",
        wall: Callable[[], float] = time.time,
        passcodes: Mapping[str, Right] = {},
    ) -> None:
        loop = asyncio.get_running_loop()
        self.access = Access(passcodes, loop.time)
        self.engine, self.wall = engine, wall
        self.clients = Clients(loop.time)
        self.tree = AddressTree(ROUTES)
        self.moves = Moves(self.tree)
        self.feedback = Feedback(engine, self.tree, PUSHES, self.clients, call_later=loop.call_later, now=loop.time)
        self.router = Router(
            engine, self.tree, self.clients, self.feedback,
            call_later=loop.call_later, wall=wall, version=version, commit=commit, access=self.access,
        )  # fmt: skip
        self.counters = self.router.desk.counters
        self._guestbook = Guestbook(engine, self.clients, self.feedback)
        self.router.desk.changed = self._guestbook.write
        self.feedback.owned = self._guestbook.own
        self.router.diary.lasts = self._guestbook.lasts
        self.history = History()
        self.feedback.noted = self.history.note

    def client(self, source: HostPort, transport: Transport) -> Client:
        """Return who sends from ``source`` over ``transport``; that it sends renews its leases."""
        return self.clients.heard(source, transport)

    def singly(self, client: Client) -> bool:
        """Tell whether each message of a client counts: it is acknowledged, or somebody hears of all."""
        return client.acknowledged or self.feedback.hears(DUMP) or self.router.desk.learner is not None

    def receive(self, bundle: Bundle, client: Client) -> None:
        """Do what a bundle asks for, now or at its time."""
        if client.pace is not None and not client.pace.take(float(len(bundle.messages))):
            self.counters.dropped_messages += len(bundle.messages)
            client.refuse("", 0, Busy("you send too much; this was not done"))
            return
        if self.feedback.hears(DUMP):
            for message in bundle.messages:
                self.feedback.announce(Message(DUMP, (client.shown, line(veiled(message)))))
        if self.router.desk.learner is not None:
            self.router.desk.learn(bundle, client)
        self.router.receive(bundle, client)

    def recall(self, *transports: Transport) -> None:
        """Know again the clients of a hub that is gone, who talk over ``transports`` as before, and what they want."""
        self.router.jobs = max(self.router.jobs, self._guestbook.recall(transports))
        self.router.recall(self._guestbook.again)

    def leave(self, client: Client) -> None:
        """Forget a client whose connection has ended."""
        self.clients.forget(client)
        self.feedback.ignore(client)

    def close(self) -> None:
        """Forget what is scheduled and tell nobody anything more."""
        self.router.close()
        self.feedback.close()
