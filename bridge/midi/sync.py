"""Sync: the one clock that the timeline follows, and how closely."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from bridge.midi.chaser import Chaser, Followed
from bridge.midi.clock_follower import ClockFollower
from bridge.midi.machine import MachineCommand, parse_machine
from bridge.midi.mtc import parse_full_frame
from bridge.midi.mtc_follower import MtcFollower
from bridge.midi.show import ShowCommand, parse_show
from bridge.midi.timecode import from_seconds
from bridge.port import EnginePort
from engine.commands import Command, GoCue, Locate, Panic, Play, Stop, StopCue
from engine.errors import EngineError
from engine.events import ClockSourceChanged, Dropped, SyncChanged

SourceName = Literal["internal", "mtc", "clock", "link", "jack"]
PRIORITY: tuple[SourceName, ...] = ("mtc", "clock", "link", "jack", "internal")
"""With ``auto`` the first of these that runs is followed."""

SOURCES = ("auto", *PRIORITY)
"""What may be wanted."""

FREEWHEEL_SECONDS = 0.5


class Outside(Protocol):
    """A clock that has to be asked where it is: Link, JACK's transport."""

    def followed(self, at: float) -> Followed:
        """Return where it is at a Unix time."""
        ...

    def close(self) -> None:
        """Follow it no more."""
        ...


