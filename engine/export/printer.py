"""Printer: writes what the mixer gives, stems and mix, each measured on its way to the disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from engine.export.kernel import outline
from engine.export.loudness import Meter
from engine.export.wav import WavWriter

Floats = NDArray[np.float32]

_BUNDLES = 3
"""Blocks on the way between the mixer and the disk."""

_THREADS = 4
"""At most so many threads share the files."""


class Print:
    """One file being written. skip: frames at the start that are not its own: the mixer's latency, what lies before.

    compare_sides: find out whether left and right are the same throughout.
    """

    def __init__(
        self, writer: WavWriter, meter: Meter, *, skip: int = 0, outline_bucket: int = 0, compare_sides: bool = False
    ) -> None:
        self.is_mono = compare_sides
        self.has_chunks = bool(writer.lead_bytes)
        self.writer = writer
        self.meter = meter
        self.outline = np.zeros(0, np.float32)
        self._skip = skip
        self._bucket = outline_bucket

    def take(self, block: Floats) -> None:
        """Append ``block``, shape (frames, 2)."""
        skipped = min(self._skip, len(block))
        self._skip -= skipped
        block = block[skipped:]
        if not len(block):
            return
        peak = self.meter.read(block)
        self.is_mono = self.is_mono and bool((block[:, 0] == block[:, 1]).all())
        self._draw(block)
        if peak:
            self.writer.write(block)
        else:
            self.writer.skip(len(block))

    def _draw(self, block: Floats) -> None:
        if not self._bucket:
            return
        buckets = -(-(self.writer.frames + len(block)) // self._bucket)
        self.outline = np.concatenate((self.outline, np.zeros(buckets - len(self.outline), np.float32)))
        outline(block, self.writer.frames, self._bucket, self.outline)


class Printer:
    """Writes all files of an export, in threads of its own; an error of the disk comes out at the next call.

    ahead: how many bundles are filled at a time. cores: how many there are; each file has one thread.
    """

    def __init__(self, prints: Sequence[Print], block_frames: int, ahead: int = 0, cores: int = 1) -> None:
        self._prints = tuple(prints)
        count = max(1, min(cores, len(self._prints), _THREADS))
        self._threads = [ThreadPoolExecutor(1, thread_name_prefix="printer") for _ in range(count)]
        shape = (len(self._prints), block_frames, 2)
        self._free = deque(np.empty(shape, np.float32) for _ in range(_BUNDLES + ahead))
        self._busy: deque[tuple[list[Future[None]], Floats]] = deque()

    def bundle(self) -> Floats:
        """Return a bundle to fill, shape (files, frames, 2); waits for the disk when it is three blocks behind."""
        if not self._free:
            done, bundle = self._busy.popleft()
            _wait(done)
            self._free.append(bundle)
        return self._free.popleft()

    def submit(self, bundle: Floats) -> None:
        """Have a filled bundle written; it must not be touched again."""
        done = [thread.submit(self._write, bundle, number) for number, thread in enumerate(self._threads)]
        self._busy.append((done, bundle))

    def flush(self) -> None:
        """Wait until everything is written."""
        while self._busy:
            _wait(self._busy.popleft()[0])

    def close(self) -> None:
        """End the threads; what is not written by then is not."""
        for thread in self._threads:
            thread.shutdown(cancel_futures=True)

    def _write(self, bundle: Floats, number: int) -> None:
        """Write every so manieth file."""
        step = len(self._threads)
        for each, block in zip(self._prints[number::step], bundle[number::step], strict=True):
            each.take(block)


def _wait(written: Sequence[Future[None]]) -> None:
    for each in written:
        each.result()
