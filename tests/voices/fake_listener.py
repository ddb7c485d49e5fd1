"""A listener that hears a word in each window that sounds, and the backend that opens it."""

from types import MappingProxyType

import numpy as np

from engine.errors import BadRange
from engine.speech.align.file import FileRecording
from engine.speech.align.heard import RATE
from engine.speech.transcript import HeardWord, Passage
from engine.speech.windows import Windows, is_silent
from engine.voices.base import Text
from engine.voices.media import Stopped, never

WINDOW_SECONDS = 2.0


class FakeListener:
    """Hears ``word1``, ``word2`` and so on."""

    def listen(self, path, *, language="", stopped=never):
        if language not in ("", "de", "en"):
            raise BadRange(f"language {language!r}: this model hears de, en")
        return self._listen(FileRecording(path), language or "en", stopped)

    def _listen(self, recording, language, stopped):
        for number, (start, audio) in enumerate(Windows(recording, WINDOW_SECONDS), 1):
            if stopped():
                raise Stopped
            end = start + len(audio) / RATE
            text = "" if is_silent(audio) else f"word{number}"
            word = HeardWord(text=text, start_seconds=start, end_seconds=end, confidence=float(np.abs(audio).max() > 0))
            yield Passage(
                text=text,
                language=language,
                words=(word,) if text else (),
                heard_seconds=end,
                total_seconds=recording.seconds,
            )


class FakeListenerBackend:
    """Its row."""

    settings = MappingProxyType({"model": Text(kind="a model", default="fake")})

    def version(self):
        return "1"

    def model(self, settings):
        return f"fake {settings['model']}"

    def open(self, settings, report=lambda *_: None):
        report(1.0, "ready")
        return FakeListener()

    def memory(self):
        return {}
