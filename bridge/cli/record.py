"""`cuevox record`: record what the running engine plays, until Ctrl-C."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from cuevox import Cuevox

LOOK_SECONDS = 0.25
END_SECONDS = 60.0
"""How long the disk may take to be done."""

AWAY_SECONDS = 10.0
"""How long the engine may be without an answer."""

Name = Annotated[str, typer.Argument(help="Of the recording's folder; the time unless given.", metavar="[NAME]")]
Strips = Annotated[str, typer.Option("--strips", help="Ids with spaces between; else all but private ones.")]
Seconds = Annotated[float | None, typer.Option("--seconds", help="How long; else until Ctrl-C.", min=0.1)]


def record(name: Name = "", strips: Strips = "", seconds: Seconds = None, osc_port: options.OscPort = None) -> None:
    """Record the master and every strip of the running engine, each into a WAV, and what is played as a story."""
    from cuevox import Cuevox
    from engine.errors import EngineError

    settings = options.effective(osc_port=osc_port)
    with Cuevox(settings.osc_host, settings.osc_port, patience_seconds=options.PATIENCE_SECONDS) as cuevox:
        cuevox.subscribe("/event/record/*")
        cuevox.ask("/record/start", 1, name, strips)
        try:
            _watch(cuevox, seconds)
        except KeyboardInterrupt:
            screen.people.print("")
        if _is_on(cuevox):
            cuevox.ask("/record/stop")
        told = _outcome(cuevox)
    title, length, lost, story, left_out, text = told
    folder = f"recordings/{title}"
    typer.echo(f"{folder}\t{length:.2f} s\t{story}")
    if lost:
        screen.people.print(f"{lost:.2f} s found no room on their way to the disk and are silence")
    if left_out:
        screen.people.print(f"{left_out} things are not in the story: its markers tell which")
    if text:
        raise EngineError(f"the recording ended by itself: {text}")


def _watch(cuevox: Cuevox, seconds: float | None) -> None:
    """Show how long it is by now, until it is long enough or ends by itself."""
    until = None if seconds is None else time.monotonic() + seconds
    screen.people.print("recording; Ctrl-C ends it")
    while _is_on(cuevox):
        rest = LOOK_SECONDS if until is None else until - time.monotonic()
        if rest <= 0:
            return
        time.sleep(min(rest, LOOK_SECONDS))


def _is_on(cuevox: Cuevox) -> bool:
    """Tell whether it goes on; a recording does while the process is replaced that would answer."""
    from bridge.errors import NoAnswer

    try:
        return cuevox.ask("/record/status")[0] == "on"
    except NoAnswer:
        cuevox.wait_connected(AWAY_SECONDS)
        return cuevox.ask("/record/status")[0] == "on"


def _outcome(cuevox: Cuevox) -> tuple[Any, ...]:
    """Return what is told of the recording's end. Raises NoAnswer when nothing is."""
    from bridge.errors import NoAnswer

    for address, *values in cuevox.events(END_SECONDS):
        if address == "/event/record/ended":
            return tuple(values)
    raise NoAnswer(f"nothing was told of the recording's end in {END_SECONDS:g} s")
