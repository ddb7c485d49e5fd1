"""`cuevox export`: write a story as stems, mix, Reaper project and manifest."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli import options


class Bits(StrEnum):
    """Sample formats of exported files."""

    INT24 = "24"
    FLOAT32 = "32f"


To = Annotated[Path, typer.Option("--to", help="Folder to write into.", metavar="FOLDER")]
Encoding = Annotated[Bits, typer.Option("--bits", help="24-bit integer or 32-bit float.")]
Replace = Annotated[bool, typer.Option("--replace", help="Also replace exported files that somebody changed since.")]


def export(
    story: options.StoryFile,
    to: To = Path("out"),
    bits: Encoding = Bits.INT24,
    replace: Replace = False,
    json: options.Json = False,
) -> None:
    """Write one file per track and bus, the mix, a Reaper project, the manifest and a picture of the timeline.

    All files start at 0 and are of equal length, tails included. Nothing is written when something is missing.
    """
    from bridge.cli import screen
    from bridge.cli.export_folder import list_files, write_folder

    settings = options.effective()
    manifest = write_folder(story, to, bits.value, settings, replace=replace)
    for warning in manifest.warnings:
        screen.people.print(f"note: {warning}")
    if json:
        screen.print_json(manifest)
    else:
        screen.print_table(("file", "what"), list(list_files(manifest, to)))
