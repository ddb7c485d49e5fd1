"""Putting a pack into a DAW's folder and taking it out again. A receipt in the data folder tells what was done.

What is there and not ours is kept beside it (``NAME.before-cuevox``) and comes back when the pack goes. What its
user has changed of ours is kept, too.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from bridge.daws.packs import PackFile
from engine.errors import MediaError

KEPT = ".before-cuevox"

What = Literal[
    "new",
    "the same",
    "updated",
    "kept yours beside it",
    "removed",
    "restored",
    "left, you changed it",
    "gone",
    "up to date",
    "of another version",
    "changed by you",
]


class Done(msgspec.Struct, frozen=True):
    """What was done with a file."""

    path: Path
    what: What


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A file that we wrote. kept: where the file lies that was there before; empty: none."""

    path: str
    sha256: str
    kept: str = ""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a pack has in a folder. made: folders that were not there before, outer ones first."""

    pack: str
    folder: str
    files: tuple[Placed, ...] = ()
    made: tuple[str, ...] = ()


class Installer:
    """One pack in one folder of a DAW. receipts: a folder of ours."""

    def __init__(self, pack: str, folder: Path, receipts: Path) -> None:
        self._folder = folder.absolute()
        mark = hashlib.sha256(str(self._folder).encode()).hexdigest()[:8]
        self._path = receipts / f"{pack}-{mark}.json"
        nothing = Receipt(pack=pack, folder=str(self._folder))
        self.receipt = _receipt(self._path) if self._path.exists() else nothing

    def install(self, files: tuple[PackFile, ...]) -> list[Done]:
        """Write the files, keep what is not ours, and take away what an older pack had and this one has not."""
        old = {placed.path: placed for placed in self.receipt.files}
        done = []
        for file in files:
            made = self._make_folders((self._folder / file.path).parent)
            placed, what = self._place(file, old.pop(file.path, None))
            others = tuple(each for each in self.receipt.files if each.path != file.path)
            self._write(files=(*others, placed), made=(*self.receipt.made, *made))
            done.append(Done(self._folder / file.path, what))
        return [*done, *self._take_away(tuple(old.values()))]

    def undo(self) -> list[Done]:
        """Take everything away that is as we left it, and bring back what was there before."""
        if not self.receipt.files:
            raise self._nothing()
        done = list(self._take_away(self.receipt.files))
        for folder in reversed(self.receipt.made):
            with contextlib.suppress(OSError):  # something of the user's is in it
                Path(folder).rmdir()
        self._path.unlink(missing_ok=True)
        return done

    def status(self, files: tuple[PackFile, ...]) -> list[Done]:
        """Tell what has become of what was put here; ``files`` are those that ``install`` would write now."""
        if not self.receipt.files:
            raise self._nothing()
        now = {file.path: hashlib.sha256(file.content).hexdigest() for file in files}
        told = []
        for placed in self.receipt.files:
            what: What = "up to date" if placed.sha256 == now.get(placed.path) else "of another version"
            there = _digest(self._folder / placed.path)
            if there != placed.sha256:
                what = "changed by you" if there else "gone"
            told.append(Done(self._folder / placed.path, what))
        return told

    def _nothing(self) -> MediaError:
        return MediaError(f"{self._folder}: no pack for {self.receipt.pack} was put there by Cuevox")

    def _place(self, file: PackFile, old: Placed | None) -> tuple[Placed, What]:
        target, digest = self._folder / file.path, hashlib.sha256(file.content).hexdigest()
        there = _digest(target)
        kept = old.kept if old else ""
        if there == digest:
            return Placed(path=file.path, sha256=digest, kept=kept), "the same"
        what: What = "updated" if there else "new"
        if there and (old is None or there != old.sha256):
            beside = self._keep(target)
            kept, what = kept or beside.relative_to(self._folder).as_posix(), "kept yours beside it"
        unfinished = target.with_name(f".{target.name}.part")
        try:
            unfinished.write_bytes(file.content)
            unfinished.replace(target)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise MediaError(f"{target} can't be written: {error.strerror}") from error
        return Placed(path=file.path, sha256=digest, kept=kept), what

    def _keep(self, target: Path) -> Path:
        beside, number = target.with_name(f"{target.name}{KEPT}"), 2
        while beside.exists():
            beside, number = target.with_name(f"{target.name}{KEPT}-{number}"), number + 1
        try:
            return target.rename(beside)
        except OSError as error:
            raise MediaError(f"{target} is not ours and can't be kept beside: {error.strerror}") from error

    def _take_away(self, files: tuple[Placed, ...]) -> Iterator[Done]:
        for placed in files:
            target = self._folder / placed.path
            there = _digest(target)
            what: What = "gone"
            if there == placed.sha256:
                target.unlink()
                what = "removed"
            elif there:
                what = "left, you changed it"
            kept = self._folder / placed.kept if placed.kept else None
            if kept and kept.is_file() and not target.exists():
                kept.rename(target)
                what = "restored"
            self._write(files=tuple(each for each in self.receipt.files if each != placed), made=self.receipt.made)
            yield Done(target, what)

    def _make_folders(self, folder: Path) -> list[str]:
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MediaError(f"{folder} can't be made: {error.strerror}") from error
        return [str(each) for each in reversed(missing)]

    def _write(self, *, files: tuple[Placed, ...], made: tuple[str, ...]) -> None:
        """Note each step as it is done: whatever breaks off, undo knows what there is."""
        self.receipt = msgspec.structs.replace(self.receipt, files=files, made=made)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".part")
        unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(self.receipt)))
        unfinished.replace(self._path)


def places_of(pack: str, receipts: Path) -> tuple[Path, ...]:
    """Return the folders into which a pack was put. Raises MediaError for a receipt that can't be read."""
    return tuple(Path(_receipt(path).folder) for path in sorted(receipts.glob(f"{pack}-*.json")))


def _receipt(path: Path) -> Receipt:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Receipt)
    except (OSError, msgspec.MsgspecError) as error:
        raise MediaError(f"{path}, the receipt of an installed pack, can't be read: {error}") from error


def _digest(path: Path) -> str:
    """Return the digest of a file, an empty text where there is none."""
    if path.is_dir():
        raise MediaError(f"{path} is a folder, and a file of the pack has that name")
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise MediaError(f"{path} can't be read: {error.strerror}") from error