class Sync:
    """Hears every clock, follows one. Event loop of the control process only.

    wanted: the source that is followed, or ``auto``. outsides: the clocks that are asked, by name. Machine and show
    control are commands, not clocks: they are carried out whatever is followed.
    """

    def __init__(self, engine: EnginePort, wanted: str = "internal", outsides: dict[SourceName, Outside] | None = None):
        self._engine = engine
        self._wanted = wanted
        self.outsides: Mapping[SourceName, Outside] = outsides or {}
        self._mtc, self._clock = MtcFollower(), ClockFollower()
        self._heard_from: dict[str, str] = {}
        self._chaser = Chaser(engine)
        self._places: dict[SourceName, float | None] = {}
        self._told = (wanted, "internal", "stopped")
        self.source: SourceName = "internal"

    @property
    def follows(self) -> bool:
        """Whether there is a clock to be followed at all."""
        return self._wanted != "internal"

    @property
    def facts(self) -> ClockSourceChanged:
        """Return what is wanted, and what is followed how closely."""
        wanted, source, state = self._told
        return ClockSourceChanged(wanted=wanted, source=source, state=state, priority=", ".join(PRIORITY))

    def follow(self, wanted: str, outsides: Mapping[SourceName, Outside], at: float) -> tuple[Outside, ...]:
        """Follow another source from a Unix time on; return the clocks that are asked no more, for closing.

        A timeline that runs is not stopped by that: it runs on until the other one leads it.
        """
        left = tuple(outside for outside in self.outsides.values() if outside not in outsides.values())
        self._wanted, self.outsides = wanted, outsides
        if self._choose(self._found(at)) != self.source:
            self._chaser.let_go()
            self._places.clear()
            self.source = "internal"
        self.look(at)
        return left

    def close(self) -> None:
        """Follow nothing more."""
        for outside in self.outsides.values():
            outside.close()

    def hear(self, port: str, message: bytes, at: float) -> str:
        """Take a System message of a port; return what it did, an empty text: nothing."""
        status = message[0]
        if status == 0xF0:
            return self._sysex(message)
        kind = "mtc" if status == 0xF1 else "clock"
        if self._heard_from.setdefault(kind, port) != port:
            if not self._silent(kind, at):
                return "passed over: another port sends it already"
            self._heard_from[kind] = port
        match status:
            case 0xF1:
                self._mtc.quarter(message[1], at)
            case 0xF8:
                self._clock.tick(at)
            case 0xFA:
                self._clock.start()
            case 0xFB:
                self._clock.resume()
            case 0xFC:
                self._clock.stop()
            case 0xF2:
                self._clock.locate(message[1] | message[2] << 7)
            case _:
                return ""
        if status not in (0xF1, 0xF8):
            self.look(at)
        return ""

    def look(self, at: float) -> None:
        """Compare the timeline with the clock that is followed, at a Unix time. Called many times a second."""
        found = self._found(at)
        before, self.source = self.source, self._choose(found)
        followed = found.get(self.source) or Followed(state="stopped")
        self._tell(followed)
        if self.source != "internal":
            self._chaser.chase(followed, at)
            return
        if before != "internal":
            self._chaser.chase(followed, at)  # what was followed has stopped
        self._chaser.let_go()
        if self._wanted == "auto":
            self._stand_with(found)

    def _found(self, at: float) -> dict[SourceName, Followed]:
        return {name: self._followed(name, at) for name in PRIORITY if name != "internal"}

    def _choose(self, found: dict[SourceName, Followed]) -> SourceName:
        if self._wanted != "auto":
            return next((name for name in PRIORITY if name == self._wanted), "internal")
        return next((name for name in PRIORITY if name in found and found[name].state != "stopped"), "internal")

    def _stand_with(self, found: dict[SourceName, Followed]) -> None:
        """Put a resting timeline where a clock that rests was moved to."""
        for name, followed in found.items():
            place = (followed.seconds if followed.beat is None else followed.beat) if followed.stands else None
            before = self._places.get(name)
            self._places[name] = place
            was_moved = before is not None or followed.beat is not None  # a song position is told when it is meant
            if place is not None and place != before and was_moved and not self._engine.transport_state().playing:
                self._chaser.stand(followed)

    def _followed(self, name: SourceName, at: float) -> Followed:
        if name == "mtc":
            position = self._mtc.position(at)
            state = self._mtc.state(at)
            if position is None or self._mtc.direction < 0:
                return Followed(state="locking" if state == "locking" else "stopped", seconds=position)
            return Followed(state=state, seconds=position, rate=self._mtc.rate, running=True)
        if name == "clock":
            return self._clock_followed(at)
        outside = self.outsides.get(name)
        return outside.followed(at) if outside else Followed(state="stopped")

    def _clock_followed(self, at: float) -> Followed:
        clock = self._clock
        if not clock.running:
            beat = clock.beat(at) if clock.placed else None
            return Followed(state="stopped", beat=beat, tempo_bpm=clock.tempo_bpm, stands=True)
        state: Literal["stopped", "locking", "locked", "freewheel"] = "locked" if clock.locked else "locking"
        if clock.lost(at - FREEWHEEL_SECONDS):
            clock.stop()
            return Followed(state="stopped", beat=clock.beat(at))
        if clock.lost(at + FREEWHEEL_SECONDS):
            state = "freewheel"
        return Followed(state=state, beat=clock.beat(at), tempo_bpm=clock.tempo_bpm, running=True)

    def _silent(self, kind: str, at: float) -> bool:
        return self._mtc.state(at) == "stopped" if kind == "mtc" else self._clock.lost(at)

    def _tell(self, followed: Followed) -> None:
        before, self._told = self._told, (self._wanted, self.source, followed.state)
        if self._told == before:
            return
        self._engine.tell(self.facts)
        if self._told[1:] == before[1:]:
            return
        timecode = "" if followed.seconds is None else str(from_seconds(followed.seconds, followed.rate))
        self._engine.tell(
            SyncChanged(
                source=self.source, state=followed.state, timecode=timecode, tempo_bpm=round(followed.tempo_bpm, 3)
            )
        )

    def _sysex(self, message: bytes) -> str:
        where = parse_full_frame(message)
        if where is not None:
            self._mtc.stop()
            idle = self._wanted == "auto" and self.source == "internal" and not self._engine.transport_state().playing
            if self.source == "mtc" or idle:
                self._chaser.stand(Followed(state="stopped", seconds=where.real_seconds))
                return f"timecode stands at {where}"
            return ""
        if (machine := parse_machine(message)) is not None:
            return self._carry_out(machine.verb, machine_commands(machine, self._engine.sample_rate))
        if (show := parse_show(message)) is not None:
            return self._carry_out(f"{show.verb} {show.cue}".strip(), show_commands(show))
        return ""

    def _carry_out(self, verb: str, commands: tuple[Command, ...]) -> str:
        try:
            for command in commands:
                self._engine.apply(command)
        except EngineError as error:
            self._engine.tell(Dropped(what=f"midi {verb}", code=error.code, text=str(error)))
            return f"{verb}: {error}"
        return verb if commands else f"{verb}: not for us"


def machine_commands(machine: MachineCommand, sample_rate: int) -> tuple[Command, ...]:
    """Return what a machine command asks of the timeline."""
    match machine.verb:
        case "play" | "deferred play":
            return (Play(),)
        case "stop" | "pause" | "eject":
            return (Stop(),)
        case "reset":
            return Stop(), Locate(timeline_frame=0)
        case "locate" if machine.target is not None:
            return (Locate(timeline_frame=round(machine.target.real_seconds * sample_rate)),)
    return ()


def show_commands(show: ShowCommand) -> tuple[Command, ...]:
    """Return what a show command asks of the cues: GO without a number fires the next one."""
    match show.verb:
        case "go" | "timed go":
            return (GoCue(cue=show.cue or None),)
        case "stop" | "go off":
            return (StopCue(cue=show.cue),) if show.cue else (Stop(),)
        case "resume":
            return (Play(),)
        case "all off" | "reset":
            return (Panic(),)
    return ()
