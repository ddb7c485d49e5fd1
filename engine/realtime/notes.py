"""Notes: what a process wants its successor to know, by name, in shared memory that outlives it.

A log of changes in one of two pages; a full page is rewritten, without what is out of date, into the other one. One
word tells which page counts and how much of it: a writer that dies in the middle has not written.
"""

from __future__ import annotations

import logging
import struct
import threading

import numpy as np
from numpy.typing import NDArray

from engine.realtime.atomics import load_acquire, store_release
from engine.realtime.memory import Segment

log = logging.getLogger(__name__)

_LINE_BYTES = 64
_HEAD = struct.Struct("<Hi")
"""Length of the name; length of the note, or -1: forgotten."""


class Notes:
    """One process writes, on any of its threads; its successor reads them all when it begins.

    ``None`` as segment: kept for this life only.
    """

    def __init__(self, segment: Segment | None = None) -> None:
        self._notes: dict[str, bytes] = {}
        self._full = False
        self._writing = threading.Lock()
        self._page_bytes = 0
        if segment is not None:
            self._word = segment.address
            self._page_bytes = (segment.size_bytes - _LINE_BYTES) // 2
            self._pages: NDArray[np.uint8] = segment.view(np.uint8, _LINE_BYTES, 2 * self._page_bytes)
            self._read()

    def set(self, name: str, note: bytes) -> None:
        """Keep ``note``: the successor has it when this returns."""
        with self._writing:
            if self._notes.get(name) != note:
                self._notes[name] = note
                self._append(name, note)

    def forget(self, name: str) -> None:
        """Keep nothing under ``name``."""
        with self._writing:
            if self._notes.pop(name, None) is not None:
                self._append(name, None)

    def get(self, name: str) -> bytes | None:
        """Return the note of that name."""
        return self._notes.get(name)

    def all(self, prefix: str) -> dict[str, bytes]:
        """Return the notes whose names begin with ``prefix``, without it, oldest first."""
        with self._writing:
            return {name.removeprefix(prefix): note for name, note in self._notes.items() if name.startswith(prefix)}

    def _append(self, name: str, note: bytes | None) -> None:
        if not self._page_bytes:
            return
        used, page = divmod(load_acquire(self._word), 2)
        entry = _entry(name, note)
        if used + len(entry) > self._page_bytes:
            used, page, entry = 0, 1 - page, b"".join(_entry(*item) for item in self._notes.items())
            if len(entry) > self._page_bytes:
                if not self._full:
                    log.error("no room for more notes: a process that follows this one will know less")
                self._full = True
                return
        start = page * self._page_bytes + used
        self._pages[start : start + len(entry)] = np.frombuffer(entry, np.uint8)
        store_release(self._word, (used + len(entry)) * 2 + page)

    def _read(self) -> None:
        used, page = divmod(load_acquire(self._word), 2)
        log_bytes = self._pages[page * self._page_bytes :][:used].tobytes()
        at = 0
        while at < used:
            name_bytes, note_bytes = _HEAD.unpack_from(log_bytes, at)
            at += _HEAD.size
            name = log_bytes[at : at + name_bytes].decode()
            at += name_bytes
            self._notes.pop(name, None)
            if note_bytes >= 0:
                self._notes[name] = log_bytes[at : at + note_bytes]
                at += note_bytes


def _entry(name: str, note: bytes | None) -> bytes:
    encoded = name.encode()
    return _HEAD.pack(len(encoded), -1 if note is None else len(note)) + encoded + (note or b"")
