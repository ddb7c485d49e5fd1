"""What the io process is asked, and what it tells: lines of JSON on its standard input and output."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.io.loudness import Loudness
from engine.io.outlet_messages import OutletState

MANIFEST = "recording.json"
"""What tells how a recording went, beside its files."""


class IoConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The first line in. memory: ``EngineMemory.describe``."""

    memory: dict[str, tuple[int, int]]
    sample_rate: int


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    pass


class Greet(_Message, frozen=True, kw_only=True):
    """Say that you run: a control process that follows another one does not know. Answer: Running."""


class Open(_Message, frozen=True, kw_only=True):
    """Keep a file ready to be played through the page table at float ``table`` of the arena. Answer: Opened or Refused.

    heads: frames of it where somebody may begin to play at any moment.
    """

    table: int
    path: str
    heads: tuple[int, ...] = (0,)


class Heads(_Message, frozen=True, kw_only=True):
    """Where somebody may begin, of every file, the most likely first: (table, frame)."""

    heads: tuple[tuple[int, int], ...]


class Close(_Message, frozen=True, kw_only=True):
    """Let go of a file. Answer: Closed; from then on the table is not touched."""

    table: int


class Begin(_Message, frozen=True, kw_only=True):
    """All files that lie in the memory have been opened: what they do not hold of the pool is free."""


class Measure(_Message, frozen=True, kw_only=True):
    """Measure the master's loudness. Answer: Measured, ten times a second.

    anew: from now on, even where it is being measured.
    """

    anew: bool = False


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """What one file of a recording holds. file: its name in the folder. master: it is late by the limiter too."""

    strip: str
    file: str
    master: bool = False


class Record(_Message, frozen=True, kw_only=True):
    """Write recording ``take`` into a folder as the tape brings it, or go on with it. Answers: Recording, Recorded."""

    take: int
    folder: str
    name: str
    story: str
    lanes: tuple[Lane, ...]


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A strip's sound that goes out over the network.

    name: the stream's, as receivers know it. kind: vban or reastream. lane: of the feed. format: how VBAN writes
    samples, int16, int24 or float32; ReaStream knows float32 alone.
    """

    name: str
    kind: Literal["vban", "reastream"]
    lane: int
    host: str
    port: int
    format: Literal["int16", "int24", "float32"] = "int16"


class Send(_Message, frozen=True, kw_only=True):
    """Send these streams from now on, and no others. Answer: Sending, once a second."""

    streams: tuple[Sent, ...]


class Listen(_Message, frozen=True, kw_only=True):
    """Listen to an input from now on and keep its last seconds, or to none. Answer: Listening.

    device: a number, a part of a name, ``file:PATH``; empty: the system's own. channels: from 1.
    """

    on: bool = True
    device: str = ""
    channels: tuple[int, ...] = (1,)
    keep_seconds: float = 0.0


class Capture(_Message, frozen=True, kw_only=True):
    """Write what the input gives into a file. Answers: Capturing, at last Captured.

    since: the wall time (Unix seconds) at which the key was pressed. pre_seconds: of what was heard before.
    """

    take: int
    path: str
    since: float
    pre_seconds: float = 0.0


class EndCapture(_Message, frozen=True, kw_only=True):
    """End it at a wall time. kept: False: nobody wants it."""

    take: int
    until: float
    kept: bool = True


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """A strip's sound on a further device. lane: of the feed. block_frames: of the engine."""

    strip: str
    device: str
    lane: int
    block_frames: int = 256


class Play(_Message, frozen=True, kw_only=True):
    """Play these from now on, and no others. Answer: Playing, once a second."""

    outputs: tuple[Played, ...]


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """Sound from the network that is heard on a strip.

    name, kind: as in Sent. lane: the inlet of the mixer. senders: see ``allowed.Allowed``. block_frames: of the engine.
    """

    name: str
    kind: Literal["vban", "reastream"]
    lane: int
    port: int
    senders: str = ""
    block_frames: int = 256


class Receive(_Message, frozen=True, kw_only=True):
    """Receive these streams from now on, and no others. Answer: Receiving, once a second."""

    receivers: tuple[Received, ...]


