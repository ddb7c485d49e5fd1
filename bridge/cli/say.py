"""`cuevox say`: speak one line."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from engine.settings import Settings
    from engine.story.model import Line
    from engine.voices.catalog import Catalog

PING_SECONDS = 0.2

Text = Annotated[str, typer.Argument(help="What to say.")]
Voice = Annotated[str, typer.Option("--voice", help="Who says it; see `cuevox voices`.")]
ToFile = Annotated[Path | None, typer.Option("--to", help="Write a WAV file instead of playing.", metavar="FILE.wav")]


def say(
    text: Text,
    voice: Voice = "narrator",
    to: ToFile = None,
    device: options.Device = None,
    osc_port: options.OscPort = None,
) -> None:
    """Speak a line: through the running engine if there is one, else on the default device, or into a file."""
    from engine.story.model import Line
    from engine.voices.catalog import load_catalog

    settings = options.effective(device=device, osc_port=osc_port)
    catalog = load_catalog(settings.voice_folders, settings.speak_with)
    catalog.get(voice)
    if to is not None:
        _write(Line(text=text, voice=voice), to, catalog, settings)
    elif device is None and settings.osc_port and _engine_answers(settings):
        screen.people.print(f"speaking through the engine on port {settings.osc_port}")
        _speak(settings.osc_host, settings.osc_port, voice, text)
    else:
        _play(text, voice, settings)


def _write(line: Line, to: Path, catalog: Catalog, settings: Settings) -> None:
    """Copy the line's take, a 32-bit float WAV, to a file."""
    from engine.errors import MediaError
    from engine.render.cache import TakeCache
    from engine.render.renderer import render_story
    from engine.story.model import After, Clip, Story, Track

    cache = TakeCache(settings.takes_folder)
    clip = Clip(id="line", start=After(), line=line)
    (take,) = render_story(Story(title="say", tracks=(Track(id="voice", clips=(clip,)),)), catalog, cache).values()
    unfinished = to.with_name(f".{to.name}.part")
    try:
        shutil.copyfile(cache.audio_path(take.digest), unfinished)
        unfinished.replace(to)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise MediaError(f"{to} can't be written: {error.strerror}") from error
    typer.echo(f"{to}\t{take.frames / take.sample_rate:.2f} s")


def _engine_answers(settings: Settings) -> bool:
    from bridge.client import OscClient
    from bridge.errors import NoAnswer

    with OscClient(settings.osc_host, settings.osc_port) as client:
        try:
            client.send("/ping", 1)
            client.receive("/pong", 1, timeout_seconds=PING_SECONDS)
        except NoAnswer:
            return False
    return True


def _speak(host: str, port: int, voice: str, text: str) -> float:
    """Have an engine speak; return how many seconds the line sounds."""
    from bridge.client import OscClient

    with OscClient(host, port) as client:
        return client.speak(voice, text)


def _play(text: str, voice: str, settings: Settings) -> None:
    """Run an engine of our own for one line."""
    from bridge.cli.engine_process import running_engine, tell_silence

    with tempfile.TemporaryDirectory(prefix="cuevox-") as folder:
        story = Path(folder) / "story.yaml"
        story.write_text("kind: story\nversion: 1\ntitle: say\ntracks:\n  - id: voice\n", encoding="utf-8")
        arguments = ["--device", settings.device] if settings.device else []
        with running_engine(story, *arguments) as facts:
            tell_silence(facts)
            seconds = _speak(facts["osc_host"], facts["osc_port"], voice, text)
            time.sleep(seconds + facts["latency_seconds"] + 0.1)  # it is played at real pace
