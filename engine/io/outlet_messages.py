"""What an outlet process is told, and what it tells: lines of JSON on its standard input and output."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["waiting", "playing", "missing", "lost"]


class OutletConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The first line in. ring: handle and size of its sound. device: number, part of a name, ``null`` or nothing.

    block_frames: of the engine; on JACK the server's period wins. name: what it is called by a JACK server.
    """

    ring: tuple[int, int]
    sample_rate: int
    device: str
    block_frames: int
    name: str


class OutletState(msgspec.Struct, frozen=True, kw_only=True):
    """How an outlet goes. device, sample_rate: what plays. text: why it doesn't.

    latency_seconds: from the io process to the ear. fill_seconds: how much of it waits here; aim_seconds: should. ppm:
    by how many parts per million the engine's clock is faster than the device's. dry, over: how often sound ran out, or
    came too fast. lost_frames: of the engine's that were not heard.
    """

    state: State
    device: str = ""
    sample_rate: int = 0
    latency_seconds: float = 0.0
    fill_seconds: float = 0.0
    aim_seconds: float = 0.0
    ppm: float = 0.0
    dry: int = 0
    over: int = 0
    lost_frames: int = 0
    text: str = ""
