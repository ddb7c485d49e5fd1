"""The rack: finds plug-ins by name or path, trying their files once; what crashed in this session stays out."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from msgspec.structs import replace

from engine.plugins.catalog import ENDINGS, Catalog, Entry, plugin_files
from engine.plugins.facts import PluginFacts
from engine.plugins.prober import PluginFault, Prober

log = logging.getLogger(__name__)

NOT_TRIED = "it has not been tried yet; `cuevox plugins scan` or /plugins/scan does it"
FILE_NOT_TRIED = "it has not been tried yet; /plugins/retry with its path does it"


class Rack:
    """What plug-ins there are in some folders, by the catalog. base_folder: where relative paths start.

    crashed: why plug-ins are left out for this session, by the name or path that they went by. Calls that try files
    wait for them. Where the catalog can't be written, what was found counts for this session; that is logged once.
    """

    def __init__(self, folders: Iterable[Path], catalog: Catalog, base_folder: Path | None = None) -> None:
        self.folders = tuple(folders)
        self.catalog = catalog
        self.crashed: dict[str, str] = {}
        self._base = base_folder
        self._prober: Prober | None = None
        self._stopped = False
        self._warned = False

    def files(self) -> tuple[Path, ...]:
        """Return the plug-in files in the folders."""
        return tuple(plugin_files(self.folders))

    def scan(
        self, again: bool = False, progress: Callable[[int, int, Path], object] = lambda *_: None
    ) -> tuple[PluginFacts, ...]:
        """Try every file that has not been tried as it is now (again: every one); return all plug-ins."""
        files = self.files()
        with self._trying():
            for number, path in enumerate(files):
                progress(number, len(files), path)
                if again or self.catalog.entry(path) is None:
                    self._try(path)
        return self.known()

    def stop(self) -> None:
        """Try nothing any more; what is being tried is given up, and counts as untried. Any thread."""
        self._stopped = True
        if self._prober is not None:
            self._prober.close()

    def known(self) -> tuple[PluginFacts, ...]:
        """Return the plug-ins of files that have been tried; a file that holds none that can be used has a fault."""
        return tuple(facts for path in self.files() for facts in self._of(path))

    def find(self, name: str, *, try_it: bool = True) -> PluginFacts:
        """Return what is known of a plug-in by its name or path; what it can't be used for is its fault.

        try_it: a file that has not been tried is tried now, if its path is given or it is named like the plug-in.
        """
        found = self._by_path(name, try_it) if is_path(name) else self._by_name(name, try_it)
        return self.without_crashed(name, found)

    def without_crashed(self, name: str, found: PluginFacts) -> PluginFacts:
        """Return what was found by a name or path, at fault if it has crashed, whatever it went by then."""
        crash = next((self.crashed[each] for each in self._spellings(name, found)), "")
        return replace(found, fault=crash) if crash and not found.fault else found

    def let_in(self, name: str, found: PluginFacts) -> tuple[str, ...]:
        """Leave a plug-in that was found out no longer; return the names and paths that it was left out by."""
        spellings = self._spellings(name, found)
        for each in spellings:
            self.crashed.pop(each, None)
        return spellings

    def _spellings(self, name: str, found: PluginFacts) -> tuple[str, ...]:
        """Return what the plug-in that ``name`` has found was called as it crashed."""
        return tuple(each for each in tuple(self.crashed) if each == name or self._means(each, found))

    def _means(self, spelling: str, facts: PluginFacts) -> bool:
        if not facts.path:
            return False
        if is_path(spelling):
            return os.path.realpath(self._path(spelling)) == os.path.realpath(facts.path)
        return spelling in (facts.name, Path(facts.path).stem)

    def forget(self, name: str) -> None:
        """Let go of what is known of a plug-in by its name or path, so that it is tried anew."""
        try:
            self.catalog.forget(name)
        except OSError as error:
            self._warn(error)

    def _path(self, name: str) -> Path:
        path = Path(name).expanduser()
        path = path if self._base is None else self._base / path
        return Path(os.path.normpath(path.absolute()))

    def _by_path(self, name: str, try_it: bool) -> PluginFacts:
        path = self._path(name)
        if not path.exists():
            return PluginFacts(name=name, fault=f"there is no file {path}")
        if try_it and self.catalog.entry(path) is None:
            with self._trying():
                self._try(path)
        if self.catalog.entry(path) is None:
            return PluginFacts(name=path.stem, path=str(path), fault=FILE_NOT_TRIED)
        held = list(self._of(path))
        if len(held) > 1:
            names = ", ".join(facts.name for facts in held)
            return PluginFacts(name=name, fault=f"the file holds several: {names}; name one of them")
        return held[0]

    def _by_name(self, name: str, try_it: bool) -> PluginFacts:
        files = self.files()
        if try_it:
            untried = [p for p in files if self.catalog.entry(p) is None and _alike(p.stem, name)]
            with self._trying():
                for path in untried:
                    self._try(path)
        known = [facts for path in files for facts in self._of(path)]
        if found := find_named(name, known):
            return found
        names = sorted({facts.name for facts in known if not facts.fault})
        there = f"; there is: {', '.join(names[:20])}" if names else ""
        return PluginFacts(name=name, fault=f"there is no such plug-in in {_text(self.folders)}{there}")

    @contextlib.contextmanager
    def _trying(self) -> Iterator[None]:
        with Prober() as self._prober:
            yield
        self._prober = None

    def _try(self, path: Path) -> None:
        if self._stopped or self._prober is None:
            return
        try:
            self._keep(path, self._prober.probe(path))
        except PluginFault as fault:
            if not self._stopped:
                self._keep(path, fault=str(fault), quarantined=fault.dangerous)

    def _keep(
        self, path: Path, plugins: Iterable[PluginFacts] = (), fault: str = "", quarantined: bool = False
    ) -> None:
        try:
            self.catalog.keep(path, plugins, fault, quarantined)
        except OSError as error:
            self._warn(error)

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            folder, why = self.catalog.file.parent, error.strerror
            log.warning("what is found of plug-ins is not kept: %s can't be written: %s", folder, why)

    def _of(self, path: Path) -> Iterator[PluginFacts]:
        entry: Entry | None = self.catalog.entry(path)
        if entry is None:
            yield PluginFacts(name=path.stem, path=str(path), fault=NOT_TRIED)
        elif entry.fault:
            what = "quarantined: " if entry.quarantined else ""
            yield PluginFacts(name=path.stem, path=str(path), fault=f"{what}{entry.fault}")
        else:
            yield from entry.plugins


def open_rack(folders: Iterable[Path], catalog: Path, base_folder: Path | None = None) -> Rack:
    """Return the rack of these folders with the catalog's file."""
    return Rack(folders, Catalog(catalog), base_folder)


def find_named(name: str, known: Iterable[PluginFacts]) -> PluginFacts | None:
    """Return the one of these that is called so, or else whose file is; several are at fault."""
    found = [facts for facts in known if name in (facts.name, Path(facts.path).stem)]
    exact = [facts for facts in found if facts.name == name] or found
    if len({facts.path for facts in exact}) > 1:
        paths = ", ".join(sorted(facts.path for facts in exact))
        return PluginFacts(name=name, fault=f"there are several of that name; give the path: {paths}")
    return exact[0] if exact else None


def is_path(name: str) -> bool:
    """Whether a plug-in is named by the path of its file."""
    return "/" in name or os.sep in name or name.lower().endswith(ENDINGS)


def _alike(first: str, second: str) -> bool:
    """Whether a file's name and a plug-in's are the same but for spaces and the like."""
    plain = ["".join(c for c in text.lower() if c.isalnum()) for text in (first, second)]
    return bool(plain[0]) and (plain[0] in plain[1] or plain[1] in plain[0])


def _text(folders: Iterable[Path]) -> str:
    return ", ".join(str(folder) for folder in folders)
