"""Puts MIDI together for the control process: systems, surfaces, wire and what can be asked of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bridge.hub import Hub
from bridge.midi.daw_ports import DawNotes, DawSystem
from bridge.midi.jack_ports import JackSystem, has_jack_client
from bridge.midi.outsides import find_outsides
from bridge.midi.port import MidiSystem, PortError
from bridge.midi.questions import MidiDesk
from bridge.midi.surfaces import Surfaces
from bridge.midi.sync import Sync
from bridge.midi.sync_out import Kind, Peer
from bridge.midi.wire import CLOCK_SOURCE, MidiWire

log = logging.getLogger(__name__)

BACK_SECONDS = 5.0
"""So long a JACK server that was there before is waited for, and a busy machine that starts its client; after that MIDI
begins without, and goes on with it."""


class MidiConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of MIDI; see ``Settings``."""

    api: str = "off"
    ports: tuple[str, ...] = ()
    tcp_host: str = "127.0.0.1"
    tcp_port: int = 0
    reastream_port: int = 0
    surfaces: tuple[str, ...] = ()
    surfaces_folder: str = ""
    clock_source: str = "internal"
    sync_out: tuple[Kind, ...] = ()


async def start_midi(
    hub: Hub,
    config: MidiConfig,
    folder: Path,
    *,
    again: bool = False,
    daw_notes: DawNotes | None = None,
    begin: Callable[[], object] = lambda: None,
) -> MidiWire | None:
    """Start MIDI as it is wanted; None: there is none here, and nobody asked for it by name. folder: the story's.

    again: it ran before, so that a JACK server which is away for the moment is waited for. daw_notes: where those come
    from that a DAW's plug-in hears, if a DAW is served; begin: called first by the thread that hears them. Raises
    PortError, AddressTaken, SurfaceError.
    """
    systems = _systems(config, hub.engine.sample_rate, waits=again)
    if daw_notes is not None:
        systems.append(DawSystem(daw_notes, asyncio.get_running_loop(), begin))
    source = hub.engine.recalled(CLOCK_SOURCE).get("", config.clock_source.encode()).decode()
    outsides = find_outsides(source, systems, leads_link="link" in config.sync_out, waits=again)
    if not systems and not outsides and "link" not in config.sync_out:
        return None
    for system in systems:
        if isinstance(system, JackSystem) and again:  # cues of the timeline went on, and want to send
            await asyncio.to_thread(system.wait_there, BACK_SECONDS)
    surfaces = Surfaces(Path(config.surfaces_folder))
    sync = Sync(hub.engine, source, outsides)
    wire = MidiWire(
        hub, systems, surfaces, ports=config.ports, wanted=config.surfaces, sync=sync,
        sends=config.sync_out, link=_led(config), folder=folder,
    )  # fmt: skip
    hub.router.desk.midi = MidiDesk(wire)
    await wire.start()
    return wire


def _led(config: MidiConfig) -> Peer | None:
    """Return the Link session that we lead, if that is wanted. Raises PortError without aalink."""
    if "link" not in config.sync_out:
        return None
    from bridge.midi.link_out import LinkOut

    return LinkOut()


def _systems(config: MidiConfig, sample_rate: int, *, waits: bool) -> list[MidiSystem]:
    systems: list[MidiSystem] = []
    if config.api == "jack" and has_jack_client():
        systems.append(JackSystem(waits=waits))
    elif config.api != "off":
        from bridge.midi.rtmidi_ports import RtMidiSystem  # loads the system's MIDI library

        api: Any = config.api.removesuffix("-rtmidi")
        try:
            systems.append(RtMidiSystem(api))
        except PortError as error:
            if config.api != "auto":
                raise
            log.info("no MIDI: %s", error)
    if config.tcp_port:
        from bridge.midi.socket_ports import SocketSystem

        systems.append(SocketSystem(config.tcp_host, config.tcp_port))
    if config.reastream_port:
        from bridge.midi.reastream_ports import ReaStreamSystem

        systems.append(ReaStreamSystem(config.tcp_host, config.reastream_port, sample_rate))
    return systems
