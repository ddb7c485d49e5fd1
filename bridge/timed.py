"""Timed: a thread that does things at their wall time, whatever the event loop is busy with."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable

MAX_WAITING = 4096
"""What waits; more is refused: nobody meant that."""

PATIENCE_SECONDS = 1.0
"""For so long ``clear`` waits for what is just being done; a port that hangs must not hold up a panic."""

Do = Callable[[], None]
Did = Callable[[float], None]
"""Is told, on the thread, by how many seconds something came too late (below 0: it did not)."""


class Timed:
    """Does what it is given at Unix times, in order of time, then of arrival. ``at`` may be called by any thread.

    begin: called first by its thread.
    """

    def __init__(self, wall: Callable[[], float] = time.time, begin: Callable[[], object] = lambda: None) -> None:
        self._wall, self._begin = wall, begin
        self._waiting: list[tuple[float, int, Do, Did]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._closed = self._doing = False
        self._thread: threading.Thread | None = None

    def at(self, unix_seconds: float, do: Do, did: Did = lambda _: None) -> bool:
        """Have something done at a time; False: too much waits already, it is not done."""
        with self._changed:
            if self._closed or len(self._waiting) >= MAX_WAITING:
                return False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="timed", daemon=True)
                self._thread.start()
            heapq.heappush(self._waiting, (unix_seconds, next(self._numbers), do, did))
            self._changed.notify()
        return True

    def clear(self) -> None:
        """Forget what waits; what is just being done is done when this returns, unless it hangs.

        Not for the thread itself.
        """
        with self._changed:
            self._waiting.clear()
            self._changed.wait_for(lambda: not self._doing, PATIENCE_SECONDS)

    def close(self) -> None:
        """Forget what waits and end the thread."""
        with self._changed:
            self._waiting.clear()
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        self._begin()
        while (due := self._next()) is not None:
            at, _, do, did = due
            try:
                do()
            finally:
                self._finish()
            did(self._wall() - at)

    def _next(self) -> tuple[float, int, Do, Did] | None:
        """Wait for what is due next; None: it is over."""
        with self._changed:
            while not self._closed:
                if not self._waiting:
                    self._changed.wait()
                elif (left := self._waiting[0][0] - self._wall()) > 0.0:
                    self._changed.wait(left)
                else:
                    self._doing = True
                    return heapq.heappop(self._waiting)
        return None

    def _finish(self) -> None:
        with self._changed:
            self._doing = False
            self._changed.notify_all()
