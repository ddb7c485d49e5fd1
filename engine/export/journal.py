"""Journal: what an export has finished so far, so that one that was killed goes on and does not begin anew.

An export is written in units: a pass of the mixer, an encoded file, a session with its media. Each finished one is a
line, with the digest of its files and what else came of it. Who goes on keeps what the digests prove whole.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import msgspec
import numpy as np

from engine.errors import Busy
from engine.export.digest import sha256
from engine.platform import lock_file

T = TypeVar("T")

_LINES, _LOCK, _FILES = "journal.jsonl", "lock", "files"


class _Head(msgspec.Struct, frozen=True):
    """key: of everything that the export is made from. made_at: when it began, which its files tell."""

    key: str
    made_at: datetime


class _Unit(msgspec.Struct, frozen=True):
    """files: digest by path below the folder."""

    unit: str
    files: Mapping[str, str]
    result: msgspec.Raw


class Journal:
    """The folder of an unfinished export. One export at a time has it; units may be finished in several threads.

    folder: where the files are written. made_at: when the export began, or the one that it goes on with.
    Raises Busy where another process is at it, OSError where the disk refuses.
    """

    def __init__(self, place: Path, key: str, made_at: datetime) -> None:
        place.mkdir(parents=True, exist_ok=True)
        self.folder = place / _FILES
        self._place = place
        self._guard = (place / _LOCK).open("wb")
        if not lock_file(self._guard):
            self._guard.close()
            raise Busy(f"another export is being written in {place}; wait for it, or choose another folder")
        self._lock = Lock()
        self._known: dict[tuple[int, int, int], str] = {}
        self.made_at, self._units = self._left_over(key, made_at)
        self._sweep()
        self.folder.mkdir(exist_ok=True)
        head = msgspec.json.encode(_Head(key, self.made_at))
        lines = (head, *(msgspec.json.encode(unit) for unit in self._units.values()))
        (place / _LINES).write_bytes(b"".join(line + b"\n" for line in lines))

    @property
    def digests(self) -> dict[str, str]:
        """The digest of every finished file, by path below the folder."""
        return {name: digest for unit in self._units.values() for name, digest in unit.files.items()}

    def __contains__(self, unit: str) -> bool:
        return unit in self._units

    def result(self, unit: str, kind: type[T]) -> T:
        """Return what came of a finished unit."""
        return msgspec.json.decode(self._units[unit].result, type=kind, dec_hook=_array)

    def finish(self, unit: str, paths: Iterable[Path], result: object = None) -> None:
        """Note that ``unit`` is finished: its files, which stay as they are, and what came of it."""
        done = _Unit(unit, self._digests(paths), msgspec.Raw(msgspec.json.encode(result, enc_hook=_bytes)))
        with self._lock, (self._place / _LINES).open("ab") as lines:
            self._units[unit] = done
            lines.write(msgspec.json.encode(done) + b"\n")

    def remove(self) -> None:
        """Let go of the folder, and remove it with all that is still in it."""
        self._guard.close()
        shutil.rmtree(self._place, ignore_errors=True)

    def _left_over(self, key: str, made_at: datetime) -> tuple[datetime, dict[str, _Unit]]:
        """Return when the export began, and which of its units are whole; nothing of an export of something else."""
        try:
            head, *lines = (self._place / _LINES).read_bytes().splitlines()
            began = msgspec.json.decode(head, type=_Head)
        except (OSError, ValueError):
            return made_at, {}
        if began.key != key:
            return made_at, {}
        units: dict[str, _Unit] = {}
        for line in lines:
            try:
                unit = msgspec.json.decode(line, type=_Unit)
            except msgspec.DecodeError:  # the line at which it was killed
                break
            if self._is_whole(unit):
                units[unit.unit] = unit
        return began.made_at, units

    def _is_whole(self, unit: _Unit) -> bool:
        try:
            return self._digests(self.folder / name for name in unit.files) == unit.files
        except OSError:
            return False

    def _sweep(self) -> None:
        """Remove every file that is not known to be whole, and every empty folder."""
        whole = {self.folder / name for name in self.digests}
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path.is_dir():
                if not any(path.iterdir()):
                    path.rmdir()
            elif path not in whole:
                path.unlink()

    def _digests(self, paths: Iterable[Path]) -> dict[str, str]:
        names = list(dict.fromkeys(path.relative_to(self.folder).as_posix() for path in paths))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return dict(zip(names, pool.map(lambda name: self._digest(self.folder / name), names), strict=True))

    def _digest(self, path: Path) -> str:
        """Return the digest of a file, read once however many links it has."""
        stat = path.stat()
        key = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if key not in self._known:
            self._known[key] = sha256(path)
        return self._known[key]


def _bytes(value: Any) -> bytes:
    if isinstance(value, np.ndarray):
        return np.ascontiguousarray(value, np.float32).tobytes()
    raise NotImplementedError(f"a journal holds no {type(value).__name__}")


def _array(_kind: type, text: Any) -> Any:
    return np.frombuffer(base64.b64decode(text), np.float32)
