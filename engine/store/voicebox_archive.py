"""A profile archive of Voicebox, not believed: a zip of ``manifest.json``, ``samples.json`` and ``samples/*.wav``."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from engine.errors import BadRange, MediaError
from engine.store.archive import MOST_BYTES, MOST_FACTS_BYTES, MOST_SAMPLE_BYTES, read_member
from engine.store.profiles import MOST_SAMPLES

MOST_RATIO = 200
"""How much larger than its archive a member may be: sound does not shrink so."""


@contextmanager
def unpacked(path: Path, folder: Path) -> Iterator[tuple[dict[str, Any], list[tuple[Path, str]]]]:
    """Lend what the archive says of its profile, and its samples in ``folder`` with their texts.

    Nothing is written at a path that the archive names. Raises MediaError, BadRange.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check(archive, path)
            manifest = _json(archive, "manifest.json", path)
            avatar = next((name for name in archive.namelist() if PurePosixPath(name).stem == "avatar"), None)
            texts = _texts(_json(archive, "samples.json", path), path)
            samples = []
            for number, (name, text) in enumerate(texts.items(), 1):
                place = folder / f"{number:03}{PurePosixPath(name).suffix.lower()[:5] or '.wav'}"
                place.write_bytes(read_member(archive, _member(archive, name, path), MOST_SAMPLE_BYTES, path))
                samples.append((place, text))
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise MediaError(f"{path} is no archive of a profile: {error}") from error
    profile = manifest.get("profile", manifest)
    if not isinstance(profile, dict) or not samples:
        raise MediaError(f"{path}: its manifest.json tells of no profile, or it has no samples")
    yield {**({"avatar_path": avatar} if avatar else {}), **profile}, samples


def _check(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse what would lead out of a folder or unpack to more than a profile can be. Raises BadRange."""
    whole = 0
    for member in archive.infolist():
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if not parts or ".." in parts or parts[0] == "/" or ":" in parts[0]:
            raise BadRange(f"{path}: {member.filename!r} would lie outside of the archive")
        if member.file_size > MOST_RATIO * max(member.compress_size, 4096):
            raise BadRange(f"{path}: {member.filename} unpacks to more than {MOST_RATIO} times its size")
        whole += member.file_size
    if whole > MOST_BYTES:
        raise BadRange(f"{path} holds {whole / 1e6:,.0f} MB; at most {MOST_BYTES / 1e6:,.0f} MB are read")


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> str:
    names = set(archive.namelist())
    base = PurePosixPath(name.replace("\\", "/")).name
    for each in (name, f"samples/{name}", f"samples/{base}"):
        if each in names:
            return each
    raise MediaError(f"{path} has no samples/{base}")


def _json(archive: zipfile.ZipFile, name: str, path: Path) -> Any:
    try:
        return msgspec.json.decode(read_member(archive, name, MOST_FACTS_BYTES, path))
    except msgspec.DecodeError as error:
        raise MediaError(f"{path}: {name} can't be read: {error}") from error


def _texts(said: Any, path: Path) -> dict[str, str]:
    """Return the text of each sample by its file: a table, or a list of things that have both."""
    found: dict[str, str] = {}
    if isinstance(said, dict) and isinstance(said.get("samples"), list | dict):
        said = said["samples"]
    if isinstance(said, dict):
        found = {str(name): str(text) for name, text in said.items()}
    elif isinstance(said, list):
        for each in (each for each in said if isinstance(each, dict)):
            name = next((each[key] for key in ("audio_path", "filename", "file", "name") if each.get(key)), None)
            if name is not None:
                found[str(name)] = str(each.get("reference_text") or each.get("text") or "")
    if not 1 <= len(found) <= MOST_SAMPLES:
        raise MediaError(f"{path}: samples.json names {len(found)} samples; 1 to {MOST_SAMPLES} are read")
    return found
