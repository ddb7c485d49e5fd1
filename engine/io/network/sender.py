"""The sender: takes what the feed brings and sends it, packet by packet, evenly: receivers have small buffers and no
clock of ours."""

from __future__ import annotations

import heapq
import itertools
import logging
import socket
import threading
import time
from collections.abc import Callable

from engine.io.messages import Going, Send, Sending, Sent, Told
from engine.io.network.frame_clock import FrameClock
from engine.io.network.packets import Cutter, packer_for
from engine.io.outlets import Outlets
from engine.realtime.memory import Segment
from engine.realtime.tape import TapeReader

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.002
"""How often the feed is looked at: less than any block lasts that a device asks for over a network."""
MARGIN_SECONDS = 0.003
TELL_SECONDS = 1.0

Address = tuple[str, int] | tuple[str, int, int, int]


class Stream:
    """One that is sent. Nothing is sent before its host has been found."""

    def __init__(self, sent: Sent, sample_rate: int) -> None:
        self.sent = sent
        self.packets = 0
        self.text = f"looking for {sent.host}"
        self.cutter = Cutter(packer_for(sent, sample_rate), sample_rate)
        self._socket: socket.socket | None = None
        self._address: Address = ("", 0)
        self._closed = False
        self._settling = threading.Lock()
        threading.Thread(target=self._find, name=f"find {sent.host}", daemon=True).start()

    def send(self, data: bytes) -> None:
        """Send a packet; what is in its way is noted, and the next one is tried again."""
        if self._socket is None:
            return
        try:
            self._socket.sendto(data, self._address)
        except OSError as error:
            self._say(f"{self.sent.host}:{self.sent.port}: {error.strerror or error}")
            return
        self.packets += 1
        self._say("")

    def going(self) -> Going:
        """Return how it goes."""
        return Going(name=self.sent.name, packets=self.packets, lost=self.cutter.lost_frames, text=self.text)

    def close(self) -> None:
        """Send no more."""
        with self._settling:
            self._closed = True
            found, self._socket = self._socket, None
        if found is not None:
            found.close()

    def _find(self) -> None:
        try:
            family, kind, *_, address = socket.getaddrinfo(self.sent.host, self.sent.port, type=socket.SOCK_DGRAM)[0]
        except OSError as error:
            self._say(f"{self.sent.host}: {error.strerror or error}")
            return
        found = socket.socket(family, kind)
        found.setblocking(False)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        with self._settling:
            if self._closed:
                found.close()
                return
            self._address = address  # type: ignore[assignment]
            self._socket = found
            self.text = ""  # only now: whoever reads that may send

    def _say(self, text: str) -> None:
        if text and text != self.text:
            log.warning("stream %r: %s", self.sent.name, text)
        self.text = text


class Sender:
    """Every stream that is sent. ``work`` belongs to one thread, ``send`` to another.

    outlets: who else is given what the feed brings.
    """

    def __init__(
        self, feed: Segment, sample_rate: int, tell: Callable[[Told], object], outlets: Outlets | None = None
    ) -> None:
        self._outlets = outlets or Outlets(sample_rate, tell)
        self._feed = TapeReader(feed)
        self._rate, self._tell = sample_rate, tell
        self._lock = threading.Lock()
        self._streams: list[Stream] = []
        self._clock = FrameClock(sample_rate)
        self._block_seconds = 0.0
        self._waiting: list[tuple[float, int, Stream, bytes]] = []
        self._order = itertools.count()
        self._told_at = 0.0

    def send(self, ask: Send) -> None:
        """Send these streams from now on; those that are sent already go on."""
        with self._lock:
            going = {stream.sent: stream for stream in self._streams}
            self._streams = [going.pop(sent) if sent in going else Stream(sent, self._rate) for sent in ask.streams]
            self._waiting = [entry for entry in self._waiting if entry[2].sent not in going]
            heapq.heapify(self._waiting)
            for gone in going.values():
                gone.close()
            self._told_at = 0.0

    def work(self, now_seconds: float) -> float:
        """Take what is there and send what is due; return for how long there is nothing to do.

        now_seconds: of the monotonic clock, or any other that is always the same one.
        """
        with self._lock:
            self._read(now_seconds)
            while self._waiting and self._waiting[0][0] <= now_seconds:
                _, _, stream, data = heapq.heappop(self._waiting)
                stream.send(data)
            if self._streams and now_seconds - self._told_at >= TELL_SECONDS:
                self._told_at = now_seconds
                self._tell(Sending(streams=tuple(stream.going() for stream in self._streams)))
            self._outlets.look(now_seconds)
            if not self._streams and not self._outlets.any:
                return 10 * LOOK_SECONDS
            return min(LOOK_SECONDS, self._waiting[0][0] - now_seconds) if self._waiting else LOOK_SECONDS

    def close(self) -> None:
        """Let go of everything."""
        self.send(Send(streams=()))

    def _read(self, now: float) -> None:
        while (packet := self._feed.next()) is not None:
            frames = packet.sound.shape[1]
            self._clock.saw(packet.start + frames, now)
            self._outlets.put(packet.start, packet.sound, now)
            self._block_seconds = max(frames / self._rate, 0.999 * self._block_seconds)
            hold = self._block_seconds + self._clock.late_seconds + MARGIN_SECONDS
            for stream in self._streams:
                if stream.sent.lane < len(packet.sound):
                    for cut in stream.cutter.put(packet.start, packet.sound[stream.sent.lane]):
                        due = self._clock.time_of(cut.end_frame) + hold
                        heapq.heappush(self._waiting, (due, next(self._order), stream, cut.data))
            self._feed.done()


def run(sender: Sender, stopping: threading.Event, alive: Callable[[], None]) -> None:
    """Send until told to stop. alive: called each time round."""
    while not stopping.is_set():
        alive()
        time.sleep(max(0.0002, sender.work(time.monotonic())))
