"""The gaps between blocks: where the main thread works while it builds or frees what the callback mixes with.

Both need the interpreter. Where they want it at the same time, each of a block's kernels and effects gives it up and
waits to have it back, and the main thread asks for it every few microseconds besides: blocks of 1 ms took up to 10.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

WAIT_SECONDS = 0.1
"""A block that takes longer is not waited for."""
PATIENCE = 3
"""After so many waits in vain nobody waits any more: an output that asks for blocks without a pause has no gaps."""


class Gaps:
    """``begin`` and ``end`` are the callback's, a block between them; ``only`` is another thread's."""

    def __init__(self) -> None:
        self._inside = False
        self._closed = False
        self._gate = threading.Lock()
        self._patience = 0
        self.waited = 0
        """How often a thread has begun to wait for a block's end."""

    def begin(self) -> None:
        """A block begins. Never waits."""
        self._closed = self._gate.acquire(blocking=False)
        self._inside = True

    def end(self) -> None:
        """The block is over."""
        self._inside = False
        if self._closed:
            self._gate.release()

    @contextmanager
    def only(self) -> Iterator[None]:
        """Let the calling thread go on only between blocks: whenever it calls something or returns.

        It holds no block up but for what it is in the middle of, one call into native code at most.
        """
        self._patience = PATIENCE
        before = sys.getprofile()
        sys.setprofile(self._look)
        try:
            yield
        finally:
            sys.setprofile(before)

    def _look(self, *_: Any) -> None:
        """Wait for a block's end if one is under way: a profile function, called at every call and return."""
        if not self._inside:
            return
        self.waited += 1
        if self._gate.acquire(timeout=WAIT_SECONDS):
            self._gate.release()
            return
        self._patience -= 1
        if not self._patience:
            sys.setprofile(None)
