"""The ledger of a story: which takes were made for it, a line of text each, so that a kill loses none of them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from engine.errors import MediaError

DIGEST_CHARACTERS = 40


class Ledger:
    """A file of digests. It only grows while lines are rendered; a torn last line counts as not written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._digests = set(_read(path))

    @classmethod
    def of(cls, takes_folder: Path, story: Path) -> Ledger:
        """Return the ledger of the story at ``story``, which lies beside the takes."""
        name = hashlib.sha256(os.fsencode(story.resolve())).hexdigest()[:DIGEST_CHARACTERS]
        return cls(takes_folder / "ledgers" / f"{name}.txt")

    def __contains__(self, digest: str) -> bool:
        return digest in self._digests

    def note(self, digest: str) -> None:
        """Write down that a take is in the cache. Raises MediaError."""
        if digest in self._digests:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.write(f"\n{digest}\n".encode())  # a torn line before it harms nobody
        except OSError as error:
            raise MediaError(f"what is rendered can't be noted in {self.path}: {error.strerror}") from error
        self._digests.add(digest)

    def keep_only(self, digests: Iterable[str]) -> None:
        """Forget all others, once a rendering is through. Raises MediaError."""
        kept = self._digests & set(digests)
        temporary = self.path.with_suffix(".tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text("".join(f"{digest}\n" for digest in sorted(kept)))
            temporary.replace(self.path)
        except OSError as error:
            raise MediaError(f"what is rendered can't be noted in {self.path}: {error.strerror}") from error
        self._digests = kept


def _read(path: Path) -> list[str]:
    try:
        lines = path.read_text("ascii", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise MediaError(f"what was rendered can't be read from {path}: {error.strerror}") from error
    return [line for line in lines if len(line) == DIGEST_CHARACTERS]
