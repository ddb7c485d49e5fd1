"""Sync out: timecode, clock and machine control that say where our timeline is, so that others follow it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Literal, Protocol, get_args

from bridge.midi.clock_follower import TICKS_PER_BEAT, TICKS_PER_SIXTEENTH
from bridge.midi.machine import MachineCommand, machine_message
from bridge.midi.mtc import PIECES, full_frame, quarter_frame
from bridge.midi.timecode import frame_seconds, from_number, from_seconds
from bridge.midi.trend import Trend
from bridge.port import EnginePort

Kind = Literal["mtc", "clock", "mmc", "link"]
KINDS: tuple[Kind, ...] = get_args(Kind)

IDLE_SECONDS = 0.02
SOONEST_SECONDS = 0.001
JUMP_SECONDS = 0.08
"""The timeline is somewhere else than it was going to be: it was moved."""

NOTICED = 0.25
"""This part of a sixteenth may have passed before we noticed that it began; its ticks are sent at once."""

WINDOW = 96
BEND_SECONDS = 0.01


class Peer(Protocol):
    """A shared beat that we lead: Link."""

    def follow(self, beat: float, tempo_bpm: float) -> None:
        """Tell where the timeline that runs is."""
        ...

    def stop(self) -> None:
        """Tell that it stands."""
        ...

    def close(self) -> None:
        """Leave it."""
        ...


class TimecodeOut:
    """The quarter frames of a timeline that runs. rate: as MIDI numbers them, see ``timecode``."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._next = 0
        self._label = 0

    def start(self, seconds: float) -> list[bytes]:
        """Return what says where the timeline starts; quarter frames follow from the next frame on."""
        frame = math.ceil(seconds / frame_seconds(self._rate) - 1e-6)
        self._next = frame * 4
        self._label = frame - frame % 2
        return [full_frame(from_number(frame, self._rate))]

    def until(self, seconds: float) -> list[bytes]:
        """Return the quarter frames that are due by a time of the timeline; a label holds for its whole sequence."""
        found: list[bytes] = []
        while self.next_seconds <= seconds:
            piece = self._next % PIECES
            if piece == 0:
                self._label = self._next // 4
            found.append(quarter_frame(from_number(self._label, self._rate), piece))
            self._next += 1
        return found

    @property
    def next_seconds(self) -> float:
        """When the next one is due."""
        return self._next * frame_seconds(self._rate) / 4.0


class ClockOut:
    """The ticks of a timeline that runs."""

    def __init__(self) -> None:
        self._next = 0

    def start(self, beat: float) -> list[bytes]:
        """Return what starts others at the next sixteenth; ticks follow from there on."""
        sixteenths = math.ceil(beat * TICKS_PER_BEAT / TICKS_PER_SIXTEENTH - NOTICED)
        self._next = sixteenths * TICKS_PER_SIXTEENTH
        if sixteenths == 0:
            return [b"\xfa"]
        return [bytes((0xF2, sixteenths & 0x7F, sixteenths >> 7 & 0x7F)), b"\xfb"]

    def until(self, beat: float) -> list[bytes]:
        """Return the ticks that are due by a beat of the story."""
        due = max(0, math.floor(beat * TICKS_PER_BEAT + 1e-6) + 1 - self._next)
        self._next += due
        return [b"\xf8"] * due

    @property
    def next_beat(self) -> float:
        """When the next tick is due, in beats of the story."""
        return self._next / TICKS_PER_BEAT


class SyncOut:
    """Tells others where the timeline is. send: takes messages for all who follow. Event loop only.

    The engine tells its place once a block; a line through what it told says where it is in between.
    """

    def __init__(
        self,
        engine: EnginePort,
        kinds: Collection[str],
        send: Callable[[Sequence[bytes]], None],
        *,
        rate: int = 1,
        link: Peer | None = None,
    ) -> None:
        self._link = link
        self._engine, self._kinds, self._send, self._rate = engine, frozenset(kinds), send, rate
        self._timecode, self._clock = TimecodeOut(rate), ClockOut()
        self._trend = Trend(WINDOW, BEND_SECONDS)
        self._running = False

    def look(self, at: float) -> float:
        """Send what is due at a time (seconds, of any clock); return in how many seconds to look again."""
        state = self._engine.transport_state()
        told = state.timeline_frame / self._engine.sample_rate
        if not state.playing:
            if self._running:
                self._stop()
            return IDLE_SECONDS
        if self._running and len(self._trend) > 1 and abs(self._trend.error(at, told)) > JUMP_SECONDS:
            self._stop()
        self._trend.add(at, told)
        here = self._place(at, told)
        if not self._running:
            self._start(here)
        return self._continue(here)

    def _place(self, at: float, told: float) -> float:
        """Return where the timeline is: what is told is, on average, half a block old."""
        half_a_block = self._engine.block_frames / self._engine.sample_rate / 2.0
        return (self._trend.at(at) if len(self._trend) > 8 else told) + half_a_block

    def _start(self, here: float) -> None:
        self._running = True
        if "mmc" in self._kinds:
            self._send([machine_message(MachineCommand("play"))])
        if "mtc" in self._kinds:
            self._send(self._timecode.start(here))
        if "clock" in self._kinds:
            self._send(self._clock.start(self._beat(here)))

    def _stop(self) -> None:
        self._running = False
        self._trend.restart()
        if self._link is not None:
            self._link.stop()
        if "clock" in self._kinds:
            self._send([b"\xfc"])
        if "mmc" in self._kinds:
            here = self._engine.transport_state().timeline_frame / self._engine.sample_rate
            where = MachineCommand("locate", target=from_seconds(max(0.0, here), self._rate))
            self._send([machine_message(MachineCommand("stop")), machine_message(where)])

    def _continue(self, here: float) -> float:
        waits = [IDLE_SECONDS]
        if self._link is not None:
            self._link.follow(self._beat(here), self._tempo(here))
        if "mtc" in self._kinds:
            self._send(self._timecode.until(here))
            waits.append(self._timecode.next_seconds - here)
        if "clock" in self._kinds:
            self._send(self._clock.until(self._beat(here)))
            frame = self._engine.frame_of_beat(self._clock.next_beat)
            waits.append(frame / self._engine.sample_rate - here)
        return max(SOONEST_SECONDS, min(waits))

    def close(self) -> None:
        """Lead nobody any more."""
        if self._link is not None:
            self._link.close()

    def _tempo(self, seconds: float) -> float:
        """Return the story's tempo there, in beats a minute."""
        beat = math.floor(self._beat(seconds))
        frames = self._engine.frame_of_beat(beat + 1) - self._engine.frame_of_beat(beat)
        return 60.0 * self._engine.sample_rate / max(1, frames)

    def _beat(self, seconds: float) -> float:
        return self._engine.beat_of_frame(round(max(0.0, seconds) * self._engine.sample_rate))
