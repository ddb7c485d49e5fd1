"""The desk: answers what is asked of the bridge itself, one method per ``handler`` of the address table."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Protocol

import msgspec

from bridge import drafts
from bridge.access import DUMP, Access, Right
from bridge.arguments import usage
from bridge.clients import Client, Clients, LatePolicy
from bridge.errors import BadValue, Denied, NoMidi, NoSuchAddress
from bridge.feedback import Feedback
from bridge.message import Bundle, Message, TimeTag, Value
from bridge.midi.sync import SOURCES
from bridge.patterns import matches, split
from bridge.places import destination, is_loopback
from bridge.port import EnginePort
from bridge.routes import API_LEVEL, plain_address
from bridge.store_questions import StoreQuestions
from bridge.text import line
from bridge.tree import AddressTree
from engine.commands import ClearScheduled
from engine.units import frames_to_seconds

_log = logging.getLogger(__name__)

NAME = "cuevox"
MAX_NAME = 64

Values = tuple[Value, ...]
Answer = Values | Coroutine[Any, Any, Values]


class Counters(msgspec.Struct):
    """What went wrong at the edge since the start."""

    late_bundles: int = 0
    bad_packets: int = 0
    dropped_packets: int = 0
    dropped_messages: int = 0


class MidiQuestions(Protocol):
    """What can be asked of MIDI. Raise BridgeError."""

    def ports(self, client: Client) -> Values:
        """Tell every open port."""
        ...

    def learn(self, client: Client, address: str, options: str) -> Values:
        """Teach the control that is moved next."""
        ...

    def bind(self, port: str, control: str, address: str, options: str) -> Values:
        """Teach a control."""
        ...

    def unbind(self, port: str, control: str) -> Values:
        """Have a control forget."""
        ...

    def bindings(self, client: Client) -> Values:
        """Tell what every control does."""
        ...

    def daw(self, button: str) -> Values:
        """Press a button in a DAW."""
        ...

    def lights(self, on: bool) -> Values:
        """Show lights or leave them alone."""
        ...

    def clock_source(self, wanted: str) -> Values:
        """Follow another clock, or tell which one."""
        ...

    def record(self, name: str) -> Values:
        """Take down what is played."""
        ...

    def record_stop(self) -> Values:
        """Write what was played."""
        ...


class Desk:
    """What can be asked of the bridge itself. Each method takes the client and the row's arguments by name."""

    def __init__(
        self,
        port: EnginePort,
        tree: AddressTree,
        clients: Clients,
        feedback: Feedback,
        *,
        version: str,
        commit: str = "",
        clear_scheduled: Callable[[Callable[[str], bool]], int],
        wall: Callable[[], float] = time.time,
        access: Access | None = None,
    ) -> None:
        self._access = access or Access({}, clients.now)
        self._port, self._tree, self._clients, self._feedback = port, tree, clients, feedback
        self._version, self._commit = version, commit
        self._clear_scheduled, self._wall = clear_scheduled, wall
        self._store = StoreQuestions(port)
        self.counters = Counters()
        self.midi: MidiQuestions | None = None
        """Who answers what is asked of MIDI; None: there is no MIDI here."""
        self.end: Callable[[], object] | None = None
        """Ends the engine."""
        self.learner: Client | None = None
        """Who wants to hear of the next message that comes in."""
        self.changed: Callable[[Client], object] = lambda _: None
        """Hears of clients that want to be told other things than before."""

    def answer(self, handler: str, client: Client, fields: dict[str, Any]) -> Answer:
        """Answer one question, or return what is to be awaited for its answer."""
        method: Callable[..., Answer] = getattr(self, handler, None) or getattr(self._store, handler)
        return method(client, **fields)

    def ping(self, client: Client, id: int = 0) -> Values:  # noqa: ARG002 - the row's name
        """Give a sign of life."""
        return id, NAME, self._version, TimeTag.from_unix(self._wall())

    def version(self, client: Client) -> Values:  # noqa: ARG002
        """Tell the version in scsynth's order."""
        major, minor, patch = (*self._version.split(".", 2), "0", "0")[:3]
        return NAME, int(major), int(minor), patch, self._commit

    def api(self, client: Client) -> Values:  # noqa: ARG002
        """Tell the level of the address table."""
        return (API_LEVEL,)

    def status(self, client: Client) -> Values:  # noqa: ARG002
        """Tell how the engine and the bridge fare."""
        counters = self.counters
        told = msgspec.structs.asdict(self._port.status())
        del told["steady"]
        return (
            *told.values(),
            counters.late_bundles,
            counters.bad_packets,
            counters.dropped_packets + counters.dropped_messages,
            len(self._clients),
        )

    def black_box(self, client: Client, reason: str = "asked for") -> Values:  # noqa: ARG002
        """Write the last minute into a file."""
        return (self._port.write_black_box(reason),)

    def sync(self, client: Client, id: int) -> Values:  # noqa: ARG002
        """Be a barrier: everything before has been done."""
        return (id,)

    def clock_now(self, client: Client) -> Values:  # noqa: ARG002
        """Tell the wall time and its frame."""
        now = self._wall()
        return TimeTag.from_unix(now), self._port.clock.frame_at(now)

    def list_addresses(self, client: Client, pattern: str = "//") -> Values:
        """Tell every address that exists now, in slices."""
        split(pattern)
        self._feedback.pour(client, self._listing(pattern))
        return ()

    def _listing(self, pattern: str) -> Iterator[Message | None]:
        count = 0
        for leaf in self._tree.candidates(pattern, self._port):
            if not matches(pattern, leaf.address):
                yield None
                continue
            count += 1
            yield Message("/list", (leaf.address, usage(leaf.route), leaf.route.access))
        yield Message("/list/end", (pattern, count))

    def clock_ping(self, client: Client, id: int, sent_at: TimeTag) -> Values:
        """Stamp a ping with when it came and when it is answered."""
        now = self._wall()
        return id, sent_at, TimeTag.from_unix(client.heard_at or now), TimeTag.from_unix(now)

    def late_policy(self, client: Client, rule: str = "", within_ms: float = 0.0) -> Values:
        """Have what comes late from a client played or dropped; without a rule only tell."""
        if rule:
            try:
                client.late = msgspec.convert({"rule": rule, "within_ms": within_ms}, LatePolicy)
            except msgspec.ValidationError:
                raise BadValue(f"{rule!r} is no rule; there is: play, drop, play_within") from None
        return client.late.rule, client.late.within_ms

    def clock_source(self, client: Client, wanted: str = "") -> Values:
        """Have the timeline follow another clock; without a name only tell which."""
        if wanted and wanted not in SOURCES:
            raise BadValue(f"{wanted!r} is no clock source; there is: {', '.join(SOURCES)}")
        if wanted and client.right < Right.TRIGGER:
            raise Denied(f"needs the right to trigger, you have {client.right.word}; see /connect")
        if self.midi is None and wanted in ("", "internal"):
            return "internal", "internal", "stopped", "internal"
        return self._midi().clock_source(wanted)

    def clear_scheduled(self, client: Client, pattern: str = "") -> Values:  # noqa: ARG002
        """Forget what is scheduled: ours, and without a pattern the mixer's too."""
        if pattern:
            split(pattern)
            return (self._clear_scheduled(lambda address: matches(pattern, address)),)
        count = self._clear_scheduled(lambda _: True)
        self._port.apply(ClearScheduled())
        return (count,)

    def reset_loudness(self, client: Client) -> Values:  # noqa: ARG002
        """Measure loudness from now on."""
        self._port.reset_loudness()
        return ()

    def ack(self, client: Client, on: bool) -> Values:
        """Answer commands that went well, too, or not."""
        client.acknowledged = on
        self.changed(client)
        return ()

    def reply_port(self, client: Client, port: int) -> Values:
        """Send answers and feedback elsewhere on the client's machine."""
        client.redirect(port)
        self.changed(client)
        return ()

    def bundles(self, client: Client, on: bool) -> Values:
        """Tell a client what belongs together in bundles, or in messages only."""
        client.bundled = on
        self.changed(client)
        return ()

    def connect(self, client: Client, passcode: str | None = None) -> Values:
        """Grant what a passcode grants; without one tell what the client may do, and give it a challenge."""
        if passcode is None:
            return client.right.word, self._access.challenge(client)
        self._access.connect(client, passcode)
        self.changed(client)
        return client.right.word, ""

    def connect_response(self, client: Client, response: str) -> Values:
        """Grant what the passcode grants that a response proves."""
        self._access.respond(client, response)
        self.changed(client)
        return (client.right.word,)

    def edit_begin(self, client: Client, name: str = "") -> Values:
        """Keep a client's edits until they are made as one."""
        drafts.begin(client, name, self._port.editing().version)
        return (self._port.editing().version,)

    def edit_end(self, client: Client) -> Values:
        """Make what a client has edited as one step."""
        self._port.apply(drafts.end(client), None, client.shown)
        return (self._port.editing().version,)

    def edit_cancel(self, client: Client) -> Values:
        """Forget what a client has edited."""
        return (len(drafts.cancel(client).edits),)

    def edits_since(self, client: Client, version: int) -> Values:
        """Tell what has changed behind a version."""
        for news in self._port.edits_since(version):
            client.send(Message("/edit/since", (news.version, news.name, news.client, ", ".join(news.what))))
        return (self._port.editing().version,)

    def find_text(self, client: Client, text: str) -> Values:
        """Tell where a text is said."""
        found, rate = self._port.find_text(text), self._port.sample_rate
        for clip, word, frame in found:
            seconds = -1.0 if frame < 0 else frames_to_seconds(frame, rate)
            client.send(Message("/edit/find", (clip, word, seconds)))
        return (len(found),)

    def automation_points(self, client: Client, strip: str, target: str = "") -> Values:
        """Tell every point of one lane of a strip, or of all, in slices."""
        lanes = (target,) if target else tuple(self._port.strip_state(strip).automation)
        found = [(lane, *point) for lane in lanes for point in self._port.automation(strip, lane)]
        self._feedback.pour(client, self._points(strip, found))
        return ()

    def _points(self, strip: str, found: list[tuple[str, int, float, str]]) -> Iterator[Message | None]:
        for lane, frame, value, curve in found:
            seconds = frames_to_seconds(frame, self._port.sample_rate)
            yield Message("/automation/points", (strip, lane, seconds, float(value), curve))
        yield Message("/automation/points/end", (strip, len(found)))

    def quit(self, client: Client) -> Values:
        """End the engine."""
        _log.info("%s wants the engine to end", client.shown)
        if self.end is None:
            raise BadValue("this engine can't be ended from here")
        self.end()
        return ()

    def reply_url(self, client: Client, url: str) -> Values:
        """Send answers and feedback to a URL as liblo writes it."""
        host, port = destination(url) if url else ("", 0)
        if host not in ("", client.source[0]) and not is_loopback(client.source[0]):
            raise Denied(f"answers go to {client.source[0]}, where you send from, not to {host}")
        client.redirect(port, host)
        self.changed(client)
        return ()

    def client_name(self, client: Client, name: str | None = None) -> Values:
        """Call a client by a name."""
        if name is not None:
            client.name = name[:MAX_NAME]
        return (client.name,)

    def dump(self, client: Client, on: bool) -> Values:
        """Tell a client of every message that comes in, or no more."""
        if on:
            return self.subscribe(client, DUMP)
        return self.unsubscribe(client, DUMP)

    def learn_osc(self, client: Client) -> Values:
        """Tell a client of the next message that anybody sends."""
        self.learner = client
        return ()

    def learn(self, bundle: Bundle, client: Client) -> None:
        """Tell who waits for it of a bundle's first message that is no question."""
        for message in bundle.messages:
            if self.learner is not None and not self._asks(message.address):
                learner, self.learner = self.learner, None
                learner.send(Message("/learnt", (client.shown, message.address, line(message))))

    def _asks(self, address: str) -> bool:
        try:
            return self._tree.find(plain_address(address)).route.access == "ask"
        except NoSuchAddress:
            return False

    def subscribe(self, client: Client, pattern: str, interval_ms: int = 0, lease_seconds: float = 60.0) -> Values:
        """Tell a client of everything that matches."""
        split(pattern)
        subscription = self._clients.subscribe(client, pattern, interval_ms / 1000.0, lease_seconds)
        self.changed(client)
        self._feedback.listen(client, subscription)
        return ()

    def unsubscribe(self, client: Client, pattern: str) -> Values:
        """Tell a client no more of a pattern."""
        if client.subscriptions.pop(pattern, None) is None:
            known = ", ".join(client.subscriptions) or "none"
            raise BadValue(f"no subscription to {pattern!r}; there is: {known}")
        self._feedback.ignore(client)
        self.changed(client)
        return ()

    def subscriptions(self, client: Client) -> Values:
        """Tell what a client is subscribed to."""
        for s in client.subscriptions.values():
            left = round(s.expires_at - self._clients.now(), 3)
            client.send(Message("/subscriptions", (s.pattern, round(s.interval_seconds * 1000.0), left)))
        return (len(client.subscriptions),)

    def midi_ports(self, client: Client) -> Values:
        """Tell every open MIDI port."""
        return self._midi().ports(client)

    def midi_learn(self, client: Client, address: str, options: str = "") -> Values:
        """Teach the control that is moved next."""
        return self._midi().learn(client, address, options)

    def midi_bind(self, client: Client, port: str, control: str, address: str, options: str = "") -> Values:  # noqa: ARG002
        """Teach a control."""
        return self._midi().bind(port, control, address, options)

    def midi_unbind(self, client: Client, port: str, control: str) -> Values:  # noqa: ARG002
        """Have a control forget what it was taught."""
        return self._midi().unbind(port, control)

    def midi_bindings(self, client: Client) -> Values:
        """Tell what every control does."""
        return self._midi().bindings(client)

    def midi_lights(self, client: Client, on: bool) -> Values:  # noqa: ARG002
        """Keep lights up to date or leave them alone."""
        return self._midi().lights(on)

    def midi_daw(self, client: Client, button: str) -> Values:  # noqa: ARG002
        """Press a button of the DAW that takes us for a control surface."""
        return self._midi().daw(button)

    def midi_record(self, client: Client, name: str = "") -> Values:  # noqa: ARG002
        """Take down the pads that are played."""
        return self._midi().record(name)

    def midi_record_stop(self, client: Client) -> Values:  # noqa: ARG002
        """Write what was played into its file."""
        return self._midi().record_stop()

    def _midi(self) -> MidiQuestions:
        if self.midi is None:
            raise NoMidi("this engine runs without MIDI; `midi: auto` in the settings, or --midi auto, switches it on")
        return self.midi

    def resync(self, client: Client) -> Values:
        """Tell a client again all that it subscribed to."""
        self._feedback.resync(client)
        return ()
