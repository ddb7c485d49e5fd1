"""The picture of a story as it stands, without an export: what is known of its takes is drawn, the rest guessed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
from numpy.typing import NDArray

from engine.errors import StoryError
from engine.export.overview import Picture, Wave
from engine.story.known import Known
from engine.story.model import Clip, Story
from engine.story.timeline import Placed, marker_frames, spans_of
from engine.units import seconds_to_frames
from engine.voices.take import Word

BUCKET_SECONDS = 0.01
GUESSED_WORDS_A_SECOND = 2.5
"""How fast a line is taken to be spoken that nobody has spoken yet."""


def story_picture(story: Story, known: Known) -> Picture:
    """Return what there is to draw. A line without a take is drawn as long as it will last, more or less."""
    lengths = {clip.id: _frames(clip, known, story.sample_rate) for clip in _clips(story)}
    placed = tuple(_placed(story, lengths))
    ends = [each.end_frame for each in placed]
    markers = marker_frames(story, placed)
    frames = max([*ends, *markers.values(), story.sample_rate])
    words = {each.clip.id: cast("tuple[Word, ...]", tuple(known.words(each.clip))) for each in placed}
    clips = {each.clip.id: wave for each in placed if (wave := _wave(each, known, story.sample_rate)) is not None}
    return Picture(story=story, placed=placed, markers=markers, frames=frames, clips=clips, words=words)


def _clips(story: Story) -> Iterator[Clip]:
    return (clip for track in story.tracks for clip in track.clips)


def _frames(clip: Clip, known: Known, sample_rate: int) -> int:
    frames = known.frames(clip)
    if frames is not None:
        return frames
    count = len(clip.line.text.split()) if clip.line is not None else 1
    return seconds_to_frames(count / GUESSED_WORDS_A_SECOND, sample_rate)


def _placed(story: Story, lengths: dict[str, int]) -> Iterator[Placed]:
    spans = spans_of(story, lengths)
    for track in story.tracks:
        for clip in track.clips:
            start, length = spans[clip.id].start, spans[clip.id].length
            if start is None or length is None:
                raise StoryError(f"where clip {clip.id!r} lies is not known")
            yield Placed(clip=clip, track=track, start_frame=max(0, start), length_frames=length)


def _wave(placed: Placed, known: Known, sample_rate: int) -> Wave | None:
    sound = known.sound(placed.clip)
    if sound is None:
        return None
    bucket = seconds_to_frames(BUCKET_SECONDS, sample_rate)
    first = placed.clip.trim_start_frames
    return Wave(peaks_of(sound[first : first + placed.length_frames], bucket), bucket)


def peaks_of(sound: NDArray[np.float32], bucket_frames: int) -> NDArray[np.float32]:
    """Return the greatest magnitude of each bucket of a sound, (frames, channels)."""
    level = np.abs(sound).max(axis=1, initial=0.0)
    count = -(-len(level) // bucket_frames)
    padded = np.zeros(count * bucket_frames, np.float32)
    padded[: len(level)] = level
    peaks: NDArray[np.float32] = padded.reshape(count, bucket_frames).max(axis=1, initial=0.0)
    return peaks
