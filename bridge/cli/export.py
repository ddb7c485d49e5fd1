"""`cuevox export`: write a story as stems, mix, sessions for DAWs and a manifest."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, get_args

import typer

from bridge.cli import options
from engine.story.model import ExportFormat


class Bits(StrEnum):
    """Sample formats of exported files."""

    INT24 = "24"
    FLOAT32 = "32f"


To = Annotated[Path, typer.Option("--to", help="Folder to write into.", metavar="FOLDER")]
As = Annotated[
    list[str] | None,
    typer.Option(
        "--as",
        help=f"What to write: {', '.join(get_args(ExportFormat))}. May be repeated. "
        "Unless given: stems, and what the story's `export:` names, else a Reaper project.",
        metavar="FORMAT",
    ),
]
Encoding = Annotated[Bits, typer.Option("--bits", help="24-bit integer or 32-bit float.")]
Replace = Annotated[bool, typer.Option("--replace", help="Also replace exported files that somebody changed since.")]


def export(
    story: options.StoryFile,
    to: To = Path("out"),
    formats: As = None,
    bits: Encoding = Bits.INT24,
    replace: Replace = False,
    json: options.Json = False,
) -> None:
    """Write stems, the mix and sessions for DAWs, each in a folder, with a manifest and a picture of the timeline.

    All files start at 0 and are of equal length, tails included. Nothing is written when something is missing.
    """
    from bridge.cli import screen
    from bridge.cli.export_folder import ENCODINGS, list_files, write_folder

    settings = options.effective()
    manifest = write_folder(
        story, to, settings, formats=formats, encoding=ENCODINGS[bits.value], replace_changed=replace
    )
    for warning in manifest.warnings:
        screen.people.print(f"note: {warning}")
    if json:
        screen.print_json(manifest)
    else:
        screen.print_table(("file", "what"), list(list_files(manifest, to)))
