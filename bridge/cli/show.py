"""`cuevox show`: a story's timeline, waveforms and words, in the terminal or as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli import options

ROW_SECONDS = 20.0

To = Annotated[
    Path | None, typer.Option("--to", help="Write a picture instead: a name that ends in .png or .svg.", metavar="FILE")
]
Row = Annotated[float, typer.Option("--row", help="Seconds in a row of the terminal.", min=0.5, max=3600.0)]
Width = Annotated[int | None, typer.Option("--width", help="Letters in a row; none: what the terminal has.", min=40)]
Speak = Annotated[bool, typer.Option("--render", help="Make the takes first that are not there yet.")]


def show(
    story: options.StoryFile, to: To = None, row: Row = ROW_SECONDS, width: Width = None, render: Speak = False
) -> None:
    """Draw a story: tracks, clips with waveforms and words, markers. Lines without a take are dots, about as long."""
    from bridge.cli import screen
    from bridge.cli.render import open_story, render_all
    from engine.errors import BadRange
    from engine.export.overview import draw_overview
    from engine.export.story_picture import story_picture
    from engine.export.text_picture import draw_text
    from engine.render.cache import TakeCache
    from engine.render.known_takes import CachedTakes

    if to is not None and to.suffix.lower() not in (".png", ".svg"):
        raise BadRange(f"--to {to}: a picture's name ends in .png or .svg")
    settings = options.effective()
    document, catalog = open_story(story, settings)
    if render:
        render_all(document, catalog, settings)
    rate, folder = document.story.sample_rate, story.resolve().parent
    picture = story_picture(document.story, CachedTakes(catalog, TakeCache(settings.takes_folder), rate, folder))
    if to is not None:
        draw_overview(picture, to)
        typer.echo(str(to))
    else:
        screen.print_lines(draw_text(picture, width or screen.width(), row))
