"""Snapping: the places that a time of an edit is drawn to: words, sentences, silences, beats, grid, markers, clips."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from engine.errors import BadRange
from engine.story import hearing
from engine.story.arrangement import Arrangement
from engine.story.known import SpokenWord
from engine.story.model import After, Clip
from engine.story.tempo import TempoMap
from engine.units import seconds_to_frames

KINDS = ("word", "sentence", "silence", "clip", "marker", "beat", "bar", "grid", "zero", "fade")
FORMS = f"any of {', '.join(KINDS)}; grid:0.5 is a grid of half beats, within:0.2 looks no further than these seconds"
GRID_BEATS, WITHIN_SECONDS = 0.25, 0.5
CUT_SECONDS, MICRO_FADE_SECONDS = 0.005, 0.005
"""How far a zero crossing may be away, and how long the fade is that keeps a cut from clicking."""
_ENDS = (".", "!", "?", "…")
_WORD = re.compile(r"[\s,]+")


class Snap(msgspec.Struct, frozen=True, kw_only=True):
    """What a time snaps to. zero, fade: how a cut is kept from clicking: it is moved to a zero crossing, or faded."""

    kinds: frozenset[str]
    within_frames: int
    grid_beats: float = GRID_BEATS
    zero: bool = False
    fade: bool = False


def read_snap(text: str, sample_rate: int) -> Snap:
    """Return what a text asks for: ``word sentence``, ``grid:0.5``, ``silence zero within:0.2``. Raises BadRange."""
    kinds, within, grid = set[str](), WITHIN_SECONDS, GRID_BEATS
    for part in filter(None, _WORD.split(text)):
        kind, _, number = part.partition(":")
        kind = kind.removesuffix("s") if kind not in KINDS else kind
        if (kind not in KINDS and kind != "within") or (number and kind not in ("grid", "within")):
            raise BadRange(f"{part!r} is nothing to snap to; write {FORMS}")
        if number or kind == "within":
            value = _positive(number, part)
            within, grid = (value, grid) if kind == "within" else (within, value)
        kinds.add(kind)
    return Snap(
        kinds=frozenset(kinds - {"within", "zero", "fade"}),
        within_frames=seconds_to_frames(within, sample_rate),
        grid_beats=grid,
        zero="zero" in kinds,
        fade="fade" in kinds,
    )


def _positive(number: str, part: str) -> float:
    try:
        value = float(number)
    except ValueError:
        value = 0.0
    if not 0.0 < value <= 64.0:
        raise BadRange(f"{part!r} needs a number above 0, up to 64: {FORMS}")
    return value


def snap_place(work: Arrangement, frame: int, snap: Snap, mover: str = "") -> int:
    """Return the place of the timeline to which a frame is drawn; the frame itself where there is none near.

    mover: a clip that is being moved: its own edges and words are none.
    """
    points = [*_musical(work, frame, snap), *_marked(work, snap)]
    if snap.kinds & {"word", "sentence", "silence", "clip"}:
        for clip in work.around(frame, snap.within_frames):
            if clip.id != mover:
                start = work.start(clip.id) - clip.trim_start_frames
                points.extend(start + point for point in _own(work, clip, snap, edges=True))
    return _nearest(points, frame, snap)


def snap_cut(work: Arrangement, name: str, source_frame: int, snap: Snap) -> int:
    """Return the frame of a clip's source to which a cut there is drawn, at a zero crossing where that is asked for."""
    clip = work.clip(name)
    frame = source_frame
    if snap.kinds:
        points = list(_own(work, clip, snap, edges=False))
        if snap.kinds & {"beat", "bar", "grid", "marker"}:
            shift = work.start(name) - clip.trim_start_frames
            points.extend(p - shift for p in (*_musical(work, frame + shift, snap), *_marked(work, snap)))
        frame = _nearest(points, frame, snap)
    return at_zero(work, clip, frame) if snap.zero else frame


def at_zero(work: Arrangement, clip: Clip, source_frame: int) -> int:
    """Return the zero crossing next to a frame of a clip's source; the frame itself where its sound is not at hand."""
    sound = work.known.sound(clip)
    if sound is None:
        return source_frame
    return hearing.zero_crossing(sound, source_frame, seconds_to_frames(CUT_SECONDS, work.story.sample_rate))


def _nearest(points: list[int], frame: int, snap: Snap) -> int:
    near = [point for point in points if abs(point - frame) <= snap.within_frames]
    return min(near, key=lambda point: (abs(point - frame), point), default=frame)


def _musical(work: Arrangement, frame: int, snap: Snap) -> Iterator[int]:
    tempo, here = TempoMap(work.story.tempo, work.story.sample_rate), max(0, frame)
    steps = {"bar": None, "beat": 1.0, "grid": snap.grid_beats}
    for kind in snap.kinds & steps.keys():
        beats = steps[kind]
        after = tempo.next_place(here, beats is None, beats or 1.0)
        yield after
        at = tempo.position(here)
        yield tempo.frame(at.bar, 1.0 if beats is None else 1.0 + (at.beat - 1.0) // beats * beats)


def _marked(work: Arrangement, snap: Snap) -> Iterator[int]:
    for marker in work.story.markers if "marker" in snap.kinds else ():
        if not (isinstance(marker.at, After) and marker.at.clip is None):
            yield work.marker(marker.id)


def _own(work: Arrangement, clip: Clip, snap: Snap, *, edges: bool) -> Iterator[int]:
    """Iterate over the points of a clip's source that are heard: words, sentences, silences, and its edges."""
    first = clip.trim_start_frames
    last = first + work.length(clip)
    points: list[int] = [first, last] if edges and "clip" in snap.kinds else []
    words = work.known.words(clip) if snap.kinds & {"word", "sentence"} else ()
    if "word" in snap.kinds:
        points.extend(point for word in words for point in (word.start_frame, word.end_frame))
    if "sentence" in snap.kinds:
        points.extend(w.end_frame for w in words if _ends_sentence(clip, w))
        points.extend(w.end_frame for w in words[-1:])
    if "silence" in snap.kinds and (sound := work.known.sound(clip)) is not None:
        for span in hearing.silences(sound, work.story.sample_rate, hearing.SILENCE_DB, 0.05):
            points.extend(span)
    return (point for point in points if first <= point <= last)


def _ends_sentence(clip: Clip, word: SpokenWord) -> bool:
    """Return whether a sentence ends with a word: its text says so, or what stands behind it in the line."""
    end = getattr(word, "text_end", None)
    behind = clip.line.text[end : end + 1] if clip.line is not None and isinstance(end, int) else ""
    return word.text.rstrip("\"'”’)]").endswith(_ENDS) or behind in _ENDS
