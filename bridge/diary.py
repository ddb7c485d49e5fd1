"""The diary: what is to be done later, kept for a hub that goes on after this one."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from bridge.appointments import Place
from bridge.clients import Client, Clients
from bridge.errors import NoSuchAddress
from bridge.order import Order
from bridge.places import HostPort
from bridge.port import EnginePort
from bridge.routes import plain_address
from bridge.tree import AddressTree, Leaf
from engine.commands import Command

log = logging.getLogger(__name__)

LATER = "later/"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One order as it is kept. source: who is answered; None: somebody whose connection ends with this process."""

    source: HostPort | None
    address: str
    request: int | None
    command: Command | None
    question: dict[str, object] | None
    reads: bool
    job: str | None


class Diary:
    """Keeps groups of orders by when they are to be done. Event loop of the control process only.

    now: the engine frame that is played now. lasts: whether a client will be there for the successor, too.
    """

    def __init__(self, engine: EnginePort, tree: AddressTree, clients: Clients, now: Callable[[], int]) -> None:
        self._engine, self._tree, self._clients, self._now = engine, tree, clients, now
        self._pages: dict[int, int] = {}
        """The numbers of groups by the identity of their first orders."""
        self._number = 0
        self.lasts: Callable[[Client], bool] = lambda _: False

    def write(self, at: int | Place, orders: Sequence[Order]) -> None:
        """Keep a group that waits."""
        self._number += 1
        self._pages[id(orders[0])] = self._number
        entries = tuple(self._entry(order) for order in orders)
        self._engine.remember(f"{LATER}{self._number}", pickle.dumps((at, self._now(), entries)))

    def strike(self, orders: Sequence[Order]) -> None:
        """Forget a group: it is being done."""
        number = self._pages.pop(id(orders[0]), None) if orders else None
        if number is not None:
            self._engine.remember(f"{LATER}{number}", None)

    def rewrite(self, groups: Iterable[tuple[int | Place, Sequence[Order]]]) -> None:
        """Keep these groups and no others."""
        for number in self._pages.values():
            self._engine.remember(f"{LATER}{number}", None)
        self._pages.clear()
        for at, orders in groups:
            self.write(at, orders)

    def recall(self, again: Callable[[HostPort], Client | None]) -> Iterator[tuple[int | Place, int, list[Order]]]:
        """Yield the groups that a hub kept which is gone, each once: when, waiting since which frame, what.

        again: finds who asked for them.
        """
        for name, note in self._engine.recalled(LATER).items():
            self._engine.remember(f"{LATER}{name}", None)
            at, since, entries = pickle.loads(note)
            orders = [order for entry in entries if (order := self._order(entry, again)) is not None]
            if orders:
                yield at, since, orders

    def _entry(self, order: Order) -> Entry:
        return Entry(
            source=order.client.source if self.lasts(order.client) else None,
            address=order.leaf.address,
            request=order.request,
            command=order.command,
            question=order.question,
            reads=order.reads,
            job=order.job,
        )

    def _order(self, entry: Entry, again: Callable[[HostPort], Client | None]) -> Order | None:
        client = None if entry.source is None else again(entry.source)
        try:
            found = self._tree.find(plain_address(entry.address))
        except NoSuchAddress as error:
            log.warning("what was to be done later is not: %s", error)
            return None
        return Order(
            client=client or self._clients.nobody(),
            leaf=Leaf(entry.address, found.route, found.path),
            request=entry.request,
            command=entry.command,
            question=entry.question,
            reads=entry.reads,
            job=entry.job,
        )
