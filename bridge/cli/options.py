"""Options that several commands share, and the settings that come of them."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.settings import Settings, load_settings

PATIENCE_SECONDS = 0.5
"""How long a command waits for an engine to answer at all."""

Device = Annotated[
    str | None,
    typer.Option(
        "--device", help="Output device: number, part of a name, `null`, `daw` or `jack-ports`.", metavar="NAME"
    ),
]
PrivateOutput = Annotated[
    str | None,
    typer.Option("--private-output", help="Outputs that play private buses: 3-4, or 3 in mono.", metavar="N-M"),
]
FurtherOutputs = Annotated[
    list[str] | None,
    typer.Option("--output", help="A bus, or `master`, on a further device; may be repeated.", metavar="BUS=DEVICE"),
]
Block = Annotated[int | None, typer.Option("--block", help="Frames per block that the device is asked for.")]
OscPort = Annotated[int | None, typer.Option("--osc-port", help="UDP port of OSC.")]
SpeakWith = Annotated[
    str | None,
    typer.Option(
        "--speak-with", help="A voice whose backend speaks for all voices, `pocket` for one.", metavar="VOICE"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
StoryFile = Annotated[Path, typer.Argument(help="The story's YAML file.", metavar="STORY.YAML")]


def effective(**flags: object) -> Settings:
    """Return the settings with ``flags`` above everything (None: not given), and log to stderr as they say."""
    settings = load_settings(flags).settings
    logging.basicConfig(
        stream=sys.stderr, level=settings.log_level.upper(), format="%(levelname)s %(name)s: %(message)s", force=True
    )
    return settings
