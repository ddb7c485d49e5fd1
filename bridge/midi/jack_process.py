"""The process that is our JACK client for MIDI: its callback has an interpreter to itself, and events their frames.

Control asks over one connection, and hears what ports heard over a socket: one packet per JACK cycle. The process
ends when control does, and when the JACK server does: a client that outlives its server is of no use to anybody. Ports
are known by numbers that control gives.
"""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

from bridge.midi.jack_frames import JackFrames
from bridge.midi.jack_outbox import AT_ONCE, Outbox
from bridge.midi.jack_packets import HEARD, LATE, LOST, MISSED, SENT, TRANSPORT
from bridge.midi.port import NAME

QUEUE_BYTES = 1 << 22
WAIT_SECONDS = 0.25
"""How often a server that is not there is looked for."""

LAST_SECONDS = 0.4
"""What waits when control is gone has so long to leave: it was handed over shortly before its time, but on a busy
machine the server's time goes slower. Another control process is not ready sooner."""

SETTLE_SECONDS = 1.0
"""How long opening a port waits at most until what it is connected to hears it, and closing it until all has left."""
LISTINGS = 3
WATCH_SECONDS = 0.02
"""How often a transport that rolls is told."""


class JackProcess:
    """Ports of one JACK client."""

    def __init__(self, events: socket.socket, name: str) -> None:
        import jack

        self.error = jack.JackError
        try:
            self._client = jack.Client(name, no_start_server=True)
        except jack.JackOpenError as error:
            raise LookupError("no JACK server is running; start one, or take another way with --midi") from error
        self._frames = JackFrames(self._client)
        self.rate = self._frames.rate
        self._events = events
        self._inputs: dict[int, Any] = {}
        self._hearing: tuple[tuple[int, Any], ...] = ()
        self._outputs: dict[int, Any] = {}
        self._outbox = Outbox(self.rate)
        self._lost = self._missed = self._cycles = 0
        self._expected: int | None = None
        self._watches, self._rolling = False, int(jack.ROLLING)
        self._watched = (-1, 0, 0)
        """State of the transport and its frame, as told at a frame of JACK's."""
        self._client.set_shutdown_callback(lambda *_: os._exit(0))
        self._client.set_process_callback(self._process)
        self._client.activate()

    def close(self) -> None:
        """Leave JACK, once what was handed over has left: control may have died, which is no reason to swallow it."""
        if not self._outbox.empty:
            self._wait(lambda: self._outbox.empty, LAST_SECONDS)
            self._settle()  # who is connected hears what was sent last
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
        """Send to a port, or be one; what is sent once this returns arrives."""
        self._check(name, () if virtual else self.outputs(), virtual)
        port = self._client.midi_outports.register(f"{name} out" if virtual else f"to {number}")
        if not virtual:
            self._connect(port, name, port)
            self._settle()
        self._outputs = {**self._outputs, number: port}

    def shut(self, number: int) -> None:
        """Give a port back, once what it was to send has left."""
        self._wait(lambda: not self._outbox.holds(number), SETTLE_SECONDS)
        port = self._inputs.pop(number, None)
        self._hearing = tuple(self._inputs.items())
        if port is None:
            port = self._outputs.get(number)
            self._outputs = {n: p for n, p in self._outputs.items() if n != number}
        if port is not None:
            self._settle()  # the callback may still look at it, and who is connected hear what it sent
            port.unregister()

    def watch(self) -> None:
        """Tell of JACK's transport from now on."""
        self._watches = True

    def send(self, number: int, at: float, engine_frame: int, message: bytes) -> None:
        """Have a message sent at its frame."""
        frame = self._frames.at(at) if at else AT_ONCE
        self._outbox.add(number, frame, engine_frame, message)

    def _names(self, **which: bool) -> list[str]:
        names = [port.name for port in self._ports(**which)]
        return [name for name in names if not name.startswith((f"{self._client.name}:", f"{NAME}:"))]

    def _ports(self, **which: bool) -> Sequence[Any]:
        """List ports again where one has left before it was looked up by its name."""
        for _ in range(LISTINGS):
            with contextlib.suppress(self.error):
                return self._client.get_ports(is_midi=True, **which)  # type: ignore[no-any-return]
        return self._client.get_ports(is_midi=True, **which)  # type: ignore[no-any-return]

    def _check(self, name: str, there: Sequence[str], virtual: bool) -> None:
        if not virtual and name not in there:
            raise LookupError(f"no MIDI port named {name!r}; there is: {', '.join(there) or 'none'}")

    def _connect(self, source: Any, to: Any, port: Any) -> None:
        try:
            self._client.connect(source, to)
        except self.error:
            port.unregister()
            raise

    def _settle(self) -> None:
        """Wait until a connection is in force, from the cycle after the next on; not long, where the server stands."""
        seen = self._cycles
        self._wait(lambda: self._cycles >= seen + 2, SETTLE_SECONDS)

    def _wait(self, true: Callable[[], bool], most_seconds: float) -> None:
        """Wait until something is so, cycle by cycle, but not for long."""
        until = time.monotonic() + most_seconds
        while not true() and time.monotonic() < until:
            time.sleep(self._client.blocksize / self.rate)

    def _process(self, frames: int) -> None:
        """Pass on what came, write what is due. JACK's thread; its process has nothing else to do."""
        start = self._frames.begin()
        self._cycles += 1
        if self._expected is not None and start > self._expected:
            self._missed += (start - self._expected) // frames
        self._expected = start + frames
        self._hear(start)
        self._write(start, frames)
        if self._watches:
            self._watch(start)
        if self._lost or self._missed or self._outbox.late:
            self._tell_faults()

    def _hear(self, start: int) -> None:
        packet: list[bytes] = []
        count = 0
        for number, port in self._hearing:
            for offset, data in port.incoming_midi_events():
                if not packet:
                    began = self._frames.unix_seconds(start)
                event = bytes(data)
                packet += (HEARD.pack(number, len(event), start + offset, began + offset / self.rate), event)
                count += 1
            self._lost += port.lost_midi_events
        if packet and not self._pass_on(b"".join(packet)):
            self._lost += count

    def _write(self, start: int, frames: int) -> None:
        outputs = self._outputs
        for port in outputs.values():
            port.clear_buffer()

        def write(number: int, place: int, message: bytes) -> bool:
            try:
                if number in outputs:
                    outputs[number].write_midi_event(place, message)
            except (self.error, ValueError):
                return False
            return True

        self._outbox.write(start, frames, write)

    def _watch(self, start: int) -> None:
        """Tell where the transport is: when it is elsewhere than it was going to be, and now and then."""
        state, position = self._client.transport_query_struct()
        state, frame = int(state), int(position.frame)
        before, told_frame, told_at = self._watched
        since = start - told_at
        expected = told_frame + (since if before == self._rolling else 0)
        rests = state != self._rolling or since < WATCH_SECONDS * self.rate
        if (state, frame) == (before, expected) and rests:
            return
        if self._pass_on(HEARD.pack(TRANSPORT, state, frame, self._frames.unix_seconds(start))):
            self._watched = state, frame, start

    def _tell_faults(self) -> None:
        """Tell what was lost, missed and late; what control does not take now is told with the next one."""
        late = self._outbox.late, self._outbox.latest_frames / self.rate
        packet = b"".join((
            HEARD.pack(LOST, self._lost, 0, 0.0), HEARD.pack(MISSED, self._missed, 0, 0.0),
            HEARD.pack(LATE, late[0], 0, late[1]),
        ))  # fmt: skip
        if self._pass_on(packet):
            self._lost = self._missed = self._outbox.late = self._outbox.latest_frames = 0

    def _pass_on(self, packet: bytes) -> bool:
        """Send control a packet; return whether its queue had room."""
        try:
            self._events.send(packet)
        except OSError:
            return False
        return True


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
        ports = _begin(connection, events, sys.argv[3], waits=sys.argv[4] == "wait")
    except Exception as error:  # noqa: BLE001 - whatever it is, control is told instead of a pipe's end
        with contextlib.suppress(OSError):
            connection.send(("error", str(error)))
        return
    connection.send(("ok", ports.rate))
    gc.collect()
    gc.freeze()
    gc.disable()
    with contextlib.suppress(EOFError, OSError):
        _serve(connection, ports)
    ports.close()


def _begin(connection: Connection, events: socket.socket, name: str, *, waits: bool) -> JackProcess:
    """Be a client of JACK's; waits: as soon as a server is there. EOFError: control is gone meanwhile."""
    if waits:
        import jack

        jack.set_error_function(lambda _: None)  # each look at a server that is not there would be a complaint
        jack.set_info_function(lambda _: None)
    while True:
        try:
            return JackProcess(events, name)
        except LookupError:
            if not waits:
                raise
        if connection.poll(WAIT_SECONDS):
            raise EOFError("control is gone")


def _serve(connection: Connection, ports: JackProcess) -> None:
    """Do what control asks for, for as long as it is there."""
    import pickle

    while True:
        data = connection.recv_bytes()
        if data[:1] == b"\0":
            number, at, engine_frame = SENT.unpack_from(data, 1)
            ports.send(number, at, engine_frame, data[1 + SENT.size :])
        else:
            connection.send(answer(ports, pickle.loads(data)))


if __name__ == "__main__":
    main()
SETTLE_SECONDS = 1.0
