"""What the audio process reports, told as events."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.events import Dropped, Event, Panicked, RanDry, StartedLate, StripFailed, WentOn
from engine.realtime.records import Report
from engine.session.capture import Capture
from engine.session.context import Context
from engine.session.cues import Cues
from engine.session.players import CueOwner, JobOwner, PrivateOwner, SlotOwner
from engine.session.sections import Sections
from engine.session.slots import Slots
from engine.session.speech import Speech
from engine.session.transport import Transport
from engine.story.model import TempoPoint
from engine.units import frames_to_seconds

Handler = Callable[[np.void], tuple[Event, ...]]


class Reports:
    """One method per kind of report."""

    def __init__(
        self,
        context: Context,
        cues: Cues,
        slots: Slots,
        transport: Transport,
        sections: Sections,
        speech: Speech,
        capture: Capture,
    ) -> None:
        self._speech = speech
        self._context, self._cues, self._slots, self._transport = context, cues, slots, transport
        self._sections, self._capture = sections, capture
        self.late_count = 0
        self._handlers: dict[int, Handler] = {
            Report.STARTED: self._started,
            Report.ENDED: self._ended,
            Report.LATE: self._late,
            Report.NO_PLAYER: self._no_player,
            Report.SCHEDULE_FULL: self._schedule_full,
            Report.UNDERRUN: self._ran_dry,
            Report.REFILLED: self._went_on,
            Report.STRIP_FAILED: self._strip_failed,
            Report.TRANSPORT: self._moved,
            Report.LOOPED: self._looped,
            Report.BEATS: self._beats,
            Report.STOLEN: self._stolen,
            Report.HELD: self._held,
            Report.RESUMED: self._resumed,
            Report.PANICKED: lambda _: (Panicked(),),
        }

    def events(self, report: np.void) -> tuple[Event, ...]:
        """Return what ``report`` (dtype REPORT) means; some kinds mean nothing to the outside."""
        handler = self._handlers.get(int(report["kind"]))
        return handler(report) if handler is not None else ()

    def _started(self, report: np.void) -> tuple[Event, ...]:
        self._capture.started(report)
        self._context.players.begun(int(report["player"]))
        match self._context.players.owner(int(report["player"])):
            case CueOwner() as cue:
                player = int(report["player"])
                return self._cues.started(cue, player, int(report["requested_frame"]), int(report["actual_frame"]))
            case SlotOwner() as slot:
                return self._slots.changed(slot)
            case JobOwner(job=job):
                return self._speech.started(job)
            case _:
                return ()

    def _ended(self, report: np.void) -> tuple[Event, ...]:
        self._capture.ended(report)
        return self._finished(int(report["player"]))

    def _finished(self, player: int) -> tuple[Event, ...]:
        owner, events = self._context.players.ended(player), self._cues.ended(player)
        match owner:
            case CueOwner() as cue:
                return (*self._cues.last_ended(cue), *events)
            case SlotOwner() as slot:
                return (*self._slots.changed(slot), *events)
            case _:
                return events

    def _late(self, report: np.void) -> tuple[Event, ...]:
        self.late_count += 1
        late_frames = int(report["actual_frame"]) - int(report["requested_frame"])
        return (
            StartedLate(
                what=self._name(int(report["serial"])),
                late_seconds=frames_to_seconds(late_frames, self._context.story.sample_rate),
                sequence=self.late_count,
            ),
        )

    def _no_player(self, report: np.void) -> tuple[Event, ...]:
        player = int(report["player"])
        what = self._name(player)
        text = "every player is taken; give the engine more with --players"
        dropped = Dropped(what=what, code="busy", text=text)
        return (dropped, *self._finished(player))

    def _schedule_full(self, report: np.void) -> tuple[Event, ...]:
        player = int(report["player"])
        what = self._name(player)
        dropped = Dropped(what=what, code="queue_full", text="too many commands are scheduled; this one was dropped")
        return (dropped, *self._finished(player))

    def _held(self, report: np.void) -> tuple[Event, ...]:
        self._capture.held(report)
        return ()

    def _resumed(self, report: np.void) -> tuple[Event, ...]:
        self._capture.resumed(report)
        return ()

    def _ran_dry(self, report: np.void) -> tuple[Event, ...]:
        self._capture.ran_dry(report)
        return (RanDry(what=self._name(int(report["player"])), after_seconds=self._seconds(report)),)

    def _went_on(self, report: np.void) -> tuple[Event, ...]:
        self._capture.resumed(report)
        return (WentOn(what=self._name(int(report["player"])), gap_seconds=self._seconds(report)),)

    def _seconds(self, report: np.void) -> float:
        return frames_to_seconds(int(report["value"]), self._context.story.sample_rate)

    def _strip_failed(self, report: np.void) -> tuple[Event, ...]:
        return (StripFailed(strip=self._context.graph.strips[int(report["strip"])].id),)

    def _moved(self, report: np.void) -> tuple[Event, ...]:
        frame, timeline_frame = int(report["actual_frame"]), int(report["requested_frame"])
        playing = bool(report["value"])
        self._capture.ran(report)
        stopped = () if playing else self._cues.timeline_stopped(frame)
        before = self._sections.moved(playing, timeline_frame, frame)
        gone = self._cues.superseded(before, frame) if isinstance(before, CueOwner) else ()
        return (*self._transport.moved(playing, timeline_frame, frame), *stopped, *gone)

    def _looped(self, report: np.void) -> tuple[Event, ...]:
        self._capture.looped(report)
        self._transport.looped(int(report["requested_frame"]), int(report["actual_frame"]))
        return ()

    def _beats(self, report: np.void) -> tuple[Event, ...]:
        tempo_bpm, beats_per_bar = float(report["value"]), int(report["serial"])
        point = TempoPoint(tempo_bpm=tempo_bpm, beats_per_bar=beats_per_bar) if tempo_bpm else None
        return self._transport.keep_time(point, int(report["requested_frame"]))

    def _stolen(self, report: np.void) -> tuple[Event, ...]:
        text = "every player was taken; it gave way to a newer one; give the engine more with --players"
        return (Dropped(what=self._name(int(report["player"])), code="stolen", text=text),)

    def _name(self, player: int) -> str:
        match self._context.players.owner(player):
            case CueOwner(cue=cue):
                return f"cue {cue}"
            case SlotOwner(bank=bank, index=index):
                return f"slot {bank}/{index}"
            case JobOwner(job=job):
                return f"job {job}"
            case PrivateOwner(what=what):
                return what
            case None:
                return self._transport.clip_of(player) or "command"
