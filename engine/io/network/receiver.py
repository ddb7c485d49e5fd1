"""The receiver: sound that comes over the network, from clocks of others, into the inlets of the mixer."""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import PacketError
from engine.io.clocks.elastic import Elastic
from engine.io.clocks.variable_rate import MOST_RATE
from engine.io.messages import Receive, Received, ReceiverGoing, Receiving, Told
from engine.io.network import reastream, vban
from engine.io.network.allowed import Allowed
from engine.realtime.memory import Segment
from engine.realtime.sound_ring import SoundWriter

log = logging.getLogger(__name__)

LOOK_SECONDS, IDLE_SECONDS = 0.002, 0.1
TELL_SECONDS = 1.0
MARGIN_SECONDS = 0.010
"""What is kept beyond two packets: the network's jitter, and ours."""
AHEAD_SECONDS = 0.006
"""What lies ready for the mixer beyond a block."""
GONE_SECONDS = 1.0
"""A sender that is silent for so long has ended: another one may have the name."""
LONGEST_GAP_SECONDS = 0.5
LOUDEST = 8.0
"""What is louder is clipped: +18 dBFS."""
PACKET_BYTES = 1 << 14
"""More than the protocols allow; not everybody keeps to that."""
MOST_PACKETS = 256
"""Read at once from one port, before others have their turn."""
LATE_PACKETS = 64
"""A packet that is further behind than so many is no late one: its sender began to count anew."""
_WHOLE = 1 << 32

Key = tuple[bool, int]
"""IPv6 or not, and the port."""


class Receiver:
    """One stream that is wanted: from packets to an inlet."""

    def __init__(self, received: Received, ring: SoundWriter, sample_rate: int) -> None:
        self.received = received
        self.allowed = Allowed(received.senders)
        self.key: Key = (self.allowed.on_ipv6, received.port)
        self.packets = self.refused = 0
        self.text = ""
        self._ring, self._rate = ring, sample_rate
        self._ahead = received.block_frames + round(AHEAD_SECONDS * sample_rate)
        self._elastic: Elastic | None = None
        self._in_rate = 0
        self._sender, self._heard_at = "", -GONE_SECONDS
        self._other, self._other_at = "", -GONE_SECONDS
        self._expected: int | None = None
        self._lost_before = 0

    def hear(self, packet: vban.Sound | reastream.Sound, sender: str, now: float) -> None:
        """Take a packet of this stream in."""
        if not self.allowed.has(sender):
            self.refused += 1
            return
        if now - self._heard_at >= GONE_SECONDS:
            self._sender, self._expected, self.text = sender, None, ""
        elif sender != self._sender:
            self.refused += 1
            self._other, self._other_at = sender, now
            return
        self._heard_at = now
        elastic = self._between(packet.sample_rate, len(packet.block))
        if elastic is None or not self._in_order(packet, elastic, now):
            return
        self.packets += 1
        elastic.put(_in_stereo(packet.block), now)

    def pour(self, now: float) -> None:
        """Give the mixer what it will want next."""
        elastic, waiting = self._elastic, self._ring.waiting
        if elastic is None or (wanted := self._ahead - waiting) <= 0:
            return
        if elastic.silent and not elastic.may_begin:
            return
        out = np.zeros((wanted, 2), np.float32)
        elastic.give(out, now, waiting / self._rate)
        self._ring.write(out)

    def going(self, now: float, fault: str) -> ReceiverGoing:
        """Return how it goes. fault: what is wrong with its port."""
        elastic, gone = self._elastic, now - self._heard_at > GONE_SECONDS
        state: Literal["playing", "waiting", "failing"] = "failing" if fault else "waiting" if gone else "playing"
        return ReceiverGoing(
            name=self.received.name,
            state=state,
            sender="" if gone else self._sender,
            sample_rate=self._in_rate,
            packets=self.packets,
            refused=self.refused,
            lost=self._lost_before + (elastic.lost_frames if elastic else 0),
            fill_seconds=elastic.fill_seconds if elastic else 0.0,
            latency_seconds=elastic.aim_seconds if elastic else 0.0,
            ppm=elastic.drift.ppm if elastic else 0.0,
            text=fault or self.text or self._told_of_others(now),
        )

    def _told_of_others(self, now: float) -> str:
        if now - self._other_at >= GONE_SECONDS:
            return ""
        return f"{self._other} sends it, too, and is not heard while {self._sender} does"

    def _between(self, in_rate: int, frames: int) -> Elastic | None:
        """Return what is between the clocks, of the sender's rate; None: no sound, or a rate that can't be made."""
        if in_rate != self._in_rate:
            if self._elastic is not None:
                self._lost_before += self._elastic.lost_frames
            self._in_rate, self._elastic, self.text = in_rate, None, ""
        if not 1.0 / MOST_RATE <= in_rate / self._rate <= MOST_RATE:
            self.text = f"{in_rate} Hz can't be made {self._rate} Hz"
            return None
        if self._elastic is None and frames:
            aim = 2.0 * frames / in_rate + MARGIN_SECONDS + self._ahead / self._rate
            self._elastic = Elastic(in_rate, self._rate, aim)
        return self._elastic if frames else None

    def _in_order(self, packet: vban.Sound | reastream.Sound, elastic: Elastic, now: float) -> bool:
        """Return whether a packet comes after the last one; what is missing between them is silence."""
        if isinstance(packet, reastream.Sound):  # it has no number
            return True
        missing = (packet.number - self._expected) % _WHOLE if self._expected is not None else _WHOLE // 2
        if missing >= _WHOLE - LATE_PACKETS:  # too late, or twice
            return False
        self._expected = (packet.number + 1) % _WHOLE
        if missing:
            frames = missing * len(packet.block)
            elastic.gap(frames if frames <= LONGEST_GAP_SECONDS * self._in_rate else 0, now)
        return True


