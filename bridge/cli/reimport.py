"""`cuevox reimport`: take what was changed in an exported session over into the story."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli import options

Session = Annotated[Path, typer.Argument(help="The edited .rpp, .dawproject or .als.", metavar="SESSION")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")]


def reimport(session: Session, story: options.StoryFile, dry_run: DryRun = False, json: options.Json = False) -> None:
    """Bring clips that were moved, trimmed, split, muted, regained or deleted in a DAW back into the story.

    Clips are known by the notes that the export gave them. The story keeps its comments and its layout; a session that
    nobody touched changes nothing.
    """
    from bridge.cli import screen
    from bridge.cli.render import open_story, recover, render_all
    from engine.export.comeback.reimport import reimport as take_over

    settings = options.effective()
    document, catalog = open_story(story, settings)
    if not dry_run:
        recover(document, settings)
    takes, cache = render_all(document, catalog, settings)
    merged = take_over(session, document.story, base_folder=story.resolve().parent, takes=takes, cache=cache)
    for change in merged.left_out:
        screen.people.print(f"note: left out {change.clip}: {change.what}")
    if not dry_run:
        document.save(merged.story)
    if json:
        screen.print_json({"changes": merged.changes, "left_out": merged.left_out, "saved": not dry_run})
    else:
        screen.print_table(("clip", "change"), [(change.clip, change.what) for change in merged.changes])
