"""A voice without a synthesiser: each word is a tone of its own, exactly as long as it says."""

from collections.abc import Generator

import numpy as np

from engine.errors import VoiceError
from engine.voices.base import Chunk
from engine.voices.media import Stopped, never
from engine.voices.take import Word
from engine.voices.words import tokens

WORD_FRAMES = 4410
GAP_FRAMES = 2205


class ToneVoice:
    """Passes the contract of voices. ``spoken`` counts the words whose sound was asked for."""

    sample_rate = 22050
    channels = 1
    timing = "exact"

    def __init__(self, tone_hz: float = 330.0) -> None:
        self._tone_hz = tone_hz
        self.spoken = 0

    def speak(self, text: str, *, seed: int = 0, stopped=never) -> Generator[Chunk, None, None]:
        if not tokens(text):
            raise VoiceError(f"there is nothing to speak in {text!r}")
        return self._stream(text, stopped)

    def _stream(self, text: str, stopped) -> Generator[Chunk, None, None]:
        start = 0
        for number, token in enumerate(tokens(text)):
            if stopped():
                raise Stopped
            time = np.arange(WORD_FRAMES) / self.sample_rate
            tone = 0.3 * np.sin(2 * np.pi * self._tone_hz * (1 + number % 3 / 4) * time + 0.5)
            word = Word(
                text=text[token.start : token.end],
                start_frame=start,
                end_frame=start + WORD_FRAMES,
                text_start=token.start,
                text_end=token.end,
            )
            audio = np.concatenate([tone, np.zeros(GAP_FRAMES)]).astype(np.float32)[:, np.newaxis]
            start += len(audio)
            self.spoken += 1
            yield Chunk(audio=audio, words=(word,))
