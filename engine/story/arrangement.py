"""The arrangement: a story's clips while an edit works on them. It makes a new story; the old one stays as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from engine.errors import BadRange, NotReady, StoryError, UnknownThing
from engine.story.known import Known
from engine.story.layout import Layout
from engine.story.model import After, At, Beat, Clip, Position, Story, Track
from engine.story.positions import POSITION_FORMS, position_from, seconds_text
from engine.story.timeline import Span, point_frame
from engine.story.words import find_word

_WORD_PLACE = re.compile(r"([a-z0-9_][a-z0-9_-]*):(.+)")


class Arrangement:
    """Clips by id and in the order of their tracks, and where each lies as far as that is known."""

    def __init__(self, story: Story, known: Known, layout: Layout | None = None) -> None:
        self.story, self.known = story, known
        self._layout = layout or Layout(known)
        self._layout.follow(story)
        self.touched: dict[str, None] = {}
        """The clips that are other ones than before, or new."""
        self.placed_anew = False
        """Whether something lies elsewhere than before, or is longer or shorter."""
        self._where: dict[str, str | None] = {}
        """The tracks of clips that were put in or taken out."""
        self._tracks = {track.id: track for track in story.tracks}
        self._lists: dict[str, list[Clip]] = {}
        self._indexes: dict[str, dict[str, int]] = {}

    def result(self) -> Story:
        """Return the story as it is arranged now."""
        if not self._lists:
            return self.story
        tracks = tuple(
            replace(track, clips=tuple(self._lists[track.id])) if track.id in self._lists else track
            for track in self._tracks.values()
        )
        self.story = replace(self.story, tracks=tracks)
        self._tracks = {track.id: track for track in tracks}
        self._lists.clear()
        return self.story

    def adopt(self, story: Story) -> None:
        """Go on with a story that has the same clips on the same tracks."""
        self.story, self._tracks = story, {track.id: track for track in story.tracks}
        self._indexes.clear()
        self.placed_anew = True

    def track(self, name: str) -> Track:
        """Return a track by its id."""
        if name not in self._tracks:
            raise UnknownThing("track", name, self._tracks)
        return self._tracks[name]

    def track_of(self, clip: str) -> str:
        """Return the track on which a clip lies."""
        track = self._found(clip)
        if track is None:
            raise UnknownThing("clip", clip, (each.id for each in self.all()))
        return track

    def _found(self, clip: str) -> str | None:
        if clip in self._where:
            return self._where[clip]
        place = self._layout.places.get(clip)
        return None if place is None else self._layout.tracks[place]

    def __contains__(self, clip: object) -> bool:
        return isinstance(clip, str) and self._found(clip) is not None

    def clips(self, track: str) -> list[Clip] | tuple[Clip, ...]:
        """Return the clips of a track in their order."""
        return self._lists[track] if track in self._lists else self.track(track).clips

    def all(self) -> Iterator[Clip]:
        """Iterate over all clips."""
        for track in self._tracks:
            yield from self.clips(track)

    def clip(self, name: str) -> Clip:
        """Return a clip by its id."""
        track = self.track_of(name)
        return self.clips(track)[self._rows(track)[name]]

    def index(self, name: str) -> int:
        """Return which one of its track a clip is, from 0."""
        return self._rows(self.track_of(name))[name]

    def _rows(self, track: str) -> dict[str, int]:
        rows = self._indexes.get(track)
        if rows is None:
            rows = self._indexes[track] = {clip.id: i for i, clip in enumerate(self.clips(track))}
        return rows

    def above(self, name: str) -> str | None:
        """Return the clip above in the same track; None: it is the first one."""
        at = self.index(name)
        return self.clips(self.track_of(name))[at - 1].id if at else None

    def put(self, clip: Clip) -> None:
        """Have a clip in place of the one that has its id."""
        track = self.track_of(clip.id)
        clips, at = self._own(track), self._rows(track)[clip.id]
        old, clips[at] = clips[at], clip
        self.touched[clip.id] = None
        if (old.start, old.trim_start_frames, old.length_frames) != (
            clip.start,
            clip.trim_start_frames,
            clip.length_frames,
        ) or (old.line, old.audio) != (clip.line, clip.audio):
            self.placed_anew = True

    def insert(self, track: str, at: int, clip: Clip) -> None:
        """Put a new clip among those of a track."""
        if clip.id in self:
            raise StoryError(f"there is a clip {clip.id!r} already")
        self._own(track).insert(at, clip)
        self._indexes.pop(track, None)
        self._where[clip.id] = track
        self.touched[clip.id] = None
        self.placed_anew = True

    def append(self, track: str, clip: Clip) -> None:
        """Put a new clip behind all others of a track."""
        self.insert(track, len(self.clips(track)), clip)

    def take_out(self, name: str) -> Clip:
        """Take a clip out of its track; who came after it has to be looked after first."""
        track, at = self.track_of(name), self.index(name)
        clip = self._own(track).pop(at)
        self._indexes.pop(track, None)
        self._where[name] = None
        self.touched.pop(name, None)
        self.placed_anew = True
        return clip

    def _own(self, track: str) -> list[Clip]:
        if track not in self._lists:
            self._lists[track] = list(self.track(track).clips)
        return self._lists[track]

    def new_id(self, like: str) -> str:
        """Return an id that no clip has: ``like`` with a number behind it."""
        stem, number = re.sub(r"-\d+$", "", like), 2
        while f"{stem}-{number}" in self:
            number += 1
        return f"{stem}-{number}"

    def span(self, name: str) -> Span:
        """Return where a clip lies, as far as it is known."""
        return self._laid_out().span(name)

    def early(self) -> tuple[str, int] | None:
        """Return a clip that would start before the timeline does, and by how much. Raises StoryError for a ring."""
        return self._laid_out().early()

    def around(self, frame: int, within_frames: int) -> list[Clip]:
        """Return the clips that sound within so many frames of a frame of the timeline."""
        return self._laid_out().around(frame - within_frames, frame + within_frames)

    def _laid_out(self) -> Layout:
        self._layout.follow(self.result())
        return self._layout

    def start(self, name: str) -> int:
        """Return where a clip starts. Raises NotReady while that is not known."""
        clip = self.clip(name)
        frame = clip.start.frame if isinstance(clip.start, At) else self.span(name).start
        if frame is None:
            raise NotReady(f"where clip {name!r} starts is not known yet: a take before it is still being made")
        return frame

    def length(self, clip: Clip) -> int:
        """Return how long a clip sounds. Raises NotReady while that is not known."""
        source = self.known.frames(clip)
        if source is not None:
            left = max(0, source - clip.trim_start_frames)
            return left if clip.length_frames is None else min(left, clip.length_frames)
        if clip.length_frames is None:
            raise NotReady(f"how long clip {clip.id!r} is, is not known yet: its take is still being made")
        return clip.length_frames

    def end(self, name: str) -> int:
        """Return the first frame after a clip."""
        return self.start(name) + self.length(self.clip(name))

    def word_frame(self, name: str, word: str) -> int:
        """Return where in a clip a word of it begins. Raises UnknownThing, NotReady."""
        clip = self.clip(name)
        words = self.known.words(clip)
        if not words:
            raise NotReady(f"the words of clip {name!r} are not known (yet)")
        end = clip.trim_start_frames + self.length(clip)
        inside = [w for w in words if clip.trim_start_frames <= w.start_frame < end]
        found = inside[find_word([w.text for w in inside], word, f"clip {name}")]
        return found.start_frame - clip.trim_start_frames

    def position(self, place: str) -> Position:
        """Return the position that a text tells; those of markers and words are fixed frames."""
        text = place.strip()
        position = position_from(text, self.story.sample_rate)
        if position is not None:
            if isinstance(position, After) and position.clip is not None:
                self.track_of(position.clip)
            return position
        if text.startswith("@"):
            return At(frame=self.marker(text[1:]))
        if match := _WORD_PLACE.fullmatch(text):
            return At(frame=self.start(match[1]) + self.word_frame(match[1], match[2]))
        raise BadRange(f"{place!r} is no place; write {POSITION_FORMS}, @MARKER or CLIP:WORD")

    def frame(self, place: str) -> int:
        """Return the timeline frame that a text tells; it can't be after a clip that goes unnamed."""
        position = self.position(place)
        if isinstance(position, After):
            if position.clip is None:
                raise BadRange(f"{place!r} needs the clip that it comes after")
            return self.end(position.clip) + position.gap_frames
        return self.frame_of(position)

    def frame_of(self, position: At | Beat) -> int:
        """Return the frame of a time, or of bar and beat."""
        return position.frame if isinstance(position, At) else point_frame(self.story, position)

    def marker(self, name: str) -> int:
        """Return where a marker stands."""
        markers = {marker.id: marker for marker in self.story.markers}
        if name not in markers:
            raise UnknownThing("marker", name, markers)
        at = markers[name].at
        if isinstance(at, After):
            return (self.end(at.clip) if at.clip else 0) + at.gap_frames
        return self.frame_of(at)

    def lay(self, wanted: Mapping[str, int]) -> None:
        """Let clips start at these frames; one that comes after another goes on doing so, with another gap.

        A clip that is not among them goes with the one that it comes after.
        """
        for name, frame in wanted.items():
            if frame < 0:
                early = seconds_text(-frame, self.story.sample_rate)
                raise BadRange(f"clip {name!r} would start {early} s before the start of the timeline")
        ends: dict[str, int | None] = {}
        laid = {name: self._laid(self.clip(name), frame, wanted, ends) for name, frame in wanted.items()}
        for name, start in laid.items():
            self.start_at(name, start)

    def _laid(self, clip: Clip, frame: int, wanted: Mapping[str, int], ends: dict[str, int | None]) -> Position:
        """Return the start with which a clip lies at ``frame``, once all that is wanted is laid."""
        start = clip.start
        if not isinstance(start, After):
            return start if self.frame_of(start) == frame else At(frame=frame)
        before = start.clip or self.above(clip.id)
        if before is None:
            return After(gap_frames=frame)
        if before not in ends:
            ends[before] = self._end_to_be(before, wanted)
        end = ends[before]
        return At(frame=frame) if end is None else replace(start, gap_frames=frame - end)

    def _end_to_be(self, name: str, wanted: Mapping[str, int]) -> int | None:
        """Return where a clip will end; None where it is itself carried along by something that moves."""
        if name in wanted:
            return wanted[name] + self.length(self.clip(name))
        here: str | None = name
        while here is not None:
            clip = self.clip(here)
            here = (clip.start.clip or self.above(here)) if isinstance(clip.start, After) else None
            if here in wanted:
                return None
        return self.end(name)

    def start_at(self, name: str, start: Position) -> None:
        """Give a clip another start."""
        clip = self.clip(name)
        if start != clip.start:
            self.put(replace(clip, start=start))

    def followers(self, name: str) -> list[Clip]:
        """Return the clips that come right after a clip, on whatever track."""
        self.track_of(name)
        return list(self._laid_out().followers(name))
