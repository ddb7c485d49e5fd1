"""`cuevox render`: speak every line of a story into the cache."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bridge.cli import options
from engine.plugins.facts import plugin_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.render.cache import TakeCache
    from engine.settings import Settings
    from engine.story.document import StoryDocument
    from engine.story.model import Line
    from engine.voices.catalog import Catalog
    from engine.voices.take import Take


log = logging.getLogger(__name__)


def render(story: options.StoryFile) -> None:
    """Make the take of every line in clips, cues and slots; what is cached already is not made again."""
    settings = options.effective()
    document, catalog = open_story(story, settings)
    takes, cache = render_all(document, catalog, settings)
    seconds = sum(take.frames / take.sample_rate for take in takes.values())
    typer.echo(f"{len(takes)} takes, {seconds:.1f} s, in {cache.folder}")


def open_story(path: Path, settings: Settings) -> tuple[StoryDocument, Catalog]:
    """Return the story and the voices it may use. Raises StoryError listing everything wrong."""
    from engine.mixer.effects import effect_specs
    from engine.mixer.graph import compile_graph
    from engine.plugins.rack import open_rack
    from engine.story.document import StoryDocument
    from engine.voices.catalog import load_catalog

    catalog = load_catalog(settings.voice_folders, settings.speak_with)
    rack = open_rack(settings.plugin_search, settings.plugin_catalog, path.resolve().parent)
    document = StoryDocument.load(path, voices=catalog.presets.keys(), effects=effect_specs(), plugins=rack.find)
    for effect, facts in document.story.plugins.items():
        if facts.fault:
            log.warning("plug-in %s is left out of the sound: %s", plugin_name(effect), facts.fault)
    compile_graph(document.story)  # refuses what only the mixer knows: effects that can't run live
    return document, catalog


def render_all(document: StoryDocument, catalog: Catalog, settings: Settings) -> tuple[Mapping[Line, Take], TakeCache]:
    """Make every take under a progress bar."""
    from bridge.cli import screen
    from engine.render.cache import TakeCache
    from engine.render.renderer import render_story

    cache = TakeCache(settings.takes_folder)
    with screen.progress_bar("speak") as progress:
        takes = render_story(
            document.story,
            catalog,
            cache,
            lambda line, done, total: progress(done / total, f"{line.voice}: {line.text}"),
            workers=settings.workers,
        )
    screen.tell_notes(takes.values())
    return takes, cache
