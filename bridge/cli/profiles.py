"""`cuevox profiles`: cloned voices made of samples."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from engine.store.kept_profile import Profile
    from engine.store.profiles import Profiles
    from engine.store.samples import Finding

app = typer.Typer(no_args_is_help=True, add_completion=False)

Id = Annotated[str, typer.Argument(help="The profile's id, by which stories name the voice: a to z, digits, _ and -.")]
Samples = Annotated[list[Path], typer.Argument(help="Audio files of the speaker, 5 to 30 seconds are best.")]
Consent = Annotated[str, typer.Option("--consent", help="Who agreed to be cloned, and when.")]
Name = Annotated[str, typer.Option("--name", help="The voice's name for people.")]
Texts = Annotated[list[str] | None, typer.Option("--text", help="What is said in a sample; once for each, in order.")]
Listen = Annotated[str, typer.Option("--listen", help="Write down what is said with this model: whisper-small.")]
Backend = Annotated[str, typer.Option("--backend", help="What speaks: pocket, python.")]
Language = Annotated[str, typer.Option("--language", help="The code of its language: en, de.")]
Values = Annotated[list[str] | None, typer.Option("--set", help="A setting of the backend: temperature=0.6.")]
Effects = Annotated[
    list[str] | None,
    typer.Option("--effect", help="An effect of every take: 'highpass: {cutoff_hz: 80}'."),
]
NewId = Annotated[str, typer.Option("--id", help="Another id than the archive's.")]
Archive = Annotated[Path, typer.Argument(help="The archive.", metavar="FILE.zip")]


@app.callback()
def profiles() -> None:
    """Make voices of samples; check, list, export, import and remove them."""


@contextmanager
def shelf() -> Iterator[Profiles]:
    """Open the profiles, and close the database behind them."""
    from engine.store.database import Database
    from engine.store.media import Media
    from engine.store.profiles import Profiles

    settings = options.effective()
    database = Database(settings.data_folder, settings.database)
    try:
        yield Profiles(database, settings.data_folder, Media(settings.media_folder), settings.voice_folders)
    finally:
        database.close()


@app.command("list")
def list_profiles(json: options.Json = False) -> None:
    """List the profiles."""
    with shelf() as at:
        rows = [_row(profile) for profile in at.all()]
    if json:
        screen.print_json(rows)
    else:
        columns = ("profile", "name", "backend", "language", "samples", "seconds", "consent")
        screen.print_table(columns, [tuple(str(value) for value in row.values()) for row in rows])


@app.command()
def check(samples: Samples) -> None:
    """Check samples and say what could be better; nothing is kept."""
    from engine.store.samples import read_sample

    for path in samples:
        _tell(path.name, read_sample(path).findings)


@app.command()
def add(
    id_: Id,
    samples: Samples,
    consent: Consent,
    name: Name = "",
    text: Texts = None,
    listen: Listen = "",
    backend: Backend = "pocket",
    language: Language = "en",
    values: Values = None,
    effect: Effects = None,
) -> None:
    """Make a voice of samples: checked, trimmed, evenly loud. It speaks wherever its id stands as a voice."""
    from engine.errors import BadRange
    from engine.store.kept_profile import Profile
    from engine.store.profile_keys import effects_of

    if text and listen:
        raise BadRange("give either the texts of the samples, or what is to listen to them")
    texts = text or _heard(samples, listen, language)
    if len(texts) != len(samples):
        raise BadRange(f"there are {len(samples)} samples and {len(texts)} texts; give one for each, or none")
    profile = Profile(
        id=id_,
        name=name or id_,
        backend=backend,
        language=language,
        consent=consent,
        settings=dict(_setting(value) for value in values or []),
        effects=effects_of(", ".join(effect or [])),
        samples=(),
    )
    with shelf() as at:
        made = at.make(profile, samples, texts)
    for sample in made.samples:
        _tell(sample.name, sample.findings)


@app.command()
def show(id_: Id) -> None:
    """Print all that is known of a profile, as JSON."""
    with shelf() as at:
        screen.print_json(at.get(id_))


@app.command("set")
def set_(
    id_: Id,
    key: Annotated[str, typer.Argument(help="name, language, backend, effects or settings.NAME.")],
    value: Annotated[str, typer.Argument(help="As in a preset: 'highpass: {cutoff_hz: 80}'; empty: the default.")],
) -> None:
    """Change what a profile speaks with: its lines are spoken so from their next take on."""
    from engine.store.profile_keys import with_key

    with shelf() as at:
        at.change(with_key(at.get(id_), key, value))


@app.command()
def text(id_: Id, number: Annotated[int, typer.Argument(help="The number of a sample.")], said: str) -> None:
    """Say what is said in a sample, as `show` lists them."""
    from engine.store.profile_keys import with_text

    with shelf() as at:
        at.change(with_text(at.get(id_), number, said))


@app.command("export")
def export_profile(id_: Id, to: Archive) -> None:
    """Write a profile into one file, with its samples, texts and consent."""
    from engine.store import archive

    with shelf() as at:
        archive.export_profile(at, id_, to)


@app.command("import")
def import_profile(file: Archive, id_: NewId = "") -> None:
    """Keep the profile in an archive."""
    from engine.store import archive

    with shelf() as at:
        profile = archive.import_profile(at, file, id_)
    typer.echo(profile.id)
    screen.people.print(f"consent: {profile.consent}")


@app.command()
def remove(id_: Id) -> None:
    """Forget a profile and its samples."""
    with shelf() as at:
        at.remove(id_)


def _row(profile: Profile) -> dict[str, object]:
    seconds = sum(sample.frames / sample.sample_rate for sample in profile.samples)
    return {
        "profile": profile.id,
        "name": profile.name,
        "backend": profile.backend,
        "language": profile.language,
        "samples": len(profile.samples),
        "seconds": round(seconds, 1),
        "consent": profile.consent,
    }


def _heard(samples: list[Path], model: str, language: str) -> list[str]:
    """Return what is said in each sample; nothing where no model is to listen."""
    if not model:
        return [""] * len(samples)
    from bridge.cli.transcribe import listen

    texts = []
    for path in samples:
        texts.append(listen(path, options.effective(), language=language, model=model).text)
        screen.people.print(f"{path.name}: {texts[-1] or 'nothing is said in it'}")
    return texts


def _tell(name: str, findings: tuple[Finding, ...]) -> None:
    for finding in findings:
        state = "note" if finding.advice else "ok"
        screen.print_finding(finding.what, state, f"{finding.value:g} {finding.unit}  {finding.advice}  ({name})")


def _setting(said: str) -> tuple[str, str | float]:
    name, _, value = said.partition("=")
    try:
        return name, float(value)
    except ValueError:
        return name, value
