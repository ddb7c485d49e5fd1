"""An independent listener: a JACK client that records what arrives, with JACK's own frame times."""

from __future__ import annotations

import threading
import time

import numpy as np
from numpy.typing import NDArray

from tests.jack_server import JackServer, join, names_of

PATIENCE_SECONDS = 30.0


class JackRecorder:
    """Records two ports of another client into memory.

    frames: JACK's frame time of each recorded cycle's first frame. Use it as a context manager.
    """

    def __init__(self, server: JackServer, *, seconds: float = 60.0) -> None:
        self._client = server.client("recorder")
        self._ports = [self._client.inports.register(f"in_{n}") for n in (1, 2)]
        period = self._client.blocksize
        self._period = period
        self._audio = np.zeros((int(seconds * self._client.samplerate) // period, period, 2), np.float32)
        self._starts = np.zeros(len(self._audio), np.int64)
        self._unix = np.zeros(len(self._audio))
        self._cycles = 0
        self._grew = threading.Event()
        self.xruns = 0
        self._client.set_process_callback(self._record)
        self._client.set_xrun_callback(self._count_xrun)

    def __enter__(self) -> JackRecorder:
        self._client.activate()
        self.wait_frames(1)  # there is always something to look at
        return self

    def __exit__(self, *_: object) -> None:
        self._client.deactivate()
        self._client.close()

    def hears(self, client: str) -> bool:
        """Return whether ``client`` has outputs now."""
        return bool(names_of(self._client, f"^{client}:", is_output=True, is_audio=True))

    def listen_to(self, client: str, look_seconds: float = 0.01) -> None:
        """Connect to the outputs of ``client`` as soon as it has them."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(ports := names_of(self._client, f"^{client}:", is_output=True, is_audio=True)) < 2:
            assert time.monotonic() < deadline, f"no client {client} with two outputs"
            time.sleep(look_seconds)
        self.connect(ports)

    def connect(self, sources: list[str]) -> None:
        """Listen to these ports, one per channel."""
        for source, port in zip(sources, self._ports, strict=False):
            join(self._client, source, port.name)

    @property
    def frames(self) -> int:
        """Frames recorded so far."""
        return self._cycles * self._period

    def wait_frames(self, frames: int) -> None:
        """Wait until ``frames`` more have been recorded."""
        goal = self.frames + frames
        while self.frames < goal:
            assert self._grew.wait(PATIENCE_SECONDS), f"the server played only {self.frames} of {goal} frames"
            self._grew.clear()

    def audio(self) -> NDArray[np.float32]:
        """Return everything so far, (frames, 2)."""
        return self._audio[: self._cycles].reshape(-1, 2).copy()

    def unix_seconds(self, frame: int) -> float:
        """Return the wall time of recorded frame ``frame``: when its cycle began, as JACK says, plus its place."""
        cycle, place = divmod(frame, self._period)
        return float(self._unix[cycle]) + place / self._client.samplerate

    def whole(self) -> bool:
        """Return whether JACK's frame times show no gap so far."""
        return bool((np.diff(self._starts[: self._cycles]) == self._period).all())

    def _record(self, frames: int) -> None:
        if self._cycles >= len(self._audio):
            return
        for channel, port in enumerate(self._ports):
            self._audio[self._cycles, :, channel] = port.get_array()
        since_frames = self._client.frames_since_cycle_start + 0.5  # whole frames, rounded down
        self._unix[self._cycles] = time.time() - since_frames / self._client.samplerate
        self._starts[self._cycles] = self._client.last_frame_time
        self._cycles += 1
        self._grew.set()

    def _count_xrun(self, _: float) -> None:
        self.xruns += 1
