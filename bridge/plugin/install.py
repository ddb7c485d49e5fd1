"""Installing what has been built: copies into the folders where DAWs look, and out of them again."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from bridge.errors import BridgeError
from bridge.plugin.build import PLUGINS

State = Literal["installed", "differs", "missing"]


class NotBuilt(BridgeError):
    """There is nothing to install yet."""

    code = "not_built"


class NoFolder(BridgeError):
    """A folder takes no plug-in."""

    code = "no_folder"


class Installed(NamedTuple):
    """A plug-in in a format: where it belongs, and whether what is there is what has been built."""

    path: Path
    state: State


def install(built: Path, folders: Mapping[str, Path]) -> list[Installed]:
    """Copy every bundle to its place; each is there whole or as before. Raises NotBuilt, NoFolder."""
    for bundle, place in _places(built, folders):
        try:
            _put(bundle, place)
        except OSError as error:
            why = error.strerror or error
            raise NoFolder(
                f"{place.parent} takes no plug-in ({why}); it has to be a folder that you may write to"
            ) from (error)
    return status(built, folders)


def status(built: Path, folders: Mapping[str, Path]) -> list[Installed]:
    """Return what is where. Raises NotBuilt."""
    return [Installed(place, _state(bundle, place)) for bundle, place in _places(built, folders)]


def uninstall(folders: Mapping[str, Path]) -> list[Path]:
    """Take our own plug-ins away, nothing else; return what there was. Raises NoFolder."""
    places = [folder / f"{name}{suffix}" for suffix, folder in folders.items() for name in PLUGINS.values()]
    there = [place for place in places if place.exists() or place.is_symlink()]
    for place in there:
        try:
            _remove(place)
        except OSError as error:
            raise NoFolder(f"{place} can't be taken away ({error.strerror or error})") from error
    return there


def _put(bundle: Path, place: Path) -> None:
    making = place.with_name(f".{place.name}.making")
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        _remove(making)
        if bundle.is_dir():
            shutil.copytree(bundle, making)
        else:
            shutil.copy2(bundle, making)
        _remove(place)
        making.rename(place)
    finally:
        if making.exists():
            _remove(making)


def _places(built: Path, folders: Mapping[str, Path]) -> list[tuple[Path, Path]]:
    bundles = [built / f"{name}{suffix}" for name in PLUGINS.values() for suffix in folders]
    found = [(bundle, folders[bundle.suffix] / bundle.name) for bundle in bundles if bundle.exists()]
    if not found:
        raise NotBuilt(f"no plug-in has been built in {built}; `make plugin` builds it")
    return found


def _state(bundle: Path, place: Path) -> State:
    if not place.exists():
        return "missing"
    files = [path.relative_to(bundle) for path in bundle.rglob("*") if path.is_file()] or [Path()]
    same = all((place / f).exists() and filecmp.cmp(bundle / f, place / f, shallow=False) for f in files)
    return "installed" if same else "differs"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():  # of a link the link goes, not what it leads to
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
