"""The quota: how much of the disk may be taken by exports and recordings that are asked for from outside."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from engine.control.watch import Watch
from engine.errors import OverQuota


class Quota(Watch):
    """Knows what some folders hold; the disk is looked at in a thread.

    ``on_full`` is called at every look that finds more than there may be.
    """

    look_seconds = 5.0

    def __init__(self, folders: Iterable[Path], max_bytes: int) -> None:
        super().__init__()
        self._folders, self._max_bytes = tuple(folders), max_bytes
        self._used_bytes = 0
        self.on_full: Callable[[OverQuota], object] = lambda _: None

    def check(self) -> None:
        """Raise OverQuota where the folders hold as much as they may."""
        if self._used_bytes >= self._max_bytes:
            raise OverQuota(
                f"exports and recordings beside the story take {self._used_bytes / 1e6:,.0f} MB, and at most "
                f"{self._max_bytes / 1e6:,.0f} MB may (setting outputs_max_mb); move some away"
            )

    async def look(self) -> None:
        """Measure anew."""
        self._used_bytes = await asyncio.to_thread(lambda: sum(map(folder_bytes, self._folders)))
        try:
            self.check()
        except OverQuota as error:
            self.on_full(error)


def folder_bytes(folder: Path) -> int:
    """Return the size of all files below a folder; links are not followed, what vanishes meanwhile counts nothing."""
    return sum(_sizes(folder))


def _sizes(folder: Path) -> Iterator[int]:
    try:
        entries = list(os.scandir(folder))
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _sizes(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                yield entry.stat(follow_symlinks=False).st_size
    except OSError:
        return
