"""Edits of many clips at once: time put in and cut out, gaps, alignment, conversation, order; and the markers."""

from __future__ import annotations

from itertools import pairwise
from typing import cast, get_args

from msgspec.structs import replace

from engine.edits import (
    AddMarker,
    AlignWord,
    CloseGaps,
    InsertTime,
    MoveMarker,
    OrderTrack,
    RemoveMarker,
    RemoveTime,
    SetOverlap,
    SpreadLines,
)
from engine.errors import BadRange, StoryError, UnknownThing
from engine.story.arrangement import Arrangement
from engine.story.checks import check_place
from engine.story.clip_edits import detach_followers, detach_markers, refuse_if_played, split_at
from engine.story.model import After, At, Clip, Marker, Overlap, PlaySection, Position, Story
from engine.story.rules import check_id

_BREAKS_OFF = ("—", "–", "--", "-")
_TRAILS_OFF = ("…", "...")


def insert_time(work: Arrangement, edit: InsertTime) -> None:
    """Move everything from a frame on back; a clip that lies across it is cut in two."""
    if edit.length_frames <= 0 or edit.timeline_frame < 0:
        raise BadRange("time that is put in begins at 0 or later and is longer than nothing")
    at, by, tracks = edit.timeline_frame, edit.length_frames, _tracks(work, edit.tracks)
    starts = _cut_at(work, tracks, at)
    moving = set(tracks)
    work.lay(
        {name: frame + by if frame >= at and work.track_of(name) in moving else frame for name, frame in starts.items()}
    )
    if not edit.tracks:
        _move_markers(work, at, at, by)


def remove_time(work: Arrangement, edit: RemoveTime) -> None:
    """Cut a span out; what comes later moves up."""
    begin, end = edit.from_frame, edit.to_frame
    if not 0 <= begin < end:
        raise BadRange(f"{begin} to {end} is not a span of the timeline")
    tracks = _tracks(work, edit.tracks)
    moving = set(tracks)
    _cut_at(work, tracks, begin)
    starts = _cut_at(work, tracks, end)
    for name, frame in list(starts.items()):
        if work.track_of(name) in moving and begin <= frame < end:
            refuse_if_played(work.story, name)
            detach_followers(work, name)
            detach_markers(work, name)
            work.take_out(name)
            del starts[name]
    work.lay(
        {
            name: frame - (end - begin) if frame >= end and work.track_of(name) in moving else frame
            for name, frame in starts.items()
        }
    )
    if not edit.tracks:
        _move_markers(work, begin, end, begin - end)


def close_gaps(work: Arrangement, edit: CloseGaps) -> None:
    """Let every clip of a track begin a gap after the one before."""
    if edit.gap_frames < 0:
        raise BadRange("a gap is 0 or more; crossfades make clips overlap")
    clips = _in_time(work, [clip.id for clip in work.clips(edit.track)])
    wanted: dict[str, int] = {}
    next_frame: int | None = None
    for clip in clips:
        frame = work.start(clip.id) if next_frame is None else next_frame
        wanted[clip.id] = frame
        next_frame = frame + work.length(clip) + edit.gap_frames
    work.lay(wanted)


def align_word(work: Arrangement, edit: AlignWord) -> None:
    """Move a clip so that a word of it begins at a place."""
    offset = work.word_frame(edit.clip, edit.word)
    work.lay({edit.clip: work.frame(edit.place) - offset})


def spread_lines(work: Arrangement, edit: SpreadLines) -> None:
    """Let clips follow one another as people speak: some break in, some hesitate."""
    names = edit.clips or tuple(clip.id for clip in work.all() if clip.line is not None)
    if len(set(names)) < 2 or len(set(names)) < len(names):
        raise BadRange("a conversation takes two clips or more, each named once")
    if edit.gap_frames < 0 or edit.overlap_frames < 0:
        raise BadRange("gap and overlap are 0 or more")
    clips = [work.clip(name) for name in names] if edit.clips else _in_time(work, list(names))
    first = clips[0]
    if isinstance(first.start, After):
        work.start_at(first.id, At(frame=work.start(first.id)))
    for before, clip in pairwise(clips):
        work.start_at(clip.id, After(clip=before.id, gap_frames=_pause(work, before, clip, edit)))


def _pause(work: Arrangement, before: Clip, clip: Clip, edit: SpreadLines) -> int:
    """Return how long after the line before a line begins: sooner after a dash, later after an ellipsis."""
    said = before.line.text.rstrip().rstrip("\"'”’") if before.line else ""
    if said.endswith(_TRAILS_OFF):
        return 2 * edit.gap_frames
    if said.endswith(_BREAKS_OFF) and work.track_of(before.id) != work.track_of(clip.id):
        return -min(edit.overlap_frames, work.length(before))
    return edit.gap_frames


