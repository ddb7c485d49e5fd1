"""Every bus as a pair of ports of its own in a JACK (or PipeWire) graph: ``cuevox:voice_1``, ``cuevox:voice_2``."""

from __future__ import annotations

import contextlib
import threading
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.errors import DeviceError
from engine.output.base import Ready, Render, nothing_to_do
from engine.output.jack_clock import JackClock, server_answers
from engine.output.jack_patch import JackPatch, Patch, open_patch
from engine.story.model import MASTER

CLIENT = "cuevox"
PIECE_FRAMES = 1024
"""A longer period is mixed in pieces: the mixer keeps one of what each strip gave."""
CYCLE_SECONDS = 1.0
"""How long a cycle may take, generously: a port that nobody writes any more can go."""


class Strips(Protocol):
    """Whose strips are heard one by one; the audio process's core is one. The output's thread."""

    @property
    def strip_ids(self) -> tuple[str, ...]:
        """The strips' ids by index, empty where there is none; another object once they have changed.

        One that rings out still has its id, which may be that of another by now.
        """
        ...

    def strip_output(self, strip: int) -> NDArray[np.float32]:
        """Return what a strip gave in the last block, (frames, 2), behind its fader."""
        ...


class _Pair(NamedTuple):
    """strips: all of that name; more than one while the one before rings out."""

    name: str
    strips: tuple[int, ...]
    left: Any
    right: Any


class _Layout(NamedTuple):
    """names: the strips', by which the pairs were made."""

    names: tuple[str, ...]
    pairs: tuple[_Pair, ...]


