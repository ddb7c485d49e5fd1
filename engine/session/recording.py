"""Recording: has the mixer and the deck record strips, and tells how it goes."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

import msgspec

from engine.commands import StartRecording
from engine.errors import BadRange, Busy, NotReady, UnknownThing
from engine.events import Event, RecordingEnded, RecordingStarted
from engine.realtime.notes import Notes
from engine.realtime.records import Kind
from engine.realtime.tape import MOST_LANES
from engine.session.capture import Capture, Captured
from engine.session.context import Context
from engine.session.deck import Deck, Reel
from engine.session.orders import Records, order, together
from engine.story.model import MASTER
from engine.units import frames_to_seconds

NOTE = "recording"


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a recording. since, until: engine frames. lost_frames: of it that never arrived. text: why it ended
    by itself, or nothing."""

    number: int
    since: int
    until: int
    lost_frames: int = 0
    text: str = ""


class RecordingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a recording goes. state: off, on, or ending: it was stopped and is being written to its end."""

    state: str = "off"
    name: str = ""
    folder: str = ""
    seconds: float = 0.0
    lost_seconds: float = 0.0


class Recording:
    """The recording of a session, one at a time."""

    def __init__(self, context: Context, deck: Deck, capture: Capture, notes: Notes) -> None:
        self._context, self._deck, self._capture, self._notes = context, deck, capture, notes
        self._reel: Reel | None = None
        self._strips: tuple[str, ...] = ()
        self._stopped = False
        self._frames, self._lost = 0, 0

    @property
    def reel(self) -> Reel | None:
        """What is being recorded."""
        return self._reel

    def start(self, command: StartRecording, at_frame: int | None) -> tuple[Event, ...]:
        """Record strips from a frame on. Raises Busy, UnknownThing, BadRange and what the deck raises."""
        if self._reel is not None:
            raise Busy(f"recording {self._reel.name!r} is under way; /record/stop ends it")
        strips = self._wanted(command.strips)
        reel = self._deck.begin(command.name, strips)
        self._begin(reel, strips)
        self._context.push(self._orders(at_frame, on=True))
        return (RecordingStarted(name=reel.name, folder=reel.folder, strips=strips),)

    def stop(self, at_frame: int | None) -> None:
        """End the recording at a frame. Raises NotReady when there is none."""
        if self._reel is None or self._stopped:
            raise NotReady("nothing is being recorded; /record/start records")
        self._context.push(self._orders(at_frame, on=False))
        self._stopped = True
        self._keep()

    def recall(self) -> None:
        """Go on with what a session that is gone was recording, if it was."""
        note = self._notes.get(NOTE)
        if note is not None:
            self._reel, self._strips, self._stopped, self._frames, self._lost = pickle.loads(note)
            self._capture.recall()
            if self._reel is not None:
                self._deck.resume(self._reel, self._strips)

    def _keep(self) -> None:
        """Note what is recorded, for a session that goes on after this one."""
        if self._reel is None:
            self._notes.forget(NOTE)
        else:
            self._notes.set(NOTE, pickle.dumps((self._reel, self._strips, self._stopped, self._frames, self._lost)))

    def heard(self, frames: int, lost_frames: int) -> None:
        """Hear how far it is."""
        self._frames, self._lost = frames, lost_frames
        self._keep()

    def ended(self, recorded: Recorded) -> tuple[Event, ...]:
        """Hear that all of it is written, or why no more can be; what was played becomes a story."""
        reel = self._reel
        if reel is None or reel.number != recorded.number:
            return ()
        if not self._stopped:
            self._context.push(self._orders(None, on=False))
        captured = self._capture.story(self._context.story, reel, recorded.since, recorded.until)
        self._reel = None
        self._keep()
        self._capture.rest()
        rate = self._context.story.sample_rate
        return (
            RecordingEnded(
                name=reel.name,
                folder=reel.folder,
                seconds=frames_to_seconds(recorded.until - recorded.since, rate),
                lost_seconds=frames_to_seconds(recorded.lost_frames, rate),
                story=self._keep_story(reel, captured) if recorded.until > recorded.since else "",
                left_out=captured.left_out,
                text=recorded.text,
            ),
        )

    def status(self) -> RecordingStatus:
        """Return how it goes."""
        if self._reel is None:
            return RecordingStatus()
        rate = self._context.story.sample_rate
        return RecordingStatus(
            state="ending" if self._stopped else "on",
            name=self._reel.name,
            folder=self._reel.folder,
            seconds=frames_to_seconds(self._frames, rate),
            lost_seconds=frames_to_seconds(self._lost, rate),
        )

    def _keep_story(self, reel: Reel, captured: Captured) -> str:
        return self._deck.keep(reel, captured.story, captured.printed)

    def _begin(self, reel: Reel, strips: tuple[str, ...]) -> None:
        self._reel, self._strips, self._stopped = reel, strips, False
        self._frames, self._lost = 0, 0
        self._keep()
        self._capture.begin()

    def _wanted(self, asked: Sequence[str]) -> tuple[str, ...]:
        """Return the strips to record, the master in any case, each once."""
        strips = self._context.story.strips()
        for strip in asked:
            if strip not in strips:
                raise UnknownThing("strip", strip, strips)
        wanted = tuple(dict.fromkeys([MASTER, *(asked or self._context.story.public().strips())]))
        if len(wanted) > MOST_LANES:
            raise BadRange(f"record: {len(wanted)} strips; at most {MOST_LANES} can be recorded at once")
        return wanted

    def _orders(self, at_frame: int | None, *, on: bool) -> Records:
        assert self._reel is not None
        number = self._reel.number
        return together(
            *(
                order(Kind.SET_RECORD, at_frame, serial=number, index=lane, strip=self._place(strip), value=float(on))
                for lane, strip in enumerate(self._strips)
            )
        )

    def _place(self, strip: str) -> int:
        """Return the place of ``strip`` in the graph, -1 when it has been removed meanwhile."""
        try:
            return self._context.strip(strip)
        except UnknownThing:
            return -1
