"""The two streams of the command line: data on stdout, everything said to a person on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from engine.voices.take import Take

people = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def print_json(data: object) -> None:
    """Print ``data`` (structs, too) on stdout as indented JSON."""
    typer.echo(msgspec.json.format(msgspec.json.encode(data), indent=2).decode())


def print_json_line(data: object) -> None:
    """Print data for scripts that read one line after the other."""
    typer.echo(msgspec.json.encode(data).decode())


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout; tab-separated and unabridged when that is no terminal."""
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(row))
        return
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False, markup=False).print(table)


def print_lines(lines: Iterable[tuple[str, tuple[int, int, int] | None]]) -> None:
    """Print lines on stdout, each in a colour (red, green, blue) where that is a terminal."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for text, colour in lines:
        console.print(Text(text, style="" if colour is None else "rgb({},{},{})".format(*colour)))


def width() -> int:
    """Return how many letters a line of the terminal has."""
    return Console().width


SIGNS = {"ok": ("✓", "green"), "note": ("!", "yellow"), "problem": ("✗", "red")}


def print_finding(name: str, state: str, text: str) -> None:
    """Print one finding of the doctor on stdout."""
    sign, colour = SIGNS[state]
    line = Text.assemble((f"{sign} {name:<14}", colour), text)
    Console(highlight=False, soft_wrap=True).print(line)


def tell_notes(takes: Iterable[Take]) -> None:
    """Tell on stderr what voices could not do of what their lines ask for."""
    for take in takes:
        for note in take.notes:
            people.print(f"note: {take.voice}: {take.text[:40]!r}: {note}")


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[float, str], None]]:
    """Show a bar on stderr; the caller reports ``(fraction, stage)`` to it."""
    columns = (
        TextColumn("{task.description:<9}"),
        BarColumn(20),
        TextColumn("{task.fields[stage]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=people) as bars:
        task = bars.add_task(what, total=1.0, stage="")
        yield lambda fraction, stage: bars.update(task, completed=fraction, stage=stage[:40])
