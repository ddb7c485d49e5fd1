"""Clients: who talks to us over whichever wire, where their answers go, and how much we tell them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Protocol

import msgspec

from bridge.access import DUMP, Right, at_first
from bridge.errors import BadValue, Busy, Denied, Failure
from bridge.message import Message
from bridge.places import HostPort, is_local
from engine.commands import StoryEdit

MAX_CLIENTS = 64
MAX_SUBSCRIPTIONS = 32
"""Per client."""

ERRORS_PER_SECOND = 100.0
ERRORS_AT_ONCE = 300.0
"""How many error answers a client gets; more are counted and told as one, so that a flood is not amplified."""

ALL_ERRORS_PER_SECOND = 400.0
ALL_ERRORS_AT_ONCE = 1200.0
"""The same for all clients together: a flood may come from many addresses, real or not."""


class Transport(Protocol):
    """One wire: sends messages to a place; never blocks."""

    @property
    def address(self) -> HostPort:
        """Where it sends from."""
        ...

    @property
    def connected(self) -> bool:
        """Whether a client has a connection, on which nobody else can speak in its name."""
        ...

    def send(self, to: HostPort, messages: Sequence[Message]) -> None:
        """Send messages in order, in as few datagrams as they fit."""
        ...

    def congested(self, to: HostPort) -> bool:
        """Tell whether that place takes nothing at the moment: what can wait should."""
        ...


class Nowhere:
    """A wire with nobody at its end."""

    address: HostPort = ("", 0)
    connected = False

    def send(self, to: HostPort, messages: Sequence[Message]) -> None:
        """Send nothing."""

    def congested(self, to: HostPort) -> bool:  # noqa: ARG002
        """Take everything."""
        return False


REMOTE_PER_SECOND, REMOTE_AT_ONCE = 2000.0, 4000.0
"""How many messages a client on another machine may send; what is more is counted, and it is told."""


class Draft(msgspec.Struct, kw_only=True):
    """Edits that are to be made as one. version: of the story when they began."""

    name: str
    version: int
    edits: list[StoryEdit] = []


LateRule = Literal["play", "drop", "play_within"]


class LatePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a bundle whose time has passed. within_ms: how late ``play_within`` still plays."""

    rule: LateRule = "play"
    within_ms: float = 0.0

    def drops(self, late_ms: float) -> bool:
        """Tell whether what is ``late_ms`` late is not played any more."""
        return self.rule == "drop" or (self.rule == "play_within" and late_ms > self.within_ms)


