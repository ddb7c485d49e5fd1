"""Lines that a DAW's script asks for: who speaks them, and where their sound lies afterwards.

The order is a file of tab-separated lines ``id, track, text``; the answer has ``take, id, path, seconds, voice``, then
``word, id, seconds, word`` per word, ``failed, id, why``, and ``end`` as its last line. Tabs, backslashes and ends of
lines inside a text are written ``\\t``, ``\\\\``, ``\\n`` and ``\\r``.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import unicodedata
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from engine.errors import EngineError, MediaError

_PREFIX = re.compile(r"\s*([^:\n]{1,40}):\s*(.*)", re.DOTALL)
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One line to speak. id: the script's own. track: the name of the track that it lies on."""

    id: str
    track: str
    text: str


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a line. digest: of its take. words: when each starts, in seconds, and the word."""

    voice: str
    text: str
    digest: str
    seconds: float
    words: tuple[tuple[float, str], ...] = ()


def read_order(path: Path) -> tuple[Wanted, ...]:
    """Return the lines of an order. Raises MediaError for a file that is none."""
    rows = rows_of(path, "an order of lines")
    return tuple(_wanted(path, number, row) for number, row in enumerate(rows, 1) if row.strip())


def rows_of(path: Path, what: str) -> list[str]:
    """Return the rows of a file. A line ends here only: what else ends lines in Unicode stands inside texts.

    Raises MediaError, which tells ``what`` the file is not.
    """
    try:
        return path.read_bytes().decode("utf-8").replace("\r\n", "\n").split("\n")
    except (OSError, ValueError) as error:
        raise MediaError(f"{path}: not {what}: {error}") from error


def _wanted(path: Path, number: int, row: str) -> Wanted:
    fields = [unescaped(field) for field in row.split("\t")]
    if len(fields) != 3:
        raise MediaError(
            f"{path}, line {number}: an id, a track and a text with tabs between, got {len(fields)} fields"
        )
    return Wanted(id=fields[0], track=fields[1], text=fields[2])


def cast(wanted: Wanted, voices: Collection[str], otherwise: str) -> tuple[str, str]:
    """Return who speaks a line, and what.

    ``VOICE: text`` names the voice if there is one of that id; else it is the voice that the track is named after, else
    ``otherwise``.
    """
    prefix = _PREFIX.fullmatch(wanted.text)
    if prefix and slug(prefix[1]) in voices:
        return slug(prefix[1]), prefix[2].strip()
    track = slug(wanted.track)
    return (track if track in voices else otherwise), wanted.text.strip()


def copy_sound(audio: Path, spoken: Spoken, folder: Path) -> Path:
    """Copy the sound of a line into a folder, under a name that tells voice, words and take; return where it is."""
    words = slug(" ".join(spoken.text.split()[:5]))[:32].strip("-") or "line"
    target = folder / f"{spoken.voice}_{words}_{spoken.digest[:8]}.wav"
    if target.exists():
        return target
    unfinished = target.with_name(f".{target.name}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(audio, unfinished)
        unfinished.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):  # its folder is none
            unfinished.unlink()
        raise MediaError(f"{target} can't be written: {error.strerror}") from error
    return target


def answer_rows(wanted: Wanted, spoken: Spoken, path: Path) -> Iterator[str]:
    """Return the rows that tell of a take."""
    yield row("take", wanted.id, str(path.absolute()), f"{spoken.seconds:.9g}", spoken.voice)
    for start, word in spoken.words:
        yield row("word", wanted.id, f"{start:.9g}", word)


def failed_row(wanted: Wanted, error: EngineError) -> str:
    """Return the row that tells why there is no take."""
    return row("failed", wanted.id, str(error))


def row(*fields: str) -> str:
    """Return fields as one line without its end."""
    return "\t".join(_escaped(field) for field in fields)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def unescaped(field: str) -> str:
    """Return what a field says."""
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), field)


def slug(name: str) -> str:
    """Return a name as ids are spelt: letters lose their marks, as those of a script's speakers do."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9_]+", "-", plain.strip().lower()).strip("-")
