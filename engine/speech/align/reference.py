"""What a text sounds like: espeak-ng says it, and tells when each of its words begins."""

from __future__ import annotations

from functools import lru_cache

import msgspec
import numpy as np

from engine.errors import VoiceError
from engine.speech.align.heard import RATE, AlignError, Audio, at_rate
from engine.voices.backends.espeak_data import languages
from engine.voices.preset import complete_settings
from engine.voices.registry import backend
from engine.voices.take import Word

_ACCENTS = {"en": "en-us", "zh": "cmn", "fr": "fr-fr", "pt": "pt-br", "no": "nb"}


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A text as espeak-ng says it, mono at 16 kHz, and its words in frames of that."""

    audio: Audio
    words: tuple[Word, ...]


def reference(text: str, language: str) -> Reference:
    """Return ``text`` as espeak-ng says it. Raises AlignError for a language that it does not speak."""
    settings = complete_settings("espeak", {"language": spoken_as(language)})
    voice = backend("espeak").open(settings)
    try:
        chunks = list(voice.speak(text))
    except VoiceError as error:
        raise AlignError(str(error)) from error
    audio = at_rate(np.concatenate([chunk.audio for chunk in chunks]), voice.sample_rate)
    scale = RATE / voice.sample_rate
    words = tuple(
        msgspec.structs.replace(w, start_frame=round(w.start_frame * scale), end_frame=round(w.end_frame * scale))
        for chunk in chunks
        for w in chunk.words
    )
    return Reference(audio=audio, words=words)


@lru_cache(maxsize=256)
def spoken_as(language: str) -> str:
    """Return espeak-ng's name of a language. Raises AlignError."""
    known, wanted = languages(), language.lower().replace("_", "-")
    for name in (wanted, _ACCENTS.get(wanted, ""), wanted.split("-")[0], _ACCENTS.get(wanted.split("-")[0], "")):
        if name in known:
            return name
    raise AlignError(f"espeak-ng does not speak {language!r}: no word times for it")
