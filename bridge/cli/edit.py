"""`cuevox edit`: edits of a story's file without an engine, by the same addresses as over OSC and HTTP."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from bridge.cli import options
from bridge.cli.send import typed

if TYPE_CHECKING:
    from bridge.port import EnginePort
    from engine.commands import StoryEdit
    from engine.render.known_takes import CachedTakes
    from engine.story.document import StoryDocument
    from engine.story.model import Story

Address = Annotated[
    str, typer.Argument(help="An address such as /clip/k1/move, or - to read edits, one a line.", metavar="ADDRESS")
]
Values = Annotated[
    list[str] | None, typer.Argument(help="Numbers and words; put -- before a negative number.", metavar="[VALUES]...")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")]


def edit(
    story: options.StoryFile,
    address: Address,
    values: Values = None,
    dry_run: DryRun = False,
    json: options.Json = False,
) -> None:
    """Edit a story's file as a running engine would: all edits or none; what the file says otherwise stays as it is.

    Addresses are those of docs/addresses.md that edit the story. Takes that an edit has to know are made first. What an
    engine that crashed has left unsaved is taken in; while one runs that has unsaved edits nothing is changed.
    """
    from bridge.cli import screen
    from bridge.cli.render import open_story, open_to_change
    from engine.story.change import change_between, touched
    from engine.story.steps import describe

    settings = options.effective()
    document, catalog = open_story(story, settings)
    lines = list(_lines()) if address == "-" else [(address, [typed(value) for value in values or ()])]
    edits = [_command(line, arguments, document.story.sample_rate) for line, arguments in lines]
    with open_to_change(document, settings) as unsaved:
        after = Desk(document, catalog, unsaved.story).edited(edits)
        change = change_between(unsaved.story, after)
        things = sorted(touched(change, change_between(after, unsaved.story)))
        if not dry_run:
            unsaved.save(after, ", ".join(describe(each) for each in edits[:3]), "cuevox edit")
    if json:
        screen.print_json({"changed": things, "saved": not dry_run})
    else:
        typer.echo("\n".join(things))


class Desk:
    """Makes edits of a story, with what is known of its takes; those that an edit needs are made."""

    def __init__(self, document: StoryDocument, catalog: object, story: Story) -> None:
        from engine.voices.catalog import Catalog

        self._story = story
        self._document, self._catalog, self._settings = document, cast(Catalog, catalog), options.effective()
        self._known = self._takes()

    def edited(self, edits: Sequence[StoryEdit]) -> Story:
        """Return the story with all edits in it. Raises EngineError for the first that can't be made."""
        from engine.errors import NotReady

        try:
            return self._all(edits)
        except NotReady:
            from bridge.cli.render import render_all

            render_all(self._document, self._catalog, self._settings, self._story)
            self._known = self._takes()
            return self._all(edits)

    def _all(self, edits: Sequence[StoryEdit]) -> Story:
        from engine.capture.placing import clip_of
        from engine.edits import AddCapture, ClipEdit
        from engine.mixer.effects import effect_specs
        from engine.story.edit import apply_edit
        from engine.story.edit_clips import edit_clips
        from engine.story.equip import insert_specs
        from engine.story.layout import Layout

        story, layout, folder = self._story, Layout(self._known), self._document.path.resolve().parent
        for each in edits:
            edit = clip_of(folder, each, story.sample_rate) if isinstance(each, AddCapture) else each
            if isinstance(edit, ClipEdit):
                story = edit_clips(story, edit, self._known, layout)
            else:
                story = apply_edit(story, edit, insert_specs(story, effect_specs()))
        return story

    def _takes(self) -> CachedTakes:
        from engine.render.cache import TakeCache
        from engine.render.known_takes import CachedTakes

        cache, folder = TakeCache(self._settings.takes_folder), self._document.path.resolve().parent
        return CachedTakes(self._catalog, cache, self._story.sample_rate, folder)


class _Rate:
    """What an address has to know of an engine: at which rate it counts frames."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate


def _command(address: str, values: Sequence[object], sample_rate: int) -> StoryEdit:
    """Return the edit that an address and its values mean. Raises BridgeError, EngineError."""
    from bridge.arguments import fields, trigger_fields
    from bridge.errors import NoSuchAddress
    from bridge.routes import ROUTES
    from bridge.tree import AddressTree
    from engine.commands import StoryEdit

    leaf = AddressTree(ROUTES).find(address)
    route, port = leaf.route, cast("EnginePort", _Rate(sample_rate))
    if route.command is None or any(callable(arg.spec) for arg in route.args) or route.implied:
        raise NoSuchAddress(f"{address} edits no story; `cuevox send` reaches a running engine with it")
    found = (
        trigger_fields(route, values, port, leaf.path)[1] if route.trigger else fields(route, values, port, leaf.path)
    )
    command = route.command(**leaf.path, **found)
    if not isinstance(command, StoryEdit):
        raise NoSuchAddress(f"{address} edits no story; `cuevox send` reaches a running engine with it")
    return command


def _lines() -> Iterator[tuple[str, list[int | float | str]]]:
    for line in sys.stdin:
        words = shlex.split(line, comments=True)
        if words:
            yield words[0], [typed(word) for word in words[1:]]


def find(story: options.StoryFile, text: str, json: options.Json = False) -> None:
    """Find where something is said in a story: clip, word, and its time in the clip."""
    from bridge.cli import screen
    from bridge.cli.render import open_story
    from engine.render.cache import TakeCache
    from engine.render.known_takes import CachedTakes
    from engine.story.finding import find_text

    settings = options.effective()
    document, catalog = open_story(story, settings)
    rate = document.story.sample_rate
    known = CachedTakes(catalog, TakeCache(settings.takes_folder), rate, Path(story).resolve().parent)
    rows = [
        {"clip": each.clip, "word": each.word, "seconds": each.offset_frames and round(each.offset_frames / rate, 3)}
        for each in find_text(document.story, text, known)
    ]
    if json:
        screen.print_json(rows)
    else:
        screen.print_table(("clip", "word", "seconds"), [[str(value) for value in row.values()] for row in rows])
