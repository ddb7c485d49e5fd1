"""What a writer of sessions gets, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from engine.export.kept import KeptPlugin, Place
from engine.export.media import Medium
from engine.export.plan import Plan
from engine.export.sessions.missing import FEATURES, SHAPES, Feature, missing
from engine.export.shelf import Shelf
from engine.speech.markup import shown
from engine.story.model import FadeShape, Marker, Track
from engine.story.timeline import Placed
from engine.voices.take import Word


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A story ready to be written down. frames: how long every stem is. folder: the format's own, there already.

    root: the export's folder; stems lie below it as the plan names them. kept: the plug-ins that stay plug-ins.
    """

    plan: Plan
    frames: int
    folder: Path
    root: Path
    shelf: Shelf
    kept: Mapping[Place, KeptPlugin] = {}

    def medium(self, placed: Placed) -> Medium:
        """Return what a clip plays."""
        return self.plan.medium(placed)

    def clips_of(self, track: Track) -> tuple[Placed, ...]:
        """Return a track's clips in the order of their starts."""
        return tuple(placed for placed in self.plan.placed if placed.track.id == track.id)

    def markers(self) -> tuple[tuple[int, Marker], ...]:
        """Return all markers with their frames, sorted by frame."""
        story, frames = self.plan.story, self.plan.markers
        return tuple(sorted(((frames[marker.id], marker) for marker in story.markers), key=lambda pair: pair[0]))

    def marks(self) -> list[tuple[int, str]]:
        """Return the frames and names of all markers and, if asked for, of all words that are heard; sorted."""
        marks = [(frame, marker.name or marker.id) for frame, marker in self.markers()]
        if self.plan.options.word_markers:
            marks += [mark for placed in self.plan.placed for mark in self.words_of(placed)]
            marks.sort(key=lambda mark: mark[0])
        return marks

    def words_of(self, placed: Placed) -> Iterator[tuple[int, str]]:
        """Iterate over the words that are heard of a clip, with their frames on the timeline."""
        origin = placed.start_frame - placed.clip.trim_start_frames
        return ((origin + word.start_frame, word.text) for word in heard_words(placed, self.medium(placed)))

    def scenes(self) -> tuple[tuple[int, int, str], ...]:
        """Return each scene, from one marker to the next or to the story's end: first frame, end frame, name."""
        marks = [(frame, marker.name or marker.id) for frame, marker in self.markers()]
        edges = pairwise([*marks, (self.plan.end_frame, "")])
        return tuple((begin, end, name) for (begin, name), (end, _) in edges if begin < end)


def _nothing(plan: Plan) -> None:
    """Find nothing wrong."""


class SessionFormat(msgspec.Struct, frozen=True, kw_only=True):
    """A format. what: one line for people. files: its main files below its folder. write: writes all of them.

    has_media: a copy or a link of the story's media comes with it. has, fades: which of the story's features and shapes
    of fades; what is no session at all lacks none. check: raises what stands against it, before anything is written.
    """

    what: str
    files: Callable[[Plan], tuple[str, ...]]
    write: Callable[[Session], None]
    has_media: bool = True
    has: frozenset[Feature] = FEATURES
    fades: frozenset[FadeShape] = SHAPES
    check: Callable[[Plan], None] = _nothing

    def missing(self, plan: Plan) -> tuple[str, ...]:
        """Return what ``plan`` uses that the session has not."""
        return tuple(missing(plan, self.has, self.fades))


def clip_title(placed: Placed) -> str:
    """Return what a clip is called: its name, what is said, or the sound's name."""
    clip = placed.clip
    if clip.name:
        return clip.name
    return " ".join(shown(clip.line.text).split()) if clip.line else Path(clip.audio or clip.id).stem


def heard_words(placed: Placed, medium: Medium) -> tuple[Word, ...]:
    """Return the words that begin within a clip, their frames counted from the source's start."""
    first = placed.clip.trim_start_frames
    return tuple(word for word in medium.words if first <= word.start_frame < first + placed.length_frames)


def layers(clips: Sequence[Placed]) -> list[list[Placed]]:
    """Divide a track's clips, sorted by start, into as few sequences as there are without an overlap."""
    found: list[list[Placed]] = []
    for placed in clips:
        free = next((layer for layer in found if layer[-1].end_frame <= placed.start_frame), None)
        if free is None:
            found.append(free := [])
        free.append(placed)
    return found
