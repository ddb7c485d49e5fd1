"""A transcript: what was heard in a recording, word by word. Pure."""

from __future__ import annotations

import msgspec


class HeardWord(msgspec.Struct, frozen=True, kw_only=True):
    """A word that was heard, in seconds of the recording.

    source: what timed it: ``whisper`` itself, or an alignment, see ``Word``. confidence: 0 to 1.
    """

    text: str
    start_seconds: float
    end_seconds: float
    source: str = "whisper"
    confidence: float = 1.0


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard in one window. heard_seconds: how much of the recording is done, of total_seconds.

    language: its code.
    """

    text: str
    language: str
    words: tuple[HeardWord, ...]
    heard_seconds: float
    total_seconds: float


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. language: that of most words; empty where nothing was said. seconds: of the recording."""

    text: str
    language: str
    words: tuple[HeardWord, ...]
    seconds: float


def whole(passages: list[Passage]) -> Transcript:
    """Return the passages of a recording, which follow each other, as one."""
    words = tuple(word for passage in passages for word in passage.words)
    spoken = [passage for passage in passages if passage.text]
    languages = {passage.language: 0 for passage in spoken}
    for passage in spoken:
        languages[passage.language] += max(1, len(passage.words))
    return Transcript(
        text=" ".join(passage.text for passage in spoken),
        language=max(languages, key=languages.__getitem__, default=""),
        words=words,
        seconds=passages[-1].total_seconds if passages else 0.0,
    )
