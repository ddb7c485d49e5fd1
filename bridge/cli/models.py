"""`cuevox models`: the speech models on this machine, and how to get more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from pathlib import Path

    from engine.voices.models.known import KnownModel
    from engine.voices.models.place import Pulled

app = typer.Typer(no_args_is_help=True, add_completion=False)

SHOWN = 12
"""Characters of a commit that are shown."""
UNPINNED = "what the first pull finds"
"""Where we know of no commit to pull."""

Model = Annotated[str, typer.Argument(help="A short name of `cuevox models list`, or a hub id: owner/name.")]
Revision = Annotated[str, typer.Option("--revision", help="A commit, tag or branch of the hub.")]
Update = Annotated[bool, typer.Option("--update", help="Look for a newer commit of what was pulled.")]


@app.callback()
def models() -> None:
    """Pull, list, check and remove the models that neural voices speak with."""


@app.command("list")
def list_models(json: options.Json = False) -> None:
    """List the models that have a short name, and everything that was pulled."""
    from engine.voices.models.known import KNOWN
    from engine.voices.models.place import all_pulled

    here = all_pulled(options.effective().models_folder)
    rows = [_known_row(known, here) for known in KNOWN.values()]
    known_repos = {known.repo for known in KNOWN.values()}
    rows += [_pulled_row(folder, pulled) for folder, pulled in here if pulled.repo not in known_repos]
    if json:
        screen.print_json(rows)
        return
    columns = ("model", "hub id", "here", "MB", "licence of the weights", "pinned to", "languages", "about")
    screen.print_table(columns, [tuple(str(value) for value in row.values()) for row in rows])


@app.command()
def pull(model: Model, revision: Revision = "", update: Update = False) -> None:
    """Get a model from the hub; what an interrupted pull left is used. HF_ENDPOINT names a mirror."""
    from engine.errors import EngineError

    settings = options.effective()
    try:
        from engine.voices.models import hub
    except ModuleNotFoundError as error:
        raise EngineError(f"pulling models needs {error.name}: pip install 'cuevox[neural]'") from error
    with screen.progress_bar("pull") as progress:
        folder, pulled = hub.pull(model, revision, settings.models_folder, progress, update=update)
    licence, commercial = hub.licence_of(model, pulled)
    note = "" if commercial else " - not for commercial use"
    screen.people.print(f"licence of the weights: {licence}{note}")
    typer.echo(str(folder))


@app.command()
def remove(model: Model, revision: Revision = "") -> None:
    """Remove a pulled model from this machine."""
    from engine.voices.models import hub

    freed = hub.remove(model, revision, options.effective().models_folder)
    screen.people.print(f"{freed / 1e6:,.0f} MB are free again")


@app.command()
def path(model: Model, revision: Revision = "") -> None:
    """Print the folder of a pulled model."""
    from engine.voices.models.place import model_folder

    typer.echo(str(model_folder(model, revision, options.effective().models_folder)))


@app.command()
def verify(model: Model, revision: Revision = "") -> None:
    """Check every file of a pulled model against its checksum."""
    from engine.errors import ModelError
    from engine.voices.models import hub
    from engine.voices.models.place import model_folder

    folder = model_folder(model, revision, options.effective().models_folder)
    problems = hub.verify(folder)
    if problems:
        raise ModelError("\n".join([*problems, f"to mend it: cuevox models remove {model}, then pull it again"]))
    typer.echo(f"{folder}\tevery file is as it was pulled")


def _known_row(known: KnownModel, here: list[tuple[Path, Pulled]]) -> dict[str, object]:
    pulled = next((pulled for _, pulled in here if pulled.repo == known.repo), None)
    return {
        "model": known.name,
        "hub_id": known.repo,
        "here": pulled.commit[:SHOWN] if pulled else "",
        "megabytes": round(pulled.size_bytes / 1e6) if pulled else known.megabytes,
        "licence": known.licence + ("" if known.commercial else " (not for commercial use)"),
        "pinned": known.revision[:SHOWN] or (pulled.commit[:SHOWN] if pulled else UNPINNED),
        "languages": known.languages,
        "about": known.about + (" (gated)" if known.gated else ""),
    }


def _pulled_row(folder: Path, pulled: Pulled) -> dict[str, object]:
    return {
        "model": pulled.repo,
        "hub_id": pulled.repo,
        "here": pulled.commit[:SHOWN],
        "megabytes": round(pulled.size_bytes / 1e6),
        "licence": pulled.licence,
        "pinned": pulled.commit[:SHOWN],
        "languages": "",
        "about": str(folder),
    }
