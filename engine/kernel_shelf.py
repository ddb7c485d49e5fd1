"""The folders of compiled kernels, one of each version: those that nobody has used for long are removed.

A process that uses one touches it and holds a lock there as long as it lives; whoever removes one has it alone first,
and moves it away before, so that nobody meets a part of it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from pathlib import Path
from typing import IO

from engine.platform import lock_file, share_file

UNUSED_DAYS = 30
USED = "used"
"""The file in a folder that tells when a process began to use it last, and that those have locked which do."""

_VERSION = re.compile(r"[0-9a-f]{16}")
_GONE = re.compile(r"\.gone-[0-9a-f]{16}-\d+")

_held: dict[Path, IO[bytes]] = {}


def use(folder: Path) -> None:
    """Let nobody remove a folder while this process lives. One that can't be written is used all the same."""
    if folder in _held:
        return
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / USED).open("ab")
        _held[folder] = file
        share_file(file)
        os.utime(folder / USED)


def clear(shelf: Path, now: float | None = None) -> tuple[str, ...]:
    """Remove what lies beside each other in ``shelf`` and was not used for ``UNUSED_DAYS``; return its names.

    Whatever else lies there stays. What can't be removed stays, too. now: seconds since 1970.
    """
    oldest = (time.time() if now is None else now) - UNUSED_DAYS * 86_400
    removed: list[str] = []
    with contextlib.suppress(OSError):
        for folder in sorted(shelf.iterdir()):
            if folder.is_symlink() or not folder.is_dir():
                continue
            if _GONE.fullmatch(folder.name):
                shutil.rmtree(folder, ignore_errors=True)  # whoever moved it away ended before it was removed
            elif _VERSION.fullmatch(folder.name) and folder not in _held and _remove(folder, oldest):
                removed.append(folder.name)
    return tuple(removed)


def _remove(folder: Path, oldest: float) -> bool:
    """Remove a folder that was not used since; return whether it is gone."""
    try:
        if _is_used(folder, oldest):
            return False
        told = (folder / USED).exists()
        with (folder / USED).open("ab") as file:
            if not lock_file(file) or (told and _is_used(folder, oldest)):
                return False
            gone = folder.with_name(f".gone-{folder.name}-{os.getpid()}")
            folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
    except OSError:
        return False
    return True


def _is_used(folder: Path, oldest: float) -> bool:
    """Return whether a folder was used since; all its files are looked at only where nothing quicker tells."""
    file = folder / USED
    if max(each.stat().st_mtime for each in (folder, file) if each.exists()) >= oldest:
        return True
    files = (path.stat() for path in folder.rglob("*") if path.is_file())
    return any(max(each.st_mtime, each.st_atime) >= oldest for each in files)  # versions that leave no word of it
