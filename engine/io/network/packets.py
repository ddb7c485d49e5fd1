"""One stream's packets: blocks of any size in, packets of the protocol's size out, no frame missing between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.io.messages import Sent
from engine.io.network import reastream, vban
from engine.realtime.fades import Seam

CHANNELS = 2


class Packet(NamedTuple):
    """data: as it is sent. end_frame: the engine frame after its last one."""

    data: bytes
    end_frame: int


class Packer(Protocol):
    """Knows one protocol."""

    frames: int
    """How many frames a packet has."""

    def pack(self, block: NDArray[np.float32]) -> bytes:
        """Return the next packet: (frames, 2)."""
        ...


class ReaStreamPacker:
    """Raises BadRange for what the protocol does not have."""

    def __init__(self, name: str, sample_rate: int) -> None:
        self.frames = reastream.packet_frames(CHANNELS)
        self._name, self._rate = reastream.check_identifier(name), sample_rate

    def pack(self, block: NDArray[np.float32]) -> bytes:
        """Return the next packet: (frames, 2)."""
        return reastream.pack(self._name, self._rate, block)


class VbanPacker:
    """Raises BadRange for what the protocol does not have."""

    def __init__(self, name: str, sample_rate: int, format: vban.Format) -> None:
        self.frames = vban.packet_frames(CHANNELS, format)
        self._name, self._rate, self._format = vban.check_name(name), sample_rate, format
        self._number = 0
        vban.check_rate(sample_rate)

    def pack(self, block: NDArray[np.float32]) -> bytes:
        """Return the next packet: (frames, 2)."""
        data = vban.pack(self._name, self._rate, self._number, block, self._format)
        self._number += 1
        return data


def packer_for(stream: Sent, sample_rate: int) -> Packer:
    """Return what packs a stream. Raises BadRange."""
    if stream.kind == "vban":
        return VbanPacker(stream.name, sample_rate, vban.Format[stream.format.upper()])
    return ReaStreamPacker(stream.name, sample_rate)


class Cutter:
    """Cuts what comes into packets. What is missing between two blocks is silence, up to ``sample_rate`` frames of it;
    beyond, the stream begins anew: the engine stood still. Neither clicks."""

    def __init__(self, packer: Packer, sample_rate: int) -> None:
        self.lost_frames = 0
        self._packer, self._longest = packer, sample_rate
        self._blocks: deque[NDArray[np.float32]] = deque()
        self._held = 0
        self._end: int | None = None
        self._seam = Seam()

    def put(self, start: int, sound: NDArray[np.float32]) -> Iterator[Packet]:
        """Take in a block (frames, 2) that begins at engine frame ``start``; give the packets that are full."""
        if self._end is not None and start != self._end:
            self._bridge(start - self._end)
        self._keep(np.array(self._seam.join(sound)))
        self._end = start + len(sound)
        while self._held >= self._packer.frames:
            data = self._packer.pack(self._take(self._packer.frames))
            yield Packet(data, self._end - self._held)

    def _bridge(self, missing: int) -> None:
        if 0 < missing <= self._longest:
            self.lost_frames += missing
            self._keep(self._seam.silence(missing))
        else:
            self._seam.silence(0)

    def _keep(self, block: NDArray[np.float32]) -> None:
        self._blocks.append(block)
        self._held += len(block)

    def _take(self, frames: int) -> NDArray[np.float32]:
        parts = []
        self._held -= frames
        while frames:
            block = self._blocks.popleft()
            if len(block) > frames:
                self._blocks.appendleft(block[frames:])
                block = block[:frames]
            parts.append(block)
            frames -= len(block)
        return np.concatenate(parts)
