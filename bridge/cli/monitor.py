"""`cuevox monitor`: watch a running engine: meters, cues, slots, transport, callback times, underflows, processes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import options

if TYPE_CHECKING:
    from bridge.cli.monitor_view import Picture
    from cuevox import Cuevox

PATTERNS = (
    "/meters", "/strip/*/gain", "/strip/*/pan", "/strip/*/mute", "/strip/*/solo", "/strip/*/reduction",
    "/cue//state", "/cue/next", "/slot//state", "/transport/*", "/engine/histogram", "/engine/underflows",
    "/engine/processes", "/event//*", "/late",
)  # fmt: skip
FRAMES_PER_SECOND = 12

Once = Annotated[bool, typer.Option("--once", help="Print one screen and end.")]


def monitor(osc_port: options.OscPort = None, once: Once = False) -> None:
    """Watch a running engine in the terminal: strips, cues, slots, transport, callback times; Ctrl-C ends it."""
    from rich.console import Console
    from rich.live import Live

    from bridge.cli.monitor_view import Picture
    from cuevox import Cuevox

    settings = options.effective(osc_port=osc_port)
    picture, console = Picture(), Console(highlight=False)
    with Cuevox(settings.osc_host, settings.osc_port, patience_seconds=options.PATIENCE_SECONDS) as cuevox:
        for pattern in PATTERNS:
            cuevox.subscribe(pattern)
        _look(cuevox, picture, 0.3)
        if once:
            console.print(picture.draw())
            return
        with Live(picture.draw(), console=console, screen=console.is_terminal, auto_refresh=False) as live:
            while True:
                _look_again(cuevox, picture)
                live.update(picture.draw(), refresh=True)


def _look(cuevox: Cuevox, picture: Picture, seconds: float) -> None:
    """Take in what comes within ``seconds``, and the status."""
    until = time.monotonic() + seconds
    picture.status(cuevox.ask("/status"))
    time.sleep(max(0.0, until - time.monotonic()))
    picture.take(cuevox.heard())


def _look_again(cuevox: Cuevox, picture: Picture) -> None:
    """Do so for one picture; an engine that is gone is waited for."""
    from bridge.errors import NoAnswer

    try:
        _look(cuevox, picture, 1.0 / FRAMES_PER_SECOND)
    except NoAnswer:
        picture.clear()
