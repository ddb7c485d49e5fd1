"""What a worker hears with: open listeners, and the words of recordings, timed as well as can be."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from engine.platform import resident_bytes
from engine.speech.align.aligner import Held, align
from engine.speech.align.file import FileRecording
from engine.speech.align.heard import AlignError, Audio, Span
from engine.speech.transcript import HeardWord, Passage
from engine.voices import wire
from engine.voices.base import Report, unheard
from engine.voices.listener import Listener
from engine.voices.preset import Preset
from engine.voices.registry import listener

log = logging.getLogger(__name__)

Send = Callable[[wire.Answer], None]
Stop = Callable[[], bool]

AGREED_SECONDS, AGREED_PART = 0.75, 0.8
"""An alignment counts where so many of its words begin so near to where the listener heard them."""


class Ears:
    """Listens to one recording at a time. send: takes what is heard."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def load(self, request: wire.Load, stopped: Stop) -> dict[str, int]:  # noqa: ARG002 - as Speaker has it
        """Open the preset's listener; return the bytes taken, by device."""
        job = request.job
        self._open(request.preset, lambda f, stage: self._send(wire.Loading(job=job, fraction=f, stage=stage)))
        return {"cpu": resident_bytes(), **listener(request.preset.backend).memory()}

    def listen(self, request: wire.Listen, stopped: Stop) -> None:
        """Tell what is said in a recording, part by part. Raises MediaError, VoiceError, Stopped."""
        path, start = Path(request.path), 0.0
        recording = FileRecording(path)
        heard = self._open(request.preset).listen(path, language=request.language, stopped=stopped)
        with closing(heard) as passages:
            for passage in passages:
                timed = passage
                if passage.text:
                    timed = better_timed(passage, start, recording.read(start, passage.heard_seconds))
                self._send(wire.Heard(job=request.job, passage=timed))
                start = passage.heard_seconds

    def _open(self, preset: Preset, report: Report = unheard) -> Listener:
        return listener(preset.backend).open(preset.settings, report)


def better_timed(passage: Passage, start_seconds: float, audio: Audio) -> Passage:
    """Return ``passage``, which ``audio`` says from ``start_seconds`` on, with times of an alignment where it agrees.

    A listener is right about which words; when exactly, an aligner knows better by far.
    """
    try:
        spans = list(align(Held(audio), passage.text, passage.language))
    except AlignError as error:
        log.info("words keep the times that were heard: %s", error)
        return passage
    if not _agree(passage, spans, start_seconds):
        return passage
    words = [_timed(word, span, start_seconds) for word, span in zip(passage.words, spans, strict=True)]
    return replace(passage, words=tuple(words))


def _agree(passage: Passage, spans: list[Span], start_seconds: float) -> bool:
    """Return whether both mean the same words, at about the same time."""
    if [passage.text[span.text_start : span.text_end] for span in spans] != [word.text for word in passage.words]:
        return False
    pairs = zip(passage.words, spans, strict=True)
    near = [abs(span.start_seconds + start_seconds - w.start_seconds) <= AGREED_SECONDS for w, span in pairs]
    return sum(near) >= AGREED_PART * len(near)


def _timed(word: HeardWord, span: Span, start_seconds: float) -> HeardWord:
    return replace(
        word,
        start_seconds=round(span.start_seconds + start_seconds, 3),
        end_seconds=round(span.end_seconds + start_seconds, 3),
        source=span.source,
    )
