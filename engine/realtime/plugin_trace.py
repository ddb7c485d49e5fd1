"""Where each audio process is in third-party code, in shared memory: who died in it can be told, though it died."""

from __future__ import annotations

import os

import msgspec
import numpy as np

from engine.mixer.watch import Watch
from engine.realtime.memory import Segment

ROWS = 16
"""Audio processes whose words are kept; each new one takes the next row."""
_WORDS = 8
TRACE_BYTES = ROWS * _WORDS * 8
_LOADING, _RUNNING, _PID = 0, 1, 2


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """The ``insert_word`` of the plug-in that is being loaded, and of the one that was called; 0: none."""

    loading: int = 0
    running: int = 0


class PluginTrace:
    """All rows. One store before and after a call: cheap enough for every plug-in in every block."""

    def __init__(self, segment: Segment) -> None:
        self._rows = segment.view(np.int64, 0, ROWS * _WORDS).reshape(ROWS, _WORDS)

    def begin(self, row: int) -> int:
        """Clear the row of a process that is about to start; return its number."""
        row %= ROWS
        self._rows[row] = 0
        return row

    def watch(self, row: int) -> Watch:
        """Take a row and return what notes a mixer's plug-ins there. Audio process only."""
        words = self._rows[row]
        words[_PID] = os.getpid()

        def loading(word: int) -> None:
            words[_LOADING] = word

        def running(word: int) -> None:
            words[_RUNNING] = word

        return Watch(loading, running)

    def place(self, pid: int) -> Place:
        """Return where a process is, or was when it died."""
        for words in self._rows:
            if words[_PID] == pid:
                return Place(loading=int(words[_LOADING]), running=int(words[_RUNNING]))
        return Place()
