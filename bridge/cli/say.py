"""`cuevox say`: speak one line."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from engine.settings import Settings
    from engine.story.model import Line
    from engine.voices.take import Take

PING_SECONDS = 0.2
RENDER_SECONDS = 60.0

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
    load_catalog(settings.voice_folders).get(voice)
    if to is not None:
        _write(Line(text=text, voice=voice), to, settings)
    elif device is None and _engine_answers(settings):
        screen.people.print(f"speaking through the engine on port {settings.osc_port}")
        _speak(settings.osc_host, settings.osc_port, voice, text)
    else:
        _play(text, voice, settings)


def _write(line: Line, to: Path, settings: Settings) -> None:
    from engine.errors import MediaError
    from engine.render.cache import TakeCache

    cache = TakeCache(settings.takes_folder)
    take = asyncio.run(_render(line, cache, settings))
    temporary = to.with_name(f".{to.name}.part")
    try:
        shutil.copyfile(cache.audio_path(take.digest), temporary)
        temporary.replace(to)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise MediaError(f"{to} can't be written: {error.strerror}") from error
    typer.echo(f"{to}\t{take.frames / take.sample_rate:.2f} s")


async def _render(line: Line, cache: object, settings: Settings) -> Take:
    from engine.render.cache import TakeCache
    from engine.voices.catalog import load_catalog
    from engine.voices.pool import VoicePool

    if not isinstance(cache, TakeCache):
        raise TypeError(f"expected a take cache, got {cache!r}")
    pool = VoicePool(catalog=load_catalog(settings.voice_folders), cache=cache, sample_rate=48000)
    try:
        return await pool.render(line, urgent=True, stored=True)
    finally:
        await pool.close()


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
        client.ask("/say", voice, text, timeout_seconds=RENDER_SECONDS)
        done = client.receive("/done", "/say", timeout_seconds=RENDER_SECONDS)
    seconds = done[3]
    return seconds if isinstance(seconds, float) else 0.0


def _play(text: str, voice: str, settings: Settings) -> None:
    """Run an engine of our own for one line."""
    import time

    from bridge.cli.engine_process import running_engine

    with tempfile.TemporaryDirectory(prefix="cuevox-") as folder:
        story = Path(folder) / "story.yaml"
        story.write_text("kind: story\nversion: 1\ntitle: say\ntracks:\n  - id: voice\n", encoding="utf-8")
        options_ = ["--device", settings.device] if settings.device else []
        with running_engine(story, *options_) as facts:
            if facts["fallback"]:
                screen.people.print(f"no sound: {facts['fallback']}; playing in silence, at real pace")
            seconds = _speak(facts["osc_host"], facts["osc_port"], voice, text)
            time.sleep(seconds + facts["latency_seconds"] + 0.1)  # it is played at real pace
