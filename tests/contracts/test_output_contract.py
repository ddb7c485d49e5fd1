"""Every output keeps the same promises: by hand, at a null pace, on a real JACK server."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.output.base import Output
from engine.output.memory import MemoryOutput
from engine.output.null import NullOutput
from tests.jack_server import running_server

RATE = 48000
PATIENCE_SECONDS = 30.0


class Recorder:
    """A render function that counts and remembers; ``enough`` is set after ``wanted`` blocks."""

    def __init__(self, wanted: int = 20) -> None:
        self.blocks: list[tuple[int, float, bool]] = []
        self.shapes: set[tuple[type, int, bool]] = set()
        self.threads: set[int] = set()
        self.enough = threading.Event()
        self._wanted = wanted

    def __call__(self, out: NDArray[np.float32], unix_seconds: float, lost: bool) -> None:
        out[:] = 0.0
        self.blocks.append((len(out), unix_seconds, lost))
        self.shapes.add((out.dtype.type, out.shape[1], out.flags.writeable))
        self.threads.add(threading.get_ident())
        if len(self.blocks) >= self._wanted:
            self.enough.set()


class OutputContract:
    """What holds for all; a subclass makes the output and lets it run until the recorder has enough."""

    @pytest.fixture
    def output(self) -> Iterator[Output]:
        raise NotImplementedError

    def run(self, output: Output, recorder: Recorder) -> None:
        assert recorder.enough.wait(PATIENCE_SECONDS)

    def test_asks_for_stereo_float_blocks_in_one_thread(self, output: Output) -> None:
        recorder = Recorder()
        output.start(recorder)
        self.run(output, recorder)
        output.stop()
        assert recorder.shapes == {(np.float32, 2, True)}
        assert len(recorder.threads) == 1

    def test_says_what_it_is(self, output: Output) -> None:
        recorder = Recorder()
        output.start(recorder)
        self.run(output, recorder)
        output.stop()
        assert output.sample_rate == RATE
        assert output.name
        assert output.latency_frames >= 0
        assert output.steady
        assert {frames for frames, _, _ in recorder.blocks} == {output.block_frames}

    def test_is_ready_before_it_asks_for_anything(self, output: Output) -> None:
        recorder = Recorder()
        had: list[tuple[int, int]] = []
        output.start(recorder, lambda: had.append((threading.get_ident(), len(recorder.blocks))))
        self.run(output, recorder)
        output.stop()
        assert had == [(threading.get_ident(), 0)]

    def test_its_times_follow_its_frames(self, output: Output) -> None:
        recorder = Recorder(wanted=200)
        output.start(recorder)
        self.run(output, recorder)
        output.stop()
        frames = np.cumsum([0] + [f for f, _, _ in recorder.blocks])[:-1]
        seconds = np.array([t for _, t, _ in recorder.blocks])
        off_frames = (seconds - seconds[0]) * RATE - frames
        lost = any(lost for _, _, lost in recorder.blocks)
        assert lost or abs(np.median(off_frames)) < output.block_frames

    def test_none_is_under_way_after_stop(self, output: Output) -> None:
        recorder = Recorder()
        output.start(recorder)
        self.run(output, recorder)
        output.stop()
        count = len(recorder.blocks)
        output.stop()
        assert len(recorder.blocks) == count

    def test_starts_again_after_stop(self, output: Output) -> None:
        for _ in range(2):
            recorder = Recorder()
            output.start(recorder)
            self.run(output, recorder)
            output.stop()


class TestMemoryOutput(OutputContract):
    @pytest.fixture
    def output(self) -> Iterator[Output]:
        yield MemoryOutput(RATE, 128)

    def run(self, output: Output, recorder: Recorder) -> None:
        assert isinstance(output, MemoryOutput)
        while not recorder.enough.is_set():
            output.pull(128)


class TestNullOutput(OutputContract):
    @pytest.fixture
    def output(self) -> Iterator[Output]:
        yield NullOutput(RATE, 128)


@pytest.mark.whole
class TestDeviceOutput(OutputContract):
    """On jackd's dummy backend: PortAudio, the JACK clock and the callback are the real ones."""

    @pytest.fixture
    def output(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Output]:
        pytest.importorskip("sounddevice")
        from engine.output.device import DeviceOutput, forget_devices

        for server in running_server(period=128):
            for key, value in server.env.items():
                monkeypatch.setenv(key, value)
            forget_devices()
            output = DeviceOutput((None,), RATE, 256)
            try:
                yield output
            finally:
                output.stop()
                forget_devices()
