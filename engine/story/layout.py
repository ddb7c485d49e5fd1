"""The layout: where every clip of a story lies. It follows the story from one version to the next at little cost.

Clips have places in arrays. Where one starts is the sum of gaps and lengths on the way to one that stands by itself;
all are found at once by doubling the steps of that way, however long the story is and however its clips hang together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from engine.errors import UnknownThing
from engine.story.difference import Come, difference
from engine.story.known import Known
from engine.story.model import After, At, Clip, Story
from engine.story.tempo import TempoMap
from engine.story.timeline import Span, spans_of

_LEAST_PLACES = 64


class Layout:
    """Knows every clip by its id. ``fresh`` gathers the places of those that came or changed; who reads it clears it.

    A length that is not known, and where a clip starts that waits for one, is NaN in the arrays and None elsewhere.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._clear()

    def _clear(self) -> None:
        self.story: Story | None = None
        self.places: dict[str, int] = {}
        self.clips: list[Clip | None] = []
        self.tracks: list[str] = []
        self.fresh: set[int] = set()
        self._free: list[int] = []
        self._parents: NDArray[np.int64] = np.zeros(_LEAST_PLACES, np.int64)
        self._offsets: NDArray[np.float64] = np.zeros(_LEAST_PLACES)
        self._lengths: NDArray[np.float64] = np.zeros(_LEAST_PLACES)
        self._starts: NDArray[np.float64] | None = None

    def follow(self, story: Story) -> None:
        """Know another version of the story from now on. Raises UnknownThing for a clip that waits for nobody."""
        before = self.story
        if story is before:
            return
        try:
            self._follow(before, story)
        except UnknownThing:
            self._clear()
            raise
        self.story = story

    def _follow(self, before: Story | None, story: Story) -> None:
        gone, come = difference(before, story)
        new = {each.clip.id for each in come}
        left = [self._leave(clip.id) for clip in gone if clip.id not in new]
        for each in come:
            self._enter(each)
        tempo = TempoMap(story.tempo, story.sample_rate)
        waiting = set(np.flatnonzero(np.isin(self._parents[: len(self.clips)], left)).tolist()) if left else set()
        for each in come:
            place = self.places[each.clip.id]
            waiting.discard(place)
            self._place(place, each, story, tempo)
        for place in waiting:  # it came after one that is gone
            clip = self.clips[place]
            if clip is not None and isinstance(clip.start, After):
                raise UnknownThing("clip", clip.start.clip or "", self.places)
        if before is not None and (before.tempo is not story.tempo or before.sample_rate != story.sample_rate):
            self._beat_anew(tempo)
        if gone or come:
            self._starts = None

    def _enter(self, come: Come) -> None:
        place = self.places.get(come.clip.id)
        if place is None:
            place = self._free.pop() if self._free else self._grow()
            self.places[come.clip.id] = place
        elif self.clips[place] is come.clip and self.tracks[place] == come.track:
            return
        self.clips[place], self.tracks[place] = come.clip, come.track
        self._lengths[place] = self._length(come.clip)
        self.fresh.add(place)

    def _grow(self) -> int:
        place = len(self.clips)
        self.clips.append(None)
        self.tracks.append("")
        if place + 1 >= len(self._parents):  # one more for the root
            for name in ("_parents", "_offsets", "_lengths"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros_like(old)]))
        return place

    def _leave(self, name: str) -> int:
        place = self.places.pop(name)
        self.clips[place], self.tracks[place] = None, ""
        self._parents[place], self._offsets[place], self._lengths[place] = -1, 0.0, 0.0
        self._free.append(place)
        self.fresh.add(place)
        return place

    def _place(self, place: int, come: Come, story: Story, tempo: TempoMap) -> None:
        start = come.clip.start
        if not isinstance(start, After):
            self._parents[place] = -1
            self._offsets[place] = start.frame if isinstance(start, At) else tempo.frame(start.bar, start.beat)
            return
        above = start.clip
        if above is None and come.row:
            above = next(t for t in story.tracks if t.id == come.track).clips[come.row - 1].id
        if above is not None and above not in self.places:
            raise UnknownThing("clip", above, self.places)
        self._parents[place] = -1 if above is None else self.places[above]
        self._offsets[place] = start.gap_frames

    def _beat_anew(self, tempo: TempoMap) -> None:
        for place, clip in enumerate(self.clips):
            if clip is not None and not isinstance(clip.start, At | After):
                self._offsets[place] = tempo.frame(clip.start.bar, clip.start.beat)
        self._starts = None

    def _length(self, clip: Clip) -> float:
        source = self._known.frames(clip)
        if source is None:
            return np.nan if clip.length_frames is None else clip.length_frames
        left = max(0, source - clip.trim_start_frames)
        return left if clip.length_frames is None else min(left, clip.length_frames)

    def measure(self, names: Iterable[str]) -> None:
        """Ask anew how long clips are: something about them is known now, or is no longer."""
        for name in names:
            place = self.places.get(name)
            clip = None if place is None else self.clips[place]
            if place is not None and clip is not None:
                length = self._length(clip)
                if length != self._lengths[place]:
                    self._lengths[place], self._starts = length, None
                self.fresh.add(place)

    def lengths(self) -> NDArray[np.float64]:
        """Return how long every clip sounds, by place."""
        return self._lengths[: len(self.clips)]

    def starts(self) -> NDArray[np.float64]:
        """Return where every clip starts, by place. Raises StoryError for clips that wait for one another."""
        if self._starts is None:
            self._starts = self._solved()
        return self._starts

    def _solved(self) -> NDArray[np.float64]:
        count = len(self.clips)
        steps, way = np.zeros(count + 1), np.full(count + 1, count)
        parents = self._parents[:count]
        follows = parents >= 0
        way[:count] = np.where(follows, parents, count)
        steps[:count] = self._offsets[:count] + np.where(follows, self._lengths[parents], 0.0)
        rounds = 0
        while (way[:count] != count).any():
            steps = steps + steps[way]
            way = way[way]
            rounds += 1
            if 1 << rounds > 2 * count and self.story is not None:
                spans_of(self.story, {})  # tells which clips
        return steps[:count]

    def span(self, name: str) -> Span:
        """Return where a clip lies. Raises UnknownThing."""
        if name not in self.places:
            raise UnknownThing("clip", name, self.places)
        place = self.places[name]
        return Span(_whole(self.starts()[place]), _whole(self._lengths[place]))

    def early(self) -> tuple[str, int] | None:
        """Return a clip that would start before the timeline does, and how many frames; None: there is none."""
        starts = self.starts()
        found = np.flatnonzero(starts < 0)
        for place in found.tolist():
            clip = self.clips[place]
            if clip is not None:
                return clip.id, -int(starts[place])
        return None

    def around(self, first: int, last: int) -> list[Clip]:
        """Return the clips that sound between two frames of the timeline, as far as that is known."""
        starts = self.starts()
        near = np.flatnonzero((starts <= last) & (starts + self.lengths() >= first)).tolist()
        return [clip for place in near if (clip := self.clips[place]) is not None]

    def followers(self, name: str) -> Iterator[Clip]:
        """Iterate over the clips that come right after a clip, on whatever track."""
        place = self.places[name]
        for each in np.flatnonzero(self._parents[: len(self.clips)] == place).tolist():
            clip = self.clips[each]
            if clip is not None:
                yield clip


def _whole(frames: float) -> int | None:
    return None if np.isnan(frames) else int(frames)
