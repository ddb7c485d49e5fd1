"""Where a story's files are: where it says, or wherever they were moved to within its folder."""

from __future__ import annotations

import filecmp
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from engine.errors import MediaError

log = logging.getLogger(__name__)

_MADE = frozenset({"exports"})
"""Folders of what was made of the story: it is no source of it."""


def whereabouts(base: Path, name: str) -> Path:
    """Return where the audio file is that a story in the folder ``base`` calls ``name``. It may read the folder.

    Raises MediaError for one that lies outside the folder, is nowhere in it, or may be one of several that differ.
    """
    base = base.resolve()
    path = (base / name).resolve()
    if not path.is_relative_to(base):
        raise MediaError(f"audio file {name!r} lies outside the story's folder {base}")
    if path.is_file():
        return path
    found = files_called(path.name, [base])
    if not found:
        raise MediaError(
            f"audio file {name!r} is missing: there is no file {path}, and none of that name in the story's folder; "
            "`cuevox collect --search DIR` finds it elsewhere"
        )
    if differ(found):
        raise MediaError(f"audio file {name!r} is missing; it may be {', or '.join(map(str, found))}: they differ")
    log.warning("audio file %r was moved; it is read from %s, `cuevox collect` writes that down", name, found[0])
    return found[0]


def files_called(name: str, folders: Sequence[Path]) -> list[Path]:
    """Return every file of that name in folders and what lies in them, but for what was made of the story."""
    found = []
    for folder in folders:
        for place, inner, files in os.walk(folder):
            inner[:] = sorted(each for each in inner if not each.startswith(".") and each not in _MADE)
            if name in files:
                found.append(Path(place) / name)
    return found


def differ(paths: Sequence[Path]) -> bool:
    """Return whether files are not all the same."""
    return any(not filecmp.cmp(paths[0], other, shallow=False) for other in paths[1:])
