"""`cuevox daw`: what the scripts in DAWs call; see docs/daws.md."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from bridge.daws.lines import Spoken, Wanted
    from engine.errors import EngineError
    from engine.story.model import Line
    from engine.voices.catalog import Catalog
    from engine.voices.take import Take

app = typer.Typer(no_args_is_help=True, add_completion=False)

Folder = Annotated[Path, typer.Argument(help="The script's folder, which holds `to-engine`.", metavar="FOLDER")]
Name = Annotated[str, typer.Option("--name", help="What the engine calls the script.")]
Order = Annotated[Path, typer.Argument(help="Lines of an id, a track and a text, with tabs between.", metavar="ORDER")]
To = Annotated[Path, typer.Option("--to", help="Folder for the sounds.", metavar="FOLDER")]
Answer = Annotated[Path, typer.Option("--answer", help="File that tells what became of the lines.", metavar="FILE")]
Voice = Annotated[str, typer.Option("--voice", help="Who speaks lines and tracks that name no voice.")]
Rate = Annotated[int, typer.Option("--rate", min=8000, max=384000, help="Sample rate of the sounds.")]
Marks = Annotated[Path, typer.Argument(help="Lines of start, end and name, with tabs between.", metavar="MARKS")]
Exported = Annotated[
    Path | None, typer.Option("--export", help="The manifest of the export that the DAW has.", metavar="manifest.json")
]

ExportFolder = Annotated[Path, typer.Argument(help="Folder of an export.", metavar="EXPORT")]
Beat = Annotated[float, typer.Option("--at", help="Where the story begins in Live's arrangement.", metavar="BEAT")]


@app.callback()
def daw() -> None:
    """Do what scripts in DAWs can't do themselves: speak lines into files, reach the engine, edit the story."""


@app.command()
def mailbox(folder: Folder, name: Name = "DAW", osc_port: options.OscPort = None) -> None:
    """Carry lines between a script's files and the running engine until the script ends."""
    from bridge.daws.mailbox import Mailbox
    from bridge.places import reached_at
    from engine.errors import MediaError

    settings = options.effective(osc_port=osc_port)
    if not (folder / "to-engine").exists():
        raise MediaError(f"{folder} is no mailbox: it has no file to-engine")
    Mailbox(folder, reached_at(settings.osc_host), settings.osc_port, name).run()


@app.command()
def speak(order: Order, to: To, answer: Answer, voice: Voice = "narrator", rate: Rate = 48000) -> None:
    """Speak a script's lines into files; the answer tells each as soon as it is there, and `end` last."""
    from bridge.daws.lines import answer_rows, copy_sound, failed_row, read_order, row
    from engine.errors import EngineError
    from engine.render.cache import TakeCache
    from engine.render.renderer import LinesFailed, render_story
    from engine.story.model import Story
    from engine.voices.catalog import load_catalog

    settings = options.effective()
    cache = TakeCache(settings.takes_folder)
    with answer.open("w", encoding="utf-8", newline="\n") as file:

        def tell(rows: object) -> None:
            file.write(f"{rows}\n")
            file.flush()

        def made(line: Line, take: Take) -> None:
            spoken = _spoken(take)
            path = copy_sound(cache.audio_path(take.digest), spoken, to)
            for wanted in lines[line]:
                tell("\n".join(answer_rows(wanted, spoken, path)))

        try:
            catalog = load_catalog(settings.voice_folders, settings.speak_with)
            lines, failures = _cast(read_order(order), catalog, voice)
            for wanted, error in failures:
                tell(failed_row(wanted, error))
            render_story(Story(title="daw", sample_rate=rate), catalog, cache, lines=lines, made=made)
        except LinesFailed as failed:
            for line, error in failed.failures.items():
                for wanted in lines[line]:
                    tell(failed_row(wanted, error))
        except (EngineError, OSError) as error:
            tell(row("error", " ".join(str(error).split())))
        finally:
            tell("end")


def _spoken(take: Take) -> Spoken:
    from bridge.daws.lines import Spoken

    words = tuple((word.start_frame / take.sample_rate, word.text) for word in take.words)
    seconds = take.frames / take.sample_rate
    return Spoken(voice=take.voice, text=take.text, digest=take.digest, seconds=seconds, words=words)


def _cast(
    wanted: tuple[Wanted, ...], catalog: Catalog, otherwise: str
) -> tuple[dict[Line, list[Wanted]], list[tuple[Wanted, EngineError]]]:
    """Return the lines that can be spoken, each with all that want it, and the others with what is wrong."""
    from bridge.daws.lines import cast
    from engine.errors import EngineError
    from engine.speech.markup import read_markup
    from engine.story.model import Line

    lines: dict[Line, list[Wanted]] = {}
    failures: list[tuple[Wanted, EngineError]] = []
    for each in wanted:
        voice, text = cast(each, catalog.presets, otherwise)
        try:
            catalog.get(voice)
            read_markup(text)
        except EngineError as error:
            failures.append((each, error))
        else:
            lines.setdefault(Line(text=text, voice=voice), []).append(each)
    return lines, failures


@app.command()
def live(folder: ExportFolder, beat: Beat = 0.0) -> None:
    """Put the stems of an export into the running Ableton Live (from 12.0.5 on), each on the track of its name."""
    import msgspec

    from bridge.daws.live import Sound, place_in_live
    from engine.errors import MediaError
    from engine.export.manifest import Manifest

    try:
        manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise MediaError(f"{folder} is no folder of an export: {error}") from error
    sounds = [
        Sound(track=file.name or file.path, path=(folder / file.path).resolve())
        for file in manifest.files
        if file.role in ("track", "bus")
    ]
    refused = 0
    for track, why in place_in_live(sounds, beat):
        typer.echo(f"{track}\t{why or 'placed'}")
        refused += bool(why)
    if refused:
        raise typer.Exit(1)


@app.command()
def markers(marks: Marks, story: options.StoryFile, export: Exported = None) -> None:
    """Take a DAW's markers and regions over into the story file: moved ones move, new names are new markers."""
    import msgspec

    from bridge.cli.render import open_story, recover
    from bridge.daws.marks import read_marks, with_marks
    from engine.errors import MediaError
    from engine.export.manifest import Manifest

    frames: dict[str, int] = {}
    if export is not None:
        try:
            frames = {m.id: m.frame for m in msgspec.json.decode(export.read_bytes(), type=Manifest).markers}
        except (OSError, msgspec.MsgspecError) as error:
            raise MediaError(f"{export}: not a manifest of an export: {error}") from error
    settings = options.effective()
    document, _ = open_story(story, settings)
    recover(document, settings)
    edited, told = with_marks(document.story, read_marks(marks), frames)
    document.save(edited)
    for change in told:
        typer.echo(change)
    screen.people.print(f"{story}: {len(told)} changes" if told else f"{story}: nothing to change")
