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
    """Writes all files of an export in a thread of its own; an error of the disk comes out at the next call."""

    def __init__(self, prints: Sequence[Print], block_frames: int) -> None:
        self._prints = tuple(prints)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="printer")
        self._free = deque(np.empty((len(self._prints), block_frames, 2), np.float32) for _ in range(_BUNDLES))
        self._busy: deque[tuple[Future[None], Floats]] = deque()

    def bundle(self) -> Floats:
        """Return a bundle to fill, shape (files, frames, 2); waits for the disk when it is three blocks behind."""
        if not self._free:
            done, bundle = self._busy.popleft()
            done.result()
            self._free.append(bundle)
        return self._free.popleft()

    def submit(self, bundle: Floats) -> None:
        """Have a filled bundle written; it must not be touched again."""
        self._busy.append((self._thread.submit(self._write, bundle), bundle))

    def flush(self) -> None:
        """Wait until everything is written."""
        while self._busy:
            self._busy.popleft()[0].result()

    def close(self) -> None:
        """End the thread; what is not written by then is not."""
        self._thread.shutdown(cancel_futures=True)

    def _write(self, bundle: Floats) -> None:
        for each, block in zip(self._prints, bundle, strict=True):
            each.take(block)
