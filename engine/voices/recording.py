"""A recording: one line performed by a preset's voice, at the project's rate, with effects and exact words."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import VoiceError
from engine.units import db_to_gain
from engine.voices.base import Voice
from engine.voices.media import Stopped, never
from engine.voices.preset import Preset
from engine.voices.resample import Resampler, resampled_frames
from engine.voices.take import Take, Word

CEILING_DB = -1.0
"""No take is louder at its peak: one that would be is lowered as a whole."""


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded. audio: float32, (frames, channels), 1 or 2 channels."""

    audio: NDArray[np.float32]
    words: tuple[Word, ...]

    def take(self, digest: str, text: str, voice: str, sample_rate: int) -> Take:
        """Return the take that tells of this recording."""
        frames, channels = self.audio.shape
        return Take(
            digest=digest,
            text=text,
            voice=voice,
            sample_rate=sample_rate,
            frames=frames,
            channels=channels,
            words=self.words,
            peak=float(np.abs(self.audio).max(initial=0.0)),
        )


def record(
    voice: Voice,
    preset: Preset,
    text: str,
    sample_rate: int,
    *,
    stopped: Callable[[], bool] = never,
    progress: Callable[[int], None] | None = None,
) -> Recording:
    """Speak ``text`` and return it as it will sound.

    stopped: asked after each chunk; Stopped is raised once it says so. progress: hears the frames made so far.
    Raises VoiceError, also for a voice that gives sound that is no number.
    """
    resampler = Resampler(voice.sample_rate, sample_rate, voice.channels)
    parts: list[NDArray[np.float32]] = []
    words: list[Word] = []
    made = 0
    with closing(voice.speak(text)) as chunks:
        for chunk in chunks:
            if stopped():
                raise Stopped
            parts.append(resampler.feed(chunk.audio))
            words.extend(chunk.words)
            made += len(parts[-1])
            if progress is not None:
                progress(made)
    parts.append(resampler.finish())
    audio = _finished(np.concatenate(parts), preset, sample_rate)
    if stopped():
        raise Stopped
    if not np.isfinite(audio).all():
        raise VoiceError(f"voice {preset.id!r} gave sound that is no number for {text[:40]!r}")
    return Recording(audio=audio, words=_scaled(words, voice.sample_rate, sample_rate, len(audio)))


def _finished(audio: NDArray[np.float32], preset: Preset, sample_rate: int) -> NDArray[np.float32]:
    if preset.effects:
        from engine.mixer.offline import render_offline  # Pedalboard is loaded by those who need it

        audio = render_offline(preset.effects, audio, sample_rate, tail=True)
    gain = db_to_gain(preset.gain_db)
    peak = gain * float(np.abs(audio).max(initial=0.0))
    return audio * np.float32(min(gain, gain * db_to_gain(CEILING_DB) / peak if peak > 0.0 else gain))


def _scaled(words: list[Word], from_rate: int, to_rate: int, frames: int) -> tuple[Word, ...]:
    """Return the words in frames of ``to_rate``, each at least a frame long and inside the recording."""
    scaled: list[Word] = []
    earliest = 0
    for left, word in zip(range(len(words), 0, -1), words, strict=True):
        start = min(max(earliest, resampled_frames(word.start_frame, from_rate, to_rate)), frames - left)
        end = min(max(start + 1, resampled_frames(word.end_frame, from_rate, to_rate)), frames - left + 1)
        scaled.append(msgspec.structs.replace(word, start_frame=start, end_frame=end))
        earliest = end
    return tuple(scaled)