class Bucket:
    """A token bucket: ``burst`` at once, ``per_second`` in the long run."""

    def __init__(self, per_second: float, burst: float, now: Callable[[], float]) -> None:
        self._per_second, self._burst, self._now = per_second, burst, now
        self._level, self._filled_at = burst, now()

    def take(self, count: float = 1.0) -> bool:
        """Take so many tokens if they are there."""
        now = self._now()
        self._level = min(self._burst, self._level + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        if self._level < count:
            return False
        self._level -= count
        return True


class Subscription(msgspec.Struct, kw_only=True):
    """A pattern that a client hears. expires_at: on ``Clients``' clock, pushed on by all that the client sends."""

    pattern: str
    interval_seconds: float
    lease_seconds: float
    expires_at: float


class Client:
    """One sender: its own source address, and what it asked of us."""

    def __init__(self, source: HostPort, transport: Transport, buckets: tuple[Bucket, Bucket]) -> None:
        self.source = source
        self.acknowledged = False
        self.bundled = True
        """Whether what is told at one moment may come in bundles: not everybody looks into them."""
        self.reply_host, self.reply_port = "", 0
        self.name = ""
        self.right = at_first(source[0])
        self.challenge = ""
        self.pace: Bucket | None = None
        """How much it may send; None: as much as it likes."""
        self.late = LatePolicy()
        self.draft: Draft | None = None
        """What it edits as one step; None: each edit is made at once."""
        self.heard_at: float | None = None
        """Wall time at which what is being done now came in; None: not known."""
        self.subscriptions: dict[str, Subscription] = {}
        self.unremembered = False
        self.awaited = 0
        """How many answers to its questions are still to come."""
        self.transport = transport
        self._buckets = buckets
        self._untold = 0

    @property
    def address(self) -> HostPort:
        """Return where answers and feedback go."""
        return self.reply_host or self.source[0], self.reply_port or self.source[1]

    @property
    def shown(self) -> str:
        """Return its name, or where it sends from, as people read it."""
        host, port = self.source
        return self.name or (f"[{host}]:{port}" if ":" in host else f"{host}:{port}")

    @property
    def congested(self) -> bool:
        """Whether it takes nothing at the moment."""
        return self.transport.congested(self.address)

    def redirect(self, port: int, host: str = "") -> None:
        """Have answers and feedback sent to another port (of another host); 0: to the one it sends from.

        Raises BadValue for our own.
        """
        if port and (host or self.source[0], port) == self.transport.address:
            raise BadValue(f"port {port} is our own")
        self.reply_host, self.reply_port = host, port

    def send(self, *messages: Message) -> None:
        """Send messages to this client: together, or each alone."""
        if self.bundled and messages:
            self.transport.send(self.address, messages)
        else:
            for message in messages:
                self.transport.send(self.address, (message,))

    def refuse(self, address: str, request: int, error: Failure) -> None:
        """Answer with an error; those beyond what a client may hear are counted and told with the next one.

        Who may do something here and asks by a number (``/req``) waits for the answer, and hears each.
        """
        waits = request and self.right > Right.NONE
        if not waits and not all(bucket.take() for bucket in self._buckets):
            self._untold += 1
            return
        status = "denied" if isinstance(error, Denied) else "error"
        answer = Message(f"/reply{address}", (request, status, error.code, str(error)[:500]))
        if self._untold:
            untold = Message("/reply", (0, "error", "busy", f"{self._untold} more errors were not told one by one"))
            self._untold = 0
            self.send(untold)
        self.send(answer)


class Clients:
    """All clients that we remember: at most ``MAX_CLIENTS``, those without a subscription are forgotten first."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self._all: OrderedDict[tuple[Transport, HostPort], Client] = OrderedDict()
        self._shared = Bucket(ALL_ERRORS_PER_SECOND, ALL_ERRORS_AT_ONCE, now)

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Client]:
        return iter(tuple(self._all.values()))

    def heard(self, source: HostPort, transport: Transport) -> Client:
        """Return the client that sends from ``source`` over ``transport``, known or new, and renew its leases.

        When the table is full of subscribers the client is not remembered: it may do everything but subscribe.
        """
        client = self._all.get((transport, source))
        if client is None:
            return self._new(source, transport)
        self._all.move_to_end((transport, source))
        if client.subscriptions:
            now = self.now()
            for subscription in client.subscriptions.values():
                subscription.expires_at = now + subscription.lease_seconds
        return client

    def nobody(self) -> Client:
        """Return a client that hears nothing: for what somebody asked who is gone."""
        return Client(("", 0), Nowhere(), (self._shared, self._shared))

    def forget(self, client: Client) -> None:
        """Forget a client whose connection has ended."""
        client.subscriptions.clear()
        self._all.pop((client.transport, client.source), None)

    def _new(self, source: HostPort, transport: Transport) -> Client:
        own = Bucket(ERRORS_PER_SECOND, ERRORS_AT_ONCE, self.now)
        client = Client(source, transport, (own, self._shared))
        if not is_local(source[0]):
            client.pace = Bucket(REMOTE_PER_SECOND, REMOTE_AT_ONCE, self.now)
        if len(self._all) >= MAX_CLIENTS:
            deaf = [(c.right > Right.NONE, s) for s, c in self._all.items() if not c.subscriptions]
            idle = min(deaf, key=lambda found: found[0])[1] if deaf else None
            if idle is None:
                client.unremembered = True
                return client
            del self._all[idle]
        self._all[transport, source] = client
        return client

    def subscribe(self, client: Client, pattern: str, interval_seconds: float, lease_seconds: float) -> Subscription:
        """Give a client a subscription, or renew it. Raises Busy when there is no room, Denied for what others send."""
        if pattern == DUMP and client.right < Right.ADMIN:
            raise Denied(f"needs the right to {Right.ADMIN.word}, you have {client.right.word}; see /connect")
        if client.unremembered:
            raise Busy(f"{MAX_CLIENTS} clients are subscribed already")
        if pattern not in client.subscriptions and len(client.subscriptions) >= MAX_SUBSCRIPTIONS:
            raise Busy(f"a client has at most {MAX_SUBSCRIPTIONS} subscriptions; a pattern covers many addresses")
        subscription = Subscription(
            pattern=pattern,
            interval_seconds=interval_seconds,
            lease_seconds=lease_seconds,
            expires_at=self.now() + lease_seconds,
        )
        client.subscriptions[pattern] = subscription
        return subscription

    def expired(self) -> list[tuple[Client, Subscription]]:
        """Take away the subscriptions whose lease ran out, and return them."""
        now = self.now()
        gone = [(c, s) for c in self for s in c.subscriptions.values() if s.expires_at <= now]
        for client, subscription in gone:
            del client.subscriptions[subscription.pattern]
        return gone
