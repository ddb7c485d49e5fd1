"""Exporting from the command line: takes first, then everything in one pass, each under a progress bar."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

from bridge.cli import screen
from bridge.cli.render import open_story, render_all

if TYPE_CHECKING:
    from engine.export.manifest import Manifest
    from engine.export.wav import Encoding
    from engine.settings import Settings

ENCODINGS = {"24": "pcm24", "32f": "float32"}


def write_folder(story: Path, to: Path, bits: str, settings: Settings, *, replace: bool = False) -> Manifest:
    """Export ``story`` to the folder ``to`` and return its manifest.

    replace: also those files of an earlier export that somebody has changed since.
    """
    from engine.export.exporter import export_story
    from engine.export.options import ExportOptions

    document, catalog = open_story(story, settings)
    takes, cache = render_all(document, catalog, settings)
    with screen.progress_bar("export") as progress:
        return export_story(
            document.story,
            base_folder=story.resolve().parent,
            takes=takes,
            cache=cache,
            out_folder=to,
            options=ExportOptions(encoding=cast("Encoding", ENCODINGS[bits]), replace_changed=replace),
            progress=progress,
        )


def list_files(manifest: Manifest, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what lies where: each file of an export with one line about it; media in one."""
    media = [file for file in manifest.files if file.role == "media"]
    seconds = manifest.frames / manifest.sample_rate
    for file in manifest.files:
        if file.role == "media":
            continue
        levels = f", peak {file.levels.peak_dbfs:.1f} dBFS" if file.levels and file.levels.peak_dbfs is not None else ""
        yield str(folder / file.path), f"{_what(file.role)}{f' of {file.name}' if file.name else ''}{levels}"
    if media:
        yield str(folder / Path(media[0].path).parent), f"{len(media)} takes and sounds that the Reaper project uses"
    yield str(folder / "manifest.json"), f"what all of this is: {seconds:.1f} s at {manifest.sample_rate} Hz"


def _what(role: str) -> str:
    return {"reaper": "Reaper project", "overview": "picture of the timeline", "mix": "mix"}.get(role, f"{role} stem")
