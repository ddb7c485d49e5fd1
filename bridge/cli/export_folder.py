"""Exporting from the command line: takes first, then everything in one pass, each under a progress bar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.cli import screen
from bridge.cli.render import open_story, render_all

if TYPE_CHECKING:
    from engine.export.manifest import FileEntry, Manifest
    from engine.settings import Settings
    from engine.story.model import ExportFormat, Story

ENCODINGS = {"16": "pcm16", "24": "pcm24", "32f": "float32"}
FALLBACK: tuple[ExportFormat, ...] = ("reaper",)
"""What is written beside stems where a story names nothing."""


def write_folder(
    story: Path, to: Path, settings: Settings, *, formats: Sequence[str] | None = None, **values: object
) -> Manifest:
    """Export ``story`` to the folder ``to`` and return its manifest.

    formats: what to write, None: stems and what the story names. values: the other fields of ExportOptions.
    """
    from engine.export.exporter import export_story
    from engine.export.options import options_from

    document, catalog = open_story(story, settings)
    options = options_from({"formats": formats or _named_by(document.story), **values})
    takes, cache = render_all(document, catalog, settings)
    with screen.progress_bar("export") as progress:
        return export_story(
            document.story,
            base_folder=story.resolve().parent,
            takes=takes,
            cache=cache,
            out_folder=to,
            options=options,
            progress=progress,
        )


def _named_by(story: Story) -> tuple[ExportFormat, ...]:
    return tuple(dict.fromkeys(("stems", *(story.export or FALLBACK))))


def list_files(manifest: Manifest, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what lies where: each file of an export with one line about it; media in one line per format."""
    media: dict[Path, int] = {}
    for file in manifest.files:
        if file.role == "media":
            place = folder / Path(file.path).parent
            media[place] = media.get(place, 0) + 1
            continue
        levels = f", peak {file.levels.peak_dbfs:.1f} dBFS" if file.levels and file.levels.peak_dbfs is not None else ""
        yield str(folder / file.path), f"{_what(file)}{f' of {file.name}' if file.name else ''}{levels}"
    for place, count in media.items():
        yield str(place), f"{count} sounds that the session beside it uses"
    seconds = manifest.frames / manifest.sample_rate
    yield str(folder / "manifest.json"), f"what all of this is: {seconds:.1f} s at {manifest.sample_rate} Hz"


def _what(file: FileEntry) -> str:
    from engine.export.sessions.registry import SESSIONS

    match file.role:
        case "session" if file.format is not None:
            return SESSIONS[file.format].what
        case "overview":
            return "picture of the timeline"
        case "readme":
            return "what to tell the mix engineer"
        case "mix":
            return "mix"
        case _:
            return f"{file.role} stem"
