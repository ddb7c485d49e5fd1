"""`cuevox run`: start the engine on a story and play until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli import options, screen
from engine.errors import SettingsError
from engine.first_children import FirstChildren
from engine.platform import die_with_parent

if TYPE_CHECKING:
    from engine.settings import Settings
    from engine.supervisor import RunConfig

CONTROL_MODULE = "bridge.cli.control_process"

Players = Annotated[int | None, typer.Option("--players", help="Clips that may sound at once.")]
Midi = Annotated[str | None, typer.Option("--midi", help="auto, off, alsa, jack, jack-rtmidi, coremidi or windows.")]
MidiPorts = Annotated[str | None, typer.Option("--midi-ports", help="Parts of port names, commas between.")]
Surfaces = Annotated[str | None, typer.Option("--surfaces", help="Surface presets, commas between.")]
ClockSource = Annotated[
    str | None,
    typer.Option("--clock-source", help="What the timeline follows: internal, auto, mtc, clock, link, jack."),
]
Standby = Annotated[bool | None, typer.Option(help="Keep an audio process ready to take over when the first one dies.")]
Discard = Annotated[bool, typer.Option("--discard-changes", help="Drop unsaved edits of an earlier run.")]
Transcript = Annotated[Path | None, typer.Option(help="Write the show down, for `cuevox replay`.", metavar="FILE")]
Lan = Annotated[bool, typer.Option("--lan", help="Let other machines in; needs `passcodes` in the settings.")]
HttpPort = Annotated[int | None, typer.Option("--http-port", help="TCP port of HTTP, OSCQuery and WebSocket.")]
Parent = Annotated[int | None, typer.Option("--parent", help="Stop when this process dies.", hidden=True)]


def run(
    story: options.StoryFile,
    device: options.Device = None,
    private_output: options.PrivateOutput = None,
    output: options.FurtherOutputs = None,
    block: options.Block = None,
    osc_port: options.OscPort = None,
    http_port: HttpPort = None,
    lan: Lan = False,
    players: Players = None,
    speak_with: options.SpeakWith = None,
    midi: Midi = None,
    midi_ports: MidiPorts = None,
    surfaces: Surfaces = None,
    clock_source: ClockSource = None,
    standby: Standby = None,
    discard_changes: Discard = False,
    transcript: Transcript = None,
    parent: Parent = None,
) -> None:
    """Start the engine on a story; OSC drives it. Prints one line of JSON facts when it is ready."""
    if parent is not None:
        die_with_parent(parent)
    wanted = None if standby is None else ("off", "on")[standby]
    settings = options.effective(
        device=device, private_output=private_output, outputs=", ".join(output or ()) or None,
        block=block, osc_port=osc_port, players=players, standby=wanted, speak_with=speak_with,
        http_port=http_port, lan="on" if lan else None,
        midi=midi, midi_ports=midi_ports, surfaces=surfaces, clock_source=clock_source,
    )  # fmt: skip
    asyncio.run(supervise(lambda: run_config(story, settings, discard_changes=discard_changes, transcript=transcript)))


def run_config(
    story: Path, settings: Settings, *, discard_changes: bool = False, transcript: Path | None = None
) -> RunConfig:
    """Return what the supervisor needs to run ``story`` with ``settings``."""
    from engine.output.channels import private_outputs
    from engine.realtime.shared import MemoryConfig
    from engine.session.further_outputs import parse_outputs
    from engine.session.receivers import parse_receivers
    from engine.session.streams import parse_streams
    from engine.supervisor import RunConfig

    parse_streams(settings.streams)  # what is wrong with them is said before anything starts
    parse_outputs(settings.outputs)
    parse_receivers(settings.receive)

    return RunConfig(
        control={
            "story": str(story),
            "takes_folder": str(settings.takes_folder),
            "cache_max_bytes": settings.cache_max_mb << 20,
            "outputs_max_bytes": settings.outputs_max_mb * 1_000_000,
            "model_bytes": settings.model_memory_mb * 1_000_000,
            "model_workers": settings.model_workers,
            "speak_with": settings.speak_with,
            "preload": list(settings.preloaded),
            "data_folder": str(settings.data_folder),
            "database": settings.database,
            "media_folder": str(settings.media_folder),
            "flac": settings.library_format == "flac",
            "library": {
                "max_bytes": settings.library_max_mb << 20,
                "prunes": settings.library_prune == "on",
                "unused_days": settings.library_unused_days,
            },
            "voice_folders": [str(folder) for folder in settings.voice_folders],
            "plugin_folders": [str(folder) for folder in settings.plugin_search],
            "plugin_catalog": str(settings.plugin_catalog),
            "discard_changes": discard_changes,
            "state_folder": str(settings.state_folder),
            "transcript": str(transcript.resolve()) if transcript else "",
            "max_players": settings.players,
            "stream_seconds": settings.stream_seconds,
            "streams": settings.streams,
            "input": _input(settings),
            "outputs": settings.outputs,
            "receive": settings.receive,
            "osc_host": heard_on(settings),
            "osc_port": settings.osc_port,
            "http_port": settings.http_port if settings.http == "on" else -1,
            "passcodes": settings.passcodes,
            "discovery": settings.discovery == "on",
            "log_level": settings.log_level,
            "midi": midi_config(settings),
        },
        audio={
            "device": settings.device or None,
            "block_frames": settings.block,
            "max_players": settings.players,
            "fallback_null": not settings.device,
            "private": private_outputs(settings.private_output),
            "daw_link": settings.daw_link,
        },
        memory=MemoryConfig(
            arena_bytes=settings.clip_memory_mb << 20,
            pool_bytes=settings.stream_memory_mb << 20,
            tape_bytes=settings.record_memory_mb << 20,
            max_players=settings.players,
        ),
        standby=settings.standby == "on",
    )


def _input(settings: Settings) -> dict[str, object]:
    """Return what captures listen to. Raises SettingsError."""
    from engine.errors import SettingsError

    channels = settings.input_channels.replace(",", " ").split()
    if not 1 <= len(channels) <= 2 or not all(each.isdecimal() and 1 <= int(each) <= 64 for each in channels):
        raise SettingsError(f"input_channels: {settings.input_channels!r}; one or two numbers, each from 1 to 64")
    return {
        "device": settings.input_device,
        "channels": [int(each) for each in channels],
        "pre_seconds": settings.capture_pre_seconds,
        "listener": settings.capture_listener,
    }


SYNC_OUT = ("mtc", "clock", "mmc", "link")
"""What ``sync_out`` may name."""


def heard_on(settings: Settings) -> str:
    """Return the address that OSC and HTTP are heard on. Raises SettingsError for one beyond this machine unguarded."""
    from bridge.access import parse_passcodes
    from bridge.places import is_loopback
    from engine.errors import SettingsError

    inside = settings.osc_host == "localhost" or is_loopback(settings.osc_host)
    host = "0.0.0.0" if inside and settings.lan == "on" else settings.osc_host
    if not parse_passcodes(settings.passcodes) and not (host == "localhost" or is_loopback(host)):
        raise SettingsError(
            f"{host} lets other machines in, so it needs a passcode: set passcodes, for example to"
            f" admin:{secrets.token_urlsafe(9)}, in the settings file or in CUEVOX_PASSCODES"
        )
    return host


def midi_config(settings: Settings) -> dict[str, Any]:
    """Return what the control process needs to know of MIDI. Raises SettingsError."""
    if unknown := [word for word in _words(settings.sync_out) if word not in SYNC_OUT]:
        raise SettingsError(f"sync_out: {unknown[0]!r} can't be sent; allowed are {', '.join(SYNC_OUT)}")
    return {
        "api": settings.midi,
        "ports": _words(settings.midi_ports),
        "tcp_port": settings.midi_tcp,
        "tcp_host": settings.osc_host,
        "reastream_port": settings.midi_reastream,
        "surfaces": _known_surfaces(settings),
        "surfaces_folder": str(settings.surfaces_folder),
        "clock_source": settings.clock_source,
        "sync_out": _words(settings.sync_out),
    }


def _known_surfaces(settings: Settings) -> list[str]:
    """Return the ids of the surfaces that are wanted. Raises SettingsError for one that is not there, MIDI or none."""
    wanted = _words(settings.surfaces)
    if wanted:
        from bridge.midi.surface_file import SurfaceError
        from bridge.midi.surfaces import Surfaces

        try:
            surfaces = Surfaces(settings.surfaces_folder)
            for surface in wanted:
                surfaces.get(surface)
        except SurfaceError as error:
            raise SettingsError(f"surfaces: {error}") from error
    return wanted


def _words(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip())]


async def supervise(config: Callable[[], RunConfig]) -> None:
    """Run the supervisor until SIGINT or SIGTERM. ``config`` is asked once the first children have been started."""
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(_supervise(config))
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt
            loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _supervise(config: Callable[[], RunConfig]) -> None:
    async with FirstChildren(CONTROL_MODULE) as first:
        from engine.supervisor import Supervisor  # 0.2 s, in which they import too

        await Supervisor(config(), first, _tell_ready).run()


def _tell_ready(facts: dict[str, Any]) -> None:
    """Say that the engine plays: facts for programs on stdout, a sentence for people on stderr."""
    typer.echo(json.dumps({"ready": facts}))
    private = f", private buses on outputs {'-'.join(map(str, facts['private']))}" if facts.get("private") else ""
    screen.people.print(
        f"cuevox plays on {facts['device']} ({facts['sample_rate']} Hz, block {facts['block_frames']}{private}); "
        f"OSC on {facts['osc_host']}:{facts['osc_port']}{_page(facts)}. Ctrl-C stops it."
    )


def _page(facts: dict[str, Any]) -> str:
    port = facts.get("http_port", 0)
    return f", page on http://127.0.0.1:{port}/" if port else ""
