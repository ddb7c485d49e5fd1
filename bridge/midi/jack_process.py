"""The process that is our JACK client for MIDI: its callback has an interpreter to itself, and events their frames.

Control asks over one connection, and hears what ports heard over a socket: one packet per JACK cycle. The process
ends when control does. Ports are known by numbers that control gives.
"""

from __future__ import annotations

import contextlib
import gc
import heapq
import itertools
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from bridge.midi.port import NAME

HEARD = struct.Struct("<IIqd")
"""Before each event: the port's number, how many bytes, JACK's frame, and its Unix time."""

LOST = 0xFFFFFFFF
"""A port of this number: so many bytes mean so many events that control did not take in time, or so many cycles that
JACK ran without waiting for us, whose events nobody can have any more."""

LATE = 0xFFFFFFFE
"""A port of this number: so many bytes mean so many messages that left late, the time by how many seconds at most."""

SENT = struct.Struct("<Id")
"""Before each message to be sent: the port's number, and its Unix time; 0: at once."""

LATE_SECONDS = 0.002
"""More than that is told."""
QUEUE_BYTES = 1 << 22
CLOSE_SECONDS = 2e-5
"""Two looks that close to each other happened at the same frame."""
AT_ONCE = 0
"""The frame of what waits for none."""
_LOOKS = 10
_WRAP = 1 << 32


