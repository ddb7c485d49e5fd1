"""`cuevox takes`: several takes of a line, the good one chosen and locked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from engine.render.cache import TakeCache
    from engine.settings import Settings
    from engine.store.takes import KeptTake, Takes
    from engine.story.document import StoryDocument
    from engine.story.model import Line
    from engine.voices.catalog import Catalog
    from engine.voices.take import Take

app = typer.Typer(no_args_is_help=True, add_completion=False)

Clip = Annotated[
    str, typer.Argument(help="What speaks the line: a clip's id, cue:12a, cue:LIST/12a, slot:BANK/1.", metavar="CLIP")
]
Number = Annotated[int, typer.Argument(help="The number of a take of it.", metavar="TAKE")]
Seed = Annotated[
    int | None, typer.Option("--seed", help="What chance is drawn from; otherwise one not used yet.", min=0)
]


@app.callback()
def takes() -> None:
    """Make several takes of a line of a clip, cue or slot, compare them, choose the good one and lock it."""


class Desk:
    """What every command needs: the story, its voices, the store, and one line."""

    def __init__(self, story: options.StoryFile, clip: str) -> None:
        from bridge.cli.render import open_story
        from engine.render.cache import TakeCache
        from engine.render.locks import Locks
        from engine.store.database import Database
        from engine.store.media import Media
        from engine.store.takes import Takes
        from engine.story.speakers import spoken_by

        self.settings: Settings = options.effective()
        self.document: StoryDocument
        self.catalog: Catalog
        self.document, self.catalog = open_story(story, self.settings)
        self.clip, self.line = clip, spoken_by(self.document.story, clip)
        self.cache: TakeCache = TakeCache(self.settings.takes_folder)
        self.locks = Locks(self.settings.takes_folder)
        self.database = Database(self.settings.data_folder, self.settings.database)
        self.takes: Takes = Takes(
            self.database, Media(self.settings.media_folder, flac=self.settings.library_format == "flac")
        )

    def speak(self, line: Line, seed: int, catalog: Catalog | None = None) -> Take:
        """Return the take of ``line`` with ``seed``, made now if the cache has it no more."""
        from msgspec.structs import replace

        from engine.render.renderer import render_story

        seeded = replace(line, delivery=replace(line.delivery, seed=seed))
        made = render_story(
            self.document.story, catalog or self.catalog, self.cache, lines=[seeded], follow_locks=False
        )
        return made[seeded]

    def again(self, kept: KeptTake) -> Take:
        """Return a kept take, made again from its recipe where need be. Raises VoiceError if it is another now."""
        from engine.errors import VoiceError
        from engine.voices.catalog import Catalog

        if (take := self.cache.get(kept.digest) or self.takes.bring_back(kept, self.cache)) is not None:
            return take
        recipe = kept.recipe
        if recipe is None:
            raise VoiceError(f"take {kept.number} was made elsewhere: nothing here can make it again")
        take = self.speak(recipe.line, recipe.seed, Catalog(presets={recipe.preset.id: recipe.preset}))
        if take.digest != kept.digest:
            raise VoiceError(
                f"take {kept.number} can't be made again as it was: it was made by {recipe.version!r} at "
                f"{recipe.sample_rate} Hz, from files that may have changed since"
            )
        return take


@contextmanager
def desk(story: options.StoryFile, clip: str) -> Iterator[Desk]:
    """Open what a command needs, and close the database behind it."""
    opened = Desk(story, clip)
    try:
        yield opened
    finally:
        opened.database.close()


@app.command("list")
def list_takes(story: options.StoryFile, clip: Clip, json: options.Json = False) -> None:
    """List the takes of a line."""
    with desk(story, clip) as at:
        locked = at.locks.get(at.line)
        rows = [_row(at, kept, locked) for kept in at.takes.of(at.line)]
    _print(rows, json)


@app.command()
def new(
    story: options.StoryFile, clip: Clip, seed: Seed = None, count: Annotated[int, typer.Option(min=1)] = 1
) -> None:
    """Make further takes: with another seed each, or with the one that is named. The story stays as it is."""
    from engine.store.jobs import Jobs

    with desk(story, clip) as at, Jobs(at.database).run("make takes", f"{story} {clip}") as result:
        if not at.takes.of(at.line):
            _note(at, at.line.delivery.seed)  # the one that the story has is the first
        for number in range(count):
            kept = _note(at, at.takes.next_seed(at.line) if seed is None else seed + number)
            typer.echo(f"take {kept.number}, seed {kept.seed}: {at.cache.audio_path(kept.digest)}")
            result.append(f"take {kept.number}")


@app.command()
def choose(story: options.StoryFile, clip: Clip, take: Number) -> None:
    """Have this take played: its seed is written into the story."""
    from bridge.cli.render import recover
    from engine.errors import Busy
    from engine.story.speakers import with_seed

    with desk(story, clip) as at:
        kept = at.takes.get(at.line, take)
        if at.locks.get(at.line) not in (None, kept.digest):
            raise Busy(f"another take of {clip} is locked; `cuevox takes unlock` it first")
        at.again(kept)
        recover(at.document, at.settings)
        at.document.save(with_seed(at.document.story, clip, kept.seed))
        typer.echo(f"{clip} plays take {take}, seed {kept.seed}")


@app.command()
def lock(story: options.StoryFile, clip: Clip, take: Number) -> None:
    """Choose a take and keep it, whatever its voice becomes; it is never cleared from the cache."""
    with desk(story, clip) as at:
        at.locks.lock(at.line, at.again(at.takes.get(at.line, take)).digest)
    choose(story, clip, take)


@app.command()
def unlock(story: options.StoryFile, clip: Clip) -> None:
    """Let the line be spoken as its voice is."""
    with desk(story, clip) as at:
        at.locks.unlock(at.line)


@app.command()
def note(story: options.StoryFile, clip: Clip, take: Number, text: str) -> None:
    """Write a note beside a take."""
    with desk(story, clip) as at:
        at.takes.remark(at.line, take, text)


@app.command()
def show(story: options.StoryFile, clip: Clip, take: Number) -> None:
    """Print all that shaped a take, as JSON."""
    with desk(story, clip) as at:
        screen.print_json(at.takes.get(at.line, take))


@app.command()
def compare(story: options.StoryFile, clip: Clip, json: options.Json = False) -> None:
    """Compare the takes of a line: how long, how fast, how loud, and where the sound lies."""
    with desk(story, clip) as at:
        rows = [_measured(at, kept) for kept in at.takes.of(at.line)]
    _print(rows, json)


def _note(at: Desk, seed: int) -> KeptTake:
    take = at.speak(at.line, seed)
    return at.takes.note(at.line, at.catalog.get(at.line.voice), take, at.cache.audio_path(take.digest))


def _row(at: Desk, kept: KeptTake, locked: str | None) -> dict[str, object]:
    state = "locked" if locked == kept.digest else "chosen" if kept.seed == at.line.delivery.seed else ""
    made = kept.made_at.isoformat(sep=" ", timespec="seconds")
    here = "yes" if at.cache.get(kept.digest) is not None else "no"
    return {"take": kept.number, "seed": kept.seed, "state": state, "made": made, "here": here, "note": kept.note}


def _measured(at: Desk, kept: KeptTake) -> dict[str, object]:
    import numpy as np

    take = at.again(kept)
    audio = at.cache.audio(take)
    seconds = take.frames / take.sample_rate
    level = float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) or 1e-5
    return {
        "take": kept.number,
        "seed": kept.seed,
        "seconds": round(seconds, 3),
        "words a minute": round(60.0 * len(take.words) / seconds),
        "peak dB": round(float(20.0 * np.log10(max(take.peak, 1e-5))), 1),
        "level dB": round(float(20.0 * np.log10(level)), 1),
        "sound": str(at.cache.audio_path(kept.digest)),
        "note": kept.note,
    }


def _print(rows: list[dict[str, object]], json: bool) -> None:
    if json:
        screen.print_json(rows)
    elif rows:
        screen.print_table(tuple(rows[0]), [tuple(str(value) for value in row.values()) for row in rows])
    else:
        screen.people.print("there is no take yet: `cuevox takes new` makes some")
