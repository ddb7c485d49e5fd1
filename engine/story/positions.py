"""Positions and times as people write them in a story file: ``1.5``, ``0:01.500``, ``3|1.5``, ``after k1 - 0.1``."""

from __future__ import annotations

import re

from engine.story.model import After, At, Beat, Position
from engine.units import frames_to_seconds, seconds_to_frames

MOST_SECONDS = 1e7
"""Nothing of a story lies further away than this, 115 days."""

_NUMBER = r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?"
_CLOCK = r"(?:[0-9]+:)?[0-9]+:[0-9]{1,2}(?:\.[0-9]*)?"
_SIGNED_NUMBER = re.compile(rf"[+-]?(?:{_NUMBER})")
_SIGNED_TIME = re.compile(rf"(?P<sign>[+-]?)(?P<time>{_CLOCK}|{_NUMBER})")
_BEAT = re.compile(r"(?P<bar>[0-9]{1,7})\s*\|\s*(?P<beat>[0-9]{1,7}(?:\.[0-9]*)?)")
_GAP = re.compile(rf"after\s*(?P<sign>[+-])\s*(?P<time>{_CLOCK}|{_NUMBER})")
_AFTER = re.compile(
    rf"after(?:\s+(?P<clip>[a-z0-9_][a-z0-9_-]*))?(?:\s+(?P<sign>[+-])\s*(?P<time>{_CLOCK}|{_NUMBER}))?"
)

TIME_FORMS = "seconds (1.5) or m:ss.mmm (0:01.500)"
POSITION_FORMS = f'{TIME_FORMS}, bar|beat (3|1.5), "after", "after + 0.4" or "after CLIP - 0.1"'


def number_from(text: str) -> float | None:
    """Return the number that a text is in plain decimal notation, or None (``nan``, ``0x10``, ``1_000`` are none)."""
    return float(text) if _SIGNED_NUMBER.fullmatch(text) else None


def seconds_from(text: str) -> float | None:
    """Return a time in seconds from seconds, m:ss.mmm or h:mm:ss.mmm; None when the text is none of them."""
    match = _SIGNED_TIME.fullmatch(text)
    seconds = _seconds(match["sign"], match["time"]) if match else None
    return None if seconds is None or abs(seconds) > MOST_SECONDS else seconds


def frames_from(text: str, sample_rate: int) -> int | None:
    """Return a time in frames (the nearest), or None when the text is no time."""
    seconds = seconds_from(text)
    return None if seconds is None else seconds_to_frames(seconds, sample_rate)


def position_from(text: str, sample_rate: int) -> Position | None:
    """Return the position that a text tells, or None."""
    if match := _BEAT.fullmatch(text):
        return Beat(bar=int(match["bar"]), beat=float(match["beat"]))
    if match := _GAP.fullmatch(text) or _AFTER.fullmatch(text):
        groups = match.groupdict()
        gap = frames_from(groups["sign"] + groups["time"], sample_rate) if groups["time"] else 0
        return None if gap is None else After(clip=groups.get("clip"), gap_frames=gap)
    frame = frames_from(text, sample_rate)
    return None if frame is None else At(frame=frame)


def number_text(number: float) -> str:
    """Return a number as short as it can be written and read back the same."""
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(float(number))


def seconds_text(frames: int, sample_rate: int) -> str:
    """Return frames in seconds with as many digits as it takes to read the same frames back."""
    seconds = frames_to_seconds(frames, sample_rate)
    for digits in (3, 6):
        text = f"{seconds:.{digits}f}"
        if seconds_to_frames(float(text), sample_rate) == frames:
            return text.rstrip("0").rstrip(".") or "0"
    return number_text(seconds)


def clock_text(frames: int, sample_rate: int) -> str:
    """Return frames as m:ss.mmm, with more digits only where that is not exact."""
    text = seconds_text(frames % (60 * sample_rate), sample_rate)
    whole, _, part = text.partition(".")
    return f"{frames // (60 * sample_rate)}:{int(whole):02d}" + (f".{part:0<3}" if part else "")


def position_text(position: Position, sample_rate: int, like: str = "") -> str:
    """Return a position as text.

    like: the notation that it replaces: a clock stays a clock. A new time from a minute on is written as a clock.
    """
    match position:
        case Beat(bar=bar, beat=beat):
            return f"{bar}|{number_text(beat)}"
        case After(clip=clip, gap_frames=gap):
            sign = f" {'-' if gap < 0 else '+'} {seconds_text(abs(gap), sample_rate)}" if gap else ""
            return f"after{f' {clip}' if clip else ''}{sign}"
        case At(frame=frame):
            as_clock = ":" in like if seconds_from(like) is not None else frame >= 60 * sample_rate
            return clock_text(frame, sample_rate) if as_clock and frame >= 0 else seconds_text(frame, sample_rate)


def _seconds(sign: str, text: str) -> float | None:
    *hours_minutes, seconds = text.split(":")
    total = float(seconds)
    if (hours_minutes and total >= 60) or (len(hours_minutes) == 2 and int(hours_minutes[1]) >= 60):
        return None
    for factor, part in zip((60, 3600), reversed(hours_minutes), strict=False):
        total += factor * float(part)
    return -total if sign == "-" else total
