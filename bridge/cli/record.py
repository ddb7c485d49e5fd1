"""`cuevox record`: record what the running engine plays, until Ctrl-C."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from bridge.client import OscClient

LOOK_SECONDS = 0.25
END_SECONDS = 60.0
"""How long the disk may take to be done."""

Name = Annotated[str, typer.Argument(help="Of the recording's folder; the time unless given.", metavar="[NAME]")]
Strips = Annotated[str, typer.Option("--strips", help="Ids with spaces between; else all but private ones.")]
Seconds = Annotated[float | None, typer.Option("--seconds", help="How long; else until Ctrl-C.", min=0.1)]


def record(name: Name = "", strips: Strips = "", seconds: Seconds = None, osc_port: options.OscPort = None) -> None:
    """Record the master and every strip of the running engine, each into a WAV, and what is played as a story."""
    from bridge.client import OscClient
    from engine.errors import EngineError

    settings = options.effective(osc_port=osc_port)
    with OscClient(settings.osc_host, settings.osc_port) as client:
        client.subscribe("/event/record/*", lease_seconds=86_400.0)
        client.ask("/record/start", 1, name, strips)
        try:
            _watch(client, seconds)
        except KeyboardInterrupt:
            screen.people.print("")
        if client.ask("/record/status")[0] == "on":
            client.ask("/record/stop")
        told = client.receive("/event/record/ended", timeout_seconds=END_SECONDS)
    title, length, lost, story, left_out, text = told
    folder = f"recordings/{title}"
    typer.echo(f"{folder}\t{length:.2f} s\t{story}")
    if lost:
        screen.people.print(f"{lost:.2f} s found no room on their way to the disk and are silence")
    if left_out:
        screen.people.print(f"{left_out} sounds are no clips in the story: its markers tell which")
    if text:
        raise EngineError(f"the recording ended by itself: {text}")


def _watch(client: OscClient, seconds: float | None) -> None:
    """Show how long it is by now, until it is long enough or ends by itself."""
    until = None if seconds is None else time.monotonic() + seconds
    screen.people.print("recording; Ctrl-C ends it")
    while client.ask("/record/status")[0] == "on":
        rest = LOOK_SECONDS if until is None else until - time.monotonic()
        if rest <= 0:
            return
        time.sleep(min(rest, LOOK_SECONDS))
