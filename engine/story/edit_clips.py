"""Edits of the timeline: a story, a command and what is known of its takes give a new story, checked before it is."""

from __future__ import annotations

from typing import assert_never

from engine.edits import (
    AddAudio,
    AddLine,
    AddMarker,
    AlignWord,
    ClipEdit,
    CloseGaps,
    CopyClip,
    CrossfadeClips,
    EditWords,
    FadeClip,
    FitLine,
    GroupClip,
    InsertTime,
    MergeClips,
    MoveClip,
    MoveMarker,
    OrderClip,
    OrderTrack,
    RemoveClip,
    RemoveGaps,
    RemoveMarker,
    RemoveTime,
    SetLine,
    SetOverlap,
    SlipClip,
    SplitClip,
    SpreadLines,
    TrimClip,
    TrimEdge,
)
from engine.errors import BadRange, StoryError
from engine.story import clip_edits, time_edits, word_edits
from engine.story.arrangement import Arrangement
from engine.story.checks import check_clips
from engine.story.known import Known
from engine.story.layout import Layout
from engine.story.model import Clip, Story
from engine.story.overlap import settle_overlaps
from engine.story.positions import seconds_text
from engine.story.problems import path_text
from engine.story.snapped import snapped, soften


def edit_clips(story: Story, edit: ClipEdit, known: Known, layout: Layout | None = None) -> Story:
    """Return the story with an edit of its timeline in it; the story that is given stays as it is.

    layout: follows the story from one edit to the next, so that an edit of a long one takes no longer.
    Raises UnknownThing, BadRange, NotReady or StoryError, which say what would be allowed.
    """
    work = Arrangement(story, known, layout)
    _edit(work, snapped(work, edit))
    soften(work, edit)
    settle_overlaps(work)
    result = work.result()
    clips = [(work.track(work.track_of(name)), work.clip(name)) for name in work.touched]
    for found in check_clips(result, clips, work):
        raise BadRange(f"clip {path_text(found.path)}: {found.text}")
    if work.placed_anew:
        _check_places(work)
    for name in work.touched:
        _check_length(work, work.clip(name))
    return result


def _edit(work: Arrangement, edit: ClipEdit) -> None:
    match edit:
        case AddLine() | AddAudio() | RemoveClip() | MoveClip() | CopyClip() | OrderClip():
            _place(work, edit)
        case TrimClip() | TrimEdge() | SlipClip() | SplitClip() | MergeClips():
            _cut(work, edit)
        case FadeClip():
            clip_edits.fade(work, edit)
        case CrossfadeClips():
            clip_edits.crossfade(work, edit)
        case GroupClip():
            clip_edits.group(work, edit)
        case SetLine():
            clip_edits.set_line(work, edit)
        case FitLine():
            clip_edits.fit_line(work, edit)
        case InsertTime() | RemoveTime() | CloseGaps() | AlignWord() | SpreadLines() | SetOverlap() | OrderTrack():
            _arrange(work, edit)
        case EditWords():
            word_edits.edit_words(work, edit)
        case RemoveGaps():
            word_edits.remove_gaps(work, edit)
        case AddMarker():
            time_edits.add_marker(work, edit)
        case MoveMarker():
            time_edits.move_marker(work, edit)
        case RemoveMarker():
            time_edits.remove_marker(work, edit)
        case _:
            assert_never(edit)


def _place(work: Arrangement, edit: AddLine | AddAudio | RemoveClip | MoveClip | CopyClip | OrderClip) -> None:
    match edit:
        case AddLine():
            clip_edits.add_line(work, edit)
        case AddAudio():
            clip_edits.add_audio(work, edit)
        case RemoveClip():
            clip_edits.remove(work, edit)
        case MoveClip():
            clip_edits.move(work, edit)
        case CopyClip():
            clip_edits.copy(work, edit)
        case OrderClip():
            clip_edits.order(work, edit)


def _cut(work: Arrangement, edit: TrimClip | TrimEdge | SlipClip | SplitClip | MergeClips) -> None:
    match edit:
        case TrimClip():
            clip_edits.trim(work, edit)
        case TrimEdge():
            clip_edits.trim_edge(work, edit)
        case SlipClip():
            clip_edits.slip(work, edit)
        case SplitClip():
            clip_edits.split(work, edit)
        case MergeClips():
            clip_edits.merge(work, edit)


def _arrange(
    work: Arrangement,
    edit: InsertTime | RemoveTime | CloseGaps | AlignWord | SpreadLines | SetOverlap | OrderTrack,
) -> None:
    match edit:
        case InsertTime():
            time_edits.insert_time(work, edit)
        case RemoveTime():
            time_edits.remove_time(work, edit)
        case CloseGaps():
            time_edits.close_gaps(work, edit)
        case AlignWord():
            time_edits.align_word(work, edit)
        case SpreadLines():
            time_edits.spread_lines(work, edit)
        case SetOverlap():
            time_edits.set_overlap(work, edit)
        case OrderTrack():
            time_edits.order_track(work, edit)


def _check_places(work: Arrangement) -> None:
    """Raise for clips that wait for one another, or lie before 0."""
    early = work.early()
    if early is not None:
        name, frames = early
        seconds = seconds_text(frames, work.story.sample_rate)
        raise BadRange(f"clip {name!r} would start {seconds} s before the start of the timeline")


def _check_length(work: Arrangement, clip: Clip) -> None:
    source = work.known.frames(clip)
    if source is not None and clip.trim_start_frames >= source > 0:
        raise BadRange(f"clip {clip.id!r} would begin behind the end of its source")
    if source and clip.fade_in_frames + clip.fade_out_frames > work.length(clip):
        fades = seconds_text(clip.fade_in_frames + clip.fade_out_frames, work.story.sample_rate)
        length = seconds_text(work.length(clip), work.story.sample_rate)
        raise StoryError(f"clip {clip.id!r}: the fades take {fades} s, it lasts {length} s")