def set_overlap(work: Arrangement, edit: SetOverlap) -> None:
    """Say what becomes of clips of a track that overlap."""
    if edit.overlap not in get_args(Overlap):
        raise UnknownThing("way to overlap", edit.overlap, get_args(Overlap))
    work.track(edit.track)
    story = work.result()
    tracks = tuple(
        replace(track, overlap=cast(Overlap, edit.overlap)) if track.id == edit.track else track
        for track in story.tracks
    )
    work.adopt(replace(story, tracks=tracks))
    work.touched.update(dict.fromkeys(clip.id for clip in work.clips(edit.track)))
    work.placed_anew = True


def order_track(work: Arrangement, edit: OrderTrack) -> None:
    """Give a track another position."""
    track, tracks = work.track(edit.track), list(work.result().tracks)
    if not 1 <= edit.position <= len(tracks):
        raise BadRange(f"position {edit.position}: there are tracks 1 to {len(tracks)}")
    track = next(each for each in tracks if each.id == track.id)
    tracks.remove(track)
    tracks.insert(edit.position - 1, track)
    work.adopt(replace(work.story, tracks=tuple(tracks)))


def add_marker(work: Arrangement, edit: AddMarker) -> None:
    """Name a point."""
    story = work.result()
    for problem in check_id((), "marker", edit.marker):
        raise BadRange(f"marker: {problem.text}")
    if any(marker.id == edit.marker for marker in story.markers):
        raise StoryError(f"there is a marker {edit.marker!r} already")
    marker = Marker(id=edit.marker, at=_marker_place(work, edit.place), name=edit.name)
    work.story = replace(story, markers=(*story.markers, marker))


def move_marker(work: Arrangement, edit: MoveMarker) -> None:
    """Put a marker elsewhere."""
    story, at = work.result(), _marker_place(work, edit.place)
    _known_marker(story, edit.marker)
    markers = tuple(replace(m, at=at) if m.id == edit.marker else m for m in story.markers)
    work.story = replace(story, markers=markers)


def remove_marker(work: Arrangement, edit: RemoveMarker) -> None:
    """Take a marker away that nobody needs."""
    story = work.result()
    _known_marker(story, edit.marker)
    for what, target in (
        *((f"cue {cue.id}", cue.target) for cues in story.cue_lists().values() for cue in cues),
        *((f"slot {slot.bank}/{slot.index}", slot.target) for slot in story.slots),
    ):
        if isinstance(target, PlaySection) and edit.marker in (target.from_marker, target.to_marker):
            raise StoryError(f"{what} plays from or to marker {edit.marker!r}; change that first")
    work.story = replace(story, markers=tuple(m for m in story.markers if m.id != edit.marker))


def _known_marker(story: Story, name: str) -> None:
    if name not in (known := [marker.id for marker in story.markers]):
        raise UnknownThing("marker", name, known)


def _marker_place(work: Arrangement, place: str) -> Position:
    position = work.position(place)
    if isinstance(position, After) and position.clip is None:
        raise BadRange(f"{place!r} needs the clip that it comes after")
    for problem in check_place(work.story, position, work):
        raise BadRange(f"place {place!r}: {problem.text}")
    return position


def _tracks(work: Arrangement, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(work.track(name).id for name in names) or tuple(track.id for track in work.story.tracks)


def _in_time(work: Arrangement, names: list[str]) -> list[Clip]:
    return sorted((work.clip(name) for name in names), key=lambda clip: work.start(clip.id))


def _cut_at(work: Arrangement, tracks: tuple[str, ...], frame: int) -> dict[str, int]:
    """Cut the clips of tracks that lie across a frame; return where all clips of the story start."""
    starts = {clip.id: work.start(clip.id) for clip in work.all()}
    across = [
        clip.id
        for track in tracks
        for clip in work.clips(track)
        if starts[clip.id] < frame < starts[clip.id] + work.length(clip)
    ]
    for name in across:
        new = work.new_id(name)
        split_at(work, name, frame - starts[name], new)
        starts[new] = frame
    return starts


def _move_markers(work: Arrangement, begin: int, end: int, by: int) -> None:
    """Move markers behind a span, and those in it to its beginning; who stands after a clip goes with it."""
    story, markers = work.result(), []
    for marker in story.markers:
        if not isinstance(marker.at, After):
            frame = work.frame_of(marker.at)
            if frame >= end:
                marker = replace(marker, at=At(frame=frame + by))
            elif frame > begin:
                marker = replace(marker, at=At(frame=begin))
        markers.append(marker)
    work.story = replace(story, markers=tuple(markers))
