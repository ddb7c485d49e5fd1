"""What a line's text says, once its markup is read: parts that are spoken, and pauses. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.errors import EngineError

LONGEST_PAUSE_SECONDS = 60.0


class MarkupError(EngineError):
    """Markup in a line's text that can't be read; the message says what it is and what is allowed."""

    code = "bad_markup"


class Tone(msgspec.Struct, frozen=True, kw_only=True):
    """How a part differs from the rest of its line: speed (2: twice as fast), pitch and level."""

    speed: float = 1.0
    pitch_semitones: float = 0.0
    gain_db: float = 0.0

    def within(self, outer: Tone) -> Tone:
        """Return this inside ``outer``."""
        return Tone(
            speed=self.speed * outer.speed,
            pitch_semitones=self.pitch_semitones + outer.pitch_semitones,
            gain_db=self.gain_db + outer.gain_db,
        )


PLAIN = Tone()


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A part that is spoken. start, end: where it stands in the line's text, in characters.

    text: as it is read; of another length than the source's where it stands for it as a whole (an entity). say: spoken
    instead. phonemes: espeak-ng's, instead of how the text is usually said; voices that read none speak the text.
    """

    text: str
    start: int
    end: int
    say: str = ""
    phonemes: str = ""
    emphasis: bool = False
    tone: Tone = PLAIN

    @property
    def is_literal(self) -> bool:
        """Whether each character stands for itself."""
        return len(self.text) == self.end - self.start


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Silence between two parts."""

    seconds: float


Part = Said | Pause


class Marked(msgspec.Struct, frozen=True, kw_only=True):
    """A text whose markup is read. notes: what was left out of account, for people."""

    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()


def pause(seconds: float, told: str) -> Pause:
    """Return a pause. Raises MarkupError, quoting ``told``, for one of another length than is allowed."""
    if not 0.0 <= seconds <= LONGEST_PAUSE_SECONDS:
        raise MarkupError(f"{told}: a pause is 0 to {LONGEST_PAUSE_SECONDS:g} s long")
    return Pause(seconds=seconds)


def written(parts: Sequence[Part], start: int = 0, end: int | None = None) -> str:
    """Return what is said between two characters of the source, as it is written, without markup."""
    shown = []
    for part in parts:
        if isinstance(part, Pause):
            shown.append(" ")
            continue
        first, last = max(start, part.start), part.end if end is None else min(end, part.end)
        if last > first:
            inside = part.text[first - part.start : last - part.start] if part.is_literal else part.text
            shown.append(inside)
    return "".join(shown)
