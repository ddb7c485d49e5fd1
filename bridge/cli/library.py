"""`cuevox library`: takes, sounds, presets, history and jobs; what they take of the disk, and whether all is well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from engine.settings import Settings
    from engine.store.database import Database
    from engine.store.jobs import KeptJob
    from engine.store.media import Media
    from engine.store.verifying import Fault, Inspector

app = typer.Typer(no_args_is_help=True, add_completion=False)
presets = typer.Typer(no_args_is_help=True, add_completion=False)
app.add_typer(presets, name="presets")

Words = Annotated[list[str] | None, typer.Argument(help="Words that lines hold, all of them; a beginning of the last.")]
Voice = Annotated[str, typer.Option("--voice", help="Of this voice only.")]
Limit = Annotated[int, typer.Option("--limit", help="How many.", min=1, max=10_000)]
Before = Annotated[int | None, typer.Option("--before", help="Go on behind this id: the next page.")]
TakeId = Annotated[int, typer.Argument(help="A take's id, as search lists it.", metavar="ID")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")]
Days = Annotated[float | None, typer.Option("--unused-days", help="Takes not used for so long go, however much room.")]
MaxMb = Annotated[int | None, typer.Option("--max-mb", help="What may stay; else the setting library_max_mb.", min=0)]
Kind = Annotated[str, typer.Argument(help="voice, mix or surface.")]
Id = Annotated[str, typer.Argument(help="The preset's id.")]

MB = 1e6


@app.callback()
def library() -> None:
    """Search takes, see what they take of the disk, make room, verify and repair."""


@presets.callback()
def shared_presets() -> None:
    """Keep presets in the library, for all who share it."""


@contextmanager
def opened() -> Iterator[tuple[Settings, Database, Media]]:
    """Open the library, and close its database behind."""
    from engine.store.database import Database
    from engine.store.media import Media

    settings = options.effective()
    database = Database(settings.data_folder, settings.database)
    try:
        yield settings, database, Media(settings.media_folder, flac=settings.library_format == "flac")
    finally:
        database.close()


@app.command()
def search(
    words: Words = None, voice: Voice = "", limit: Limit = 50, before: Before = None, json: options.Json = False
) -> None:
    """List takes, newest first: those whose lines hold certain words, or all."""
    from engine.store.library import Library

    with opened() as (_, database, _media):
        found = Library(database).page(words=" ".join(words or ()), voice=voice, before=before, limit=limit)
    if json:
        screen.print_json(found)
        return
    rows = [(str(e.id), e.voice, f"{e.seconds:.2f}", "pinned" if e.pinned else "", e.text, e.note) for e in found]
    screen.print_table(("id", "voice", "seconds", "", "line", "note"), rows)


@app.command()
def pin(take: TakeId) -> None:
    """Keep a take's sound, however old it gets."""
    _pin(take, True)


@app.command()
def unpin(take: TakeId) -> None:
    """Let a take's sound be pruned."""
    _pin(take, False)


@app.command()
def usage(json: options.Json = False) -> None:
    """Show what the library takes of the disk, and who of it."""
    from engine.store.usage import usage as used

    with opened() as (settings, database, media):
        found = used(database, media.folder, settings.takes_folder)
    if json:
        screen.print_json(found)
        return
    parts = [found.whole, found.pinned, found.samples, found.unreferenced]
    rows = [(part.name, str(part.sounds), f"{part.bytes / MB:.1f}") for part in parts]
    rows += [(f"voice {part.name}", str(part.sounds), f"{part.bytes / MB:.1f}") for part in found.voices]
    screen.print_table(("part", "sounds", "MB"), rows)
    screen.people.print(
        f"{found.takes} takes; {found.whole.bytes / MB:.0f} of {settings.library_max_mb} MB; "
        f"the cache of takes {found.cached_bytes / MB:.0f} of {settings.cache_max_mb} MB; "
        f"{found.free_bytes / MB:,.0f} MB free on the disk"
    )


@app.command()
def prune(dry_run: DryRun = False, unused_days: Days = None, max_mb: MaxMb = None, json: options.Json = False) -> None:
    """Remove sounds by age and size, those used longest ago first; pinned, locked and imported takes stay."""
    from engine.render.locks import Locks
    from engine.store.pruning import Rule
    from engine.store.pruning import prune as make_room

    with opened() as (settings, database, media):
        most = settings.library_max_mb if max_mb is None else max_mb
        locked = tuple(Locks(settings.takes_folder).digests.values())
        rule = Rule(max_bytes=most << 20, unused_days=unused_days, locked=locked)
        done = make_room(database, media, rule, dry_run=dry_run)
    if json:
        screen.print_json(done)
        return
    rows = [(e.sha256[:12], e.why, f"{e.bytes / MB:.2f}", f"{e.used_at:%Y-%m-%d}", str(e.takes)) for e in done.leaving]
    screen.print_table(("sound", "why", "MB", "last used", "takes"), rows)
    said = "would go" if dry_run else "are gone"
    screen.people.print(
        f"{len(done.leaving)} sounds {said}, {done.bytes / MB:.1f} MB; {done.kept_bytes / MB:.1f} MB stay"
    )
    if done.over_bytes:
        screen.people.print(f"that is {done.over_bytes / MB:.1f} MB more than allowed: all of it is needed or pinned")


