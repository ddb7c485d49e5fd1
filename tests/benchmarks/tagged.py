"""Starts with a time tag: which came, how far from their tag, which were told as late, which never came."""

from __future__ import annotations

import msgspec

GIVE_UP_SECONDS = 5.0
"""What has not come by then never will."""
MARGIN_SECONDS = 0.05
"""A start is told to be heard so much before its tag at most: the clocks' own uncertainty."""


class Start(msgspec.Struct, kw_only=True):
    """One start. at: the tag, as Unix time; sent_at: when it was sent. heard_at: None: not yet, or never."""

    cue: str
    at: float
    sent_at: float
    heard_at: float | None = None
    late_ms: float = 0.0

    @property
    def error_ms(self) -> float:
        """How far from its tag it was heard."""
        return 0.0 if self.heard_at is None else 1000.0 * (self.heard_at - self.at)


class Starts:
    """All starts that were sent. A cue is fired again only after GIVE_UP_SECONDS or so: then it is clear which came."""

    def __init__(self) -> None:
        self.all: list[Start] = []

    def sent(self, cue: str, at: float, now: float) -> None:
        """Note that a cue is to be heard at a time."""
        self.all.append(Start(cue=cue, at=at, sent_at=now))

    def heard(self, cue: str, at: float) -> bool:
        """Note that it was; return whether it was waited for."""
        waiting = [s for s in self._recent(cue, at) if s.heard_at is None and s.at < at + MARGIN_SECONDS]
        if not waiting:
            return False
        min(waiting, key=lambda start: abs(start.at - at)).heard_at = at
        return True

    def late(self, cue: str, late_ms: float, now: float) -> bool:
        """Note that the engine told of a late start; return whether it was one of these."""
        due = [start for start in self._recent(cue, now) if not start.late_ms]
        if not due:
            return False
        min(due, key=lambda start: abs(start.at + late_ms / 1000.0 - now)).late_ms = late_ms
        return True

    def missing(self, now: float) -> list[Start]:
        """Return those that never came."""
        return [start for start in self.all if start.heard_at is None and now - start.at > GIVE_UP_SECONDS]

    def told_late(self) -> list[Start]:
        """Return those that were told as late."""
        return [start for start in self.all if start.late_ms]

    def _recent(self, cue: str, at: float) -> list[Start]:
        """Return the starts of a cue that may be meant."""
        found = []
        for start in reversed(self.all):
            if at - start.at > GIVE_UP_SECONDS + 1.0:
                break
            if start.cue == cue:
                found.append(start)
        return found
