"""What voices compute once and keep on disk beside the takes: the state of a cloned voice, for one."""

from __future__ import annotations

from pathlib import Path

import platformdirs

_folder: Path | None = None


def keep_in(folder: Path) -> None:
    """Keep things there from now on; a worker says so once, at its start."""
    global _folder
    _folder = folder


def kept(name: str) -> Path:
    """Return where the thing ``name`` lies, or would; its folder exists."""
    folder = _folder or Path(platformdirs.user_cache_dir("cuevox", appauthor=False)) / "voices"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name
