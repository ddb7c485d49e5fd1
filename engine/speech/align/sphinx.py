"""Alignment of English with pocketsphinx: its acoustic model is forced through the words of the text."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec
import numpy as np
import pocketsphinx

from engine.errors import VoiceError
from engine.speech.align.arpabet import arpabet
from engine.speech.align.heard import RATE, AlignError, Audio, Span
from engine.voices.backends.espeak import phonemes
from engine.voices.words import Token, tokens

SOURCE = "pocketsphinx"
FRAME_SECONDS = 0.01
BEAMS = (1e-64, 1e-160)
"""How unlikely what is still followed may be: wider takes longer, and comes through noise."""

_EARLY_SECONDS = 0.0045
"""How much its words begin too early, on voices whose words are known; see ``make bench-align``."""

_USUAL_SCORE, _SCORE_RANGE = 1.3e-3, 4.7e-3
"""A frame of the right word, in clear speech and in noise, and how much less likely one of a wrong word is."""

_LOUDEST = 0.7
_ODD = re.compile(r"[^a-z'.-]")
_ACCENT = "en-us"


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A token of the text under the name that the decoder's dictionary has for it."""

    token: Token
    name: str


class _Segment(msgspec.Struct, frozen=True):
    """A stretch of frames that the decoder takes for a word. score: how likely its sound is, over all frames."""

    word: str
    start: int
    end: int
    score: float

    @property
    def confidence(self) -> float:
        """0 to 1: how likely a frame of it is, beside what is usual."""
        usual = math.log(max(self.score, 1e-300)) / (self.end - self.start + 1)
        return float(np.clip(1.0 + (usual + _USUAL_SCORE) / _SCORE_RANGE, 0.05, 1.0))


class Decoder:
    """A decoder and what its dictionary was taught."""

    def __init__(self, beam: float) -> None:
        beams = {"beam": beam, "pbeam": beam, "wbeam": beam**0.75}
        self._decoder = pocketsphinx.Decoder(samprate=RATE, lm=None, loglevel="FATAL", bestpath=False, **beams)
        self._taught: dict[str, str] = {}

    def name(self, word: str) -> str:
        """Return the dictionary's name of a word, which espeak-ng says where it is unknown; "": it has no sound."""
        plain = word.lower().replace("’", "'")
        if not _ODD.search(plain):
            for known in (plain, plain.strip("'.-")):
                if known and self._decoder.lookup_word(known) is not None:
                    return known
        if plain not in self._taught:
            try:
                said = arpabet(phonemes(word, _ACCENT))
            except VoiceError:
                said = ""
            taught = f"w{len(self._taught)}x"
            if said:
                self._decoder.add_word(taught, said, True)
            self._taught[plain] = taught if said else ""
        return self._taught[plain]

    def decode(self, audio: Audio, names: Sequence[str]) -> list[_Segment]:
        """Return where each name is heard. Raises AlignError."""
        peak = float(np.abs(audio).max(initial=0.0))
        pcm = (audio * (_LOUDEST * 32767.0 / max(peak, 1e-6))).astype("<i2").tobytes()
        try:
            self._decoder.set_align_text(" ".join(names))
            self._decoder.start_utt()
            self._decoder.process_raw(pcm, full_utt=True)
            self._decoder.end_utt()
            found = [_Segment(s.word, s.start_frame, s.end_frame, s.ascore) for s in self._decoder.seg() or ()]
        except RuntimeError as error:
            _decoder.cache_clear()  # it is of no use after an error
            raise AlignError(f"pocketsphinx could not follow the text: {error}") from error
        heard = [each for each in found if each.word[0] not in "<[("]
        if [each.word.split("(")[0] for each in heard] != list(names):
            raise AlignError("pocketsphinx could not follow the text to its end")
        return heard


@lru_cache(maxsize=len(BEAMS))
def _decoder(beam: float) -> Decoder:
    return Decoder(beam)


def force(audio: Audio, text: str) -> tuple[Span, ...]:
    """Return when each word of an English text sounds in ``audio``, mono at 16 kHz. Raises AlignError."""
    for beam in BEAMS[:-1]:
        with contextlib.suppress(AlignError):
            return _forced(audio, text, _decoder(beam))
    return _forced(audio, text, _decoder(BEAMS[-1]))


def _forced(audio: Audio, text: str, decoder: Decoder) -> tuple[Span, ...]:
    said = [Said(token=token, name=decoder.name(text[token.start : token.end])) for token in tokens(text)]
    said = [each for each in said if each.name]
    if not said:
        raise AlignError("there is no word to align")
    heard = decoder.decode(audio, [each.name for each in said])
    return tuple(
        Span(
            text_start=each.token.start,
            text_end=each.token.end,
            start_seconds=part.start * FRAME_SECONDS + _EARLY_SECONDS * (part.start > 0),
            end_seconds=(part.end + 1) * FRAME_SECONDS + _EARLY_SECONDS,
            source=SOURCE,
            confidence=part.confidence,
        )
        for each, part in zip(said, heard, strict=True)
    )