class JackPortsOutput:
    """Plays into a JACK server of which it is a client: the master, and each track and bus, behind its fader.

    The master is connected to the first two outputs of the machine; everything else to nothing; or all as ``wanted``
    says. Ports come with the story's strips and go once those have rung out. strips: of the mixer that ``start``'s
    render fills blocks of.
    """

    def __init__(self, sample_rate: int, block_frames: int, strips: Strips, wanted: Patch | None = None) -> None:
        self.name = "jack-ports"
        self.sample_rate = sample_rate
        self.block_frames = block_frames
        self.latency_frames = 0
        self.steady = True
        self.patch: JackPatch | None = None
        self._strips, self._wanted = strips, wanted
        self._client: Any = None
        self._clock: JackClock | None = None
        self._gone = threading.Event()
        self._stopping = threading.Event()
        self.repatched = threading.Event()
        """Set whenever a connection is made or cut."""
        self._changed, self._cycled = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._layout = _Layout((), ())
        self._owned: dict[str, tuple[Any, Any]] = {}
        self._mixed = np.zeros((PIECE_FRAMES, 2), np.float32)

    def start(self, render: Render, ready: Ready = nothing_to_do) -> None:
        """Enter the graph and begin. Raises DeviceError without a server, at another rate, or without JACK-Client."""
        self._render = render
        client = self._client = self._enter()
        import jack

        try:
            self._play(client, ready)
        except jack.JackError as error:
            self.stop()
            raise DeviceError(f"the JACK server went, or refused, as we entered: {error}") from error

    def _play(self, client: Any, ready: Ready) -> None:
        """Begin. Raises DeviceError, and what JACK-Client raises where the server goes meanwhile."""
        self._clock = JackClock()
        self.block_frames = client.blocksize
        for event in (self._gone, self._stopping):
            event.clear()
        client.set_process_callback(self._process)
        client.set_shutdown_callback(lambda *_: self._gone.set())
        client.set_port_connect_callback(lambda *_: self.repatched.set())
        self._follow()
        ready()
        client.activate()
        self.patch = open_patch(client.name, self._wanted, self.repatched)
        if self._wanted is None or self.patch is None:
            self._connect(client)
        self.latency_frames = self.block_frames  # JACK-Client can't ask for more
        self._thread = threading.Thread(target=self._run, name="jack ports", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Leave the graph."""
        self._stopping.set()
        self._changed.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
        client, self._client = self._client, None
        guests, self._clock, self.patch = (self._clock, self.patch), None, None
        if client is not None:
            with contextlib.suppress(Exception):  # a server that is gone
                client.deactivate()
            client.close()
        for guest in filter(None, guests):
            guest.close()
        self._owned.clear()
        self._layout = _Layout((), ())

    def answers(self) -> bool:
        """Return whether the server is still there."""
        return not self._gone.is_set() and server_answers()

    def _enter(self) -> Any:
        """Become a client. Raises DeviceError."""
        try:
            import jack
        except (ImportError, OSError) as error:
            raise DeviceError(f"device jack-ports needs JACK-Client and libjack (extra sync): {error}") from error
        try:
            client = jack.Client(CLIENT, no_start_server=True)
        except jack.JackError as error:
            raise DeviceError(f"no JACK server is running: {error}") from error
        if client.samplerate != self.sample_rate:
            rate = client.samplerate
            client.close()
            raise DeviceError(
                f"the JACK server is at {rate} Hz, the story at {self.sample_rate} Hz: set one of them to the other's"
            )
        return client

    def _connect(self, client: Any) -> None:
        """Have the master heard where the machine plays."""
        playback = client.get_ports(is_physical=True, is_audio=True, is_input=True)[:2]
        mine = self._owned.get(MASTER, ())
        for source, sink in zip(mine, playback, strict=False):
            client.connect(source, sink)

    def _run(self) -> None:
        """Follow the strips, until stopped; a callback can't make ports."""
        while not self._stopping.is_set():
            self._changed.wait()
            self._changed.clear()
            if not self._stopping.is_set() and not self._gone.is_set():
                self._follow()

    def _follow(self) -> None:
        """Have ports for the strips that there are."""
        names = self._strips.strip_ids
        wanted: dict[str, list[int]] = {}
        for strip, name in enumerate(names):
            if name:
                wanted.setdefault(name, []).append(strip)
        for name in wanted.keys() - self._owned.keys():
            self._owned[name] = tuple(self._client.outports.register(f"{name}_{n}") for n in (1, 2))
        pairs = (_Pair(name, tuple(strips), *self._owned[name]) for name, strips in wanted.items())
        self._layout = _Layout(names, tuple(pairs))
        leaving = [self._owned.pop(name) for name in self._owned.keys() - wanted.keys()]
        if leaving:
            self._cycled.clear()
            self._cycled.wait(CYCLE_SECONDS)
            self._cycled.clear()
            self._cycled.wait(CYCLE_SECONDS)  # a cycle that began with them is over
            for port in (port for pair in leaving for port in pair):
                port.unregister()

    def _process(self, frames: int) -> None:
        if self._clock is None:
            return
        unix_seconds, lost = self._clock.cycle(frames)
        layout = self._layout
        outs = [(pair, pair.left.get_array(), pair.right.get_array()) for pair in layout.pairs]
        for begin in range(0, frames, PIECE_FRAMES):
            end = min(frames, begin + PIECE_FRAMES)
            mixed = self._mixed[: end - begin]
            self._render(mixed, unix_seconds + begin / self.sample_rate, lost and begin == 0)
            names = self._strips.strip_ids
            for pair, left, right in outs:
                block = self._block(pair, names, mixed)
                left[begin:end] = block[:, 0]
                right[begin:end] = block[:, 1]
        if self._strips.strip_ids is not layout.names:
            self._changed.set()
        self._cycled.set()

    def _block(self, pair: _Pair, names: tuple[str, ...], mixed: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what a pair's ports play: silence while they follow a graph that has just come."""
        if pair.name == MASTER:
            return mixed
        strips = [s for s in pair.strips if s < len(names) and names[s] == pair.name]
        if not strips:
            return np.zeros_like(mixed)
        block = self._strips.strip_output(strips[0])
        for strip in strips[1:]:
            block = block + self._strips.strip_output(strip)
        return block
