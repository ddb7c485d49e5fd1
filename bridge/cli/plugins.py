"""`cuevox plugins`: the plug-ins on this machine, what they can be told, and which are quarantined."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from engine.plugins.facts import PluginFacts
    from engine.plugins.rack import Rack

app = typer.Typer(no_args_is_help=True, add_completion=False)

Name = Annotated[str, typer.Argument(help="A plug-in's name, or the path of its file.", metavar="NAME")]
Again = Annotated[bool, typer.Option("--again", help="Try those, too, that have been tried.")]
Preset = Annotated[Path | None, typer.Option("--preset", help="A .vstpreset file to begin with.", metavar="FILE")]
Turned = Annotated[list[str] | None, typer.Option("--set", help="PARAMETER=VALUE, in its own unit. Repeat.")]


@app.callback()
def plugins() -> None:
    """List and try VST3 plug-ins (on macOS Audio Units, too) that inserts can name."""


@app.command("list")
def list_plugins(json: options.Json = False) -> None:
    """List the plug-ins that have been tried, those that can't be used with the reason."""
    _print(_rack().known(), json)


@app.command()
def scan(again: Again = False, json: options.Json = False) -> None:
    """Try every plug-in in the plug-in folders, in a process of its own; what crashes or hangs is quarantined."""
    rack = _rack()
    with screen.progress_bar("scan") as progress:
        found = rack.scan(again, lambda number, count, path: progress(number / count, path.stem))
    _print(found, json)
    if not found:
        screen.people.print(f"no plug-ins in {', '.join(str(folder) for folder in rack.folders)}")


@app.command()
def show(name: Name, json: options.Json = False) -> None:
    """Show a plug-in: parameters with their ranges, latency, channels; it is tried first if it has not been."""
    facts = _find(_rack(), name)
    if json:
        screen.print_json(facts)
        return
    screen.people.print(f"{facts.name} {facts.version} ({facts.vendor}), {facts.format}: {facts.path}")
    screen.people.print(f"latency {facts.latency_frames} frames; {_channels(facts)}")
    rows = [
        (p.name, f"{p.spec.low:g} to {p.spec.high:g}", p.spec.unit, f"{p.spec.default:g}", ", ".join(p.choices))
        for p in facts.params
    ]
    screen.print_table(("parameter", "range", "unit", "default", "choices"), rows)


@app.command()
def state(name: Name, preset: Preset = None, turned: Turned = None) -> None:
    """Print a plug-in's state as `state:` of an insert takes it, after a preset and some parameters."""
    from engine.plugins.prober import Prober

    facts = _find(_rack(), name)
    values = [_turn(facts, text) for text in turned or ()]
    with Prober() as prober:
        typer.echo(prober.state(facts, values, preset))


@app.command()
def forget(name: Name) -> None:
    """Forget what is known of a plug-in, its quarantine included: it is tried again when it is needed."""
    from engine.errors import UnknownThing

    catalog = _rack().catalog
    gone = catalog.forget(name)
    if not gone:
        raise UnknownThing("tried plug-in", name, (Path(path).stem for path in catalog.entries()))
    for path in gone:
        typer.echo(path)


def _rack() -> Rack:
    from engine.plugins.rack import open_rack

    settings = options.effective()
    return open_rack(settings.plugin_search, settings.plugin_catalog, Path.cwd())


def _find(rack: Rack, name: str) -> PluginFacts:
    from engine.errors import NotReady

    facts = rack.find(name)
    if facts.fault:
        raise NotReady(f"plug-in {name!r}: {facts.fault}")
    return facts


def _turn(facts: PluginFacts, text: str) -> tuple[int, float]:
    """Return a parameter's index and its raw value. Raises UnknownThing, BadType or BadRange."""
    from engine.errors import BadType, UnknownThing

    key, _, value = text.partition("=")
    params = {param.name: param for param in facts.params}
    if key not in params:
        raise UnknownThing(f"parameter of {facts.name}", key, params)
    try:
        number = float(value)
    except ValueError:
        raise BadType(f"{key}: expected a number, got {value!r}") from None
    spec = params[key].spec
    return params[key].index, spec.to_norm(spec.check(number, key))


def _print(found: tuple[PluginFacts, ...], json: bool) -> None:
    if json:
        screen.print_json(found)
        return
    rows = [
        (f.name, f.vendor, f.format, str(f.latency_frames), str(len(f.params)), f.fault or "ready", f.path)
        for f in found
    ]
    screen.print_table(("plug-in", "vendor", "format", "latency", "parameters", "state", "file"), rows)


def _channels(facts: PluginFacts) -> str:
    return "stereo" if facts.channels == 2 else "mono, run twice"