Ask = (
    Greet | Open | Heads | Close | Begin | Measure | Record | Send | Play | Receive | Listen | Capture | EndCapture
)  # fmt: skip


class Started(_Message, frozen=True, kw_only=True):
    """The process runs and knows of nothing yet."""

    pid: int = 0


class Running(_Message, frozen=True, kw_only=True):
    """The process runs, and may know what it was told before."""

    pid: int = 0


class Opened(_Message, frozen=True, kw_only=True):
    """The heads of a file are there."""

    table: int


class Refused(_Message, frozen=True, kw_only=True):
    """A file can't be opened, and why."""

    table: int
    text: str


class Closed(_Message, frozen=True, kw_only=True):
    """A file is let go of."""

    table: int


class Failing(_Message, frozen=True, kw_only=True):
    """A file that was opened can't be read any more, and why; it is tried again. Empty text: it can, again."""

    table: int
    text: str


class Crowded(_Message, frozen=True, kw_only=True):
    """The pool has too few pages for everything that plays: ``missing`` are not there."""

    missing: int


class Measured(_Message, frozen=True, kw_only=True):
    """The master's loudness now."""

    loudness: Loudness


class Recording(_Message, frozen=True, kw_only=True):
    """How far a recording is. lost: frames that never arrived. waiting: how full the tape is, 0 to 1."""

    take: int
    frames: int
    lost: int
    waiting: float


class Recorded(_Message, frozen=True, kw_only=True):
    """A recording has ended: as it was asked to, or why. It goes from engine frame ``since`` to ``until``."""

    take: int
    since: int = 0
    until: int = 0
    lost: int = 0
    text: str = ""


class Going(msgspec.Struct, frozen=True, kw_only=True):
    """How a stream goes. packets: sent so far. lost: frames that never came from the mixer, and are silence. text: what
    is wrong now, or nothing."""

    name: str
    packets: int
    lost: int
    text: str = ""


class Sending(_Message, frozen=True, kw_only=True):
    """How all streams go that are sent."""

    streams: tuple[Going, ...]


class Listening(_Message, frozen=True, kw_only=True):
    """An input is listened to; device: empty: none is, and text says why, or nothing."""

    device: str
    text: str = ""


class Capturing(_Message, frozen=True, kw_only=True):
    """How far a capture is. peak: of what has come since the last time."""

    take: int
    frames: int
    peak: float


class Captured(_Message, frozen=True, kw_only=True):
    """A capture has ended: as it was asked to, or why.

    pressed: the frame of the file at which the key was pressed; began: the wall time of its first. lost: frames that
    never arrived, and are silent.
    """

    take: int
    kept: bool = True
    frames: int = 0
    pressed: int = 0
    lost: int = 0
    began: float = 0.0
    text: str = ""


class OutletGoing(msgspec.Struct, frozen=True, kw_only=True):
    """How a strip on a further device goes."""

    strip: str
    state: OutletState


class Playing(_Message, frozen=True, kw_only=True):
    """How all strips go that are played elsewhere."""

    outputs: tuple[OutletGoing, ...]


class ReceiverGoing(msgspec.Struct, frozen=True, kw_only=True):
    """How a stream from the network goes. sender: whose it is now. text: what is wrong, or nothing.

    lost: frames that never came, or not in time. refused: packets of others. latency_seconds: from the packet to the
    mixer. ppm: by how many parts per million the sender's clock is faster than the engine's.
    """

    name: str
    state: Literal["playing", "waiting", "failing"]
    sender: str = ""
    sample_rate: int = 0
    packets: int = 0
    refused: int = 0
    lost: int = 0
    fill_seconds: float = 0.0
    latency_seconds: float = 0.0
    ppm: float = 0.0
    text: str = ""


class Receiving(_Message, frozen=True, kw_only=True):
    """How all streams from the network go."""

    receivers: tuple[ReceiverGoing, ...]


Told = (
    Started | Running | Opened | Refused | Closed | Failing | Crowded | Measured | Recording | Recorded | Sending
    | Playing | Receiving | Listening | Capturing | Captured
)  # fmt: skip
