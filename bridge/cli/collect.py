"""`cuevox collect` and `cuevox backups`: a story with all it needs in one folder, and what it said before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli import options, screen

To = Annotated[Path | None, typer.Option("--to", help="The folder; else the story's own.", metavar="DIR")]
Search = Annotated[list[Path] | None, typer.Option("--search", help="Where moved files may lie. May be repeated.")]
Restore = Annotated[int | None, typer.Option("--restore", help="Bring this one back; 1 is the newest.", min=1)]


def collect(story: options.StoryFile, to: To = None, search: Search = None) -> None:
    """Copy a story and everything it plays into one folder, with its takes; moved files are found again, or named."""
    from bridge.cli.render import recover
    from engine.render.cache import TakeCache
    from engine.render.locks import Locks
    from engine.render.plan import digests, plan
    from engine.story.collect import collect as gather
    from engine.story.document import StoryDocument
    from engine.voices.catalog import load_catalog

    settings = options.effective()
    document = StoryDocument.load(story)
    recover(document, settings)
    target = to or story.resolve().parent
    done = gather(document, target, search or ())
    for name, path in done.found.items():
        screen.people.print(f"found again: {name} at {path}")
    catalog = load_catalog(settings.voice_folders, settings.speak_with)
    lines = [line for line in plan(document.story) if line.voice in catalog.presets]
    needed = digests(tuple(lines), catalog, document.story.sample_rate, Locks(settings.takes_folder))
    cache, copies = TakeCache(settings.takes_folder), TakeCache(target / "takes")
    takes = [take for digest in set(needed.values()) if (take := cache.get(digest)) is not None]
    for take in takes:
        if copies.get(take.digest) is None:
            copies.put(take, cache.audio(take))
    typer.echo(f"{target / story.name}\t{len(done.files)} files, {len(takes)} of {len(needed)} takes")


def backups(story: options.StoryFile, restore: Restore = None) -> None:
    """List what a story's file said before its last saves; or bring one of them back."""
    from engine.errors import UnknownThing
    from engine.story.backups import backups as kept
    from engine.story.document import StoryDocument

    copies = kept(story)
    if restore is None:
        screen.print_table(("number", "file"), [(str(n), str(path)) for n, path in enumerate(copies, 1)])
        return
    if restore > len(copies):
        raise UnknownThing("backup", restore, range(1, len(copies) + 1))
    StoryDocument.restore(story, copies[restore - 1])
    typer.echo(str(story))
