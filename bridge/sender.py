"""The sender: what cues send goes out when their frame is heard."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from bridge.errors import BridgeError
from bridge.midi.port import Stamp
from bridge.osc.out import OscOut
from bridge.port import EnginePort
from bridge.sent import Sent
from bridge.timed import Timed
from engine.events import Dropped, Event, MessageDue, PanicBegun, StartedLate
from engine.story.messages import MidiBase, Outgoing, SendOsc, describe

LATE_SECONDS = 0.002
"""What goes out later than this is told."""

LATENCY_SECONDS = 1.0
"""How long the output's latency is taken to be what it was."""


KEPT_SECONDS = 5.0
"""Marks of what was sent are kept for longer than the session tells of it again."""

HELD = "held/"

Held = tuple[str | None, bytes]
"""A port as a cue names it, and the first two bytes of a note on it."""


class Outlet(Protocol):
    """A MIDI output as cues see it."""

    @property
    def lead_seconds(self) -> float:
        """So long before its time it wants a message; 0: it sends at once."""
        ...

    def send(self, message: bytes, at: float) -> None:
        """Send a message at a Unix time, a ``Stamp`` where frames are to be kept, or at once.

        Any thread may call it. Raises BridgeError.
        """
        ...


class MidiOut(Protocol):
    """All MIDI outputs."""

    def outlet(self, port: str | None) -> Outlet:
        """Return the output whose name has ``port`` in it, None: our own. Raises PortError."""
        ...

    def prepare(self, message: Outgoing) -> bytes:
        """Return the bytes of a MIDI message."""
        ...


