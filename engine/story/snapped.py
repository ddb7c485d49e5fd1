"""Edits whose times are drawn to something: the edit as it is made, and what keeps its cuts from clicking."""

from __future__ import annotations

from msgspec.structs import replace

from engine.edits import (
    AddMarker,
    ClipEdit,
    InsertTime,
    MoveClip,
    MoveMarker,
    RemoveTime,
    SplitClip,
    TrimClip,
    TrimEdge,
)
from engine.story.arrangement import Arrangement
from engine.story.positions import seconds_text
from engine.story.snap import MICRO_FADE_SECONDS, Snap, read_snap, snap_cut, snap_place
from engine.units import seconds_to_frames

Snapping = MoveClip | TrimClip | TrimEdge | SplitClip | InsertTime | RemoveTime | AddMarker | MoveMarker


def snapped(work: Arrangement, edit: ClipEdit) -> ClipEdit:
    """Return an edit with its times where what it snaps to draws them. Raises BadRange for a wrong ``snap``."""
    if not isinstance(edit, Snapping) or not edit.snap:
        return edit
    snap, rate = read_snap(edit.snap, work.story.sample_rate), work.story.sample_rate
    match edit:
        case MoveClip(clip=clip):
            return _moved(work, edit, snap) if _goes(edit) else edit
        case TrimClip(clip=clip, from_frame=begin, to_frame=end):
            cut = 0 if begin == 0 else snap_cut(work, clip, begin, snap)
            return replace(edit, from_frame=cut, to_frame=end and snap_cut(work, clip, end, snap))
        case TrimEdge(clip=clip, timeline_frame=frame):
            shift = work.start(clip) - work.clip(clip).trim_start_frames
            return replace(edit, timeline_frame=shift + snap_cut(work, clip, frame - shift, snap))
        case SplitClip(clip=clip):
            trim = work.clip(clip).trim_start_frames
            at = work.word_frame(clip, edit.word) if edit.at_frame is None else edit.at_frame
            return replace(edit, word="", at_frame=snap_cut(work, clip, at + trim, snap) - trim)
        case InsertTime(timeline_frame=frame):
            return replace(edit, timeline_frame=snap_place(work, frame, snap))
        case RemoveTime(from_frame=begin, to_frame=end):
            return replace(edit, from_frame=snap_place(work, begin, snap), to_frame=snap_place(work, end, snap))
        case _:
            frame = snap_place(work, work.frame(edit.place), snap)
            return replace(edit, place=seconds_text(frame, rate))


def soften(work: Arrangement, edit: ClipEdit) -> None:
    """Fade where an edit has cut, if it asks for that."""
    if not isinstance(edit, Snapping) or not read_snap(edit.snap, work.story.sample_rate).fade:
        return
    match edit:
        case SplitClip(clip=clip):
            fade_edges(work, clip, end=True)
            clips = work.clips(work.track_of(clip))
            fade_edges(work, clips[work.index(clip) + 1].id, start=True)
        case TrimClip(clip=clip, from_frame=begin, to_frame=end):
            fade_edges(work, clip, start=begin > 0, end=end is not None)
        case TrimEdge(clip=clip, edge=edge):
            fade_edges(work, clip, start=edge == "start", end=edge == "end")
        case _:
            pass


def fade_edges(work: Arrangement, name: str, *, start: bool = False, end: bool = False) -> None:
    """Give a clip a fade of some milliseconds where it has none."""
    clip = work.clip(name)
    micro = min(seconds_to_frames(MICRO_FADE_SECONDS, work.story.sample_rate), work.length(clip) // 2)
    if start and not clip.fade_in_frames:
        clip = replace(clip, fade_in_frames=min(micro, work.length(clip) - clip.fade_out_frames))
    if end and not clip.fade_out_frames:
        clip = replace(clip, fade_out_frames=min(micro, work.length(clip) - clip.fade_in_frames))
    work.put(clip)


def _goes(edit: MoveClip) -> bool:
    return edit.start_frame is not None or bool(edit.place) or edit.by_frames != 0


def _moved(work: Arrangement, edit: MoveClip, snap: Snap) -> MoveClip:
    if edit.start_frame is not None:
        frame = edit.start_frame
    else:
        frame = work.frame(edit.place) if edit.place else work.start(edit.clip) + edit.by_frames
    return replace(edit, start_frame=snap_place(work, frame, snap, edit.clip), place="", by_frames=0)
