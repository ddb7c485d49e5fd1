"""Feedback: tells subscribers what changed, each at its own pace, through the same table that routes commands."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, get_args
from weakref import WeakValueDictionary

from bridge.arguments import give
from bridge.chorus import Chorus
from bridge.clients import MAX_CLIENTS, Client, Clients, Subscription
from bridge.ears import Ear, Pour, subscription_for
from bridge.errors import Busy
from bridge.message import Message
from bridge.patterns import matches
from bridge.port import EnginePort
from bridge.route import Push
from bridge.scheduler import CallLater, Timer
from bridge.tree import AddressTree, Leaf
from engine.errors import EngineError
from engine.events import (
    CueRenumbered,
    Event,
    JobDone,
    JobFailed,
    JobProgressed,
    MixChanged,
    PassageHeard,
    StoryReloaded,
    WordHeard,
)

FLUSH_SECONDS = 0.02
"""Changes of one address are told at most this often: 50 times a second."""

STREAM_SECONDS = 1.0 / 30.0
"""How often what moves by itself is looked at."""

PACE_SECONDS = 0.005
"""Between two slices of a long answer: no receiver's buffer overflows, and the event loop stays free."""

MAX_EARS = 2 * MAX_CLIENTS
"""Subscribers, and others who asked for a long answer."""

MAX_REMEMBERED = 4096
"""Topics of which it is remembered who hears them."""

LEASE_CHECK_SECONDS = 1.0
SLICE_SECONDS = 0.0005
"""After this much work at a stretch the event loop has its turn."""


