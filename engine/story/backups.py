"""Backups: what a story's file said before each save, in ``.backups`` beside it; the newest, and one of each day."""

from __future__ import annotations

import logging
import shutil
from datetime import UTC, datetime
from pathlib import Path

log = logging.getLogger(__name__)

FOLDER = ".backups"
NEWEST = 20
DAYS = 30
"""Of so many days the last backup stays, too."""

STAMP = "%Y%m%dT%H%M%S%fZ"


def keep_backup(path: Path) -> Path | None:
    """Copy a story's file before it is replaced, and clear old copies; None: it could not be, and the log says why.

    The save goes on all the same: it replaces the file in one step.
    """
    now = datetime.now(UTC).strftime(STAMP)
    copy = path.parent / FOLDER / f"{path.stem}.{now}{path.suffix}"
    temporary = copy.with_name(f".{copy.name}.tmp")
    try:
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, temporary)
        temporary.replace(copy)
        for old in _superfluous(backups(path)):
            old.unlink(missing_ok=True)
    except OSError as error:
        log.warning("no backup of %s: %s", path, error.strerror)
        return None
    return copy


def backups(path: Path) -> list[Path]:
    """Return the backups of a story's file, newest first."""
    return sorted((path.parent / FOLDER).glob(f"{path.stem}.*Z{path.suffix}"), reverse=True)


def _superfluous(copies: list[Path]) -> list[Path]:
    last_of_day: dict[str, Path] = {}
    for copy in copies:  # newest first
        last_of_day.setdefault(copy.suffixes[-2][1:9], copy)
    kept = {*copies[:NEWEST], *list(last_of_day.values())[:DAYS]}
    return [copy for copy in copies if copy not in kept]
