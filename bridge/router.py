"""The router: turns messages into commands and questions, at their frame, and answers their senders."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast, get_args

import msgspec

from bridge.access import Access, Right, needed
from bridge.appointments import Appointments, Place
from bridge.arguments import fields, give, take, trigger_fields, usage
from bridge.clients import Client, Clients
from bridge.desk import Answer, Desk, Values
from bridge.diary import Diary
from bridge.drafts import as_step
from bridge.errors import BadArguments, BridgeError, Denied, Failure, NoSuchAddress, TooBig
from bridge.feedback import Feedback
from bridge.message import IMMEDIATELY, Bundle, Message, TimeTag
from bridge.nearest import hinted
from bridge.order import Moment, Order
from bridge.places import HostPort
from bridge.port import EnginePort
from bridge.route import Route
from bridge.routes import ALIAS, ANSWERS, plain_address
from bridge.scheduler import CallLater, Scheduler
from bridge.tree import AddressTree, Leaf
from engine.commands import Command, PrepareLine, Say, StoryEdit
from engine.edits import Redo, Undo
from engine.errors import EngineError, TooLate
from engine.events import Event, PanicBegun, TransportChanged
from engine.units import seconds_to_frames

MAX_ORDERS = 256
"""How much one bundle may ask for, patterns counted out: more would hold up everybody else."""

MAX_WRAPPERS = 4

MAX_REMEMBERED = 256
"""Messages whose meaning is remembered: the codec gives the same one again for a packet that came before."""


_STEPS = frozenset((*get_args(StoryEdit), Undo, Redo))


class Meaning(msgspec.Struct, frozen=True):
    """What a message means, whenever and from whomever it comes. right: what one must be allowed for that."""

    message: Message
    leaf: Leaf
    command: Command
    right: Right


Plans = dict[Moment, list[Order]]
"""Orders by when they are to be done."""


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
        access: Access | None = None,
    ) -> None:
        self._port, self._tree, self._feedback, self._wall = port, tree, feedback, wall
        self.jobs = 0
        """The number of the last job."""
        self._meanings: dict[int, Meaning] = {}
        self._awaited: set[asyncio.Task[Values]] = set()
        self.diary = Diary(port, tree, clients, self._frame_now)
        self.scheduler: Scheduler[Order] = Scheduler(port, self.perform, call_later=call_later, now=wall)
        self.appointments: Appointments[Order] = Appointments(port, self.perform, call_later=call_later, now=wall)
        self.desk = Desk(
            port, tree, clients, feedback,
            version=version, commit=commit, clear_scheduled=self._clear_scheduled, wall=wall, access=access,
        )  # fmt: skip
        self._end = port.subscribe(self._hear)

    def close(self) -> None:
        """Forget what is scheduled and hear no more."""
        self._end()
        for task in self._awaited:
            task.cancel()
        self.scheduler.close()
        self.appointments.clear()

    def recall(self, again: Callable[[HostPort], Client | None]) -> None:
        """Do later, or late, what a router that is gone was to do; ``again`` finds who asked for it."""
        for at, since, orders in list(self.diary.recall(again)):
            self.jobs = max([self.jobs, *(int(order.job) for order in orders if order.job is not None)])
            frame = self._port.timeline_reaches(at.timeline_frame, since) if isinstance(at, Place) else at
            if frame is not None and frame < self._frame_now():
                self._do_late(orders, frame)
            else:
                self._schedule(at, orders)

    def _frame_now(self) -> int:
        return self._port.clock.frame_at(self._wall())

    def _do_late(self, orders: list[Order], frame: int) -> None:
        """Tell that the moment of orders has passed while nobody was there, and do now what may be late."""
        late_ms = (self._wall() - self._port.clock.time_at(frame)) * 1000.0
        kept: list[Order] = []
        for order in orders:
            self.desk.counters.late_bundles += 1
            order.client.send(Message("/late", (order.leaf.address, late_ms, self.desk.counters.late_bundles)))
            if order.client.late.drops(late_ms):
                error = TooLate(f"{late_ms:.1f} ms late; /clock/late says what becomes of that")
                order.client.refuse(order.leaf.address, order.request or 0, error)
            else:
                kept.append(order)
        if kept:
            self.perform(kept, frame)

    def receive(self, bundle: Bundle, client: Client) -> None:
        """Do what a bundle asks for, now or at its time."""
        if bundle.tag is IMMEDIATELY and not bundle.at_once and (order := self._meant(bundle.messages, client)):
            self.perform((order,), None)  # nothing is to be found out: so it is with most
            return
        try:
            frame = self._moment(bundle, client)
        except TooLate as error:
            for message in bundle.messages:
                self._plan(message, client, None, {}, refused=error)
            return
        plans = self._plans(bundle.messages, client, frame)
        for at, orders in plans.items():
            if at is None or (bundle.at_once and isinstance(at, int)):
                self.perform(orders, at)
            else:
                self._schedule(at, orders)

    def _plans(self, messages: tuple[Message, ...], client: Client, frame: Moment) -> Plans:
        order = self._meant(messages, client)
        if order is not None:
            return {frame: [order]}
        plans: Plans = {}
        for message in messages:
            self._plan(message, client, frame, plans)
        if len(messages) == 1 and frame in plans:
            self._remember(messages[0], plans[frame])
        return plans

    def _meant(self, messages: tuple[Message, ...], client: Client) -> Order | None:
        """Return what a lone message asks for that is remembered, and that the client may ask for."""
        known = self._meanings.get(id(messages[0])) if len(messages) == 1 else None
        if known is None or client.right < known.right:
            return None
        return Order(client=client, leaf=known.leaf, request=None, command=known.command)

    def _moment(self, bundle: Bundle, client: Client) -> int | None:
        """Return the frame of a bundle's time; that one is past its sender is told, and it plays now if it may.

        Raises TooLate.
        """
        if bundle.at_once:
            return bundle.frame
        if bundle.tag.immediate or not bundle.messages:
            return None
        late_seconds = self._wall() - bundle.tag.unix
        if late_seconds <= 0.0:
            return self._port.clock.frame_at(bundle.tag.unix) if bundle.frame is None else bundle.frame
        self._tell_late(bundle.messages[0].address, late_seconds, client)
        return None

    def _tell_late(self, address: str, late_seconds: float, client: Client) -> None:
        """Tell a sender that the moment of something has passed. Raises TooLate where it wants that dropped."""
        counters, late_ms = self.desk.counters, late_seconds * 1000.0
        counters.late_bundles += 1
        client.send(Message("/late", (address, late_ms, counters.late_bundles)))
        if client.late.drops(late_ms):
            raise TooLate(f"{late_ms:.1f} ms late; /clock/late says what becomes of that")

    def _own_moment(self, leaf: Leaf, args: tuple[object, ...], client: Client) -> Moment:
        """Return when a message is to be done that says so itself. Raises TooLate."""
        when = take(leaf.route.args[0], args[0], self._port, leaf.path)
        if not isinstance(when, TimeTag):
            return Place(self._port.frame_of_beat(float(cast(float, when))))
        late_seconds = self._wall() - when.unix
        if not when.immediate and late_seconds <= 0.0:
            return self._port.clock.frame_at(when.unix)
        if not when.immediate:
            self._tell_late(leaf.address, late_seconds, client)
        return None

    def _plan(
        self, message: Message, client: Client, frame: Moment, plans: Plans, *, refused: TooLate | None = None
    ) -> None:
        """Put into ``plans`` what one message asks for, wrappers taken off; what is wrong is answered.

        refused: why nothing of it is done.
        """
        request: int | None = None
        version: int | None = None
        try:
            for _ in range(MAX_WRAPPERS):
                route = self._wrapper(message)
                if route is None:
                    break
                head, inner = self._unwrap(route, message)
                if route.wrapper == "request":
                    request = int(head)
                elif route.wrapper == "version":
                    version = int(head)
                else:
                    frame = self._later(route, frame, head)
                message = inner
            if refused is not None:
                raise refused
            self._collect(message, client, frame, request, plans, version)
        except (BridgeError, EngineError) as error:
            if isinstance(error, NoSuchAddress):
                error = hinted(error, message.address, self._tree, self._port)
            client.refuse(message.address, request or 0, error)

    def _remember(self, message: Message, orders: list[Order]) -> None:
        """Keep what a lone message means, if the table alone settles it."""
        order = orders[0]
        if order.command is None or not order.leaf.route.settled or order.leaf.address != message.address:
            return
        if len(self._meanings) >= MAX_REMEMBERED:
            self._meanings.clear()
        right = needed(order.leaf.route, writes=True)
        self._meanings[id(message)] = Meaning(message, order.leaf, order.command, right)

    def _wrapper(self, message: Message) -> Route | None:
        address = plain_address(message.address)
        if not address.startswith(("/req", "/at", "/edit/on")):
            return None
        route = self._tree.find(address).route
        return route if route.wrapper else None

    def _unwrap(self, route: Route, message: Message) -> tuple[float, Message]:
        if len(message.args) < 2:
            raise BadArguments(f"expects {usage(route)}")
        head, address = (take(a, v, self._port, {}) for a, v in zip(route.args, message.args, strict=False))
        if not isinstance(head, (int, float)) or not isinstance(address, str) or not address.startswith("/"):
            raise BadArguments(f"expects {usage(route)}, got {address!r} as address")
        return head, Message(address, message.args[2:])

    def _later(self, route: Route, moment: Moment, head: float) -> Moment:
        """Return when a wrapper has something done that was to be done at ``moment``."""
        if route.wrapper == "beat":
            return Place(self._port.frame_of_beat(head))
        if route.wrapper == "position":
            return Place(seconds_to_frames(head, self._port.sample_rate))
        if isinstance(moment, Place):
            return Place(moment.timeline_frame + round(head * self._port.sample_rate))
        if moment is None:
            return self._port.clock.frame_at(self._wall() + head)
        return moment + round(head * self._port.sample_rate)

    def _collect(
        self,
        message: Message,
        client: Client,
        at: Moment,
        request: int | None,
        plans: Plans,
        version: int | None = None,
    ) -> None:
        if message.address.startswith(ANSWERS):
            return  # another engine's answer: answering it would never end
        address = plain_address(message.address)
        leaves = self._tree.expand(address, self._port)
        if address is not message.address:  # answers begin as the question did
            leaves = [Leaf(ALIAS + leaf.address[1:], leaf.route, leaf.path) for leaf in leaves]
        if sum(map(len, plans.values())) + len(leaves) > MAX_ORDERS:
            raise TooBig(f"a bundle asks for more than {MAX_ORDERS} things")
        for leaf in leaves:
            try:
                order = self._order(leaf, message.args, client, request)
                moment = self._own_moment(leaf, message.args, client) if leaf.route.timed else at
            except (BridgeError, EngineError) as error:
                client.refuse(leaf.address, request or 0, error)
            else:
                plans.setdefault(moment, []).append(
                    order if version is None else msgspec.structs.replace(order, version=version)
                )

    def _order(self, leaf: Leaf, args: tuple[object, ...], client: Client, request: int | None) -> Order:
        """Return what ``args`` at a leaf mean."""
        route, path = leaf.route, leaf.path
        plain = Order(client=client, leaf=leaf, request=request)
        _check_right(client, route, writes=bool(args) or not route.read)
        if route.wrapper:
            raise BadArguments("a pattern can't wrap another message")
        if route.handler:
            return msgspec.structs.replace(plain, question=fields(route, args, self._port, path))
        if route.trigger:
            pressed, found = trigger_fields(route, args, self._port, path)
            builder = route.command if pressed else route.release
        elif route.read and not args:
            return msgspec.structs.replace(plain, reads=True)
        elif route.command is None:
            raise BadArguments("can only be read: send it without arguments")
        else:
            builder, found = route.command, fields(route, args, self._port, path)
        if builder is None:
            return plain
        if route.job:
            self.jobs += 1
            found["job"] = str(self.jobs)
        implied = route.implied(self._port) if route.implied else {}
        command = builder(**implied, **path, **found)
        return msgspec.structs.replace(plain, command=command, job=str(self.jobs) if route.job else None)

    def _schedule(self, at: int | Place, orders: Sequence[Order]) -> None:
        orders = [order for order in orders if self._prepares(order)]
        if not orders:
            return
        try:
            if isinstance(at, Place):
                self.appointments.add(at, orders)
            elif not self.scheduler.add(at, orders):
                return
            self.diary.write(at, orders)
        except BridgeError as error:
            for order in orders:
                self._answer(order, error)

    def _prepares(self, order: Order) -> bool:
        """Have a line made now that is to be spoken later; False: it can't be, and its sender was told."""
        if isinstance(order.command, Say):
            how = {name: getattr(order.command, name) for name in PrepareLine.__struct_fields__}
            try:
                self._port.apply(PrepareLine(**how))
            except EngineError as error:
                self._answer(order, error)
                return False
        return True

    def perform(self, orders: Sequence[Order], frame: int | None) -> None:
        """Do ``orders`` at ``frame`` (None: now), in one piece, and answer their senders."""
        outcomes: list[Answer | Failure] = []
        self.diary.strike(orders)
        try:
            if len(orders) == 1:
                outcomes.append(self._effect(orders[0], frame))
            else:
                with self._port.together():
                    outcomes.extend(self._effect(order, frame) for order in orders)
        except EngineError as error:
            for outcome in outcomes:
                if isinstance(outcome, Coroutine):
                    outcome.close()  # nobody asks it any more
            outcomes = [error] * len(orders)  # the mixer took nothing of it
        for order, outcome in zip(orders, outcomes, strict=True):
            if isinstance(outcome, Coroutine):
                self._answer_later(order, outcome)
            else:
                self._answer(order, outcome)

    def _answer_later(self, order: Order, answer: Coroutine[Any, Any, Values]) -> None:
        """Answer once it is known what; a question that this router does not live to ask is none."""
        order.client.awaited += 1
        task = asyncio.get_running_loop().create_task(answer)
        self._awaited.add(task)
        task.add_done_callback(lambda done: self._known(order, done))

    def _known(self, order: Order, done: asyncio.Task[Values]) -> None:
        self._awaited.discard(done)
        order.client.awaited -= 1
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            self._answer(order, done.result())
        elif isinstance(error, (BridgeError, EngineError)):
            self._answer(order, error)
        else:
            raise error

    def _effect(self, order: Order, frame: int | None) -> Answer | Failure:
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
        if type(command) in _STEPS:
            edit = as_step(cast(StoryEdit | Undo | Redo, command), order)
            if edit is not None:
                self._port.apply(edit, frame, order.client.shown)
            return ()
        if order.job is None:
            self._port.apply(command, frame, order.client.shown)
            return ()
        self._feedback.own(order.job, order.client, order.leaf.route.address.split("/")[1])
        try:
            self._port.apply(command, frame, order.client.shown)
        except EngineError:
            self._feedback.disown(order.job)
            raise
        return (int(order.job),)

    def _answer(self, order: Order, outcome: Values | Failure) -> None:
        client, route, address = order.client, order.leaf.route, order.leaf.address
        if isinstance(outcome, (BridgeError, EngineError)):
            client.refuse(address, order.request or 0, outcome)
        elif order.request is not None:
            client.send(Message(f"/reply{address}", (order.request, "ok", *outcome)))
        elif order.reads or (order.question is not None and route.answer != ""):
            if outcome or not route.answer:  # else it comes in slices, with an end of its own
                client.send(Message(route.answer or address, outcome))
        elif client.acknowledged:
            client.send(Message(f"/reply{address}", (0, "ok", *outcome)))

    def _clear_scheduled(self, chosen: Callable[[str], bool]) -> int:
        queues = (self.scheduler, self.appointments)
        cleared = sum(queue.clear(lambda order: chosen(order.leaf.address)) for queue in queues)
        if cleared:
            self.diary.rewrite([*self.scheduler.groups(), *self.appointments.groups()])
        return cleared

    def _hear(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, PanicBegun):
                self._clear_scheduled(lambda _: True)
            elif isinstance(event, TransportChanged):
                self.appointments.moved()


def _check_right(client: Client, route: Route, *, writes: bool) -> None:
    right = needed(route, writes=writes)
    if client.right < right:
        raise Denied(f"needs the right to {right.word}, you have {client.right.word}; see /connect")