class JackProcess:
    """Ports of one JACK client."""

    def __init__(self, events: socket.socket, name: str) -> None:
        import jack

        self.error = jack.JackError
        try:
            self._client = jack.Client(name, no_start_server=True)
        except jack.JackOpenError as error:
            raise LookupError("no JACK server is running; start one, or take another way with --midi") from error
        self._rate = self._client.samplerate
        self._events = events
        self._inputs: dict[int, Any] = {}
        self._hearing: tuple[tuple[int, Any], ...] = ()
        self._outputs: dict[int, Any] = {}
        self._new: deque[tuple[int, int, int, bytes]] = deque()
        self._due: list[tuple[int, int, int, bytes]] = []
        self._numbers = itertools.count()
        self._high = self._last = self._lost = self._late = self._latest = 0
        self._expected: int | None = None
        self._client.set_process_callback(self._process)
        self._client.activate()

    def close(self) -> None:
        """Leave JACK."""
        self._client.deactivate()
        self._client.close()

    def inputs(self) -> list[str]:
        """Return the ports that can be heard."""
        return self._names(is_output=True)

    def outputs(self) -> list[str]:
        """Return the ports that can be sent to."""
        return self._names(is_input=True)

    def open_input(self, number: int, name: str, virtual: bool) -> None:
        """Hear a port, or be one."""
        self._check(name, () if virtual else self.inputs(), virtual)
        port = self._client.midi_inports.register(f"{name} in" if virtual else f"from {number}")
        if not virtual:
            self._connect(name, port, port)
        self._inputs[number] = port
        self._hearing = tuple(self._inputs.items())

    def open_output(self, number: int, name: str, virtual: bool) -> None:
        """Send to a port, or be one."""
        self._check(name, () if virtual else self.outputs(), virtual)
        port = self._client.midi_outports.register(f"{name} out" if virtual else f"to {number}")
        if not virtual:
            self._connect(port, name, port)
        self._outputs = {**self._outputs, number: port}

    def shut(self, number: int) -> None:
        """Give a port back."""
        port = self._inputs.pop(number, None)
        self._hearing = tuple(self._inputs.items())
        if port is None:
            port = self._outputs.get(number)
            self._outputs = {n: p for n, p in self._outputs.items() if n != number}
        if port is not None:
            time.sleep(2.0 * self._client.blocksize / self._rate)  # the callback may still look at it
            port.unregister()

    def send(self, number: int, at: float, message: bytes) -> None:
        """Have a message sent at its frame."""
        frame = self._frame_at(at) if at else AT_ONCE
        self._new.append((frame, next(self._numbers), number, message))

    def _frame_at(self, at: float) -> int:
        """Return the frame of a Unix time."""
        now, unix_seconds = self._clocks()
        high = self._high + _WRAP if now < self._last - _WRAP // 2 else self._high
        frame: int = high + now + round((at - unix_seconds) * self._rate)
        return frame

    def _began(self, start: int) -> float:
        """Return the Unix time of the cycle's first frame."""
        now, unix_seconds = self._clocks()
        since = (now - start + _WRAP // 2) % _WRAP - _WRAP // 2
        began: float = unix_seconds - since / self._rate
        return began

    def _clocks(self) -> tuple[int, float]:
        """Return JACK's frame and the Unix time of one moment; tried again when something came between the looks."""
        for _ in range(_LOOKS):
            before = time.time()
            now = int(self._client.frame_time)
            after = time.time()
            if after - before < CLOSE_SECONDS:
                break
        return now, (before + after) / 2.0

    def _names(self, **which: bool) -> list[str]:
        names = (port.name for port in self._client.get_ports(is_midi=True, **which))
        return [name for name in names if not name.startswith((f"{self._client.name}:", f"{NAME}:"))]

    def _check(self, name: str, there: Sequence[str], virtual: bool) -> None:
        if not virtual and name not in there:
            raise LookupError(f"no MIDI port named {name!r}; there is: {', '.join(there) or 'none'}")

    def _connect(self, source: Any, to: Any, port: Any) -> None:
        try:
            self._client.connect(source, to)
        except self.error:
            port.unregister()
            raise

    def _process(self, frames: int) -> None:
        """Pass on what came, write what is due. JACK's thread; its process has nothing else to do."""
        start = self._extended(self._client.last_frame_time)
        if self._expected is not None and start > self._expected:
            self._lost += (start - self._expected) // frames
        self._expected = start + frames
        self._hear(start)
        self._write(start, frames)

    def _hear(self, start: int) -> None:
        packet: list[bytes] = []
        count = 0
        for number, port in self._hearing:
            for offset, data in port.incoming_midi_events():
                if not packet:
                    began = self._began(start)
                event = bytes(data)
                packet += (HEARD.pack(number, len(event), start + offset, began + offset / self._rate), event)
                count += 1
        if not packet:
            return
        if self._lost:
            packet.append(HEARD.pack(LOST, self._lost, start, began))
        try:
            self._events.send(b"".join(packet))
            self._lost = 0
        except OSError:
            self._lost += count

    def _write(self, start: int, frames: int) -> None:
        for port in self._outputs.values():
            port.clear_buffer()
        while self._new:
            heapq.heappush(self._due, self._new.popleft())
        while self._due and self._due[0][0] < start + frames:
            frame, _, number, message = self._due[0]
            port = self._outputs.get(number)
            if port is not None:
                try:
                    port.write_midi_event(max(0, frame - start), message)
                except (self.error, ValueError):
                    break  # this cycle holds no more; the next one does
                self._note_late(frame, start)
            heapq.heappop(self._due)
        if self._late:
            with contextlib.suppress(OSError):  # told with the next one
                self._events.send(HEARD.pack(LATE, self._late, 0, self._latest / self._rate))
                self._late = self._latest = 0

    def _note_late(self, frame: int, start: int) -> None:
        """Count a message whose frame had passed when the cycle began."""
        behind = start - frame if frame != AT_ONCE else 0
        if behind > LATE_SECONDS * self._rate:
            self._late, self._latest = self._late + 1, max(self._latest, behind)

    def _extended(self, frame: int) -> int:
        """Return a frame that does not wrap after a day."""
        if frame < self._last - _WRAP // 2:
            self._high += _WRAP
        self._last = frame
        return self._high + frame


def answer(ports: JackProcess, request: tuple[Any, ...]) -> object:
    """Do what control asks for; return what it is told: the result, or an error's text."""
    verb, *values = request
    try:
        return "ok", getattr(ports, verb)(*values)
    except (ports.error, LookupError) as error:
        return "error", str(error)


def main() -> None:
    """Serve control until it is gone."""
    connection, events = Connection(int(sys.argv[1])), socket.socket(fileno=int(sys.argv[2]))
    events.setblocking(False)
    for option in (socket.SO_SNDBUF, getattr(socket, "SO_SNDBUFFORCE", socket.SO_SNDBUF)):
        with contextlib.suppress(OSError):  # the second is for those who may go beyond the system's bound
            events.setsockopt(socket.SOL_SOCKET, option, QUEUE_BYTES)
    try:
        ports = JackProcess(events, sys.argv[3])
    except Exception as error:  # noqa: BLE001 - whatever it is, control is told instead of a pipe's end
        connection.send(("error", str(error)))
        return
    connection.send(("ok", None))
    gc.collect()
    gc.freeze()
    gc.disable()
    with contextlib.suppress(EOFError, OSError):
        while True:
            data = connection.recv_bytes()
            if data[:1] == b"\0":
                number, at = SENT.unpack_from(data, 1)
                ports.send(number, at, data[1 + SENT.size :])
            else:
                import pickle

                connection.send(answer(ports, pickle.loads(data)))
    ports.close()


if __name__ == "__main__":
    main()
