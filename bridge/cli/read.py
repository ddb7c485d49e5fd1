"""`cuevox read`: a table read: a whole script is performed at once."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from cuevox import Cuevox

LOOK_SECONDS = 0.1
TAIL_SECONDS = 0.5

Script = Annotated[Path, typer.Argument(help="A script that `cuevox import` reads.", metavar="SCRIPT")]
Cast = Annotated[list[str] | None, typer.Option("--voice", help="Who speaks whom: NAME=VOICE. May be repeated.")]
Table = Annotated[Path | None, typer.Option("--cast", help="A table of speakers and voices.", metavar="CAST.CSV")]
Gap = Annotated[float, typer.Option("--gap", help="Seconds between two lines.")]
To = Annotated[Path | None, typer.Option("--to", help="Write a WAV file instead of playing.", metavar="FILE.wav")]


def read(
    script: Script,
    voice: Cast = None,
    cast: Table = None,
    gap: Gap = 0.4,
    to: To = None,
    device: options.Device = None,
) -> None:
    """Perform a whole script, every speaker with a voice: screenplays, plays, subtitles, books.

    Nothing is kept but the takes; `cuevox import` makes a story of a script.
    """
    from bridge.cli.import_script import cast_of
    from engine.story.document import StoryDocument
    from engine.story.script import deal, story_of
    from engine.story.script_file import read_script

    speeches = read_script(script, gap)
    voices, dealt = cast_of(cast, voice)
    story = story_of(speeches, script.stem, deal(speeches, dealt, voices))
    with tempfile.TemporaryDirectory(prefix="cuevox-read-") as folder:
        path = Path(folder) / "story.yaml"
        StoryDocument.create(path, story)
        if to is not None:
            _write(path, to)
        else:
            _perform(path, device, [speech.text for speech in speeches])


def _write(story: Path, to: Path) -> None:
    """Write the mix of the whole script."""
    import shutil

    from bridge.cli.export_folder import write_folder

    folder = story.parent / "out"
    manifest = write_folder(story, folder, options.effective(), formats=("mix",))
    mix = next(entry.path for entry in manifest.files if entry.role == "mix")
    part = to.with_name(f".{to.name}.part")
    shutil.copyfile(folder / mix, part)
    part.replace(to)
    typer.echo(str(to))


def _perform(story: Path, device: str | None, lines: list[str]) -> None:
    """Play it in an engine of our own, once every line is made: where one begins hangs on those before it."""
    from bridge.cli.engine_process import running_engine, tell_silence
    from bridge.cli.render import open_story, render_all
    from cuevox import Cuevox

    settings = options.effective(device=device)
    document, catalog = open_story(story, settings)
    render_all(document, catalog, settings)
    with running_engine(story, *(["--device", settings.device] if settings.device else [])) as facts:
        tell_silence(facts)
        with Cuevox(facts["osc_host"], facts["osc_port"]) as cuevox:
            cuevox.wait_ready()
            _play(cuevox, len(lines))


def _play(cuevox: Cuevox, lines: int) -> None:
    end = float(str(cuevox.get("/transport/end")))
    cuevox.play()
    with screen.progress_bar("read") as progress:
        while (here := float(str(cuevox.get("/transport/position")))) < end + TAIL_SECONDS:
            progress(min(1.0, here / end), f"{here:5.1f} of {end:.1f} s, {lines} lines")
            time.sleep(LOOK_SECONDS)
    cuevox.stop()