@app.command()
def verify(
    quick: Annotated[bool, typer.Option("--quick", help="Look at sizes only, read no sound.")] = False,
    json: options.Json = False,
) -> None:
    """Check that every sound is there and whole, and every voice; exit code 1 where something is wrong."""
    with screen.progress_bar("verify") as meter, _inspector() as inspector:
        faults = inspector.verify(quick=quick, meter=meter)
    _tell(faults, json)
    if faults:
        raise typer.Exit(1)


@app.command()
def repair(json: options.Json = False) -> None:
    """Mend what verify finds, from the cache and from profiles; nothing that can be read is thrown away."""
    with screen.progress_bar("repair") as meter, _inspector() as inspector:
        faults = inspector.repair(meter=meter)
    _tell(faults, json)
    if not all(fault.mended for fault in faults):
        raise typer.Exit(1)


@app.command()
def history(limit: Limit = 50, json: options.Json = False) -> None:
    """Show what was done to the library, by whom."""
    from engine.store.history import history as deeds

    with opened() as (_, database, _media):
        found = deeds(database, limit=limit)
    if json:
        screen.print_json(found)
        return
    rows = [(f"{d.made_at:%Y-%m-%d %H:%M:%S}", d.made_by, d.verb, f"{d.kind} {d.thing}", d.said) for d in found]
    screen.print_table(("when", "who", "did", "to", "said"), rows)


@app.command()
def jobs(limit: Limit = 50, json: options.Json = False) -> None:
    """Show jobs: what running engines render, export and write down, takes, imports; how far, or how they ended."""
    from engine.store.jobs import Jobs

    with opened() as (_, database, _media):
        found = Jobs(database).newest(limit)
    if json:
        screen.print_json(found)
        return
    rows = [
        (str(j.id), f"{j.begun_at:%Y-%m-%d %H:%M:%S}", _whose(j), j.verb, j.what, _fate(j), j.result) for j in found
    ]
    screen.print_table(("job", "begun", "who", "verb", "of", "state", "result"), rows)


@presets.command("put")
def put_preset(file: Annotated[Path, typer.Argument(help="A preset's file.", metavar="FILE.yaml")]) -> None:
    """Keep a preset under its file's name; one of that name is replaced."""
    from engine.store.presets import Presets

    with opened() as (_, database, _media):
        kept = Presets(database).put(file)
    typer.echo(f"{kept.kind}\t{kept.id}")


@presets.command("get")
def get_preset(kind: Kind, id_: Id) -> None:
    """Print a preset, as its file was."""
    from engine.store.presets import Presets

    with opened() as (_, database, _media):
        typer.echo(Presets(database).get(kind, id_).body, nl=False)


@presets.command("list")
def list_presets(json: options.Json = False) -> None:
    """List the presets."""
    from engine.store.presets import Presets

    with opened() as (_, database, _media):
        found = Presets(database).all()
    if json:
        screen.print_json(found)
    else:
        screen.print_table(("kind", "id", "by"), [(p.kind, p.id, p.made_by) for p in found])


@presets.command("remove")
def remove_preset(kind: Kind, id_: Id) -> None:
    """Forget a preset."""
    from engine.store.presets import Presets

    with opened() as (_, database, _media):
        Presets(database).remove(kind, id_)


def _whose(job: KeptJob) -> str:
    return f"{job.client}, {job.made_by}" if job.client else job.made_by


def _fate(job: KeptJob) -> str:
    """Return how a job fares, in words."""
    return f"{job.state} {job.fraction:.0%} {job.stage}".strip() if job.state == "running" else job.state


@contextmanager
def _inspector() -> Iterator[Inspector]:
    from engine.render.cache import TakeCache
    from engine.store.profiles import Profiles
    from engine.store.verifying import Inspector

    with opened() as (settings, database, media):
        profiles = Profiles(database, settings.data_folder, media)
        yield Inspector(database, media, TakeCache(settings.takes_folder), profiles)


def _pin(take: int, pinned: bool) -> None:
    from engine.store.library import Library

    with opened() as (_, database, _media):
        Library(database).pin(take, pinned)


def _tell(faults: tuple[Fault, ...], json: bool) -> None:
    if json:
        screen.print_json(faults)
        return
    for fault in faults:
        screen.print_finding(fault.kind, "note" if fault.mended else "problem", f"{fault.text} {fault.mended}".strip())
    if not faults:
        screen.people.print("all is there and whole")
