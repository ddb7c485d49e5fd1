"""Rates: a story and its takes at another sample rate, each of their times moved to the nearest frame once."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from engine.story.model import After, At, Beat, Clip, Point, Position, Story, Strip
from engine.voices.take import Take

Scale = Callable[[int], int]


def story_at(story: Story, sample_rate: int) -> Story:
    """Return ``story`` at ``sample_rate``."""
    if sample_rate == story.sample_rate:
        return story
    scale = _scale(story.sample_rate, sample_rate)
    tracks = tuple(
        msgspec.structs.replace(
            track, strip=_strip(track.strip, scale), clips=tuple(_clip(clip, scale) for clip in track.clips)
        )
        for track in story.tracks
    )
    buses = tuple(msgspec.structs.replace(bus, strip=_strip(bus.strip, scale)) for bus in story.buses)
    master = msgspec.structs.replace(story.master, strip=_strip(story.master.strip, scale))
    markers = tuple(msgspec.structs.replace(marker, at=_position(marker.at, scale)) for marker in story.markers)
    midi = tuple(msgspec.structs.replace(m, start=_moment(m.start, scale)) for m in story.midi)
    return msgspec.structs.replace(
        story, sample_rate=sample_rate, tracks=tracks, buses=buses, master=master, markers=markers, midi=midi
    )


def take_at(take: Take, sample_rate: int) -> Take:
    """Return ``take`` with its words in frames of ``sample_rate``; its audio stays as it lies in the cache."""
    if sample_rate == take.sample_rate:
        return take
    scale = _scale(take.sample_rate, sample_rate)
    words = tuple(
        msgspec.structs.replace(word, start_frame=scale(word.start_frame), end_frame=scale(word.end_frame))
        for word in take.words
    )
    return msgspec.structs.replace(take, sample_rate=sample_rate, frames=scale(take.frames), words=words)


def _scale(old: int, new: int) -> Scale:
    return lambda frames: (2 * frames * new + old) // (2 * old)


def _clip(clip: Clip, scale: Scale) -> Clip:
    """Scale a clip: its ends, not its lengths, so that what touched still touches."""
    first = scale(clip.trim_start_frames)
    last = None if clip.length_frames is None else scale(clip.trim_start_frames + clip.length_frames)
    return msgspec.structs.replace(
        clip,
        start=_position(clip.start, scale),
        trim_start_frames=first,
        length_frames=None if last is None else max(1, last - first),
        fade_in_frames=scale(clip.fade_in_frames),
        fade_out_frames=scale(clip.fade_out_frames),
    )


def _strip(strip: Strip, scale: Scale) -> Strip:
    lanes = tuple(
        msgspec.structs.replace(lane, points=tuple(_point(point, scale) for point in lane.points))
        for lane in strip.automation
    )
    return msgspec.structs.replace(strip, automation=lanes)


def _moment(at: At | Beat, scale: Scale) -> At | Beat:
    return At(frame=scale(at.frame)) if isinstance(at, At) else at


def _point(point: Point, scale: Scale) -> Point:
    return msgspec.structs.replace(point, at=_moment(point.at, scale))


def _position(position: Position, scale: Scale) -> Position:
    match position:
        case At(frame=frame):
            return At(frame=scale(frame))
        case After(clip=clip, gap_frames=gap):
            return After(clip=clip, gap_frames=scale(gap))
        case _:
            return position
