"""A line as it is spoken: passages, each in one go, with silence between them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from engine.errors import VoiceError
from engine.speech.lexicon import pronounced
from engine.speech.markup import read_markup
from engine.speech.parts import PLAIN, Part, Pause, Said, Tone
from engine.speech.split import split
from engine.story.model import Pronunciation
from engine.voices.take import Word
from engine.voices.words import tokens

CUT_SECONDS = {None: 0.0, "sentence": 0.3, "clause": 0.12, "length": 0.0}
"""The silence where a text was cut because it was too long for one go."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for the characters start to end of a passage. phonemes: espeak-ng's."""

    start: int
    end: int
    phonemes: str = ""
    emphasis: bool = False


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where characters of a passage come from. shown: what they stand for as a whole; "": each for itself."""

    start: int
    end: int
    source_start: int
    source_end: int
    shown: str = ""


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """What is spoken in one go, after a pause."""

    text: str
    places: tuple[Place, ...]
    marks: tuple[Mark, ...] = ()
    pause_seconds: float = 0.0
    tone: Tone = PLAIN


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """A whole line. tail_seconds: silence behind it. notes: what the voice can't do, and how it is said instead."""

    passages: tuple[Passage, ...]
    tail_seconds: float = 0.0
    notes: tuple[str, ...] = ()


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How a voice reads. longest: characters in one go, 0: any. phonemes, emphasis: whether it does those marks."""

    phonemes: bool = False
    emphasis: bool = False
    longest: int = 0
    language: str = "en"


def script_of(text: str, reading: Reading, entries: Sequence[Pronunciation] = ()) -> Script:
    """Return what is to be spoken for a line's text. Raises MarkupError, and VoiceError for nothing to speak."""
    marked = read_markup(text)
    notes = list(marked.notes)
    passages: list[Passage] = []
    pause_seconds = 0.0
    for item in _runs(_able(pronounced(marked.parts, entries), reading, notes)):
        if isinstance(item, Pause):
            pause_seconds += item.seconds
            continue
        for passage in _passages(item, reading):
            passages.append(replace(passage, pause_seconds=passage.pause_seconds + pause_seconds))
            pause_seconds = 0.0
    if not passages:
        raise VoiceError(f"there is nothing to speak in {text!r}: no letter, digit or sign")
    return Script(passages=tuple(passages), tail_seconds=pause_seconds, notes=tuple(dict.fromkeys(notes)))


def _able(parts: Iterable[Part], reading: Reading, notes: list[str]) -> Iterator[Part]:
    """Yield ``parts`` as the voice can speak them, noting what it can't."""
    for part in parts:
        if not isinstance(part, Said):
            yield part
            continue
        if part.phonemes and reading.phonemes:
            part = replace(part, say="")
        elif part.phonemes:
            part = replace(part, phonemes="")
            if not part.say:
                notes.append(f"this voice reads no phonemes: {part.text!r} is said as it is written")
        if part.emphasis and not reading.emphasis:
            part = replace(part, emphasis=False)
            notes.append(f"this voice knows no emphasis: {part.text!r} is said like the rest")
        yield part


def _runs(parts: Iterable[Part]) -> Iterator[list[Said] | Pause]:
    """Gather what is spoken alike and without a pause."""
    run: list[Said] = []
    for part in parts:
        if run and (isinstance(part, Pause) or part.tone != run[-1].tone):
            yield run
            run = []
        if isinstance(part, Pause):
            yield part
        else:
            run.append(part)
    if run:
        yield run


def _passages(run: Sequence[Said], reading: Reading) -> Iterator[Passage]:
    text, places, marks = "", [], []
    for part in run:
        spoken = part.say or part.text
        end = len(text) + len(spoken)
        shown = "" if part.is_literal and not part.say else part.text
        places.append(Place(start=len(text), end=end, source_start=part.start, source_end=part.end, shown=shown))
        if part.phonemes or part.emphasis:
            marks.append(Mark(start=len(text), end=end, phonemes=part.phonemes, emphasis=part.emphasis))
        text += spoken
    begin, waiting = 0, 0.0
    for piece in split(text, reading.longest, reading.language):
        end = _untorn(piece.end, places, marks)
        waiting += CUT_SECONDS[piece.cut]
        if end > begin and tokens(text[begin:end]):
            yield Passage(
                text=text[begin:end],
                places=tuple(_cut_places(places, begin, end)),
                marks=tuple(_moved(mark, begin) for mark in marks if begin <= mark.start < end),
                pause_seconds=waiting,
                tone=run[0].tone,
            )
            waiting = 0.0
        begin = max(begin, end)


def _untorn(place: int, places: Sequence[Place], marks: Sequence[Mark]) -> int:
    """Return ``place``, or the end of what may not be torn there."""
    wholes = [*((p.start, p.end) for p in places if p.shown), *((m.start, m.end) for m in marks if m.phonemes)]
    return max([place, *(end for start, end in wholes if start < place < end)])


def _moved(mark: Mark, begin: int) -> Mark:
    return replace(mark, start=mark.start - begin, end=mark.end - begin)


def _cut_places(places: Sequence[Place], begin: int, end: int) -> Iterator[Place]:
    for place in places:
        first, last = max(begin, place.start), min(end, place.end)
        if last > first and place.shown:
            yield replace(place, start=first - begin, end=last - begin)
        elif last > first:
            start = place.source_start + first - place.start
            yield Place(start=first - begin, end=last - begin, source_start=start, source_end=start + last - first)


class Related:
    """Turns a voice's words of a passage into words of the line, as they come; what stands for one thing is one word.

    A word is handed on once the next one begins, or with ``finish``.
    """

    def __init__(self, passage: Passage) -> None:
        self._passage = passage
        self._held: Word | None = None
        self._held_place: Place | None = None

    def feed(self, words: Iterable[Word]) -> tuple[Word, ...]:
        """Return those words of the line that are complete."""
        done: list[Word] = []
        for word in words:
            place, source = self._source(word)
            if self._held is not None and place is not None and place is self._held_place:
                self._held = replace(self._held, end_frame=word.end_frame)
                continue
            if self._held is not None:
                done.append(self._held)
            self._held, self._held_place = source, place
        return tuple(done)

    def finish(self) -> tuple[Word, ...]:
        """Return the last word."""
        held, self._held = self._held, None
        return () if held is None else (held,)

    def _source(self, word: Word) -> tuple[Place | None, Word]:
        touched = [p for p in self._passage.places if p.start < word.text_end and word.text_start < p.end]
        first, last = touched[0], touched[-1]
        start = first.source_start if first.shown else first.source_start + word.text_start - first.start
        end = last.source_end if last.shown else last.source_start + word.text_end - last.start
        text = "".join(self._shown(place, word) for place in touched)
        return (first if first.shown else None), replace(word, text=text, text_start=start, text_end=end)

    def _shown(self, place: Place, word: Word) -> str:
        return place.shown or self._passage.text[max(place.start, word.text_start) : min(place.end, word.text_end)]