def _in_stereo(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the first two channels, or the only one twice."""
    stereo = block[:, :2] if block.shape[1] > 1 else np.repeat(block, 2, axis=1)
    return np.clip(stereo, -LOUDEST, LOUDEST)


class Receivers:
    """Every stream that is wanted. ``work`` belongs to one thread, ``receive`` to another."""

    def __init__(self, inlets: Segment, sample_rate: int, tell: Callable[[Told], object]) -> None:
        self._inlets, self._rate, self._tell = inlets, sample_rate, tell
        self._lock = threading.Lock()
        self._receivers: list[Receiver] = []
        self._sockets: dict[Key, socket.socket] = {}
        self._beyond: dict[Key, bool] = {}
        self._faults: dict[Key, str] = {}
        self._told_at = 0.0

    def receive(self, ask: Receive) -> None:
        """Receive these streams from now on; those that are received already go on."""
        with self._lock:
            going = {receiver.received: receiver for receiver in self._receivers}
            self._receivers = [
                going[each] if each in going else Receiver(each, SoundWriter(self._inlets, each.lane), self._rate)
                for each in ask.receivers
            ]
            self._listen()
            self._told_at = 0.0

    def work(self) -> None:
        """Take what comes, within ``LOOK_SECONDS``, and give the mixer what it wants."""
        sockets = list(self._sockets.values())
        if not sockets:
            time.sleep(IDLE_SECONDS)
        try:
            readable = select.select(sockets, [], [], LOOK_SECONDS)[0] if sockets else []
        except (OSError, ValueError):  # closed by the other thread
            return
        with self._lock:
            now = time.monotonic()
            for key, each in self._sockets.items():
                if each in readable:
                    self._take(key, each, now)
            for receiver in self._receivers:
                receiver.pour(now)
            if self._receivers and now - self._told_at >= TELL_SECONDS:
                self._told_at = now
                told = (each.going(now, self._faults.get(each.key, "")) for each in self._receivers)
                self._tell(Receiving(receivers=tuple(told)))

    def close(self) -> None:
        """Let go of everything."""
        self.receive(Receive(receivers=()))

    def _take(self, key: Key, port: socket.socket, now: float) -> None:
        for _ in range(MOST_PACKETS):
            try:
                data, address = port.recvfrom(PACKET_BYTES)
            except OSError:
                return
            try:
                packet = vban.unpack(data) if data[:4] == b"VBAN" else reastream.unpack(data)
            except PacketError:
                continue  # anybody may send anything here
            if isinstance(packet, reastream.Notes):
                continue
            kind, name = ("vban", packet.name) if isinstance(packet, vban.Sound) else ("reastream", packet.identifier)
            for receiver in self._receivers:
                if (receiver.key, receiver.received.kind, receiver.received.name) == (key, kind, name):
                    receiver.hear(packet, str(address[0]), now)

    def _listen(self) -> None:
        """Have a socket for each port: for this machine alone, unless somebody else may send there."""
        beyond: dict[Key, bool] = {}
        for receiver in self._receivers:
            beyond[receiver.key] = beyond.get(receiver.key, False) or receiver.allowed.beyond
        for key in [key for key in self._sockets if beyond.get(key) != self._beyond[key]]:
            self._sockets.pop(key).close()
        self._beyond = beyond
        for key, wide in beyond.items():
            if key not in self._sockets:
                self._open(key, wide)

    def _open(self, key: Key, wide: bool) -> None:
        on_ipv6, port = key
        host = ("::" if wide else "::1") if on_ipv6 else ("0.0.0.0" if wide else "127.0.0.1")
        opened = socket.socket(socket.AF_INET6 if on_ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            if on_ipv6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            opened.setblocking(False)
            opened.bind((host, port))
        except OSError as error:
            opened.close()
            self._faults[key] = f"UDP port {port}: {error.strerror or error}; name another one"
            log.warning("%s", self._faults[key])
            return
        self._faults.pop(key, None)
        self._sockets[key] = opened


def run(receivers: Receivers, stopping: threading.Event, alive: Callable[[], None]) -> None:
    """Receive until told to stop. alive: called each time round."""
    while not stopping.is_set():
        alive()
        receivers.work()
