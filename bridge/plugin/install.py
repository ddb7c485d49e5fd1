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


class Installed(NamedTuple):
    """A plug-in in a format: where it belongs, and whether what is there is what has been built."""

    path: Path
    state: State


def install(built: Path, folders: Mapping[str, Path]) -> list[Installed]:
    """Copy every bundle to its place; each is there whole or as before. Raises NotBuilt, OSError."""
    for bundle, place in _places(built, folders):
        making = place.with_name(f".{place.name}.making")
        _remove(making)
        making.parent.mkdir(parents=True, exist_ok=True)
        if bundle.is_dir():
            shutil.copytree(bundle, making)
        else:
            shutil.copy2(bundle, making)
        _remove(place)
        making.rename(place)
    return status(built, folders)


def status(built: Path, folders: Mapping[str, Path]) -> list[Installed]:
    """Return what is where. Raises NotBuilt."""
    return [Installed(place, _state(bundle, place)) for bundle, place in _places(built, folders)]


def uninstall(folders: Mapping[str, Path]) -> list[Path]:
    """Take our own plug-ins away, nothing else; return what there was."""
    places = [folder / f"{name}{suffix}" for suffix, folder in folders.items() for name in PLUGINS.values()]
    there = [place for place in places if place.exists()]
    for place in there:
        _remove(place)
    return there


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
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
