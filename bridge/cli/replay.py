"""`cuevox replay`: play a show again that `cuevox run --transcript` wrote down, live or into a file."""

from __future__ import annotations

import asyncio
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from engine.control.replay import Replay
    from engine.control.transcript import Entry, Header
    from engine.realtime.memory import Segment
    from engine.settings import Settings
    from engine.supervisor import RunConfig
    from engine.voices.pool import VoicePool

TranscriptFile = Annotated[
    Path, typer.Argument(help="What `cuevox run --transcript FILE` wrote.", metavar="TRANSCRIPT")
]
Offline = Annotated[bool, typer.Option("--offline", help="Render to a WAV file instead of playing.")]
To = Annotated[Path, typer.Option("--to", help="The WAV file of --offline (32-bit float).", metavar="FILE.WAV")]


def replay(
    transcript: TranscriptFile,
    offline: Offline = False,
    to: To = Path("replay.wav"),
    device: options.Device = None,
    block: options.Block = None,
) -> None:
    """Play a recorded show again: every command at its frame. --offline gives the same samples as were heard."""
    from engine.control.transcript import read_transcript

    settings = options.effective(device=device, block=block, osc_port=0)
    header, entries = read_transcript(transcript)
    if offline:
        _offline(header, list(entries), to, settings)
    else:
        _live(transcript, header, settings)


def _live(transcript: Path, header: Header, settings: Settings) -> None:
    """Run an engine on the story as it was; it ends with the show."""
    import msgspec

    from bridge.cli.run import run_config, supervise
    from engine.story.document import StoryDocument

    with tempfile.TemporaryDirectory(prefix="cuevox-replay-") as folder:
        story = Path(folder) / "story.yaml"
        StoryDocument.create(story, header.story)

        def config() -> RunConfig:
            plain = run_config(story, settings)
            control = {**plain.control, "audio_folder": header.folder, "replay": str(transcript.resolve())}
            return msgspec.structs.replace(plain, control=control, standby=False)

        asyncio.run(supervise(config))


def _offline(header: Header, entries: list[Entry], to: Path, settings: Settings) -> None:
    from engine.control.replay import Replay

    with Replay(header, entries) as show:
        with screen.progress_bar("replay") as progress:
            pool = partial(_pool, header, settings)
            asyncio.run(show.render(pool, lambda done: progress(done, "takes")))
            _write(show, header, to)
        for difference in show.differences:
            screen.people.print(f"note: {difference}")
    typer.echo(str(to))


def _pool(header: Header, settings: Settings, *, arena: Segment) -> VoicePool:
    from engine.render.cache import TakeCache
    from engine.voices.catalog import load_catalog
    from engine.voices.pool import VoicePool

    cache = TakeCache(settings.takes_folder)
    return VoicePool(
        catalog=load_catalog(settings.voice_folders),
        cache=cache,
        sample_rate=header.sample_rate,
        arena=arena,
        workers=settings.workers,
    )


def _write(show: Replay, header: Header, to: Path) -> None:
    """Render into ``to``, which appears when it is whole."""
    import soundfile

    temporary = to.with_name(f".{to.name}.tmp")
    try:
        with soundfile.SoundFile(
            temporary, "w", samplerate=header.sample_rate, channels=2, subtype="FLOAT", format="WAV"
        ) as file:
            show.play(file.write)
        temporary.replace(to)
    finally:
        temporary.unlink(missing_ok=True)
