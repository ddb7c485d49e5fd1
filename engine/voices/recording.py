"""A recording: one line performed by a preset's voice, at the project's rate, with effects and exact words."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import VoiceError
from engine.speech.parts import PLAIN, Tone
from engine.speech.script import Script
from engine.voices.base import Chunk, Voice
from engine.voices.ceiling import Ceiling
from engine.voices.media import Stopped, never
from engine.voices.performance import Times, perform
from engine.voices.preset import Preset
from engine.voices.resample import Resampler, resampled_frames
from engine.voices.stretch import stretch
from engine.voices.take import Take, Word

if TYPE_CHECKING:
    from engine.mixer.running import RunningEffects

MOST_STRETCH = 1.25
"""A line that is to last so long is stretched by no more than this; the rest is up to its voice."""

Hear = Callable[[NDArray[np.float32]], None]


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded. audio: float32, (frames, channels), 1 or 2 channels. timing: who timed the words."""

    audio: NDArray[np.float32]
    words: tuple[Word, ...]
    timing: str = "exact"

    def take(self, digest: str, text: str, voice: str, sample_rate: int, seed: int = 0) -> Take:
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
            source=self.timing,
            seed=seed,
            peak=float(np.abs(self.audio).max(initial=0.0)),
        )


class Recorder:
    """Takes one line's chunks in and makes the recording of them.

    hear: hears each part as it will sound, at the project's rate. Effects that can't run live need the whole line,
    which then is one part. hear_end: hears that there will be no more of it; words may still be looked for.
    """

    def __init__(
        self,
        voice: Voice,
        preset: Preset,
        text: str,
        sample_rate: int,
        hear: Hear | None = None,
        hear_end: Callable[[], object] | None = None,
    ) -> None:
        self._voice, self._preset, self._text, self._sample_rate = voice, preset, text, sample_rate
        self._resampler = Resampler(voice.sample_rate, sample_rate, voice.channels)
        self._ceiling = Ceiling(preset.gain_db, sample_rate)
        self._dry: list[NDArray[np.float32]] = []
        self._effects = _running(preset, sample_rate)
        self._parts: list[NDArray[np.float32]] = []
        self._words: list[Word] = []
        self._hear, self._hear_end = hear, hear_end
        self._ended = False

    def feed(self, chunk: Chunk) -> None:
        """Take the next chunk. Raises VoiceError for sound that is no number."""
        self._words.extend(chunk.words)
        if len(chunk.audio):
            self._add(self._resampler.feed(chunk.audio))
        if chunk.ended:
            self._end()

    def finish(self) -> Recording:
        """Return the line as it will sound. Raises VoiceError for sound that is no number, and for none at all."""
        if not self._ended:
            self._end()
        audio = np.concatenate(self._parts)
        if not len(audio):
            raise VoiceError(f"voice {self._preset.id!r} gave no sound for {self._text[:40]!r}")
        ordered = sorted(self._words, key=lambda word: word.start_frame)  # those that were looked for came last
        words = _scaled(ordered, self._voice.sample_rate, self._sample_rate, len(audio))
        return Recording(audio=audio, words=words, timing=_timing(self._voice, words))

    def _end(self) -> None:
        """Let out what is held back: there is no more."""
        self._ended = True
        self._add(self._resampler.finish())
        if self._effects is not None:
            self._level(self._effects.finish())
        elif self._dry:
            from engine.mixer.offline import render_offline  # Pedalboard is loaded by those who need it

            dry = np.concatenate(self._dry)
            self._level(render_offline(self._preset.effects, dry, self._sample_rate, tail=True))
        self._part(self._ceiling.finish())
        if self._hear_end is not None and any(len(part) for part in self._parts):
            self._hear_end()

    def _add(self, part: NDArray[np.float32]) -> None:
        if not self._preset.effects:
            self._level(part)
        elif self._effects is not None:
            self._level(self._effects.feed(part))
        else:
            self._dry.append(part)

    def _level(self, part: NDArray[np.float32]) -> None:
        if not np.isfinite(part).all():
            raise VoiceError(f"voice {self._preset.id!r} gave sound that is no number for {self._text[:40]!r}")
        self._part(self._ceiling.feed(part))

    def _part(self, part: NDArray[np.float32]) -> None:
        self._parts.append(part)
        if self._hear is not None and len(part):
            self._hear(part)


def _running(preset: Preset, sample_rate: int) -> RunningEffects | None:
    """Return the preset's effects if they can run while the line is made."""
    if not preset.effects:
        return None
    from engine.mixer.running import RunningEffects, can_run  # Pedalboard is loaded by those who need it

    return RunningEffects(preset.effects, sample_rate) if can_run(preset.effects) else None


def record(
    voice: Voice,
    preset: Preset,
    text: str,
    sample_rate: int,
    *,
    script: Script | None = None,
    tone: Tone = PLAIN,
    times: Times | None = None,
    seed: int = 0,
    stopped: Callable[[], bool] = never,
    hear: Hear | None = None,
    hear_end: Callable[[], object] | None = None,
) -> Recording:
    """Speak ``text`` and return it as it will sound.

    script: what is to be spoken for it, in passages; None: the text as it stands. tone: of the whole line. times:
    asked for the words of what the voice did not time.

    stopped: asked after each chunk and within the voice's work; Stopped is raised once it says so. hear, hear_end:
    see ``Recorder``. Raises VoiceError.
    """
    recorder = Recorder(voice, preset, text, sample_rate, hear, hear_end)
    if script is None:
        speech = voice.speak(text, seed=seed, stopped=stopped)
    else:
        speech = perform(voice, script, tone, times=times, seed=seed, stopped=stopped)
    with closing(speech) as chunks:
        for chunk in chunks:
            if stopped():
                raise Stopped
            recorder.feed(chunk)
    recording = recorder.finish()
    if stopped():
        raise Stopped
    return recording


def stretched(recording: Recording, frames: int, sample_rate: int) -> Recording:
    """Return a recording as long as ``frames``, its pitch kept. Raises VoiceError beyond ``MOST_STRETCH``."""
    now = len(recording.audio)
    if now == frames:
        return recording
    ratio = now / frames
    if not 1.0 / MOST_STRETCH <= ratio <= MOST_STRETCH:
        raise VoiceError(
            f"the line lasts {now / sample_rate:.2f} s as fast or slow as it can be spoken; by stretching it can last "
            f"{now / MOST_STRETCH / sample_rate:.2f} to {now * MOST_STRETCH / sample_rate:.2f} s, not "
            f"{frames / sample_rate:.2f} s"
        )
    audio = stretch(recording.audio, ratio, sample_rate)[:frames]
    audio = np.pad(audio, ((0, frames - len(audio)), (0, 0)))
    words = []
    for word in recording.words:
        start = min(round(word.start_frame / ratio), frames - 1)
        end = max(start + 1, min(round(word.end_frame / ratio), frames))
        words.append(msgspec.structs.replace(word, start_frame=start, end_frame=end))
    return msgspec.structs.replace(recording, audio=audio, words=tuple(words))


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


def _timing(voice: Voice, words: tuple[Word, ...]) -> str:
    """Return what timed the words: the voice, or what aligned them."""
    if not words:
        return "none"
    return voice.timing if voice.timing == "exact" else words[0].source
