"""Edits by text: words of a take left out or put in another order, silences and breaths left out. Audio stays as it is.

A clip becomes several that play pieces of the same take one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

from msgspec.structs import replace

from engine.edits import EditWords, RemoveGaps
from engine.errors import BadRange, NotReady, UnknownThing
from engine.params import ParamSpec
from engine.story import hearing
from engine.story.arrangement import Arrangement
from engine.story.clip_edits import redirect_markers
from engine.story.known import SpokenWord
from engine.story.model import After, Clip
from engine.story.snap import at_zero
from engine.story.snapped import fade_edges
from engine.story.words import find_word, numbered, same_word
from engine.units import seconds_to_frames

Piece = tuple[int, int]
"""Frames of a source, from and up to."""

SILENCE = ParamSpec(low=-90.0, high=-10.0, default=hearing.SILENCE_DB, unit="dB")
GAP_SECONDS = ParamSpec(low=0.0, high=60.0, default=0.3, unit="s")


def edit_words(work: Arrangement, edit: EditWords) -> None:
    """Have a clip say those of its words that are named, in their order."""
    clip = work.clip(edit.clip)
    words = _heard(work, clip)
    chosen = choose([word.text for word in words], edit.words.split(), f"clip {clip.id}")
    edges = _edges(work, clip, words)
    runs: list[Piece] = []
    for at in chosen:
        begin, end = edges[at], edges[at + 1]
        if runs and runs[-1][1] == begin:
            runs[-1] = runs[-1][0], end
        else:
            runs.append((begin, end))
    play_pieces(work, clip, runs)


def choose(words: Sequence[str], wanted: Sequence[str], what: str) -> list[int]:
    """Return which words are meant, each once: of several alike the one that comes next. Raises UnknownThing."""
    if not wanted:
        raise BadRange(f"{what} would say nothing; delete it instead")
    chosen: list[int] = []
    for reference in wanted:
        if "#" in reference:
            at = find_word(words, reference, what)
        else:
            free = [i for i, word in enumerate(words) if same_word(word, reference) and i not in chosen]
            last = chosen[-1] if chosen else -1
            found = next((i for i in free if i > last), free[0] if free else None)
            if found is None:
                raise UnknownThing(f"word of {what} that is left", reference, numbered(words))
            at = found
        if at in chosen:
            raise BadRange(f"{what}: {reference!r} is named twice; each word can be heard once")
        chosen.append(at)
    return chosen


def remove_gaps(work: Arrangement, edit: RemoveGaps) -> None:
    """Leave silences or breaths out of clips; what comes after them moves up."""
    if edit.what not in ("silences", "breaths", "both"):
        raise UnknownThing("thing to leave out", edit.what, ("silences", "breaths", "both"))
    silence_db = SILENCE.check(edit.silence_db, "silence_db")
    least = GAP_SECONDS.check(edit.least_seconds, "least_seconds")
    keep_frames = seconds_to_frames(GAP_SECONDS.check(edit.keep_seconds, "keep_seconds"), work.story.sample_rate)
    names = edit.clips or tuple(clip.id for clip in work.all() if clip.line is not None)
    for name in names:
        clip = work.clip(name)
        sound = work.known.sound(clip)
        if sound is None:
            raise NotReady(f"the sound of clip {name!r} is not at hand (yet)")
        rate, gone = work.story.sample_rate, list[Piece]()
        if edit.what != "breaths":
            gone += [_inside(span, keep_frames) for span in hearing.silences(sound, rate, silence_db, least)]
        if edit.what != "silences":
            gone += hearing.breaths(sound, rate, _heard(work, clip), silence_db)
        pieces = _without(work, clip, gone)
        if not pieces:
            raise BadRange(f"nothing would be left of clip {name!r}; delete it instead")
        play_pieces(work, clip, pieces)


def play_pieces(work: Arrangement, clip: Clip, pieces: Sequence[Piece]) -> None:
    """Have a clip play pieces of its source, one after the other: it plays the first, new clips the others.

    Cuts are faded for some milliseconds. Who came after the clip comes after the last piece.
    """
    whole = clip.trim_start_frames, clip.trim_start_frames + work.length(clip)
    if list(pieces) == [whole]:
        return
    followers = [each.id for each in work.followers(clip.id) if cast(After, each.start).clip == clip.id]
    names = [clip.id]
    for begin, end in pieces[1:]:
        name = work.new_id(clip.id)
        part = replace(clip, id=name, start=After(clip=names[-1]), fade_in_frames=0, fade_in_shape="linear")
        work.insert(work.track_of(clip.id), work.index(names[-1]) + 1, _cut(part, begin, end))
        names.append(name)
    work.put(_cut(clip, *pieces[0]))
    if len(names) > 1:
        for follower in followers:
            work.start_at(follower, replace(cast(After, work.clip(follower).start), clip=names[-1]))
        redirect_markers(work, clip.id, names[-1])
    for i, (name, (begin, end)) in enumerate(zip(names, pieces, strict=True)):
        fade_edges(work, name, start=i > 0 or begin != whole[0], end=i < len(names) - 1 or end != whole[1])


def _cut(clip: Clip, begin: int, end: int) -> Clip:
    fade_in = min(clip.fade_in_frames, (end - begin) // 2)
    return replace(
        clip, trim_start_frames=begin, length_frames=end - begin, fade_in_frames=fade_in,
        fade_out_frames=min(clip.fade_out_frames, end - begin - fade_in),
    )  # fmt: skip


def _heard(work: Arrangement, clip: Clip) -> list[SpokenWord]:
    first = clip.trim_start_frames
    last = first + work.length(clip)
    words = [word for word in work.known.words(clip) if first <= word.start_frame < last]
    if not words:
        raise NotReady(f"the words of clip {clip.id!r} are not known (yet)")
    return words


def _edges(work: Arrangement, clip: Clip, words: Sequence[SpokenWord]) -> list[int]:
    """Return where a clip may be cut: before its first word, between each two, and behind the last one."""
    sound, rate = work.known.sound(clip), work.story.sample_rate
    first = clip.trim_start_frames
    edges = [first]
    for word, after in pairwise(words):
        low, high = sorted((word.end_frame, after.start_frame))
        at = (low + high) // 2 if sound is None else hearing.quietest(sound, low, high, rate)
        edges.append(max(edges[-1] + 1, min(at_zero(work, clip, at), max(at, after.start_frame))))
    return [*edges, first + work.length(clip)]


def _inside(span: Piece, keep_frames: int) -> Piece:
    """Return a span without what is kept of it, half at either side."""
    half = min(keep_frames, span[1] - span[0]) // 2
    return span[0] + half, max(span[0] + half, span[1] - half)


def _without(work: Arrangement, clip: Clip, gone: Sequence[Piece]) -> list[Piece]:
    first = clip.trim_start_frames
    last = first + work.length(clip)
    shortest = seconds_to_frames(0.01, work.story.sample_rate)
    pieces, at = list[Piece](), first
    starts = [word.start_frame for word in work.known.words(clip)]
    for begin, end in sorted(gone):
        begin = max(at, at_zero(work, clip, begin))
        end = min([last, at_zero(work, clip, end), *(start for start in starts if begin < start)])
        if end - begin < shortest:
            continue
        if begin - at >= shortest:
            pieces.append((at, begin))
        at = end
    if last - at >= shortest:
        pieces.append((at, last))
    return pieces
