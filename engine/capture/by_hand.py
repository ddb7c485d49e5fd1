"""Trimming by hand: where in all that was captured the line begins and ends; what it was before can come back. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from engine.capture.kept import Kept, Trimmed
from engine.errors import BadRange, NotReady
from engine.voices.take import Word

SHORTEST_SECONDS = 0.05
MOST_BEFORE = 50
"""How often trimming can be taken back."""


def trimmed(kept: Kept, start: int, end: int) -> Kept:
    """Return a capture whose line is its whole from frame ``start`` to ``end``.

    Its words stay where they are said; those that are cut go, from its text as well. Raises BadRange.
    """
    _check_whole(kept)
    if start < 0 or end - start < SHORTEST_SECONDS * kept.sample_rate:
        raise BadRange(
            f"{kept.name!r}: from {start / kept.sample_rate:g} to {end / kept.sample_rate:g} s; it begins at 0 or "
            f"later, and ends {SHORTEST_SECONDS:g} s after that or later"
        )
    shift = kept.first - start
    moved = (replace(w, start_frame=w.start_frame + shift, end_frame=w.end_frame + shift) for w in kept.words)
    words = tuple(word for word in moved if word.start_frame >= 0 and word.end_frame <= end - start)
    text, words = (kept.text, words) if len(words) == len(kept.words) else _text_of(kept.text, words)
    before = Trimmed(first=kept.first, frames=kept.frames, text=kept.text, words=kept.words, note=kept.note)
    return replace(
        kept, first=start, frames=end - start, text=text, words=words, note="",
        before=(*kept.before, before)[-MOST_BEFORE:],
    )  # fmt: skip


def untrimmed(kept: Kept) -> Kept:
    """Return a capture as it was before it was trimmed by hand. Raises BadRange, NotReady."""
    _check_whole(kept)
    if not kept.before:
        raise NotReady(f"{kept.name!r} was not trimmed by hand; /capture/trim does that")
    *before, last = kept.before
    return replace(
        kept, first=last.first, frames=last.frames, text=last.text, words=last.words, note=last.note,
        before=tuple(before),
    )  # fmt: skip


def _check_whole(kept: Kept) -> None:
    if kept.voice:
        raise BadRange(f"{kept.name!r} is what the voice {kept.voice!r} said: it is whole, there is nothing to trim")


def _text_of(text: str, words: tuple[Word, ...]) -> tuple[str, tuple[Word, ...]]:
    """Return the part of a text in which words lie, and the words by their places in it."""
    if not words:
        return "", ()
    start = words[0].text_start
    placed = tuple(replace(w, text_start=w.text_start - start, text_end=w.text_end - start) for w in words)
    return text[start : words[-1].text_end], placed
