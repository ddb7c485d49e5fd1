"""Clips of a track that overlap: allowed, given a crossfade, or forbidden, as the track has it."""

from __future__ import annotations

from itertools import pairwise

from msgspec.structs import replace

from engine.errors import BadRange
from engine.story.arrangement import Arrangement
from engine.story.model import Clip, FadeShape
from engine.story.positions import seconds_text


def settle_overlaps(work: Arrangement) -> None:
    """Make crossfades where an edit has let clips overlap, or refuse it. Raises BadRange with what is allowed.

    One that moves nothing is none of them, whatever overlapped before.
    """
    if not work.placed_anew:
        return
    strict = {t.id for t in work.result().tracks if t.overlap != "allow"}
    touched = {work.track_of(name) for name in work.touched} & strict
    for track in touched:
        spans = {clip.id: work.span(clip.id) for clip in work.clips(track)}
        placed = [clip for clip in work.clips(track) if spans[clip.id].start is not None]
        placed.sort(key=lambda clip: spans[clip.id].start or 0)
        for before, clip in pairwise(placed):
            end = spans[before.id].end
            over = 0 if end is None else end - (spans[clip.id].start or 0)
            if before.id in work.touched or clip.id in work.touched:
                _settle(work, track, before, clip, over, end or 0)


def _settle(work: Arrangement, track: str, before: Clip, clip: Clip, over: int, end: int) -> None:
    rate = work.story.sample_rate
    if over <= 0:
        return
    if work.track(track).overlap == "forbid":
        raise BadRange(
            f"clips {before.id!r} and {clip.id!r} would overlap by {seconds_text(over, rate)} s, which track {track!r}"
            f" forbids; {clip.id!r} may start at {seconds_text(end, rate)} s or later"
        )
    most = min(work.length(before), work.length(clip))
    if over > most:
        raise BadRange(
            f"clips {before.id!r} and {clip.id!r} would overlap by {seconds_text(over, rate)} s; track {track!r} makes"
            f" crossfades, and here one lasts at most {seconds_text(most, rate)} s"
        )
    power: FadeShape = "equal_power"
    before, clip = work.clip(before.id), work.clip(clip.id)
    fade_in = min(before.fade_in_frames, work.length(before) - over)
    work.put(replace(before, fade_in_frames=fade_in, fade_out_frames=over, fade_out_shape=power))
    fade_out = min(clip.fade_out_frames, work.length(clip) - over)
    work.put(replace(clip, fade_in_frames=over, fade_in_shape=power, fade_out_frames=fade_out))