class Feedback:
    """Turns events into messages for those who subscribed. Event loop of the control process only.

    States are coalesced and read when they are told. Events go out as they come. A job's news also go to the client
    that asked for it.
    """

    def __init__(
        self,
        port: EnginePort,
        tree: AddressTree,
        pushes: tuple[Push, ...],
        clients: Clients,
        *,
        call_later: CallLater,
        now: Callable[[], float],
    ) -> None:
        self._port, self._tree, self._clients = port, tree, clients
        self._call_later, self._now = call_later, now
        self._pushes: dict[type[Event], Push] = {p.event: p for p in pushes}
        self._routes = {event: tuple(r for r in tree.routes if event in r.changed) for event in get_args(Event)}
        self._ears: dict[Client, Ear] = {}
        self._jobs: dict[str, Client] = {}
        self._heard: dict[str, bool] = {}
        """Which topics somebody hears by their names, until subscriptions change."""
        self._hearers: dict[tuple[str, ...], tuple[Ear, ...]] = {}
        """Who hears one of several topics, until then."""
        self.owned: Callable[[str, Client | None, str], object] = lambda *_: None
        """Hears who waits for which job, and its verb; None: nobody any more."""
        self.noted: Callable[[tuple[str, ...], Callable[[], Message]], object] = lambda *_: None
        """Hears of every event: what it is about, and how to say it."""
        self._known: dict[str, Message | None] = {}
        """What was read in this round: once, however many hear it."""
        self._turn: deque[Ear] = deque()
        self._choruses: WeakValueDictionary[tuple[str, ...], Chorus] = WeakValueDictionary()
        """Those who hear the same streams, by these."""
        self._round = 0
        """How often streams were looked at."""
        self._timer: Timer | None = None
        self._timer_at = self._round_at = self._streamed_at = self._leases_at = float("-inf")
        self._end = port.subscribe(self.hear)

    def close(self) -> None:
        """Hear no more events and stop the timer."""
        self._end()
        if self._timer is not None:
            self._timer.cancel()
        self._ears.clear()

    def listen(self, client: Client, subscription: Subscription) -> None:
        """Begin to tell a client of a subscription: first what is, then ``/subscribed``, then what changes."""
        ear = self._ear(client)
        ear.listen_anew()
        self.pour(client, self._present(subscription, ear))
        self._forget_hearers()

    def ignore(self, client: Client) -> None:
        """Take notice that a client has fewer subscriptions."""
        self._forget_hearers()
        if client in self._ears:
            self._ears[client].forget()
            self._drop_if_deaf(client)

    def resync(self, client: Client) -> None:
        """Tell a client again all that it subscribed to."""
        for subscription in client.subscriptions.values():
            self.listen(client, subscription)

    def pour(self, client: Client, answer: Pour) -> None:
        """Send a long answer, in slices."""
        self._ear(client).pour(answer)
        self._wake(self._now())

    def own(self, job: str, client: Client, verb: str) -> None:
        """Remember who asked for a job."""
        self._jobs[job] = client
        self.owned(job, client, verb)

    def disown(self, job: str) -> None:
        """Forget who asked for a job."""
        if self._jobs.pop(job, None) is not None:
            self.owned(job, None, "")

    def hear(self, events: tuple[Event, ...]) -> None:
        """Take notice of events: mark what changed, send what is an event of its own."""
        for event in events:
            self._mark(event)
            if type(event) in self._pushes:
                self._push(self._pushes[type(event)], event)
            if isinstance(event, StoryReloaded | MixChanged | CueRenumbered):
                self._start_over()

    def hears(self, topic: str) -> bool:
        """Tell whether anybody is subscribed to ``topic`` by its name."""
        known = self._heard.get(topic)
        if known is None:
            known = self._heard[topic] = any(topic in client.subscriptions for client in self._ears)
        return known

    def announce(self, message: Message) -> None:
        """Tell those who are subscribed to a message's address, by its name, of it, as of an event."""
        for client, ear in self._ears.items():
            if message.address in client.subscriptions:
                ear.tell(message)
                self._wake(self._round_at + FLUSH_SECONDS)

    def _mark(self, event: Event) -> None:
        for route in self._routes[type(event)] if self._ears else ():
            path: dict[str, Any] = {name: getattr(event, name) for name in route.placeholders}
            leaf = Leaf(route.fill(path), route, path)
            self._known.pop(leaf.address, None)
            hearers = self._hearing((leaf.address,))
            for ear in hearers:
                ear.mark(leaf)
            if hearers:
                self._wake(self._round_at + FLUSH_SECONDS)

    def _push(self, push: Push, event: Event) -> None:
        owner = None
        if isinstance(event, JobProgressed | PassageHeard | WordHeard | JobDone | JobFailed):
            owner = self._jobs.get(event.job)
            if isinstance(event, JobDone | JobFailed):
                self.disown(event.job)
        topics = push.topics(event)
        self.noted(topics, lambda: Message(push.address, push.values(self._port, event)))
        hearers = [ear for ear in self._hearing(topics) if ear.client is not owner]
        if not owner and not hearers:
            return
        message = Message(push.address, push.values(self._port, event))
        if owner:
            owner.send(message)
        for ear in hearers:
            ear.tell(message)
            self._wake(self._round_at + FLUSH_SECONDS)

    def _hearing(self, topics: tuple[str, ...]) -> tuple[Ear, ...]:
        """Return who is subscribed to one of these."""
        known = self._hearers.get(topics)
        if known is None:
            if len(self._hearers) >= MAX_REMEMBERED:
                self._hearers.clear()
            known = self._hearers[topics] = tuple(
                ear for client, ear in self._ears.items() if any(subscription_for(client, topic) for topic in topics)
            )
        return known

    def _forget_hearers(self) -> None:
        """Take notice that somebody hears other things than before."""
        self._heard.clear()
        self._hearers.clear()

    def _start_over(self) -> None:
        """Another story has other addresses: everybody hears everything anew."""
        self._known.clear()
        for client, ear in self._ears.items():
            ear.forget(everything=True)
            self.resync(client)

    def _present(self, subscription: Subscription, ear: Ear) -> Iterator[Message | None]:
        count = 0
        for leaf in self._tree.candidates(subscription.pattern, self._port):
            if leaf.route.read is None or not matches(subscription.pattern, leaf.address):
                yield None
                continue
            if leaf.route.stream:
                ear.stream(leaf)
            count += 1
            yield self.read(leaf)
        yield Message("/subscribed", (subscription.pattern, count))

    def read(self, leaf: Leaf) -> Message | None:
        """Return what a leaf tells now; None when its strip, cue … exists no more."""
        if leaf.route.read is None:
            return None
        try:
            values = leaf.route.read(self._port, leaf.path)
            return Message(leaf.address, give(leaf.route, values, self._port, leaf.path))
        except EngineError:
            return None

    def _join(self, leaves: tuple[Leaf, ...]) -> Chorus:
        """Return the chorus of those who hear exactly these streams."""
        key = tuple(leaf.address for leaf in leaves)
        chorus = self._choruses.get(key)
        if chorus is None:
            chorus = self._choruses[key] = Chorus(leaves)
        return chorus

    def _ear(self, client: Client) -> Ear:
        ear = self._ears.get(client)
        if ear is None:
            if len(self._ears) >= MAX_EARS:
                raise Busy(f"{MAX_EARS} clients are being told things already")
            ear = self._ears[client] = Ear(client)
            self._wake(self._now() + LEASE_CHECK_SECONDS)
        return ear

    def _drop_if_deaf(self, client: Client) -> None:
        if self._ears[client].deaf:
            del self._ears[client]
            self._forget_hearers()

    def _wake(self, at: float) -> None:
        """Have a tick at ``at`` or before."""
        if self._timer is not None:
            if self._timer_at <= at:
                return
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._call_later(max(0.0, at - self._now()), self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._now()
        if now >= self._leases_at + LEASE_CHECK_SECONDS:
            self._leases_at = now
            self._expire()
        if now >= self._streamed_at + STREAM_SECONDS:
            self._streamed_at = now
            self._round += 1
            for ear in self._ears.values():
                ear.mark_streams(self._join)
        if not self._turn:
            self._round_at = now
            self._known.clear()
            self._turn.extend(ear for ear in self._ears.values() if ear.waiting)
        try:
            self._serve(now)
        finally:
            self._sleep()

    def _serve(self, now: float) -> None:
        """Give each waiting ear a slice, as many as fit the time; the others have theirs in the next tick."""
        started = time.perf_counter()
        while self._turn and time.perf_counter() - started < SLICE_SECONDS:
            ear = self._turn.popleft()
            if ear.serve(self._remembered, now, self._round):
                self._wake(now + PACE_SECONDS)
            if self._ears.get(ear.client) is ear:
                self._drop_if_deaf(ear.client)

    def _remembered(self, leaf: Leaf) -> Message | None:
        if leaf.address not in self._known:
            self._known[leaf.address] = self.read(leaf)
        return self._known[leaf.address]

    def _sleep(self) -> None:
        """Have the next tick when there is something to do; none when nobody listens."""
        if self._turn:
            self._wake(self._now())
        elif any(ear.waiting for ear in self._ears.values()):
            self._wake(self._round_at + FLUSH_SECONDS)
        elif any(ear.streams for ear in self._ears.values()):
            self._wake(self._streamed_at + STREAM_SECONDS)
        elif self._ears:
            self._wake(self._leases_at + LEASE_CHECK_SECONDS)

    def _expire(self) -> None:
        for client, subscription in self._clients.expired():
            client.send(Message("/lease_expired", (subscription.pattern,)))
            self.ignore(client)
