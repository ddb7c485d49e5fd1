"""Target: the folder that an export fills, all at once or not at all.

Everything is written into a hidden folder beside the target and moved in at the end. An export that is killed leaves
that folder, and the next one of the same goes on there. Files that no export of ours wrote are never touched, and
those that somebody changed since are not replaced unasked.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from engine.errors import ExportError
from engine.export.digest import sha256
from engine.export.journal import Journal

MANIFEST = "manifest.json"


class _Listed(msgspec.Struct):
    path: str
    sha256: str


class _Earlier(msgspec.Struct):
    """As much of an earlier manifest as is needed to know what it wrote."""

    cuevox: str
    files: list[_Listed]


class Target:
    """A folder to export to. Building one reads the earlier export's manifest, and writes nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._earlier = self._read_earlier()

    def check(self, names: Iterable[str], needed_bytes: int, *, replace_changed: bool) -> None:
        """Refuse what can't end well, with nothing written: ExportError says what is in the way."""
        base = self._existing_parent()
        files = [path for path in (self.folder, *self.folder.parents) if path.exists() and not path.is_dir()]
        if files:
            raise ExportError(f"can't export to {self.folder}: {files[0]} is a file, not a folder")
        if not os.access(base, os.W_OK | os.X_OK):
            raise ExportError(f"can't export to {self.folder}: {base} is not writable")
        self._refuse_foreign(names)
        if not replace_changed:
            self._refuse_changed()
        free_bytes = shutil.disk_usage(base).free + _size_bytes(self._unfinished)
        if needed_bytes > free_bytes:
            raise ExportError(
                f"can't export to {self.folder}: it takes about {needed_bytes / 1e6:,.0f} MB, "
                f"and {free_bytes / 1e6:,.0f} MB are free"
            )

    @contextlib.contextmanager
    def staging(self, key: str, made_at: datetime) -> Iterator[Journal]:
        """Give a folder to write into; at the end its files move into the target, after an error they vanish.

        key: of what is exported; where an export of the same was killed, it goes on with what that one finished.
        A file that no export wrote is not replaced by one that ``check`` was not told of either: ExportError names it.
        Raises Busy where another process is at it.
        """
        journal: Journal | None = None
        try:
            journal = Journal(self._unfinished, key, made_at)
            yield journal
            staged = journal.folder
            self._refuse_foreign(path.relative_to(staged).as_posix() for path in staged.rglob("*") if path.is_file())
            self._move_in(staged)
        except OSError as error:
            raise ExportError(f"can't export to {self.folder}: {error.strerror or error}; nothing changed") from error
        finally:
            if journal is not None:
                journal.remove()

    @property
    def _unfinished(self) -> Path:
        return self._existing_parent() / f".{self.folder.name}.unfinished"

    def _existing_parent(self) -> Path:
        return next(parent for parent in self.folder.parents if parent.is_dir())

    def _read_earlier(self) -> dict[str, str]:
        """Return the digest of every file that the manifest in the folder lists; none if it is not one of ours."""
        try:
            earlier = msgspec.json.decode((self.folder / MANIFEST).read_bytes(), type=_Earlier)
        except (OSError, msgspec.DecodeError):
            return {}
        return {listed.path: listed.sha256 for listed in earlier.files if _stays_inside(listed.path)}

    def _refuse_foreign(self, names: Iterable[str]) -> None:
        ours = {*self._earlier, *({MANIFEST} if self._earlier else ())}
        foreign = sorted(name for name in names if name not in ours and (self.folder / name).exists())
        if foreign:
            more = f" and {len(foreign) - 5} more" if len(foreign) > 5 else ""
            raise ExportError(
                f"can't export to {self.folder}: no export wrote {', '.join(foreign[:5])}{more} there; "
                "move it away or choose another folder"
            )

    def _refuse_changed(self) -> None:
        present = [(self.folder / name, digest) for name, digest in self._earlier.items()]
        changed = [path.name for path, digest in present if path.is_file() and sha256(path) != digest]
        if changed:
            raise ExportError(
                f"can't export to {self.folder}: {', '.join(changed)} changed since the export that wrote it; "
                "move it away, choose another folder, or allow it to be replaced (replace_changed)"
            )

    def _move_in(self, staged: Path) -> None:
        """Swap the earlier export for the new one; an error on the way puts the earlier one back."""
        fresh = sorted(path.relative_to(staged) for path in staged.rglob("*") if path.is_file())
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{self.folder.name}.replaced-", dir=self.folder.parent) as kept:
            old = [Path(name) for name in (*self._earlier, MANIFEST) if (self.folder / name).is_file()]
            done: list[tuple[Path, Path]] = []
            try:
                _move(old, self.folder, Path(kept), done)
                _move(fresh, staged, self.folder, done)
            except OSError:
                for source, moved in reversed(done):
                    moved.replace(source)
                raise
        for folder in sorted({parent for name in old for parent in name.parents} - {Path()}, reverse=True):
            with contextlib.suppress(OSError):  # somebody's own files are in it
                (self.folder / folder).rmdir()


def _move(names: Iterable[Path], source: Path, target: Path, done: list[tuple[Path, Path]]) -> None:
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).replace(target / name)
        done.append((source / name, target / name))


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _stays_inside(name: str) -> bool:
    """Tell whether a path of a manifest, which anybody may have written, stays in its folder."""
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts
