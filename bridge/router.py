"""The router: turns messages into commands and questions, at their frame, and answers their senders."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from bridge.arguments import fields, give, take, trigger_fields, usage
from bridge.clients import Client, Clients
from bridge.desk import Desk, Values
from bridge.errors import BadArguments, BridgeError, TooBig
from bridge.feedback import Feedback
from bridge.message import Bundle, Message
from bridge.port import EnginePort
from bridge.route import Route
from bridge.routes import ANSWERS
from bridge.scheduler import CallLater, Scheduler
from bridge.tree import AddressTree, Leaf
from engine.commands import Command
from engine.errors import EngineError
from engine.events import Event, Panicked

MAX_ORDERS = 256
"""How much one bundle may ask for, patterns counted out: more would hold up everybody else."""

MAX_WRAPPERS = 4

MAX_REMEMBERED = 256
"""Messages whose meaning is remembered: the codec gives the same one again for a packet that came before."""

Failure = BridgeError | EngineError


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do: a command, a question to the desk, a value to read, or nothing (a trigger let go).

    request: the id that the answer repeats, None: the sender asked for none.
    """

    client: Client
    leaf: Leaf
    request: int | None
    command: Command | None = None
    question: dict[str, object] | None = None
    reads: bool = False
    job: str | None = None


class Meaning(msgspec.Struct, frozen=True):
    """What a message means, whenever and from whomever it comes."""

    message: Message
    leaf: Leaf
    command: Command


Plans = dict[int | None, list[Order]]
"""Orders by engine frame, None: now."""


