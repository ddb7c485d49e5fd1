"""Captions: SubRip, WebVTT with speakers and word times, and LRC; exact to their own unit, a millisecond or hundredth.

A caption is what one clip says, cut at words into pieces that fit on a screen.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from engine.export.media import Medium
from engine.export.plan import Plan
from engine.export.sessions.base import Session, SessionFormat
from engine.export.spelling import spelled
from engine.speech.markup import shown
from engine.story.timeline import Placed

Spoken = tuple[int, str]
"""A word: the frame where it begins, and how it is spelled."""

LINE_CHARS = 42
MOST_CHARS = 2 * LINE_CHARS


class Caption(msgspec.Struct, frozen=True, kw_only=True):
    """What is read from one frame to another. words: each with the frame on the timeline where it begins.

    Put together, the words are the text: signs and spaces belong to the word before, opening signs to the one behind.
    """

    start_frame: int
    end_frame: int
    speaker: str
    text: str
    words: tuple[Spoken, ...] = ()


def _files(plan: Plan) -> tuple[str, ...]:
    return tuple(f"{plan.title_file}.{ending}" for ending in ("srt", "vtt", "lrc"))


def write(session: Session) -> None:
    """Write all three files."""
    captions, rate = list(captions_of(session)), session.plan.story.sample_rate
    texts = (_srt(captions, rate), _vtt(captions, rate), _lrc(captions, rate, session.plan.story.title))
    for name, text in zip(_files(session.plan), texts, strict=True):
        (session.folder / name).write_text(text, encoding="utf-8", newline="\n")


FORMAT = SessionFormat(what="captions: SRT, VTT and LRC", files=_files, write=write, has_media=False)


def captions_of(session: Session) -> Iterator[Caption]:
    """Iterate over all captions in the order of the timeline."""
    for placed in session.plan.placed:
        words = _heard(placed, session.medium(placed))
        if words or placed.clip.line is not None:
            yield from _cut(placed, words, placed.track.name or placed.track.id)


def _heard(placed: Placed, medium: Medium) -> list[Spoken]:
    """Return the words that begin within a clip, as its line spells them; those of a file as they stand beside it."""
    first, line, words = placed.clip.trim_start_frames, placed.clip.line, medium.words
    frames = range(first, first + placed.length_frames)
    told = zip(words, spelled(line.text, words) if line else [f"{word.text} " for word in words], strict=True)
    return [(word.start_frame, text) for word, text in told if word.start_frame in frames and text.strip()]


def _cut(placed: Placed, words: Sequence[Spoken], speaker: str) -> Iterator[Caption]:
    """Cut what a clip says at words; without word times it stays whole."""
    line = placed.clip.line
    text = " ".join((shown(line.text) if line else "".join(said for _, said in words)).split())
    is_whole = not placed.clip.trim_start_frames and placed.clip.length_frames is None
    if not words or (is_whole and len(text) <= MOST_CHARS):
        pieces = [(text, words)]
    else:
        pieces = [(" ".join("".join(said for _, said in piece).split()), piece) for piece in _pieces(words)]
    offset = placed.start_frame - placed.clip.trim_start_frames
    starts = [offset + piece[0][0] if piece else placed.start_frame for _, piece in pieces]
    starts[0] = placed.start_frame
    for (whole, piece), (start, end) in zip(pieces, pairwise([*starts, placed.end_frame]), strict=True):
        timed = tuple((offset + frame, said) for frame, said in piece)
        yield Caption(start_frame=start, end_frame=end, speaker=speaker, text=whole, words=timed)


def _pieces(words: Sequence[Spoken]) -> Iterator[Sequence[Spoken]]:
    """Divide words evenly into as few pieces as fit."""
    total = sum(len(said) for _, said in words)
    share = total / -(-total // MOST_CHARS)
    piece: list[Spoken] = []
    for word in words:
        if piece and sum(len(said) for _, said in piece) + len(word[1]) / 2 > share:
            yield piece
            piece = []
        piece.append(word)
    yield piece


def _srt(captions: Sequence[Caption], rate: int) -> str:
    """Return SubRip text; the speaker is told where it changes."""
    parts, speaker = [], None
    for number, caption in enumerate(captions, 1):
        begin, end = _milliseconds(caption, rate)
        said = f"{caption.speaker}: {caption.text}" if caption.speaker != speaker else caption.text
        speaker = caption.speaker
        parts.append(f"{number}\n{_clock(begin, ',')} --> {_clock(end, ',')}\n{_wrapped(said)}\n")
    return "\n".join(parts)


def _vtt(captions: Sequence[Caption], rate: int) -> str:
    parts = ["WEBVTT\n"]
    for caption in captions:
        begin, end = _milliseconds(caption, rate)
        said = _timed(caption, rate, begin, end) if caption.words else _escaped(caption.text)
        speaker = _escaped(" ".join(caption.speaker.split()))
        parts.append(f"{_clock(begin, '.')} --> {_clock(end, '.')}\n<v {speaker}>{said}</v>\n")
    return "\n".join(parts)


def _timed(caption: Caption, rate: int, begin: int, end: int) -> str:
    """Return the words with the times at which they begin; times must grow and lie within the caption."""
    text, last = "", begin
    for frame, word in caption.words:
        at = round(1000 * frame / rate)
        stamp = f"<{_clock(at, '.')}>" if last < at < end else ""
        last = max(last, at)
        text += stamp + _escaped(word)
    return text.strip()


def _lrc(captions: Sequence[Caption], rate: int, title: str) -> str:
    """Return LRC in its enhanced form, each word with its time, in hundredths of a second."""
    lines = [f"[ti:{' '.join(title.split())}]", "[re:Cuevox]"]
    for caption in captions:
        words = "".join(f"<{_hundredths(frame, rate)}>{word}" for frame, word in caption.words)
        lines.append(f"[{_hundredths(caption.start_frame, rate)}]{words.rstrip() or caption.text}")
    return "\n".join(lines) + "\n"


def _milliseconds(caption: Caption, rate: int) -> tuple[int, int]:
    begin, end = (round(1000 * frame / rate) for frame in (caption.start_frame, caption.end_frame))
    return begin, max(end, begin + 1)


def _clock(milliseconds: int, point: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{rest:03}"


def _hundredths(frame: int, rate: int) -> str:
    seconds, rest = divmod(round(100 * frame / rate), 100)
    return f"{seconds // 60:02}:{seconds % 60:02}.{rest:02}"


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, LINE_CHARS, break_long_words=False)) or " "


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
