"""Companions: what a model names in its files and needs beside it, as the codec that its sound goes through."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.errors import ModelMissing
from engine.voices.kept import kept
from engine.voices.models.place import is_folder, model_folder

NAME = "audio_tokenizer_name_or_path"
BESIDE = "audio_tokenizer"
"""The folder inside a model's own in which its codec may lie."""


def companions(folder: Path) -> tuple[str, ...]:
    """Return the hub ids of what a model wants beside it."""
    named = (name for _, name in _named(folder) if not (folder / BESIDE).is_dir())
    return tuple(name for name in named if name.count("/") == 1 and not is_folder(name) and not Path(name).is_dir())


def whole(folder: Path) -> Path:
    """Return a folder from which all of a model can be loaded without a network.

    That is ``folder`` itself, or one of links to its files in which names are folders of this machine. Raises
    ModelMissing for a companion that is not there.
    """
    found = {file: str(_place(folder, name)) for file, name in _named(folder) if not Path(name).is_dir()}
    if not found:
        return folder
    mark = hashlib.sha256(f"{folder.resolve()} {sorted(found.items())}".encode()).hexdigest()[:16]
    place = kept(f"model-{mark}")
    if not place.is_dir():
        temporary = place.with_name(f".{place.name}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        for path in folder.iterdir():
            if path.name in found:
                told = json.loads(path.read_text("utf-8"))
                _table(told)[NAME] = found[path.name]
                (temporary / path.name).write_text(json.dumps(told), "utf-8")
            else:
                (temporary / path.name).symlink_to(path.resolve(), target_is_directory=path.is_dir())
        temporary.replace(place)
    return place


def _named(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield which file names which companion."""
    for file in ("processor_config.json", "audio_tokenizer_config.json"):
        path = folder / file
        if path.is_file() and (name := _table(json.loads(path.read_text("utf-8"))).get(NAME)):
            yield file, str(name)


def _table(told: dict[str, Any]) -> dict[str, Any]:
    inner = told.get("audio_tokenizer")
    return inner if isinstance(inner, dict) else told


def _place(folder: Path, name: str) -> Path:
    if (folder / BESIDE).is_dir():
        return (folder / BESIDE).resolve()
    if name.count("/") != 1 or is_folder(name):
        raise ModelMissing(f"the model in {folder} names a codec that is not on this machine: {name}")
    return model_folder(name).resolve()
