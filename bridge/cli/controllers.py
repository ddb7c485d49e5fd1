"""`cuevox controllers`: files that other programs load to drive the running engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli import options

To = Annotated[Path, typer.Option("--to", help="Folder to write into.", metavar="FOLDER")]
HttpPort = Annotated[int | None, typer.Option("--http-port", help="TCP port of the engine's HTTP.")]


def controllers(to: To = Path("controllers"), http_port: HttpPort = None) -> None:
    """Write controllers for the running engine's story: Open Stage Control, Reaper, stream decks, a cue sheet."""
    import urllib.request

    from bridge.cli import screen
    from bridge.controllers.sheets import SHEETS

    settings = options.effective(http_port=http_port)
    to.mkdir(parents=True, exist_ok=True)
    for name, sheet in SHEETS.items():
        url = f"http://127.0.0.1:{settings.http_port}/controllers/{name}"
        with urllib.request.urlopen(url, timeout=10.0) as answer:
            fresh = to / f"{name}.new"
            fresh.write_bytes(answer.read())
        fresh.replace(to / name)
        screen.people.print(f"{to / name}: {sheet.help}")