class Router:
    """Plans what bundles ask for, does it or has it scheduled, and answers. Event loop of the control process only.

    Messages of one bundle take effect at the same frame. What can be known to be wrong is answered at receipt, also
    when it was meant for later.
    """

    def __init__(
        self,
        port: EnginePort,
        tree: AddressTree,
        clients: Clients,
        feedback: Feedback,
        *,
        call_later: CallLater,
        wall: Callable[[], float] = time.time,
        version: str,
        commit: str = "",
    ) -> None:
        self._port, self._tree, self._feedback, self._wall = port, tree, feedback, wall
        self.jobs = 0
        """The number of the last job."""
        self._meanings: dict[int, Meaning] = {}
        self.scheduler: Scheduler[Order] = Scheduler(port, self.perform, call_later=call_later, now=wall)
        self.desk = Desk(
            port, tree, clients, feedback,
            version=version, commit=commit, clear_scheduled=self._clear_scheduled, wall=wall,
        )  # fmt: skip
        self._end = port.subscribe(self._hear)

    def close(self) -> None:
        """Forget what is scheduled and hear no more."""
        self._end()
        self.scheduler.close()

    def receive(self, bundle: Bundle, client: Client) -> None:
        """Do what a bundle asks for, now or at its time."""
        frame = self._moment(bundle, client)
        plans = self._plans(bundle.messages, client, frame)
        for at, orders in plans.items():
            if at is None:
                self.perform(orders, None)
            else:
                self._schedule(at, orders)

    def _plans(self, messages: tuple[Message, ...], client: Client, frame: int | None) -> Plans:
        plans: Plans = {}
        if len(messages) != 1:
            for message in messages:
                self._plan(message, client, frame, plans)
            return plans
        known = self._meanings.get(id(messages[0]))
        if known is not None:
            return {frame: [Order(client=client, leaf=known.leaf, request=None, command=known.command)]}
        self._plan(messages[0], client, frame, plans)
        if frame in plans:
            self._remember(messages[0], plans[frame])
        return plans

    def _moment(self, bundle: Bundle, client: Client) -> int | None:
        """Return the frame of a bundle's time; one that is past plays now, and its sender is told."""
        if bundle.tag.immediate or not bundle.messages:
            return None
        late_seconds = self._wall() - bundle.tag.unix
        if late_seconds <= 0.0:
            return self._port.clock.frame_at(bundle.tag.unix)
        counters = self.desk.counters
        counters.late_bundles += 1
        client.send(Message("/late", (bundle.messages[0].address, late_seconds * 1000.0, counters.late_bundles)))
        return None

    def _plan(self, message: Message, client: Client, frame: int | None, plans: Plans) -> None:
        """Put into ``plans`` what one message asks for, wrappers taken off; what is wrong is answered."""
        request: int | None = None
        try:
            for _ in range(MAX_WRAPPERS):
                route = self._wrapper(message)
                if route is None:
                    break
                head, inner = self._unwrap(route, message)
                if route.wrapper == "request":
                    request = int(head)
                else:
                    frame = self._after(frame, head)
                message = inner
            self._collect(message, client, frame, request, plans)
        except (BridgeError, EngineError) as error:
            client.refuse(message.address, request or 0, error.code, str(error))

    def _remember(self, message: Message, orders: list[Order]) -> None:
        """Keep what a lone message means, if the table alone settles it."""
        order = orders[0]
        if order.command is None or not order.leaf.route.settled or order.leaf.address != message.address:
            return
        if len(self._meanings) >= MAX_REMEMBERED:
            self._meanings.clear()
        self._meanings[id(message)] = Meaning(message, order.leaf, order.command)

    def _wrapper(self, message: Message) -> Route | None:
        if not message.address.startswith(("/req", "/at")):
            return None
        route = self._tree.find(message.address).route
        return route if route.wrapper else None

    def _unwrap(self, route: Route, message: Message) -> tuple[float, Message]:
        if len(message.args) < 2:
            raise BadArguments(f"expects {usage(route)}")
        head, address = (take(a, v, self._port, {}) for a, v in zip(route.args, message.args, strict=False))
        if not isinstance(head, (int, float)) or not isinstance(address, str) or not address.startswith("/"):
            raise BadArguments(f"expects {usage(route)}, got {address!r} as address")
        return head, Message(address, message.args[2:])

    def _after(self, frame: int | None, delay_seconds: float) -> int:
        if frame is None:
            return self._port.clock.frame_at(self._wall() + delay_seconds)
        return frame + round(delay_seconds * self._port.sample_rate)

    def _collect(self, message: Message, client: Client, at: int | None, request: int | None, plans: Plans) -> None:
        if message.address.startswith(ANSWERS):
            return  # another engine's answer: answering it would never end
        leaves = self._tree.expand(message.address, self._port)
        if sum(map(len, plans.values())) + len(leaves) > MAX_ORDERS:
            raise TooBig(f"a bundle asks for more than {MAX_ORDERS} things")
        for leaf in leaves:
            try:
                order = self._order(leaf, message.args, client, request)
            except (BridgeError, EngineError) as error:
                client.refuse(leaf.address, request or 0, error.code, str(error))
            else:
                plans.setdefault(at, []).append(order)

    def _order(self, leaf: Leaf, args: tuple[object, ...], client: Client, request: int | None) -> Order:
        """Return what ``args`` at a leaf mean."""
        route, path = leaf.route, leaf.path
        plain = Order(client=client, leaf=leaf, request=request)
        if route.wrapper:
            raise BadArguments("a pattern can't wrap another message")
        if route.handler:
            return msgspec.structs.replace(plain, question=fields(route, args, self._port, path))
        if route.trigger:
            pressed, found = trigger_fields(route, args, self._port, path)
            builder = route.command if pressed else route.release
        elif route.read and not args:
            return msgspec.structs.replace(plain, reads=True)
        else:
            builder, found = route.command, fields(route, args, self._port, path)
            if builder is None:
                raise BadArguments("can only be read: send it without arguments")
        if builder is None:
            return plain
        if route.job:
            self.jobs += 1
            found["job"] = str(self.jobs)
        implied = route.implied(self._port) if route.implied else {}
        command = builder(**implied, **path, **found)
        return msgspec.structs.replace(plain, command=command, job=str(self.jobs) if route.job else None)

    def _schedule(self, frame: int, orders: Sequence[Order]) -> None:
        try:
            self.scheduler.add(frame, orders)
        except BridgeError as error:
            for order in orders:
                self._answer(order, error)

    def perform(self, orders: Sequence[Order], frame: int | None) -> None:
        """Do ``orders`` at ``frame`` (None: now), in one piece, and answer their senders."""
        outcomes: list[Values | Failure] = []
        try:
            if len(orders) == 1:
                outcomes.append(self._effect(orders[0], frame))
            else:
                with self._port.together():
                    outcomes.extend(self._effect(order, frame) for order in orders)
        except EngineError as error:
            outcomes = [error] * len(orders)  # the mixer took nothing of it
        for order, outcome in zip(orders, outcomes, strict=True):
            self._answer(order, outcome)

    def _effect(self, order: Order, frame: int | None) -> Values | Failure:
        route, path = order.leaf.route, order.leaf.path
        try:
            if order.command is not None:
                return self._apply(order.command, order, frame)
            if order.question is not None and route.handler:
                return self.desk.answer(route.handler, order.client, order.question)
            if order.reads and route.read:
                return give(route, route.read(self._port, path), self._port, path)
        except (BridgeError, EngineError) as error:
            return error
        return ()

    def _apply(self, command: Command, order: Order, frame: int | None) -> Values:
        if order.job is None:
            self._port.apply(command, frame)
            return ()
        self._feedback.own(order.job, order.client)
        try:
            self._port.apply(command, frame)
        except EngineError:
            self._feedback.disown(order.job)
            raise
        return (int(order.job),)

    def _answer(self, order: Order, outcome: Values | Failure) -> None:
        client, route, address = order.client, order.leaf.route, order.leaf.address
        if isinstance(outcome, (BridgeError, EngineError)):
            client.refuse(address, order.request or 0, outcome.code, str(outcome))
        elif order.request is not None:
            client.send(Message(f"/reply{address}", (order.request, "ok", *outcome)))
        elif order.reads or (order.question is not None and route.answer != ""):
            client.send(Message(route.answer or address, outcome))
        elif client.acknowledged:
            client.send(Message(f"/reply{address}", (0, "ok", *outcome)))

    def _clear_scheduled(self, chosen: Callable[[str], bool]) -> int:
        return self.scheduler.clear(lambda order: chosen(order.leaf.address))

    def _hear(self, events: tuple[Event, ...]) -> None:
        if any(isinstance(event, Panicked) for event in events):
            self.scheduler.clear()
