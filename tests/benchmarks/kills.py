"""When processes were killed: what goes wrong within KILL_SECONDS of that is counted apart."""

from __future__ import annotations

KILL_SECONDS = 4.0
BEFORE_SECONDS = 0.5
"""What was sent ahead, or is told by a clock of its own, may lie before the kill that it fell victim to."""


BACK_SECONDS = 1.0
"""Who took over has so long to catch up."""


class Kills:
    """Who was killed when, and when another one had taken over; times are Unix times."""

    def __init__(self) -> None:
        self.all: list[tuple[str, float]] = []
        self._until: list[float] = []

    def note(self, who: str, at: float) -> None:
        """Note a kill."""
        self.all.append((who, at))
        self._until.append(at + KILL_SECONDS)

    def back(self, who: str, at: float) -> None:
        """Note that another one has taken over: on a busy machine that takes longer."""
        for place in reversed(range(len(self.all))):
            if self.all[place][0] == who:
                self._until[place] = max(self._until[place], at + BACK_SECONDS)
                return

    def near(self, at: float, *who: str) -> bool:
        """Whether one of those was killed shortly before, or was still away."""
        return any(self._within(at + BEFORE_SECONDS, at, name) for name in who)

    def away(self, at: float, who: str) -> bool:
        """The same, but for what was under way when it was killed."""
        return self._within(at, at, who)

    def _within(self, since: float, until: float, who: str) -> bool:
        spans = zip(self.all, self._until, strict=True)
        return any(name == who and killed <= since and until < back for (name, killed), back in spans)