class Sender:
    """Hears which messages are due and has them sent. Event loop of the control process only.

    begin: called first by the thread that sends. midi: None while there is no MIDI. waits: MIDI messages are kept until
    ``ready`` says what there is. Panic forgets what waits and lets go of every note that a cue has pressed.

    What a sender before this one did not send is told again, and sent, late if need be; what it did is not sent twice.
    """

    def __init__(
        self,
        engine: EnginePort,
        wall: Callable[[], float] = time.time,
        begin: Callable[[], object] = lambda: None,
        *,
        waits: bool = False,
    ) -> None:
        self._engine, self._wall = engine, wall
        self._loop = asyncio.get_running_loop()
        self._timed, self._osc = Timed(wall, begin), OscOut()
        self.midi: MidiOut | None = None
        self.late = 0
        """How many messages went out late."""
        self._waiting: list[MessageDue] | None = [] if waits else None
        self._sent = Sent(engine)
        self._held = {_held_note(name) for name in engine.recalled(HELD)}
        """Ports and notes that are pressed."""
        self._latency, self._steady, self._asked = 0.0, False, float("-inf")
        self._end = engine.subscribe(self._hear)

    def ready(self, midi: MidiOut | None) -> None:
        """Send by these outputs from now on, and what has waited for them."""
        self.midi = midi
        waiting, self._waiting = self._waiting or [], None
        for due in waiting:
            self._give(due)

    def close(self) -> None:
        """Let go of every note and send nothing more."""
        self._end()
        self._end = lambda: None
        self._timed.close()
        self._let_go()
        self._osc.close()

    def _hear(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, MessageDue):
                self._take(event)
            elif isinstance(event, PanicBegun):
                self._timed.clear()
                self._osc.forget()
                if self._waiting is not None:
                    self._waiting.clear()
                self._let_go()

    def _take(self, due: MessageDue) -> None:
        """Take a message that is due, unless it was sent before this process was there."""
        self._sent.note(due.number, due.frame)
        fate = self._sent.fate(due.number)
        if fate == "unknown":
            self._drop(_what(due), "not_known", "control ended just when it was sent; whether it was, nobody knows")
        if fate != "new":
            return
        if self._waiting is not None and isinstance(due.message, MidiBase):
            self._waiting.append(due)
        else:
            self._give(due)

    def _give(self, due: MessageDue) -> None:
        rate = self._engine.sample_rate
        self._sent.forget(due.frame - round(KEPT_SECONDS * rate))
        at, what = self._heard_at(due.frame), _what(due)
        if isinstance(due.message, SendOsc):
            self._osc.prepare(
                due.message,
                lambda send: self._at(at, 0.0, send, what, due.number),
                lambda text: self._drop(what, "no_host", text),
            )
            return
        try:
            self._give_midi(due, at, what)
        except BridgeError as error:
            self._drop(what, error.code, str(error))

    def _give_midi(self, due: MessageDue, at: float, what: str) -> None:
        if self.midi is None:
            self._drop(what, "no_midi", "this engine was started without MIDI; --midi auto switches it on")
            return
        port = due.message.port if isinstance(due.message, MidiBase) else None
        outlet = self.midi.outlet(port)
        data = self.midi.prepare(due.message)
        if data[0] & 0xF0 == 0x90:
            self._hold(port, data)
        self._at(at, outlet.lead_seconds, lambda: outlet.send(data, at), what, due.number)

    def _hold(self, port: str | None, note: bytes) -> None:
        """Keep which notes are pressed."""
        held = port, note[:2]
        if note[2]:
            self._held.add(held)
        else:
            self._held.discard(held)
        self._engine.remember(_held_name(held), b"" if note[2] else None)

    def _let_go(self) -> None:
        for held in tuple(self._held):
            self._held.discard(held)
            self._engine.remember(_held_name(held), None)
            port, note = held
            if self.midi is not None:
                self._do(lambda p=port, n=note: self._release(p, n), "a note that is let go")  # type: ignore[misc]

    def _release(self, port: str | None, note: bytes) -> None:
        if self.midi is not None:
            outlet = self.midi.outlet(port)
            outlet.send(note + b"\0", self._wall() + outlet.lead_seconds)

    def _at(self, at: float, lead_seconds: float, send: Callable[[], None], what: str, number: int) -> None:
        def do() -> None:
            self._sent.going(number)
            self._do(send, what)
            self._sent.gone(number)

        def did(late_seconds: float) -> None:
            if late_seconds - lead_seconds > LATE_SECONDS:
                self._later(lambda: self._tell_late(what, late_seconds - lead_seconds))

        if not self._timed.at(at - lead_seconds, do, did):
            self._drop(what, "queue_full", "too many messages wait; this one was dropped")

    def _do(self, send: Callable[[], None], what: str) -> None:
        """Send; what stands against it is told in the event loop."""
        try:
            send()
        except (BridgeError, OSError) as error:
            code, text = getattr(error, "code", "not_sent"), str(error)
            self._later(lambda: self._drop(what, code, text))

    def _later(self, tell: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(tell)
        except RuntimeError:
            return  # the event loop has ended: nobody is told any more

    def _tell_late(self, what: str, late_seconds: float) -> None:
        self.late += 1
        self._engine.tell(StartedLate(what=what, late_seconds=late_seconds, sequence=self.late))

    def _drop(self, what: str, code: str, text: str) -> None:
        self._engine.tell(Dropped(what=what, code=code, text=text))

    def _heard_at(self, frame: int) -> float:
        """Return when a frame is heard: the output's latency after it leaves the engine, with that frame if steady."""
        now = self._loop.time()
        if now - self._asked > LATENCY_SECONDS:
            status = self._engine.status()
            self._latency, self._steady, self._asked = status.latency_seconds, status.steady, now
        at = self._engine.clock.time_at(frame) + self._latency
        return Stamp(at, frame + round(self._latency * self._engine.sample_rate)) if self._steady else at


def _what(due: MessageDue) -> str:
    return f"cue {due.cue}: {describe(due.message)}"


def _held_name(held: Held) -> str:
    port, note = held
    return f"{HELD}{note.hex()}" + ("" if port is None else f"/{port}")


def _held_note(name: str) -> Held:
    """Return what is held from its name, without ``HELD``."""
    note, slash, port = name.partition("/")
    return port if slash else None, bytes.fromhex(note)
