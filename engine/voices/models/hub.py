"""Models from the hub: pulled with resumption and checksums, verified, removed. HF_ENDPOINT names a mirror."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
from filelock import FileLock, Timeout
from httpx2 import HTTPError
from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers

from engine.errors import Busy, ModelError, ModelMissing
from engine.voices.models.companions import companions
from engine.voices.models.known import KNOWN
from engine.voices.models.place import (
    MANIFEST,
    PINNED,
    File,
    Pulled,
    forget,
    model_folder,
    pins,
    read_manifest,
    repo_folder,
    repo_of,
    wanted_revision,
)

Progress = Callable[[float, str], None]
"""Hears the fraction that is there, and of which file."""

OTHER_WEIGHTS = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx", ".ot", ".gguf")
"""The same weights in other formats, and formats that may run code: not wanted where there are safetensors."""

SPARE_BYTES = 64 << 20
READ_BYTES = 1 << 20


def pull(model: str, revision: str, root: Path, progress: Progress, *, update: bool = False) -> tuple[Path, Pulled]:
    """Return ``model``'s folder, complete; what an interrupted pull left is used. Files are checked before they count.

    What it names in its files and needs beside it comes along. update: look whether the revision (a branch) has moved
    on since. Raises ModelError, ModelMissing, Busy.
    """
    folder, pulled = _pull(model, revision, root, progress, update=update)
    for companion in companions(folder):
        _pull(companion, "", root, progress, update=update)
    return folder, pulled


def _pull(model: str, revision: str, root: Path, progress: Progress, *, update: bool) -> tuple[Path, Pulled]:
    if not update:
        try:
            folder = model_folder(model, revision, root)
            return folder, read_manifest(folder)
        except ModelMissing:
            pass
    repo, home = repo_of(model), repo_folder(root, repo_of(model))
    asked = revision or wanted_revision(model)
    with _told_plainly(model, repo):
        wanted = _listing(repo, asked)
        home.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(home / "pull.lock", timeout=0):
                folder = _fetch(home, wanted, progress)
        except Timeout as error:
            raise Busy(f"the model {model} is being pulled already") from error
    _write(home / PINNED, {**pins(home), asked: wanted.commit})
    forget()
    return folder, wanted


def verify(folder: Path) -> list[str]:
    """Return what is wrong with a pulled model's files: missing, of another size, of another content."""
    problems: list[str] = []
    for file in read_manifest(folder).files:
        path = folder / file.path
        if not path.is_file():
            problems.append(f"{file.path} is missing")
        elif not is_right(path, file):
            problems.append(f"{file.path} is not what was pulled")
    return problems


def remove(model: str, revision: str, root: Path) -> int:
    """Remove a pulled model, its unfinished pulls too; return the bytes freed. Raises ModelMissing."""
    home = repo_folder(root, repo_of(model))
    gone = [model_folder(model, revision, root)] if revision else [path for path in home.glob("*") if path.is_dir()]
    if not gone:
        raise ModelMissing(f"the model {model} is not on this machine")
    freed = sum(path.stat().st_size for folder in gone for path in folder.rglob("*") if path.is_file())
    for folder in gone:
        (folder / MANIFEST).unlink(missing_ok=True)  # first, so that no half looks whole
        shutil.rmtree(folder)
    forget()
    left = {asked: commit for asked, commit in pins(home).items() if (home / commit).is_dir()}
    if left:
        _write(home / PINNED, left)
    else:
        shutil.rmtree(home)
    return freed


def _listing(repo: str, revision: str) -> Pulled:
    info = HfApi().model_info(repo, revision=revision, files_metadata=True)
    files = tuple(_file(sibling) for sibling in info.siblings or ())
    card = info.card_data
    licence = str((card.get("license_name") or card.get("license") or "") if card else "")
    return Pulled(repo=repo, commit=str(info.sha), licence=licence or "not stated", files=_wanted(files))


def _file(sibling: Any) -> File:
    path = PurePosixPath(sibling.rfilename)
    if path.is_absolute() or ".." in path.parts or "\\" in sibling.rfilename:
        raise ModelError(f"the hub names a file outside the model: {sibling.rfilename!r}")
    sha256 = sibling.lfs.sha256 if sibling.lfs else ""
    size = sibling.lfs.size if sibling.lfs else sibling.size
    return File(
        path=str(path), size=int(size or 0), sha256=sha256, git_oid="" if sha256 else str(sibling.blob_id or "")
    )


def _wanted(files: tuple[File, ...]) -> tuple[File, ...]:
    safe = any(file.path.endswith(".safetensors") for file in files)
    return tuple(file for file in files if not (safe and file.path.endswith(OTHER_WEIGHTS)))


