"""Where everything of a story lies in time: clips placed to the frame, markers, the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise

import msgspec

from engine.errors import StoryError, UnknownThing
from engine.story.model import After, At, Beat, Clip, Position, Story, Track
from engine.story.tempo import TempoMap


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A clip at its place: from ``start_frame`` on it sounds for ``length_frames`` (0 when its trim leaves nothing)."""

    clip: Clip
    track: Track
    start_frame: int
    length_frames: int

    @property
    def end_frame(self) -> int:
        """The first frame after the clip."""
        return self.start_frame + self.length_frames


class Span(msgspec.Struct, frozen=True):
    """Where a clip lies as far as it is known; None where it depends on a source that is not there yet."""

    start: int | None
    length: int | None

    @property
    def end(self) -> int | None:
        """The first frame after the clip."""
        return None if self.start is None or self.length is None else self.start + self.length


def place(story: Story, source_frames: Mapping[str, int]) -> tuple[Placed, ...]:
    """Return every clip with its frames, sorted by start, then by the story's order.

    source_frames: the length of each clip's take or file by clip id, before any trim.
    Raises StoryError naming every clip whose length is missing or that would start before 0.
    """
    spans = spans_of(story, source_frames)
    _refuse_unplaceable(spans)
    placed = [
        Placed(clip=clip, track=track, start_frame=span.start or 0, length_frames=span.length or 0)
        for track, clip, span in ((t, c, spans[c.id]) for t in story.tracks for c in t.clips)
    ]
    return tuple(sorted(placed, key=lambda p: p.start_frame))


def spans_of(story: Story, source_frames: Mapping[str, int]) -> dict[str, Span]:
    """Return each clip's span by id, as far as the lengths in ``source_frames`` tell; never guesses."""
    tempo = TempoMap(story.tempo, story.sample_rate)
    clips = {c.id: c for t in story.tracks for c in t.clips}
    needs = dependencies(story)
    spans: dict[str, Span] = {}
    for clip_id in clips:
        for each in reversed(_chain(clip_id, needs, spans)):
            above = spans.get(needs[each] or "", Span(0, 0))
            spans[each] = Span(_start(clips[each].start, above.end, tempo), _length(clips[each], source_frames))
    return spans


def dependencies(story: Story) -> dict[str, str | None]:
    """Return, for every clip id, the clip it comes after: None when it stands by itself or opens its track."""
    needs: dict[str, str | None] = {}
    for track in story.tracks:
        above: str | None = None
        for clip in track.clips:
            needs[clip.id] = (clip.start.clip or above) if isinstance(clip.start, After) else None
            above = clip.id
    return needs


def find_cycles(needs: Mapping[str, str | None]) -> tuple[tuple[str, ...], ...]:
    """Return every ring of clips that wait for one another, each once, in the order of the waiting."""
    seen: set[str] = set()
    rings: list[tuple[str, ...]] = []
    for first in needs:
        path: dict[str, int] = {}
        here: str | None = first
        while here is not None and here in needs and here not in seen and here not in path:
            path[here] = len(path)
            here = needs[here]
        if here is not None and here in path:
            rings.append(tuple(path)[path[here] :])
        seen.update(path)
    return tuple(rings)


def story_end_frame(placed: Iterable[Placed]) -> int:
    """Return the frame after the last clip's last; 0 for none. Tails of effects are not in it."""
    return max((p.end_frame for p in placed), default=0)


def marker_frames(story: Story, placed: Iterable[Placed]) -> dict[str, int]:
    """Return each marker's frame by id. Raises StoryError for one that would lie before the start of the timeline."""
    ends = {p.clip.id: p.end_frame for p in placed}
    return {marker: checked_marker(marker, frame) for marker, frame in marker_places(story, ends.get).items()}


def marker_places(story: Story, end_of: Callable[[str], int | None]) -> dict[str, int]:
    """Return each marker's frame by id; less than 0: it would lie before the start of the timeline.

    end_of: returns where a clip ends, None for one that there is not.
    """
    tempo = TempoMap(story.tempo, story.sample_rate)
    frames: dict[str, int] = {}
    for marker in story.markers:
        after = marker.at.clip if isinstance(marker.at, After) else None
        end = 0 if after is None else end_of(after)
        if end is None:
            raise UnknownThing("clip", after or "", (c.id for t in story.tracks for c in t.clips))
        frames[marker.id] = _start(marker.at, end, tempo) or 0
    return frames


def checked_marker(marker: str, frame: int) -> int:
    """Return the frame of a marker. Raises StoryError where it would lie before the start of the timeline."""
    if frame < 0:
        raise StoryError(f"marker {marker!r} would lie before the start of the timeline, at frame {frame}")
    return frame


def point_frame(story: Story, position: Position) -> int:
    """Return the frame of a place that comes after no clip. Raises StoryError for one that does."""
    frame = _start(position, None, TempoMap(story.tempo, story.sample_rate))
    if frame is None:
        raise StoryError("a point of automation has a time or a bar and beat; it can't come after a clip")
    return frame


def overlaps(placed: Iterable[Placed]) -> tuple[tuple[Placed, Placed], ...]:
    """Return the neighbours on a track that sound at once: the one that is still sounding, and the one that starts.

    No fault, both are heard; but one voice seldom speaks twice at a time on purpose.
    """
    tracks: dict[str, list[Placed]] = {}
    for item in placed:
        if item.length_frames:
            tracks.setdefault(item.track.id, []).append(item)
    pairs: list[tuple[Placed, Placed]] = []
    for items in tracks.values():
        longest = items[0]
        for before, item in pairwise(sorted(items, key=lambda p: p.start_frame)):
            longest = max(longest, before, key=lambda p: p.end_frame)
            if item.start_frame < longest.end_frame:
                pairs.append((longest, item))
    return tuple(pairs)


def _chain(clip_id: str, needs: Mapping[str, str | None], known: Mapping[str, Span]) -> list[str]:
    """Return the clip, the one it waits for, and so on to the first that is known or stands by itself."""
    chain: dict[str, None] = {}
    here: str | None = clip_id
    while here is not None and here not in known:
        if here in chain:
            raise StoryError(f"these clips wait for one another: {' after '.join([*chain, here])}")
        if here not in needs:
            raise UnknownThing("clip", here, needs)
        chain[here] = None
        here = needs[here]
    return list(chain)


def _start(position: Position, above_end: int | None, tempo: TempoMap) -> int | None:
    match position:
        case At(frame=frame):
            return frame
        case Beat(bar=bar, beat=beat):
            return tempo.frame(bar, beat)
        case After(gap_frames=gap):
            return None if above_end is None else above_end + gap


def _length(clip: Clip, source_frames: Mapping[str, int]) -> int | None:
    """What the trim leaves; a length that is longer than the source ends with it."""
    source = source_frames.get(clip.id)
    if source is None:
        return clip.length_frames
    left = max(0, source - clip.trim_start_frames)
    return left if clip.length_frames is None else min(left, clip.length_frames)


def _refuse_unplaceable(spans: Mapping[str, Span]) -> None:
    unknown = [name for name, span in spans.items() if span.length is None]
    if unknown:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise StoryError(f"how long these clips are is not known yet: {', '.join(unknown[:5])}{more}")
    early = [f"clip {name!r} would start at frame {s.start}" for name, s in spans.items() if (s.start or 0) < 0]
    if early:
        raise StoryError("\n".join(f"{text}: before the start of the timeline" for text in early))
