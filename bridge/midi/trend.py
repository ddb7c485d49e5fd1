"""A trend: the straight line through what a jittery clock says, and how it bends when the clock does."""

from __future__ import annotations

from collections import deque

RECENT = 24
"""How many of the newest points show that the line has bent."""


class Trend:
    """Fits ``value = a + slope · time`` to the newest points by least squares. Times in seconds, of any clock.

    window: how many points it keeps; the more, the less jitter is left, but the longer it takes to follow a change.
    bend: how far off the line, in the value's unit, the newest points' mean may lie before older ones are dropped.
    """

    def __init__(self, window: int, bend: float) -> None:
        self._points: deque[tuple[float, float]] = deque(maxlen=window)
        self._bend = bend
        self._fitted: tuple[float, float, float] | None = None

    def __len__(self) -> int:
        return len(self._points)

    def restart(self) -> None:
        """Forget every point."""
        self._points.clear()
        self._fitted = None

    def add(self, time: float, value: float) -> None:
        """Take in a point; times rise."""
        self._points.append((time, value))
        self._fitted = None
        if len(self._points) >= 2 * RECENT and abs(self._recent_error()) > self._bend:
            for _ in range(len(self._points) - RECENT):
                self._points.popleft()
            self._fitted = None

    @property
    def slope(self) -> float:
        """Value per second; 0 with fewer than two points."""
        return self._line()[2]

    def at(self, time: float) -> float:
        """Return the line's value at ``time``."""
        centre, middle, slope = self._line()
        return middle + slope * (time - centre)

    def error(self, time: float, value: float) -> float:
        """Return how far a point would lie off the line."""
        return value - self.at(time)

    def _recent_error(self) -> float:
        points = self._points
        errors = (self.error(*points[-1 - i]) for i in range(RECENT))
        return sum(errors) / RECENT

    def _line(self) -> tuple[float, float, float]:
        """Return the centre of the times, the value there, and the slope."""
        if self._fitted is None:
            self._fitted = self._fit()
        return self._fitted

    def _fit(self) -> tuple[float, float, float]:
        count = len(self._points)
        if count == 0:
            return 0.0, 0.0, 0.0
        first = self._points[0][0]
        centre = first + sum(t - first for t, _ in self._points) / count
        middle = sum(v for _, v in self._points) / count
        spread = sum((t - centre) ** 2 for t, _ in self._points)
        if spread <= 0.0:
            return centre, middle, 0.0
        return centre, middle, sum((t - centre) * (v - middle) for t, v in self._points) / spread
