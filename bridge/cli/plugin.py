"""`cuevox plugin`: Cuevox Return, our own plug-in, into the folders where DAWs look, and out again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli import options, screen

app = typer.Typer(no_args_is_help=True, add_completion=False)

Built = Annotated[Path | None, typer.Option("--from", help="Where it has been built.", metavar="FOLDER")]


@app.callback()
def plugin() -> None:
    """Install Cuevox Return, the plug-in that carries a bus into a DAW's track."""


@app.command()
def install(built: Built = None, json: options.Json = False) -> None:
    """Copy it into your own plug-in folders; what was there is replaced."""
    from bridge.plugin import install as installing
    from engine.platform import user_plugin_folders

    _print(installing.install(built or _built(), user_plugin_folders()), json)


@app.command()
def status(built: Built = None, json: options.Json = False) -> None:
    """Tell where it is, and whether that is what has been built."""
    from bridge.plugin import install as installing
    from engine.platform import user_plugin_folders

    _print(installing.status(built or _built(), user_plugin_folders()), json)


@app.command()
def uninstall() -> None:
    """Take it away; nothing else is touched."""
    from bridge.plugin.install import uninstall as take_away
    from engine.platform import user_plugin_folders

    for path in take_away(user_plugin_folders()):
        typer.echo(path)


def _built() -> Path:
    from bridge.plugin.build import BUILT

    return BUILT / "bin"


def _print(found: Sequence[tuple[Path, str]], json: bool) -> None:
    if json:
        screen.print_json([{"path": str(path), "state": state} for path, state in found])
        return
    screen.print_table(("plug-in", ""), [(str(path), state) for path, state in found])
