"""The catalog: what is known of each plug-in file, kept on disk, and which of them are quarantined and why."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from engine.plugins.facts import PluginFacts

VERSION = 1
FILE = "plugins.json"
ENDINGS = (".vst3", ".component") if sys.platform == "darwin" else (".vst3",)
MOST_FILES = 10_000
"""Files of a bundle whose times are looked at."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One file. changed_ns, size_bytes: as it was when it was tried. fault: why nothing of it can be loaded.

    quarantined: trying it crashed or hung; it is not tried again until it changes or is forgotten.
    """

    changed_ns: int
    size_bytes: int
    plugins: tuple[PluginFacts, ...] = ()
    fault: str = ""
    quarantined: bool = False


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    version: int = VERSION
    files: dict[str, Entry] = {}


class Catalog:
    """The entries of one catalog file; every change is written at once, whole or not at all. A broken file counts for
    nothing: it can be made again. What can't be written counts here all the same, and is written with the next change.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._entries: dict[str, Entry] = {}
        self._unwritten: dict[str, Entry | None] = {}
        """What was found, or forgotten (None), and has not been written."""
        self.load()

    def load(self) -> None:
        """Read what others have written meanwhile."""
        try:
            kept = msgspec.json.decode(self.file.read_bytes(), type=_Kept)
        except (OSError, msgspec.MsgspecError):
            kept = _Kept()
        entries = {**(kept.files if kept.version == VERSION else {}), **self._unwritten}
        self._entries = {path: entry for path, entry in entries.items() if entry is not None}

    def entries(self) -> dict[str, Entry]:
        """Return every entry by path, those too whose file is gone or has changed."""
        return dict(self._entries)

    def entry(self, path: Path) -> Entry | None:
        """Return what is known of a file as it is now; None: it has not been tried as it is."""
        entry = self._entries.get(str(path))
        return entry if entry is not None and (entry.changed_ns, entry.size_bytes) == stamp(path) else None

    def keep(self, path: Path, plugins: Iterable[PluginFacts] = (), fault: str = "", quarantined: bool = False) -> None:
        """Note what came of trying a file. Raises OSError when it can't be written."""
        changed_ns, size_bytes = stamp(path)
        self._unwritten[str(path)] = Entry(
            changed_ns=changed_ns, size_bytes=size_bytes, plugins=tuple(plugins), fault=fault, quarantined=quarantined
        )
        self.load()
        self._write()

    def forget(self, wanted: str) -> tuple[str, ...]:
        """Let go of entries by path or by a plug-in's name; return their paths. Raises OSError as ``keep`` does."""
        self.load()
        gone = tuple(path for path, entry in self._entries.items() if _is(path, entry, wanted))
        for path in gone:
            del self._entries[path]
            self._unwritten[path] = None
        if gone:
            self._write()
        return gone

    def _write(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        handle, fresh = tempfile.mkstemp(dir=self.file.parent, prefix=f".{FILE}-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(_Kept(files=self._entries)))
                file.flush()
                os.fsync(file.fileno())
            Path(fresh).replace(self.file)
            self._unwritten.clear()
        except BaseException:
            Path(fresh).unlink(missing_ok=True)
            raise


def _is(path: str, entry: Entry, wanted: str) -> bool:
    return wanted in (path, Path(path).stem) or wanted in (facts.name for facts in entry.plugins)


def stamp(path: Path) -> tuple[int, int]:
    """Return when a file, or anything in a bundle, was changed last, in ns, and how many bytes there are."""
    newest = size = 0
    for count, file in enumerate([path, *path.rglob("*")] if path.is_dir() else [path]):
        if count == MOST_FILES:
            break
        try:
            facts = file.stat()
        except OSError:
            continue
        newest = max(newest, facts.st_mtime_ns)
        size += 0 if file.is_dir() else facts.st_size
    return newest, size


def standard_folders() -> tuple[Path, ...]:
    """Return where this system keeps plug-ins."""
    home = Path.home()
    if sys.platform == "darwin":
        library = Path("Library/Audio/Plug-Ins")
        return tuple(root / library / kind for root in (home, Path("/")) for kind in ("VST3", "Components"))
    if sys.platform == "win32":
        common = Path(os.environ.get("COMMONPROGRAMFILES", r"C:\Program Files\Common Files"))
        return (common / "VST3",)
    return home / ".vst3", Path("/usr/local/lib/vst3"), Path("/usr/lib/vst3")


def plugin_files(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield the plug-in files and bundles in ``folders``, sorted, each once; a bundle's inside is not looked into."""
    seen: set[Path] = set()
    for folder in folders:
        for path in _walk(folder, 4):
            if path not in seen:
                seen.add(path)
                yield path


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        return
    for path in inside:
        if path.suffix.lower() in ENDINGS:
            yield path
        elif depth and path.is_dir():
            yield from _walk(path, depth - 1)