def _fetch(home: Path, wanted: Pulled, progress: Progress) -> Path:
    """Bring what is missing; the folder gets its own name once every file is right."""
    part, folder = home / f"{wanted.commit}.part", home / wanted.commit
    if (folder / MANIFEST).is_file():
        return folder
    part.mkdir(exist_ok=True)
    missing = wanted.size_bytes - sum((part / f.path).stat().st_size for f in wanted.files if (part / f.path).is_file())
    free = shutil.disk_usage(home).free
    if missing + SPARE_BYTES > free:
        raise ModelError(f"{wanted.repo} needs {missing / 1e6:,.0f} MB more on disk; {home} has {free / 1e6:,.0f} MB")
    counter = _Counter(wanted.size_bytes, progress)
    for file in wanted.files:
        _fetch_file(wanted, file, part / file.path, counter)
    _write(part / MANIFEST, wanted)
    if folder.exists():
        shutil.rmtree(folder)  # remains of a removal that was cut short
    part.replace(folder)
    return folder


def _fetch_file(wanted: Pulled, file: File, path: Path, counter: _Counter) -> None:
    if path.is_file() and path.stat().st_size == file.size and is_right(path, file):
        counter.add(file.size, file.path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    have = path.stat().st_size if path.is_file() else 0
    have = 0 if have >= file.size else have
    counter.add(have, file.path)
    headers = {**build_hf_headers(library_name="cuevox"), "Accept-Encoding": "identity"}
    url = hf_hub_url(wanted.repo, file.path, revision=wanted.commit)
    with path.open("r+b" if have else "wb") as target:
        target.seek(have)
        http_get(
            url, target, resume_size=have, headers=headers, expected_size=file.size, tqdm_class=counter.bar(file.path)
        )
    if not is_right(path, file):
        path.unlink()
        raise ModelError(f"{file.path} of {wanted.repo} came damaged (its checksum is another); pull again")


def is_right(path: Path, file: File) -> bool:
    """Return whether a file on disk is what the hub says it is."""
    if path.stat().st_size != file.size:
        return False
    if file.sha256:
        return _hash(path, hashlib.sha256()) == file.sha256
    if file.git_oid:
        return _hash(path, hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)) == file.git_oid
    return True


def _hash(path: Path, hashing: Any) -> str:
    with path.open("rb") as content:
        while block := content.read(READ_BYTES):
            hashing.update(block)
    return str(hashing.hexdigest())


class _Counter:
    """Adds up what came of all files; ``bar`` is what the library wants for its own bar."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total, self._progress = max(1, total), progress
        self._there = 0

    def add(self, size: int, name: str) -> None:
        self._there += size
        self._progress(min(1.0, self._there / self._total), name)

    def bar(self, name: str) -> Any:
        counter = self

        class Bar:
            def __init__(self, *_: Any, **__: Any) -> None:
                return

            def update(self, size: int) -> None:
                counter.add(size, name)

            def __enter__(self) -> Bar:
                return self

            def __exit__(self, *_: object) -> None:
                return

            def close(self) -> None:
                return

        return Bar


@contextmanager
def _told_plainly(model: str, repo: str) -> Iterator[None]:
    """Turn the library's errors into ones that say what to do."""
    page = f"{constants.ENDPOINT}/{repo}"
    try:
        if constants.is_offline_mode():
            raise ModelMissing(f"the model {model} is not on this machine, and HF_HUB_OFFLINE keeps it off the network")
        yield
    except GatedRepoError as error:
        raise ModelError(
            f"{repo} is gated: sign in at {page}, accept its conditions, make an access token, and set HF_TOKEN to it"
        ) from error
    except RevisionNotFoundError as error:
        raise ModelMissing(f"{repo} has no such revision; see {page}/commits") from error
    except RepositoryNotFoundError as error:
        raise ModelMissing(f"the hub has no model {repo}, or it is private: then set HF_TOKEN") from error
    except (OfflineModeIsEnabled, HfHubHTTPError, HTTPError) as error:
        raise ModelError(
            f"the hub at {constants.ENDPOINT} can't be reached or refuses: {error}; what came is kept, pull again"
        ) from error
    except OSError as error:
        raise ModelError(f"the model {model} could not be kept: {error}; what came is kept, pull again") from error


def _write(path: Path, data: object) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(data), indent=1))
    temporary.replace(path)


def licence_of(model: str, pulled: Pulled | None = None) -> tuple[str, bool]:
    """Return the licence of a model's weights and whether it allows commercial use, as far as is known."""
    known = KNOWN.get(model) or next((k for k in KNOWN.values() if pulled and k.repo == pulled.repo), None)
    licence = (known.licence if known else "") or (pulled.licence if pulled else "")
    free = known.commercial if known else "nc" not in licence.lower().split("-")
    return licence or "not stated", free
