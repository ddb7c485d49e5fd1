"""What is known of a capture, and its files: NAME.wav, the line; NAME.whole.wav, all of it; NAME.json, this."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from engine.errors import BadRange, MediaError, UnknownThing
from engine.voices.take import Word

CAPTURES = "captures"
"""The folder beside the story in which captures lie, and what voices said after them."""

_NAME = re.compile(r"[\w](?:[\w .+-]{0,60}[\w+-])?")


class Trimmed(msgspec.Struct, frozen=True, kw_only=True):
    """What the line of a capture was before it was trimmed by hand. See ``Kept``."""

    first: int
    frames: int
    text: str
    words: tuple[Word, ...]
    note: str


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A capture, or what a voice said after one.

    frames: of the line. first: where in the whole the line begins; pressed: where the key was. began: the wall time of
    the whole's first frame (Unix seconds). timeline: which frame of the timeline was heard as the key was pressed;
    None: it rested. words: in frames of the line. voice, after: of what a voice said, and after what. note: what could
    not be done, for people. before: what it was as it was trimmed by hand, the newest last.
    """

    name: str
    sample_rate: int
    frames: int
    first: int = 0
    pressed: int = 0
    lost_frames: int = 0
    began: float = 0.0
    timeline: int | None = None
    text: str = ""
    language: str = ""
    words: tuple[Word, ...] = ()
    voice: str = ""
    after: str = ""
    note: str = ""
    before: tuple[Trimmed, ...] = ()

    @property
    def said_frame(self) -> int | None:
        """Where on the timeline the line was begun, in frames of its own rate; None: the timeline rested."""
        return None if self.timeline is None else max(0, self.timeline + self.first - self.pressed)


def checked(name: str) -> str:
    """Return ``name`` if files may be called so. Raises BadRange."""
    if not _NAME.fullmatch(name) or name.endswith(".whole"):
        raise BadRange(f"capture name {name[:80]!r}: letters, digits, spaces and . + - _ are allowed, up to 62")
    return name


def sound_file(folder: Path, name: str) -> Path:
    """Return where the line of a capture lies."""
    return folder / f"{name}.wav"


def whole_file(folder: Path, name: str) -> Path:
    """Return where all of a capture lies, with its pre-roll."""
    return folder / f"{name}.whole.wav"


def free_name(folder: Path, name: str) -> str:
    """Return ``name``, or what follows it that no capture has yet."""
    found, number = name, 2
    while any(f"{found}{end}" in _there(folder) for end in (".wav", ".whole.wav", ".json")):
        found, number = f"{name} {number}", number + 1
    return found


def names(folder: Path) -> tuple[str, ...]:
    """Return the names of all captures."""
    return tuple(sorted(name.removesuffix(".json") for name in _there(folder) if name.endswith(".json")))


def read_kept(folder: Path, name: str) -> Kept:
    """Return what is known of a capture. Raises UnknownThing, MediaError."""
    path = folder / f"{checked(name)}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Kept)
    except FileNotFoundError:
        raise UnknownThing("capture", name, names(folder)) from None
    except (OSError, msgspec.MsgspecError) as error:
        raise MediaError(f"{path} can't be read: {error}") from error


def write_kept(folder: Path, kept: Kept) -> None:
    """Write down what is known of a capture. Raises MediaError."""
    path = folder / f"{kept.name}.json"
    part = path.with_suffix(".part")
    try:
        part.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1))
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise MediaError(f"{path} can't be written: {error.strerror or error}") from error


def _there(folder: Path) -> frozenset[str]:
    try:
        return frozenset(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return frozenset()
