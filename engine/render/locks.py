"""Locked takes: the take that a line keeps, whatever its voice becomes. One small file beside the takes.

It is plain JSON, so that who speaks and plays needs no database; it is read again when it has changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from engine.errors import MediaError
from engine.platform import wait_for_file
from engine.story.model import Line

FILE = "locks"

Stamp = tuple[int, int, int]
"""What is another after each write: the file's number, size, time. The time alone is told to 4 ms on many systems."""


def line_key(line: Line) -> str:
    """Return what all takes of a line have in common: everything but the seed; 40 hexadecimal digits."""
    bare = replace(line, delivery=replace(line.delivery, seed=0))
    return hashlib.sha256(msgspec.json.encode(bare, order="deterministic")).hexdigest()[:40]


class Locks:
    """Which take each locked line keeps, by its key. folder: of the takes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._stamp: Stamp | None = None
        self._digests: dict[str, str] = {}

    def get(self, line: Line) -> str | None:
        """Return the digest of the take that ``line`` keeps, None for one that is not locked."""
        digests = self.digests
        return digests.get(line_key(line)) if digests else None

    @property
    def digests(self) -> dict[str, str]:
        """Every locked take, by its line's key. A file that can't be read counts as none."""
        try:
            facts = self._path.stat()
            stamp = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
            if stamp != self._stamp:
                self._digests = self._read()
                self._stamp = stamp
        except (OSError, msgspec.MsgspecError):
            self._digests, self._stamp = {}, None
        return self._digests

    def lock(self, line: Line, digest: str) -> None:
        """Have ``line`` keep a take. Raises MediaError."""
        self._change(lambda known: {**known, line_key(line): digest})

    def unlock(self, line: Line) -> None:
        """Let ``line`` be spoken as its voice is. Raises MediaError."""
        self._change(lambda known: {key: digest for key, digest in known.items() if key != line_key(line)})

    def _change(self, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
        """Write down what ``change`` makes of what there is, one process after the other."""
        temporary = self._path.with_name(f".{FILE}.tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.with_name(f".{FILE}.lock").open("ab") as turn:
                wait_for_file(turn)
                temporary.write_bytes(msgspec.json.encode(change(self._read())))
                temporary.replace(self._path)
        except OSError as error:
            raise MediaError(f"{self._path} can't be written: {error.strerror}") from error
        except msgspec.MsgspecError as error:
            raise MediaError(f"{self._path} is not the list of locked takes ({error}); move it away") from error
        self._stamp = None

    def _read(self) -> dict[str, str]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
