"""Pace: how fast each backend speaks and how long its lines are, learnt from every line and kept beside the takes."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

log = logging.getLogger(__name__)

FIRST_SPEED = 1.0
"""What a backend is taken for before it has spoken: as fast as its sound."""
FIRST_GAP_SECONDS = 0.3
FIRST_CHARACTER_SECONDS = 0.1
CHANNELS = 2

CAUTION = 0.85
"""So much of the measured speed is relied upon."""
GAP_CAUTION = 1.2
MARGIN_SECONDS = 0.02
"""What a block and a stall of the machine may take."""

LEAST_SPEED = 1e-3
"""What is slower is taken for so slow."""
LEAST_SECONDS = 1e-4
"""More sound by less than this is no more."""

LONGER = 1.6
"""How much longer than expected a line may turn out before it finds no more room."""
LEAST_ROOM_SECONDS = 3.0

FORGETTING = 0.3
"""How much of what is remembered the newest line replaces."""
WORTH_KEEPING = 0.05


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """speed: seconds of sound made in a second. character_seconds: how long a character sounds.

    gap_seconds: the sound that bridges the waits between its parts for a player that has so much when it begins; of a
    voice that is slower than its sound, the longest wait.
    """

    speed: float = FIRST_SPEED
    gap_seconds: float = FIRST_GAP_SECONDS
    character_seconds: float = FIRST_CHARACTER_SECONDS

    def seconds(self, text: str) -> float:
        """Return how long ``text`` will likely be."""
        return max(1, len(text)) * self.character_seconds

    def made_seconds(self, text: str) -> float:
        """Return how long making ``text`` will likely take."""
        return self.seconds(text) / max(self.speed, LEAST_SPEED)

    def room_floats(self, text: str, sample_rate: int) -> int:
        """Return what is reserved for ``text``: enough for a line in stereo that is much longer than expected."""
        seconds = LONGER * self.seconds(text) + LEAST_ROOM_SECONDS
        return round(seconds * sample_rate) * CHANNELS

    def share(self) -> float:
        """Return which part of a line has to be there before it begins, so that it does not run dry."""
        return max(0.0, 1.0 - CAUTION * self.speed)

    def ahead_seconds(self) -> float:
        """Return what has to be there besides: parts come in steps."""
        return GAP_CAUTION * self.gap_seconds + MARGIN_SECONDS


class Paces:
    """The pace of each backend (or model), by its key. remembered: a file that outlives the engine, or None."""

    def __init__(self, remembered: Path | None = None) -> None:
        self._file = remembered
        self._paces: dict[str, Pace] = _read(remembered)

    def of(self, key: str) -> Pace:
        """Return what is known of ``key``; the first guess for one that has not spoken yet."""
        return self._paces.get(key, Pace())

    def known(self, key: str) -> Pace | None:
        """Return what was learnt of ``key``."""
        return self._paces.get(key)

    def learn(self, key: str, heard: Pace) -> None:
        """Take in how one line went: a slower speed and a longer gap at once, their opposites little by little."""
        old = self._paces.get(key)
        new = heard if old is None else _blended(old, heard)
        self._paces[key] = new
        if old is None or _differs(old, new):
            self._write()

    def _write(self) -> None:
        if self._file is None:
            return
        temporary = self._file.with_name(f".{self._file.name}.tmp")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(msgspec.json.encode(self._paces))
            temporary.replace(self._file)
        except OSError as error:
            log.warning("how fast voices are can't be remembered in %s: %s", self._file, error.strerror)


class Bridge:
    """Finds how much sound has to be there before a line begins, so that it never waits for its next part."""

    def __init__(self) -> None:
        self._parts: list[tuple[float, float]] = []
        self._earliest = -math.inf
        self._number = 0

    def heard(self, seconds: float, made_seconds: float) -> None:
        """Take the next part: when it came, counted from the first one, and how much sound there was then."""
        if self._parts:  # it has to be there when what was there before is played
            self._earliest = max(self._earliest, seconds - self._parts[-1][1])
        self._parts.append((seconds, made_seconds))
        while self._parts[self._number][0] < self._earliest:
            self._number += 1

    def seconds(self) -> float:
        """Return that much sound: more than there was with the last part that came too early to begin with."""
        came, made = self._parts[self._number]
        too_little = self._parts[self._number - 1][1] if self._number else -LEAST_SECONDS
        return max(made - (came - self._earliest), too_little + LEAST_SECONDS)


class Stopwatch:
    """Measures one line while it is made. known: the pace so far; now: seconds of a steady clock."""

    def __init__(self, known: Pace, text: str, sample_rate: int, now: Callable[[], float] = time.monotonic) -> None:
        self._known, self._text, self._sample_rate, self._now = known, text, sample_rate, now
        self._began = self._last = now()
        self._frames = self._first = 0
        self._gap = 0.0
        self._bridge = Bridge()

    def heard(self, frames: int) -> Pace:
        """Note that ``frames`` are made, and return what is to be expected of the rest: waits as in other lines."""
        now = self._now()
        if not self._frames:
            self._began, self._first = now, frames
        else:
            self._gap = max(self._gap, now - self._last)
        self._bridge.heard(now - self._began, frames / self._sample_rate)
        self._last, self._frames = now, frames
        pace = self.pace()
        return msgspec.structs.replace(pace, gap_seconds=max(pace.gap_seconds, self._known.gap_seconds))

    def pace(self) -> Pace:
        """Return this line's pace, as far as there is one; one part alone says nothing of speed and gaps."""
        seconds = self._last - self._began
        made = (self._frames - self._first) / self._sample_rate
        if seconds <= 0.0 or made <= 0.0:
            return self._known
        speed = made / seconds
        gap_seconds = self._bridge.seconds() if speed >= 1.0 else self._gap
        return Pace(speed=speed, gap_seconds=gap_seconds, character_seconds=self._known.character_seconds)

    def whole(self, frames: int) -> Pace:
        """Return the pace of the line, which is complete with ``frames``."""
        seconds = frames / self._sample_rate
        return msgspec.structs.replace(self.pace(), character_seconds=seconds / max(1, len(self._text)))


def _blended(old: Pace, heard: Pace) -> Pace:
    def blend(before: float, now: float) -> float:
        return before + FORGETTING * (now - before)

    return Pace(
        speed=min(heard.speed, blend(old.speed, heard.speed)),
        gap_seconds=max(heard.gap_seconds, blend(old.gap_seconds, heard.gap_seconds)),
        character_seconds=max(heard.character_seconds, blend(old.character_seconds, heard.character_seconds)),
    )


def _differs(old: Pace, new: Pace) -> bool:
    pairs = zip(msgspec.structs.astuple(old), msgspec.structs.astuple(new), strict=True)
    return any(abs(after - before) > WORTH_KEEPING * before for before, after in pairs)


def _read(path: Path | None) -> dict[str, Pace]:
    if path is None:
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Pace])
    except (OSError, msgspec.MsgspecError):
        return {}
