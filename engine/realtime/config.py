"""What the audio process is told at start, and what it answers."""

from __future__ import annotations

import msgspec

from engine.mixer.graph import Graph
from engine.plugins.states import States

NULL_DEVICE = "null"
"""The device name that means: no device, only its pace."""
DAW_DEVICE = "daw"
"""The device name that means: a DAW, through our plug-in."""
BOUNCE_FRAMES = 8192
"""The blocks in which a DAW's bounce is mixed: so long that what a block costs hardly counts."""
JACK_PORTS_DEVICE = "jack-ports"
"""The device name that means: a JACK server, in which every bus has ports of its own."""


class AudioConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The first line on the audio process's standard input.

    memory: ``EngineMemory.describe``. device: number, part of a name, ``null``, or None for the default one.
    device_before: the name of the device that the process before played on; it goes first, so that other devices which
    have come up since confuse nobody. fallback_null: play at the pace of a device, without one, when the device can't
    be opened. private: the device's outputs that play private buses. standby: get ready, but play only when told to
    take over. trace_row: where plug-ins in work are noted. without: plug-ins that are not to be loaded and why, by
    effect. states: what plug-ins have made of themselves in a process before.
    """

    memory: dict[str, tuple[int, int]]
    graph: Graph
    sample_rate: int
    device: str | int | None = None
    block_frames: int = 256
    fallback_null: bool = False
    max_players: int = 1024
    standby: bool = False
    device_before: str = ""
    private: tuple[int, ...] = ()
    trace_row: int = 0
    without: dict[str, str] = {}
    daw_link: str = "cuevox"
    states: States = {}


class AudioFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What runs, once the first block has been asked for.

    latency_seconds: from the engine to the ear, the limiter's look-ahead included. fallback: why the null output
    plays instead of the device that was asked for, else empty. private: the outputs on which private buses are heard.
    faults: why plug-ins could not be loaded, by effect. crashed: in which ones processes before this one died, and how;
    the supervisor knows. steady: the driver counts its frames itself, as JACK does.
    """

    device: str
    sample_rate: int
    block_frames: int
    latency_seconds: float
    realtime: bool
    realtime_reason: str
    memory_locked: bool
    memory_reason: str
    fallback: str = ""
    private: tuple[int, ...] = ()
    pid: int = 0
    faults: dict[str, str] = {}
    crashed: dict[str, str] = {}
    steady: bool = False


class TakeOver(msgspec.Struct, frozen=True, kw_only=True):
    """What a standby is told when it is to play. without: plug-ins, by effect, that are never to be called.

    patch: what the ports of the process before were connected to, on JACK; None: nobody has told.
    """

    without: tuple[str, ...] = ()
    patch: dict[str, tuple[str, ...]] | None = None
