"""`cuevox monitor`: watch a running engine: meters, cues, slots, transport, callback times, underflows, processes."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import options

if TYPE_CHECKING:
    from bridge.cli.monitor_view import Picture
    from bridge.client import OscClient

PATTERNS = (
    "/meters", "/strip/*/gain", "/strip/*/pan", "/strip/*/mute", "/strip/*/solo", "/cue//state", "/cue/next",
    "/slot//state", "/transport/*", "/engine/histogram", "/engine/processes", "/event//*", "/late",
)  # fmt: skip
FRAMES_PER_SECOND = 12
LEASE_SECONDS = 20.0
SILENT_SECONDS = 3.0
"""An engine that tells nothing for so long is asked again: it may have been started anew."""

Once = Annotated[bool, typer.Option("--once", help="Print one screen and end.")]


def monitor(osc_port: options.OscPort = None, once: Once = False) -> None:
    """Watch a running engine in the terminal: strips, cues, slots, transport, callback times; Ctrl-C ends it."""
    from rich.console import Console
    from rich.live import Live

    from bridge.cli.monitor_view import Picture
    from bridge.client import OscClient

    settings = options.effective(osc_port=osc_port)
    picture, console = Picture(), Console(highlight=False)
    with OscClient(settings.osc_host, settings.osc_port) as client:
        _subscribe(client)
        _look(client, picture, 0.3)
        if once:
            console.print(picture.draw())
            return
        with Live(picture.draw(), console=console, screen=console.is_terminal, auto_refresh=False) as live:
            while True:
                _look(client, picture, 1.0 / FRAMES_PER_SECOND)
                live.update(picture.draw(), refresh=True)


def _subscribe(client: OscClient) -> None:
    """Ask for everything that is shown. Raises NoAnswer when nobody is there."""
    for pattern in PATTERNS:
        client.ask("/subscribe", pattern, 0, LEASE_SECONDS)


def _look(client: OscClient, picture: Picture, seconds: float) -> None:
    """Take in what comes within ``seconds``, and the status, which also renews the leases."""
    until = time.monotonic() + seconds
    picture.status(client.ask("/status", timeout_seconds=SILENT_SECONDS))
    while (rest := until - time.monotonic()) > 0:
        select.select([client], [], [], rest)
        picture.take(client.pending())
