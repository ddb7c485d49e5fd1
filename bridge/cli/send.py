"""`cuevox send`: one OSC message, and what the engine answers."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from bridge.cli import options

Address = Annotated[str, typer.Argument(help="An OSC address such as /strip/narrator/gain.", metavar="ADDRESS")]
Values = Annotated[
    list[str] | None, typer.Argument(help="Numbers and words; put -- before a negative number.", metavar="[VALUES]...")
]


def send(address: Address, values: Values = None, osc_port: options.OscPort = None) -> None:
    """Send one OSC message to the running engine and print what it answers; without values it asks."""
    from cuevox import Cuevox

    settings = options.effective(osc_port=osc_port)
    with Cuevox(settings.osc_host, settings.osc_port, patience_seconds=options.PATIENCE_SECONDS) as cuevox:
        answer = cuevox.ask(address, *(typed(value) for value in values or ()))
    if answer:
        typer.echo("\t".join(str(value) for value in answer))


def typed(text: str) -> int | float | str:
    """Return a number where the text is one: OSC tells 1 from 1.0 from "one"."""
    if re.fullmatch(r"[+-]?[0-9]+", text):
        return int(text)
    return float(text) if re.fullmatch(r"[+-]?([0-9]+\.[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", text) else text
