"""A take: one synthesis of a line, with word times and everything needed to make it again."""

from __future__ import annotations

import msgspec

from engine.story.model import Delivery, Pronunciation


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """A spoken word. start_frame, end_frame: in the take. text_start, text_end: characters in the line's text.

    source: what timed it: ``exact`` the synthesiser, ``server`` the server that spoke, ``pocketsphinx`` and ``dtw`` an
    alignment. confidence: 0 to 1.
    """

    text: str
    start_frame: int
    end_frame: int
    text_start: int
    text_end: int
    source: str = "exact"
    confidence: float = 1.0


class Take(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a take; its audio is ``<digest>.wav`` in the take cache (float32).

    digest: of everything that shapes the audio. source: what timed the words, see ``Word``; ``none``: nothing yet.
    seed: what chance was drawn from. delivery, pronounce: the line's. notes: what its voice could not do, for people.
    """

    digest: str
    text: str
    voice: str
    sample_rate: int
    frames: int
    channels: int
    words: tuple[Word, ...]
    source: str = "exact"
    peak: float = 0.0
    seed: int = 0
    delivery: Delivery = Delivery()
    pronounce: tuple[Pronunciation, ...] = ()
    notes: tuple[str, ...] = ()
