"""The transport: play, stop, locate, loop, and the compiled timeline that it runs over."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from engine.errors import BadRange, NotReady, StoryError, UnknownThing
from engine.events import Dropped, Event, TempoChanged, TransportChanged
from engine.mixer.automation import compile_automation
from engine.realtime.records import Kind
from engine.session.context import DECLICK_SECONDS, Context
from engine.session.index import clip_source
from engine.session.library import describe
from engine.session.orders import order, together
from engine.session.places import Places
from engine.session.rows import OnDisk, Rows
from engine.story.midi_clips import with_midi_clips
from engine.story.model import After, PlaySection, Position, TempoPoint
from engine.story.tempo import TempoMap
from engine.story.timeline import Placed, checked_marker, marker_places

STRAY_SECONDS = 0.1
"""The timeline and a clock that it goes with may be so far apart: DAWs tell scripts their place so coarsely."""

KeptTransport = tuple[bool, int, int | None, tuple[int, int] | None]
"""What a session keeps of its transport for one that goes on after it."""


class Transport:
    """Moves the timeline. What it says about itself comes from the audio process's reports, not from wishes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.rows = Rows(context)
        self.on_disk: list[OnDisk] = []
        """The clips of the timeline that are played from the disk."""
        self.unsettled = True
        """Whether it may begin somewhere else than before: whoever takes note of that settles it."""
        self.placed: Places | None = None
        self.playing = False
        self.timeline_frame = 0
        self.since_frame: int | None = None
        """The engine frame at which the timeline stood on ``timeline_frame``; None: not known."""
        self.on_automate: Callable[[], object] = lambda: None
        """Hears that the timeline turns something else."""
        self.moves = 0
        """How often it was started, stopped or located."""
        self._players: dict[int, str] = {}
        self.loop: tuple[int, int] | None = None
        self.given: tuple[TempoPoint, int] | None = None
        """A DAW's beats, and the timeline frame on which its first bar begins; None: the story's count."""

    def play(self, at_frame: int | None, stop_frame: int | None = None) -> tuple[Event, ...]:
        """Run the timeline, to its frame ``stop_frame`` where there is one.

        Clips ahead that are not ready yet are named; they join in when they are.
        """
        placed = self._need_placed()
        play = order(Kind.PLAY, at_frame)  # it forgets an end of before
        end = None if stop_frame is None else order(Kind.STOP_AT, at_frame, value=stop_frame)
        self._context.push(play if end is None else together(play, end))
        return self.late(self.rows.missing_after(placed, self.timeline_frame))

    def late(self, missing: Iterable[Placed]) -> tuple[Event, ...]:
        """Return what tells of clips that are not ready: they join in when they are."""
        late = [p for p in missing if not self._context.library.shelf(clip_source(p.clip)).away]
        return tuple(
            Dropped(what=f"clip {p.clip.id}", code="not_ready", text=describe(clip_source(p.clip))) for p in late
        )

    def stop(self, at_frame: int | None) -> None:
        """Stop the timeline where it is."""
        self._context.push(order(Kind.STOP, at_frame))

    def locate(self, timeline_frame: int, at_frame: int | None) -> None:
        """Move the timeline."""
        if timeline_frame < 0:
            raise BadRange(f"locate: {timeline_frame} lies before the start of the timeline")
        self._context.push(order(Kind.LOCATE, at_frame, value=timeline_frame))
        self.unsettled = True
        if not self.playing:
            self.timeline_frame = timeline_frame

    def strays(self, timeline_frame: int, playing: bool) -> bool:
        """Return whether the timeline is to be put where another clock is.

        It is where both run, apart; and where nobody has moved it since the engine started. What is not laid out yet
        can't run: whoever chases asks again.
        """
        if self.since_frame is None:
            return self.placed is not None and (playing or timeline_frame != self.timeline_frame)
        apart = abs(self.now() - timeline_frame)
        return self.playing and playing and apart > self._context.frames(STRAY_SECONDS)

    def set_loop(self, start_frame: int | None, end_frame: int | None, at_frame: int | None) -> tuple[Event, ...]:
        """Loop from start to end; both None: no loop."""
        self.unsettled = True
        if start_frame is None or end_frame is None:
            self._context.push(order(Kind.SET_LOOP, at_frame))
            self.loop = None
        elif not 0 <= start_frame < end_frame:
            raise BadRange(f"loop: {start_frame} to {end_frame} is not a span of the timeline")
        else:
            span = {"offset": start_frame, "length": end_frame - start_frame}
            self._context.push(order(Kind.SET_LOOP, at_frame, **span))
            self.loop = (start_frame, end_frame)
        return (self.changed(),)

    def section_frames(self, section: PlaySection) -> tuple[int, int]:
        """Return where a section starts and ends on the timeline.

        Raises NotReady while that is not known, and StoryError where it ends before it starts.
        """
        start = self.marker_frame(section.from_marker)
        if section.to_marker is None:
            return start, self.end_frame
        end = self.marker_frame(section.to_marker)
        if end <= start:
            names = f"{section.from_marker!r}, at frame {start}, to {section.to_marker!r}, at frame {end}"
            raise StoryError(f"the section from marker {names}, ends before it starts: move one of them")
        return start, end

    def span(self, section: PlaySection) -> tuple[int | None, int | None]:
        """Return where a section starts and ends, as far as that is known; less than 0: before the timeline."""
        if self.placed is None:
            return None, None
        places = self._markers(self.placed)
        end = self.end_frame if section.to_marker is None else places.get(section.to_marker)
        return places.get(section.from_marker), end

    def marker_frame(self, marker: str) -> int:
        """Return where a marker is.

        Raises UnknownThing, NotReady while that is not known, and StoryError where it lies before the timeline.
        """
        markers = self._markers(self._need_placed())
        if marker not in markers:
            known = [each.id for each in self._context.story.markers]
            if marker in known:
                raise NotReady(
                    f"the place of marker {marker!r} is not known yet: the clip before it is still being made"
                )
            raise UnknownThing("marker", marker, known)
        return checked_marker(marker, markers[marker])

    def marker_frames(self) -> dict[str, int]:
        """Return where the markers are on the timeline by id; without those of which that is not known."""
        places = {} if self.placed is None else self._markers(self.placed)
        return {marker: frame for marker, frame in places.items() if frame >= 0}

    def publish(self) -> None:
        """Compile the story's clips as far as they are loaded, and hand them to the mixer.

        Nothing is published before every length is known, since clips may come after one another; what could not be
        made counts as empty.
        """
        story = with_midi_clips(self._context.story, self.rows.known.frames)
        placed = self.rows.lay(story)
        if placed is not None:
            self.placed, self.unsettled = placed, True
            entries, self.on_disk = self.rows.entries(story, placed)
            self._context.stage.publish(entries)

    def now(self) -> int:
        """Return the timeline frame where it stands when an order that is given now is met."""
        if not self.playing or self.since_frame is None:
            return self.timeline_frame
        return self.place(max(self._context.soon(), self.since_frame))

    def is_inside(self, section: PlaySection) -> bool:
        """Return whether the timeline runs, and is inside a section."""
        start, end = self.span(section)
        return self.playing and start is not None and end is not None and start <= self.now() < end

    def plays_from(self, block: int) -> bool:
        """Return whether the timeline that the mixer has reads the arena's block at ``block``."""
        return self.rows.plays_from(block)

    def automate(self) -> None:
        """Compile the story's automation and hand it to the mixer."""
        context = self._context
        moves = compile_automation(context.story, context.graph, context.frames(DECLICK_SECONDS))
        context.stage.automate(moves)
        self.on_automate()

    def forget(self) -> None:
        """Drop the compiled timeline: another story comes."""
        self.placed = None
        self.rows.forget()

    @property
    def end_frame(self) -> int:
        """Where the story ends on the timeline (0 while it is not known)."""
        return self.placed.end_frame if self.placed else 0

    def moved(self, playing: bool, timeline_frame: int, engine_frame: int | None = None) -> tuple[Event, ...]:
        """Note what the audio process reports. engine_frame: when it happened."""
        self.unsettled = True
        self.playing, self.timeline_frame, self.since_frame = playing, timeline_frame, engine_frame
        self.moves += 1
        return (self.changed(),)

    def looped(self, timeline_frame: int, engine_frame: int) -> None:
        """Note that the timeline went back to its loop's start."""
        self.timeline_frame, self.since_frame = timeline_frame, engine_frame

    def place(self, engine_frame: int) -> int:
        """Return where the timeline that runs will stand at an engine frame; a loop's end is gone round."""
        here = self.timeline_frame + engine_frame - (self.since_frame or 0)
        start, end = self._loop_ahead()
        return here if here < end or end == 0 else start + (here - end) % (end - start)

    def until_loop(self, timeline_frame: int) -> int | None:
        """Return how many frames are left until the loop goes back; None: it does not."""
        _, end = self._loop_ahead()
        return end - timeline_frame if timeline_frame < end else None

    def _loop_ahead(self) -> tuple[int, int]:
        """Return the loop that the timeline is in or runs into; 0, 0: none."""
        return self.loop if self.loop and self.timeline_frame < self.loop[1] else (0, 0)

    def next_place(self, engine_frame: int, bars: bool, beats: float) -> int:
        """Return the engine frame of the next bar, or multiple of ``beats`` in its bar, from ``engine_frame`` on.

        It is ``engine_frame`` itself while the timeline rests. A loop's end is gone round.
        """
        if not self.playing or self.since_frame is None:
            return engine_frame
        here = self.place(engine_frame)
        points, begin = self.tempo()
        tempo = TempoMap(points, self._context.story.sample_rate)
        start, end = self._loop_ahead()
        place = begin + tempo.next_place(max(0, here - begin), bars, beats)
        if end and place >= end:
            place = end + begin + tempo.next_place(max(0, start - begin), bars, beats) - start
        return engine_frame + place - here

    def keep_time(self, point: TempoPoint | None, begin_frame: int) -> tuple[Event, ...]:
        """Go by a DAW's beats from now on, of which the first bar begins at a timeline frame; None: by the story's."""
        self.given = None if point is None else (point, begin_frame)
        return (TempoChanged(),)

    def tempo(self) -> tuple[tuple[TempoPoint, ...], int]:
        """Return the tempos that count now, a DAW's or the story's, and the timeline frame at which they begin."""
        return (self._context.story.tempo, 0) if self.given is None else ((self.given[0],), self.given[1])

    def reaches(self, timeline_frame: int, after: int | None = None) -> int | None:
        """Return the engine frame, ``after`` or later, at which the timeline comes to a place as it runs now.

        after: None: since it last moved otherwise. None is returned while it rests, and when it does not come by.
        """
        if not self.playing or self.since_frame is None:
            return None
        after = self.since_frame if after is None else max(after, self.since_frame)
        frame = self.since_frame + timeline_frame - self.timeline_frame
        start, end = self.loop or (0, 0)
        if self.timeline_frame < end:
            if timeline_frame >= end:
                return None
            if frame < after and timeline_frame >= start:
                frame += -((frame - after) // (end - start)) * (end - start)
        return frame if frame >= after else None

    @property
    def kept(self) -> KeptTransport:
        """What a session that goes on after this one has to know."""
        return self.playing, self.timeline_frame, self.since_frame, self.loop

    def recall(self, kept: KeptTransport) -> None:
        """Go on where a session that is gone was; the timeline itself never stopped."""
        self.playing, self.timeline_frame, self.since_frame, self.loop = kept

    def clip_of(self, player: int) -> str | None:
        """Return the name of the timeline clip that has this player id."""
        ids = self.rows.player_ids
        if len(self._players) != len(ids):
            self._players = {number: f"clip {clip}" for clip, number in ids.items()}
        return self._players.get(player)

    def changed(self) -> TransportChanged:
        """Return the event that tells the transport's state."""
        return TransportChanged(playing=self.playing, timeline_frame=self.timeline_frame, loop=self.loop)

    def _need_placed(self) -> Places:
        if self.placed is None:
            missing = self._context.library.missing()
            raise NotReady(f"the timeline is not ready: {len(missing)} of its lines and files are still being made")
        return self.placed

    def _markers(self, placed: Places) -> dict[str, int]:
        """Return where the markers are; without those behind a clip that is not laid out yet."""
        story = self._context.story
        laid = tuple(marker for marker in story.markers if _is_laid(marker.at, placed))
        return marker_places(replace(story, markers=laid), placed.end_of)


def _is_laid(position: Position, placed: Places) -> bool:
    return not isinstance(position, After) or position.clip is None or placed.of(position.clip) is not None
