"""A script's file: read by the end of its name; and the table that says which voice speaks whom, which people edit."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from engine.errors import MediaError, StoryError
from engine.story.problems import Problem, story_error
from engine.story.rescript import Origin
from engine.story.script import Spoken
from engine.story.script_documents import read_docx, read_epub, read_markdown
from engine.story.script_formats import FORMS, reader_of

DOCUMENTS = {".docx": read_docx, ".epub": read_epub}
ENDINGS = (".txt", *FORMS, *DOCUMENTS, ".md", ".markdown")
"""How the names of scripts end; whatever ends otherwise is plain text."""

MOST_BYTES = 256 * 1024 * 1024


def read_script(path: Path, gap_seconds: float) -> list[Spoken]:
    """Return the speeches of a script. Raises MediaError, and StoryError naming file and lines."""
    suffix = path.suffix.lower()
    try:
        if path.stat().st_size > MOST_BYTES:
            raise MediaError(f"{path}: a script has at most {MOST_BYTES:,} bytes")
        data = path.read_bytes()
        if suffix in DOCUMENTS:
            speeches, problems = DOCUMENTS[suffix](data, gap_seconds)
        else:
            read = read_markdown if suffix in (".md", ".markdown") else reader_of(suffix)
            speeches, problems = read(data.decode("utf-8"), gap_seconds)
    except OSError as error:
        raise MediaError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MediaError(f"{path} is not UTF-8 text") from error
    except StoryError as error:
        raise StoryError(f"{path.name}: {error}") from error
    if not speeches and not problems:
        problems = [Problem(path=(), text="nobody says anything; a speech is written NAME: words", line=1)]
    if problems:
        raise story_error(path.name, problems)
    return speeches


def cast_path(story: Path) -> Path:
    """Return where the table of a story's voices lies: beside it."""
    return story.with_name(f"{story.stem}.cast.csv")


def read_cast(path: Path, voices: Sequence[str]) -> dict[str, str]:
    """Return voices by speaker from a table: columns speaker and voice; none where there is no file.

    Raises StoryError for a voice that there is not.
    """
    if not path.exists():
        return {}
    found: dict[str, str] = {}
    problems = []
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError) as error:
        raise StoryError(f"{path} can't be read: {error}") from error
    for number, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#") or [c.casefold() for c in cells[:2]] == ["speaker", "voice"]:
            continue
        if len(cells) < 2 or cells[1] not in voices:
            known = ", ".join(voices)
            problems.append(Problem(path=(cells[0],), text=f"needs a voice; there is: {known}", line=number))
        else:
            found[cells[0]] = cells[1]
    if problems:
        raise story_error(path.name, problems)
    return found


def write_cast(path: Path, cast: Mapping[str, str]) -> None:
    """Write the table, a speaker a line; what it held before of other speakers stays. Raises StoryError."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("speaker", "voice"))
    writer.writerows(cast.items())
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text.getvalue(), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoryError(f"{path} can't be written: {error.strerror}") from error


def origins_path(story: Path) -> Path:
    """Return where it is kept which clip each speech of a story's script became."""
    return story.with_name(f".{story.name}.script")


def read_origins(story: Path) -> tuple[Origin, ...]:
    """Return which clip each speech became when the script was taken over last; none where nobody knows."""
    try:
        return msgspec.json.decode(origins_path(story).read_bytes(), type=tuple[Origin, ...])
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.MsgspecError) as error:
        raise StoryError(f"{origins_path(story)} can't be read: {error}") from error


def write_origins(story: Path, origins: Sequence[Origin]) -> None:
    """Keep which clip each speech became. Raises StoryError."""
    path = origins_path(story)
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(msgspec.json.format(msgspec.json.encode(origins), indent=1) + b"\n")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoryError(f"{path} can't be written: {error.strerror}") from error
