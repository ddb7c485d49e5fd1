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
Speed = Annotated[float, typer.Option("--speed", help="How fast: 2 is twice as fast.")]
Pitch = Annotated[float, typer.Option("--pitch", help="How much higher or lower, in semitones.")]
Seed = Annotated[int, typer.Option("--seed", help="What chance is drawn from: the same seed, the same take.")]
Temperature = Annotated[float | None, typer.Option("--temperature", help="How much is left to chance.")]
Instruct = Annotated[str, typer.Option("--instruct", help="How to say it, to voices that understand words.")]
ToFile = Annotated[Path | None, typer.Option("--to", help="Write a WAV file instead of playing.", metavar="FILE.wav")]


def say(
    text: Text,
    voice: Voice = "narrator",
    to: ToFile = None,
    speed: Speed = 1.0,
    pitch: Pitch = 0.0,
    seed: Seed = 0,
    temperature: Temperature = None,
    instruct: Instruct = "",
    device: options.Device = None,
    osc_port: options.OscPort = None,
) -> None:
    """Speak a line: through the running engine if there is one, else on the default device, or into a file."""
    from engine.speech.markup import read_markup
    from engine.story.model import Delivery, Line
    from engine.voices.catalog import load_catalog
    from engine.voices.direction import direct

    settings = options.effective(device=device, osc_port=osc_port)
    catalog = load_catalog(settings.voice_folders, settings.speak_with)
    delivery = Delivery(speed=speed, pitch_semitones=pitch, seed=seed, temperature=temperature, instruct=instruct)
    line = Line(text=text, voice=voice, delivery=delivery)
    direct(line, catalog.get(voice))
    read_markup(text)
    if to is not None:
        _write(line, to, catalog, settings)
    elif device is None and settings.osc_port and _engine_answers(settings):
        screen.people.print(f"speaking through the engine on port {settings.osc_port}")
        _speak(settings.osc_host, settings.osc_port, line)
    else:
        _play(line, settings)


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
    screen.tell_notes((take,))
    typer.echo(f"{to}\t{take.frames / take.sample_rate:.2f} s")


def _engine_answers(settings: Settings) -> bool:
    from bridge.errors import NoAnswer
    from cuevox import Cuevox

    with Cuevox(settings.osc_host, settings.osc_port, patience_seconds=PING_SECONDS) as cuevox:
        try:
            cuevox.ask("/ping")
        except NoAnswer:
            return False
    return True


def _speak(host: str, port: int, line: Line) -> float:
    """Have an engine speak; return how many seconds the line sounds."""
    from cuevox import Cuevox

    with Cuevox(host, port, patience_seconds=options.PATIENCE_SECONDS) as cuevox:
        return cuevox.say(line.voice, line.text, delivery=line.delivery)


def _play(line: Line, settings: Settings) -> None:
    """Run an engine of our own for one line."""
    from bridge.cli.engine_process import running_engine, tell_silence

    with tempfile.TemporaryDirectory(prefix="cuevox-") as folder:
        story = Path(folder) / "story.yaml"
        story.write_text("kind: story\nversion: 1\ntitle: say\ntracks:\n  - id: voice\n", encoding="utf-8")
        arguments = ["--device", settings.device] if settings.device else []
        with running_engine(story, *arguments) as facts:
            tell_silence(facts)
            seconds = _speak(facts["osc_host"], facts["osc_port"], line)
            time.sleep(seconds + facts["latency_seconds"] + 0.1)  # it is played at real pace
