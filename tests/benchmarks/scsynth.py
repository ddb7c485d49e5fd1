"""scsynth, the reference: a server on JACK, and synths that play a buffer.

The synth definitions are written here (SuperCollider's "Synth Definition File Format", version 2): a whole package
for three unit generators would bring Sphinx and black along.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import time
from collections.abc import Sequence
from types import TracebackType

import msgspec
import numpy as np
from numpy.typing import NDArray
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

START_SECONDS = 15.0
AUDIO_RATE, CONTROL_RATE = 2, 1
FREE_SYNTH = 2
"""The done action that frees a synth once its buffer is played."""

SETN_FLOATS = 1000


class Unit(msgspec.Struct, frozen=True):
    """A unit generator. inputs: constants, or (number of a unit above, its output)."""

    name: str
    inputs: tuple[float | tuple[int, int], ...]
    outputs: int
    rate: int = AUDIO_RATE


def synthdef(name: str, units: Sequence[Unit]) -> bytes:
    """Return a definition file with one synth without parameters."""
    constants = sorted({value for unit in units for value in unit.inputs if not isinstance(value, tuple)})
    out = b"SCgf" + struct.pack(">ih", 2, 1) + _text(name)
    out += struct.pack(f">i{len(constants)}f", len(constants), *constants)
    out += struct.pack(">iii", 0, 0, len(units))  # no parameters, no names of them
    for unit in units:
        out += _text(unit.name) + struct.pack(">biih", unit.rate, len(unit.inputs), unit.outputs, 0)
        for value in unit.inputs:
            out += struct.pack(">ii", *(value if isinstance(value, tuple) else (-1, constants.index(value))))
        out += bytes([unit.rate]) * unit.outputs
    return out + struct.pack(">h", 0)


def player(name: str, *, rate: float = 1.0, loop: bool = False, gain: float = 1.0, exact: bool = False) -> bytes:
    """Return a definition that plays mono buffer 0 in the middle of outputs 0 and 1 and is then freed.

    exact: starts at its time tag's frame inside the block (OffsetOut), not at the block's edge.
    """
    play = Unit("PlayBuf", (0.0, rate, 1.0, 0.0, float(loop), float(FREE_SYNTH)), 1)
    pan = Unit("Pan2", ((0, 0), 0.0, gain), 2)
    return synthdef(name, (play, pan, Unit("OffsetOut" if exact else "Out", (0.0, (1, 0), (1, 1)), 0)))


def message(address: str, *arguments: int | float | str | bytes) -> bytes:
    """Return an OSC message."""
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument)
    return builder.build().dgram


class Scsynth:
    """A running server; use it as a context manager. ``env`` names the JACK server.

    Its outputs are left unconnected: connected to a device, it would start time-tagged synths earlier by the device's
    latency.
    """

    def __init__(self, env: dict[str, str], *, synths: int = 4096) -> None:
        self.port = _free_port()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", self.port))
        command = ["scsynth", "-u", str(self.port), "-B", "127.0.0.1", "-l", "4", "-m", "262144", "-w", "256"]
        command += ["-n", str(synths), "-D", "0", "-R", "0"]
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **env, "SC_JACK_DEFAULT_INPUTS": "", "SC_JACK_DEFAULT_OUTPUTS": ""},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> Scsynth:
        try:
            self._wait_started()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        """Have it leave by itself: a client that just dies holds up the JACK server."""
        with contextlib.suppress(OSError):
            self.send("/quit")
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._socket.close()

    def send(self, address: str, *arguments: int | float | str | bytes) -> None:
        """Send a message and go on."""
        self._socket.send(message(address, *arguments))

    def load(self, definition: bytes) -> None:
        """Hand over a synth definition and wait for it."""
        self.send("/d_recv", definition)
        self.sync()

    def fill(self, samples: NDArray[np.float32]) -> None:
        """Put mono samples into buffer 0 and wait for it."""
        self.send("/b_alloc", 0, len(samples), 1)
        self.sync()
        for start in range(0, len(samples), SETN_FLOATS):
            part = [float(value) for value in samples[start : start + SETN_FLOATS]]
            self.send("/b_setn", 0, start, len(part), *part)
        self.sync()

    def sync(self, seconds: float = 5.0) -> None:
        """Wait until everything sent so far is done. Raises TimeoutError."""
        self.send("/sync", 1)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            if OscMessage(self._socket.recv(65536)).address == "/synced":
                return
        raise TimeoutError("scsynth does not answer")

    def _wait_started(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                return self.sync(0.1)
            except (ConnectionRefusedError, TimeoutError):
                time.sleep(0.05)
        raise RuntimeError("scsynth did not start (Debian: apt install supercollider-server)")


def _text(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
