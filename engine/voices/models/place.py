"""Where a model lies on disk: a folder of the user's, or what was pulled from the hub. Asks no network.

``<root>/<owner>--<name>/<commit>/`` holds the files and, written last, ``cuevox.json``, which lists them. While a model
is being pulled its folder is called ``<commit>.part``: what has its own name is complete.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from engine.errors import EngineError, ModelMissing
from engine.settings import load_settings
from engine.voices.models.known import KNOWN

MANIFEST = "cuevox.json"
PINNED = "pinned.json"


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a model. sha256: of its content; git_oid: of small files that the hub knows by nothing else."""

    path: str
    size: int
    sha256: str = ""
    git_oid: str = ""


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """A model that is complete on disk."""

    repo: str
    commit: str
    licence: str
    files: tuple[File, ...]

    @property
    def size_bytes(self) -> int:
        """What it takes on disk."""
        return sum(file.size for file in self.files)


_remembered: dict[tuple[Path, str, str], Path] = {}


def forget() -> None:
    """Look anew where models are: something was pulled or removed."""
    _remembered.clear()


@cache
def models_root() -> Path:
    """Return the folder of pulled models."""
    return load_settings().settings.models_folder


def is_folder(model: str) -> bool:
    """Return whether ``model`` is a path, not a name or a hub id."""
    return model.startswith((".", "/", "~")) or Path(model).is_absolute()


def repo_of(model: str) -> str:
    """Return the hub id of ``model``: a short name's, or itself. Raises ModelMissing for what is neither."""
    if model in KNOWN:
        return KNOWN[model].repo
    if model.count("/") == 1 and not is_folder(model) and ".." not in model:
        return model
    raise ModelMissing(f"no model named {model!r}; give a folder, a hub id (owner/name) or one of: {', '.join(KNOWN)}")


def model_folder(model: str, revision: str = "", root: Path | None = None) -> Path:
    """Return the folder of ``model``; what was found is remembered, as long as it is there. Raises ModelMissing."""
    if is_folder(model):
        folder = Path(model).expanduser()
        if not folder.is_dir():
            raise ModelMissing(f"the model {model} is no folder")
        return folder
    base = root or models_root()
    key = (base, model, revision)
    if key not in _remembered or not (_remembered[key] / MANIFEST).is_file():
        _remembered[key] = _found(base, model, revision)
    return _remembered[key]


def _found(root: Path, model: str, revision: str) -> Path:
    home = repo_folder(root, repo_of(model))
    commit = pins(home).get(revision or wanted_revision(model), revision)
    folder = home / commit
    if not commit or not (folder / MANIFEST).is_file():
        at = f" at {revision}" if revision else ""
        raise ModelMissing(f"the model {model}{at} is not on this machine; to get it: cuevox models pull {model}")
    return folder


def wanted_revision(model: str) -> str:
    """Return the revision that is meant where none is named."""
    return (KNOWN[model].revision if model in KNOWN else "") or "main"


def repo_folder(root: Path, repo: str) -> Path:
    """Return where the revisions of a model of the hub lie."""
    return root / repo.replace("/", "--")


def pins(home: Path) -> dict[str, str]:
    """Return to which commit each revision was pinned when it was pulled."""
    try:
        return msgspec.json.decode((home / PINNED).read_bytes(), type=dict[str, str])
    except (OSError, msgspec.MsgspecError):
        return {}


def read_manifest(folder: Path) -> Pulled:
    """Return what a folder of a pulled model holds. Raises ModelMissing."""
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Pulled)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelMissing(f"{folder} holds no complete model: {error}") from error


def all_pulled(root: Path) -> list[tuple[Path, Pulled]]:
    """Return every complete model with its folder."""
    found: list[tuple[Path, Pulled]] = []
    for manifest in sorted(root.glob(f"*/*/{MANIFEST}")):
        if not manifest.parent.name.endswith(".part"):
            try:
                found.append((manifest.parent, read_manifest(manifest.parent)))
            except EngineError:
                continue  # verify tells
    return found
