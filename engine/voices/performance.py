"""A performance: the passages of a script, spoken one after the other and joined to one line. Worker processes only."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Protocol, cast

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from engine.speech.parts import PLAIN, Tone
from engine.speech.script import Passage, Related, Script
from engine.units import db_to_gain
from engine.voices.base import Chunk, MarkedVoice, Voice
from engine.voices.media import never
from engine.voices.stretch import stretched_frames
from engine.voices.take import Word

JOINT_SECONDS = 0.004
"""Both sides of a joint fade over this, so that it does not click."""

Speak = Callable[[Passage], Iterable[Chunk]]
"""Speaks a passage: chunks with words of the passage's own text."""


class Times(Protocol):
    """Times the words of a passage whose voice does not."""

    def words(self, audio: NDArray[np.float32], sample_rate: int, text: str) -> tuple[Word, ...]:
        """Return the words of ``text``, in frames of ``audio``; none where that can't be."""
        ...


def perform(
    voice: Voice,
    script: Script,
    tone: Tone = PLAIN,
    *,
    times: Times | None = None,
    seed: int = 0,
    stopped: Callable[[], bool] = never,
) -> Generator[Chunk, None, None]:
    """Return the line as a stream, with words of the line's text; see ``Voice.speak``.

    tone: of all of it. times: asked for the words of what the voice did not time.
    """

    def speak(passage: Passage) -> Iterator[Chunk]:
        if passage.marks:
            chunks = cast(MarkedVoice, voice).speak_marked(passage.text, passage.marks, seed=seed, stopped=stopped)
        else:
            chunks = voice.speak(passage.text, seed=seed, stopped=stopped)
        with closing(chunks):
            yield from chunks

    return joined(script, speak, voice.sample_rate, voice.channels, tone, times)


def joined(
    script: Script, speak: Speak, sample_rate: int, channels: int, tone: Tone = PLAIN, times: Times | None = None
) -> Generator[Chunk, None, None]:
    """Join what ``speak`` makes of each passage: no frame is lost, none is made up but the pauses."""
    made = 0
    untimed: list[tuple[NDArray[np.float32], str, Related, int]] = []
    joints = len(script.passages) > 1
    for passage in script.passages:
        if passage.pause_seconds:
            silence = _silence(passage.pause_seconds, sample_rate, channels)
            made += len(silence.audio)
            yield silence
        related = Related(passage)
        frames, timed, parts = 0, False, list[NDArray[np.float32]]()
        chunks = _toned(speak(passage), passage.tone.within(tone), sample_rate)
        for chunk in _faded(chunks, round(JOINT_SECONDS * sample_rate)) if joints else chunks:
            frames += len(chunk.audio)
            timed = timed or bool(chunk.words)
            if times is not None and not timed:
                parts.append(chunk.audio)
            yield Chunk(audio=chunk.audio, words=_moved(related.feed(chunk.words), made))
        made += frames
        if times is not None and not timed and frames:
            untimed.append((np.concatenate(parts), passage.text, related, made - frames))
        else:
            yield Chunk(audio=np.zeros((0, channels), np.float32), words=_moved(related.finish(), made - frames))
    if script.tail_seconds:
        yield _silence(script.tail_seconds, sample_rate, channels)
    yield Chunk(audio=np.zeros((0, channels), np.float32), ended=True)  # first: it may be heard already
    for audio, text, related, at in untimed:
        assert times is not None
        words = (*related.feed(times.words(audio, sample_rate, text)), *related.finish())
        yield Chunk(audio=np.zeros((0, channels), np.float32), words=_moved(words, at))


def _silence(seconds: float, sample_rate: int, channels: int) -> Chunk:
    return Chunk(audio=np.zeros((round(seconds * sample_rate), channels), np.float32))


def _moved(words: tuple[Word, ...], frames: int) -> tuple[Word, ...]:
    return tuple(replace(w, start_frame=w.start_frame + frames, end_frame=w.end_frame + frames) for w in words)


def _toned(chunks: Iterable[Chunk], tone: Tone, sample_rate: int) -> Iterator[Chunk]:
    """Yield the chunks of a passage at another speed, pitch and level; speed and pitch need all of it first."""
    if tone == PLAIN:
        yield from chunks
        return
    gain = np.float32(db_to_gain(tone.gain_db))
    if tone.speed == 1.0 and tone.pitch_semitones == 0.0:
        for chunk in chunks:
            yield Chunk(audio=chunk.audio * gain, words=chunk.words)
        return
    parts = list(chunks)
    audio = np.concatenate([part.audio for part in parts])
    frames = stretched_frames(len(audio), tone.speed)
    words = tuple(_scaled(word, tone.speed, frames) for part in parts for word in part.words)
    yield Chunk(audio=_shifted(audio, tone, frames, sample_rate) * gain, words=words)


def _shifted(audio: NDArray[np.float32], tone: Tone, frames: int, sample_rate: int) -> NDArray[np.float32]:
    from engine.mixer.offline import time_stretch  # Pedalboard is loaded by those who need it

    made = time_stretch(audio, tone.speed, sample_rate, tone.pitch_semitones)[:frames]
    return np.pad(made, ((0, frames - len(made)), (0, 0)))


def _scaled(word: Word, speed: float, frames: int) -> Word:
    start = min(round(word.start_frame / speed), frames - 1)
    return replace(word, start_frame=start, end_frame=max(start + 1, min(round(word.end_frame / speed), frames)))


def _faded(chunks: Iterable[Chunk], fade_frames: int) -> Iterator[Chunk]:
    """Fade the first and the last frames of a passage; as much as the fade takes is held back."""
    ramp = np.linspace(0.0, 1.0, fade_frames, dtype=np.float32)[:, np.newaxis]
    made = 0
    held: NDArray[np.float32] | None = None
    for chunk in chunks:
        audio = chunk.audio.copy()
        rising = ramp[made : made + len(audio)]
        audio[: len(rising)] *= rising
        made += len(audio)
        held = audio if held is None else np.concatenate([held, audio])
        ready = max(0, len(held) - fade_frames)
        yield Chunk(audio=held[:ready], words=chunk.words)
        held = held[ready:]
    if held is not None:
        held = held.copy()
        held *= ramp[::-1][fade_frames - len(held) :]
        yield Chunk(audio=held)
