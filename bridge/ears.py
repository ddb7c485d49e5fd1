"""Ears: what one client is still to be told, and how much of it at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from bridge.chorus import NEVER as NO_ROUND
from bridge.chorus import Chorus
from bridge.clients import Client, Subscription
from bridge.errors import Busy
from bridge.message import Message
from bridge.patterns import matches
from bridge.tree import Leaf

COALESCE_SECONDS = 0.018
"""An address is told at most this often; a little less than a flush, so that timers may be early."""

STEPS_PER_SLICE = 64
"""How much is read for one client before the event loop has its turn: under a millisecond."""

EVENTS_PER_FLUSH = 100
"""How many events of their own a client hears between two flushes; more are counted and told as ``/event/lost``."""

MAX_POURS = 64
"""How many long answers may wait for one client."""

NEVER = float("-inf")

Pour = Iterator[Message | None]
"""A long answer in pieces; None where a step found nothing to tell."""

Read = Callable[[Leaf], Message | None]
"""Reads what a leaf tells now; None when it exists no more."""

Join = Callable[[tuple[Leaf, ...]], Chorus]
"""Returns the chorus of those who hear the same streams."""


class Ear:
    """One client's changed addresses, streams and long answers.

    An address waits at most once and is read when it is told: bounded by what exists, whatever happens how often. While
    the client takes nothing, nothing is read for it: of a value it then hears the newest, of events how many it missed.

    Streams that it hears as often as they are looked at, it hears with a chorus of others; the rest has its own pace.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self._streams: dict[str, Leaf] = {}
        self._own: dict[str, Leaf] = {}
        """Streams with a pace of their own."""
        self._chorus: Chorus | None = None
        self._chosen = True
        """Whether it is known which streams are heard with others."""
        self._sings, self._heard = False, NO_ROUND
        """Whether it is its turn in the chorus; the last round that it heard."""
        self._changed: dict[str, Leaf] = {}
        self._pours: deque[Pour] = deque()
        self._told_at: dict[str, float] = {}
        self._intervals: dict[str, float | None] = {}
        """How many seconds lie between two values of an address at least; None: it is not heard."""
        self._streamed: dict[str, Message] = {}
        self._events = 0
        self._lost = 0

    @property
    def waiting(self) -> bool:
        """Whether something is still to be told."""
        return bool(self._sings or self._changed or self._pours or self._events)

    @property
    def streams(self) -> bool:
        """Whether it hears something that moves by itself."""
        return bool(self._streams)

    @property
    def deaf(self) -> bool:
        """Whether nothing is asked for any more."""
        return not self.client.subscriptions and not self._pours

    def mark(self, leaf: Leaf) -> bool:
        """Note that ``leaf`` changed; return whether the client hears it."""
        if self._interval(leaf.address) is None:
            return False
        self._changed.setdefault(leaf.address, leaf)
        return True

    def stream(self, leaf: Leaf) -> None:
        """Look at a leaf regularly."""
        self._streams[leaf.address] = leaf
        self._chosen = False

    def mark_streams(self, join: Join) -> None:
        """Note that it is time to look at what moves by itself."""
        if not self._chosen:
            self._choose(join)
        self._changed.update(self._own)
        self._sings = self._chorus is not None

    def _choose(self, join: Join) -> None:
        """Hear with others what is heard as often as it is looked at, if that is not too much at once."""
        quick = {a: leaf for a, leaf in self._streams.items() if self._interval(a) == COALESCE_SECONDS}
        chorus = join(tuple(quick.values())) if 0 < len(quick) <= STEPS_PER_SLICE else None
        if chorus is not self._chorus:
            self._chorus, self._heard = chorus, NO_ROUND
        shared = {} if chorus is None else quick
        self._own = {a: leaf for a, leaf in self._streams.items() if a not in shared}
        self._chosen = True

    def pour(self, answer: Pour) -> None:
        """Queue a long answer. Raises Busy when too many wait."""
        if len(self._pours) >= MAX_POURS:
            raise Busy(f"{MAX_POURS} long answers wait already; hear those first")
        self._pours.append(answer)

    def tell(self, event: Message) -> None:
        """Send an event at once, as long as there are not too many of them and the client takes them."""
        self._events += 1
        if self._events > EVENTS_PER_FLUSH or self.client.congested:
            self._lost += 1
        else:
            self.client.send(event)

    def listen_anew(self) -> None:
        """Take notice that subscriptions have changed."""
        self._intervals.clear()
        self._chosen = False

    def forget(self, *, everything: bool = False) -> None:
        """Forget what the client does not hear any more, or everything that is queued."""
        self.listen_anew()
        for leaves in (self._changed, self._streams):
            for address in tuple(leaves):
                if everything or self._interval(address) is None:
                    del leaves[address]
        self._told_at.clear()
        self._streamed.clear()
        self._own.clear()
        self._chorus, self._sings = None, False
        if everything:
            self._pours.clear()

    def serve(self, read: Read, now: float, number: int) -> bool:
        """Send one slice; return whether more could be sent right away. number: of the chorus's round."""
        if self.client.congested:
            return False
        messages = [Message("/event/lost", (self._lost,))] if self._lost else []
        self._events = self._lost = 0
        due = self._due(now)
        messages += self._read(due, read)
        left = STEPS_PER_SLICE - len(due)
        if self._sings and self._chorus is not None:
            told = {message.address: message for message in messages}
            sung = self._chorus.sing(number, self._heard, read)
            messages += [m for m in sung if told.get(m.address) != m] if told else sung
            self._sings, self._heard = False, number
            left -= len(sung)
        while left > 0 and self._pours:
            left = self._drip(left, messages)
        self.client.send(*messages)
        return left <= 0

    def _due(self, now: float) -> list[Leaf]:
        """Take the next changed leaves whose interval has passed."""
        due: list[Leaf] = []
        told_at, changed = self._told_at, self._changed
        for address in tuple(changed):
            interval = self._intervals.get(address) or self._interval(address) or COALESCE_SECONDS
            if now < told_at.get(address, NEVER) + interval:
                continue
            told_at[address] = now
            due.append(changed.pop(address))
            if len(due) == STEPS_PER_SLICE:
                break
        return due

    def _interval(self, address: str) -> float | None:
        if address not in self._intervals:
            found = subscription_for(self.client, address)
            self._intervals[address] = max(found.interval_seconds, COALESCE_SECONDS) if found else None
        return self._intervals[address]

    def _read(self, leaves: Iterable[Leaf], read: Read) -> list[Message]:
        messages: list[Message] = []
        for leaf in leaves:
            message = read(leaf)
            if message is None:
                continue
            if leaf.route.stream:
                if self._streamed.get(leaf.address) == message:
                    continue
                if leaf.address in self._own:
                    self._streamed[leaf.address] = message
                elif self._chorus is not None and self._chorus.told(message, self._heard):
                    continue
            messages.append(message)
        return messages

    def _drip(self, steps: int, messages: list[Message]) -> int:
        """Take up to ``steps`` of the first long answer; return how many are left."""
        for message in self._pours[0]:
            if message is not None:
                messages.append(message)
            steps -= 1
            if steps <= 0:
                return 0
        self._pours.popleft()
        return steps


def subscription_for(client: Client, address: str) -> Subscription | None:
    """Return the subscription by which a client hears ``address``: of several the one with the shortest interval."""
    found = [s for s in client.subscriptions.values() if matches(s.pattern, address)]
    return min(found, key=lambda s: s.interval_seconds) if found else None
