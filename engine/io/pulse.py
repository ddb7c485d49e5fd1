"""The pulse: the process gives a sign of life only after each of its working threads has given one of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Pulse:
    """Signs of threads, by name. Any thread may call it. beat: gives the process's sign; called by one at a time."""

    def __init__(self, beat: Callable[[], object]) -> None:
        self._beat = beat
        self._lock = threading.Lock()
        self._threads: set[str] = set()
        self._missing: set[str] = set()

    def begin(self, thread: str) -> None:
        """Wait for this thread, too, from now on."""
        with self._lock:
            self._threads.add(thread)
            self._missing.add(thread)

    def beat(self, thread: str) -> None:
        """Give a thread's sign; the last one that was missing gives the process's."""
        with self._lock:
            self._missing.discard(thread)
            if not self._missing:
                self._missing = set(self._threads)
                self._beat()
