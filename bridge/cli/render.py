"""`cuevox render`: speak every line of a story into the cache."""

from __future__ import annotations

import logging
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import options
from engine.plugins.facts import plugin_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.render.cache import TakeCache
    from engine.render.renderer import LinesFailed, Progress
    from engine.settings import Settings
    from engine.story.document import StoryDocument
    from engine.story.model import Line, Story
    from engine.story.unsaved import Unsaved
    from engine.voices.catalog import Catalog
    from engine.voices.take import Take


log = logging.getLogger(__name__)


class Only(StrEnum):
    """Which lines are rendered."""

    ALL = "all"
    CHANGED = "changed"


def render(
    story: options.StoryFile,
    only: Annotated[
        Only, typer.Option("--only", help="`changed`: lines that no rendering of this story has made as they are now.")
    ] = Only.ALL,
    workers: Annotated[int | None, typer.Option("--workers", help="Processes that speak.", min=1, max=64)] = None,
    speak_with: options.SpeakWith = None,
) -> None:
    """Make the take of every line in clips, cues and slots; what is cached already is not made again.

    Killed, it goes on where it was: what is finished is kept. A line that fails is told at the end.
    """
    settings = options.effective(workers=workers, model_workers=workers, speak_with=speak_with)
    document, catalog = open_story(story, settings)
    batch = Batch(document, catalog, settings, changed=only is Only.CHANGED)
    takes, failed = batch.render()
    seconds = sum(take.frames / take.sample_rate for take in takes.values())
    said = f"{len(takes)} takes, {seconds:.1f} s, in {batch.cache.folder}"
    typer.echo(said + (f"; {batch.unchanged} lines have not changed" if batch.unchanged else ""))
    if failed is not None:
        typer.echo(f"{len(failed.failures)} lines failed", err=True)
        raise failed


class Batch:
    """The rendering of one story. changed: leave out what an earlier rendering has made, in the cache or not.

    story: as it is to be; None: as the document says.
    """

    def __init__(
        self,
        document: StoryDocument,
        catalog: Catalog,
        settings: Settings,
        *,
        changed: bool,
        story: Story | None = None,
    ) -> None:
        from engine.render.cache import TakeCache
        from engine.render.ledger import Ledger
        from engine.render.locks import Locks
        from engine.render.plan import digests, plan

        self._story, self._catalog, self._settings = story or document.story, catalog, settings
        self.cache = TakeCache(settings.takes_folder)
        locks = Locks(settings.takes_folder)
        self._ledger = Ledger.of(settings.takes_folder, document.path)
        self._digests = digests(plan(self._story), catalog, self._story.sample_rate, locks)
        self._lines = [line for line, d in self._digests.items() if not (changed and d in self._ledger)]
        self.unchanged = len(self._digests) - len(self._lines)

    def render(self) -> tuple[dict[Line, Take], LinesFailed | None]:
        """Make the takes under a progress bar; return them, and which lines failed."""
        from bridge.cli import screen
        from engine.render.renderer import LinesFailed, render_story

        failed = None
        with screen.progress_bar("speak") as progress:
            try:
                takes = render_story(
                    self._story,
                    self._catalog,
                    self.cache,
                    self._meter(progress),
                    workers=self._settings.workers,
                    model_workers=self._settings.model_workers,
                    model_bytes=self._settings.model_memory_mb * 1_000_000,
                    lines=self._lines,
                    made=lambda _, take: self._ledger.note(take.digest),
                )
            except LinesFailed as error:
                failed, takes = error, error.takes
        self._ledger.keep_only(self._digests.values())
        screen.tell_notes(takes.values())
        return takes, failed

    def _meter(self, progress: Callable[[float, str], None]) -> Progress:
        """Return what shows how far the work is: by characters that are to be spoken, so that the time left is true."""
        missing = {line: len(line.text) for line in self._lines if self.cache.get(self._digests[line]) is None}
        whole, spoken = sum(missing.values()), 0

        def hear(line: Line, done: int, total: int) -> None:
            nonlocal spoken
            spoken += missing.get(line, 0)
            progress(spoken / whole if whole else done / total, f"{done}/{total} {line.voice}: {line.text}")

        return hear


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


def open_to_change(document: StoryDocument, settings: Settings) -> Unsaved:
    """Return the story with what an engine that is gone has left unsaved, to be changed. Raises Busy, StoryError."""
    from bridge.cli import screen
    from engine.plugins.rack import open_rack
    from engine.story.unsaved import Unsaved

    rack = open_rack(settings.plugin_search, settings.plugin_catalog, document.path.resolve().parent)
    unsaved = Unsaved(document, rack.find)
    if unsaved.recovered:
        screen.people.print(f"{document.path.name}: edits that an engine has left unsaved are taken in")
    return unsaved


def recover(document: StoryDocument, settings: Settings) -> None:
    """Have the file say what an engine that is gone has left unsaved, before it is changed. Raises Busy, StoryError."""
    with open_to_change(document, settings) as unsaved:
        unsaved.save(unsaved.story, "", "")


def render_all(
    document: StoryDocument, catalog: Catalog, settings: Settings, story: Story | None = None
) -> tuple[Mapping[Line, Take], TakeCache]:
    """Make every take under a progress bar. story: as it is to be, if not as the document says. Raises LinesFailed."""
    batch = Batch(document, catalog, settings, changed=False, story=story)
    takes, failed = batch.render()
    if failed is not None:
        raise failed
    return takes, batch.cache
