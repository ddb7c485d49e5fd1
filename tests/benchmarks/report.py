"""What a benchmark says: one table for people on stdout, one file for programs, ``build/bench/NAME.json``.

    report = Report("export", "Export against sox")
    report.add("8 tracks to one mix, dry", seconds, "s", reference=sox_seconds, reference_name="sox -m",
               at_most=0.5 * sox_seconds)
    report.finish()

Figures are shown beside their bar and never turned into an exit code: a slow machine is not an error.
"""

from __future__ import annotations

import math
import os
import platform
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).parents[2] / "build" / "bench"
CONSOLE = Console(highlight=False, width=None if Console().is_terminal else 160)
NOTES = Console(stderr=True, highlight=False)
"""Says on standard error what is being measured; standard output holds figures only."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured value. reference: another program's, from the same run. at_most, at_least: the bar."""

    what: str
    value: float
    unit: str
    reference: float | None = None
    reference_name: str = ""
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the bar is reached; None where there is none."""
        if self.at_most is None and self.at_least is None:
            return None
        above = self.at_least is None or self.value >= self.at_least
        return above and (self.at_most is None or self.value <= self.at_most)


class Report:
    """Gathers the figures of one benchmark. ``name`` is the file's, as in ``bench_NAME.py``."""

    def __init__(self, name: str, title: str) -> None:
        self.name, self.title = name, title
        self.figures: list[Figure] = []
        self.facts: dict[str, str] = machine_facts()
        """What else the reader of the file must know: how it was run, on what."""

    def add(self, what: str, value: float, unit: str, **more: Any) -> None:
        """Add a figure; ``more``: the other fields of Figure."""
        self.figures.append(Figure(what=what, value=value, unit=unit, **more))

    def finish(self, folder: Path = FOLDER) -> Path:
        """Print the table and write the file; return its path."""
        CONSOLE.print(self._table())
        CONSOLE.print("; ".join(f"{key}: {value}" for key, value in self.facts.items()))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        whole = {"name": self.name, "title": self.title, "facts": self.facts, "figures": self.figures}
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(whole), indent=1))
        temporary.replace(path)
        NOTES.print(f"written to {path}")
        return path

    def _table(self) -> Table:
        table = Table("what", "measured", "reference", "bar", "", "note", title=self.title, title_justify="left")
        for column in (1, 2, 3):
            table.columns[column].justify = "right"
        for f in self.figures:
            beside = "" if f.reference is None else f"{f.reference_name} {show(f.reference, f.unit)}".strip()
            told = {None: "", True: "[green]reached[/]", False: "[red]missed[/]"}[f.reached]
            table.add_row(f.what, show(f.value, f.unit), beside, " ".join(_bar(f)), told, f.note)
        return table


def _bar(figure: Figure) -> Iterator[str]:
    if figure.at_most is not None:
        yield f"≤ {show(figure.at_most, figure.unit)}"
    if figure.at_least is not None:
        yield f"≥ {show(figure.at_least, figure.unit)}"


def show(value: float, unit: str) -> str:
    """Return a value for people: three digits that count, whole numbers as they are."""
    if not math.isfinite(value):
        return "none"
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,} {unit}".strip()
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(digits, 4)}f} {unit}".strip()


def quantile(values: list[float], share: float) -> float:
    """Return the value that ``share`` (0 to 1) of the values don't exceed (the nearest rank), nan when empty."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def machine_facts() -> dict[str, str]:
    """Return what figures depend on: processor, system, Python, our version, how busy the machine was."""
    return {
        "when": time.strftime("%Y-%m-%d %H:%M"),
        "commit": _commit(),
        "processor": f"{os.cpu_count()} × {_processor()}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load at start": f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
