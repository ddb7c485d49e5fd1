"""The io process: ``python -m engine.io.io_process``.

First line in: an IoConfig as JSON. Each further line in is ``{"reset": true}``. A Loudness goes out as a line of JSON
ten times a second. The end of the input stops it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator

import msgspec
import numpy as np

from engine.export.loudness import Meter
from engine.io.loudness import IoConfig, Loudness
from engine.platform import die_with_parent, wait_readable
from engine.realtime.memory import Segment
from engine.realtime.tap import TapReader

INTERVAL_SECONDS = 0.1


def main() -> None:
    """Run until the input ends."""
    die_with_parent(int(os.environ.get("CUEVOX_PARENT_PID", os.getppid())))
    lines = _lines()
    config = msgspec.json.decode(next(lines), type=IoConfig)
    warm = Meter(config.sample_rate)  # compiled, or loaded, before the first frame waits
    warm.read(np.full((config.sample_rate, 2), 0.1, np.float32))
    _reading(warm, 0, 0)
    tap = TapReader(Segment.attach(*config.tap))
    meter, frames, lost_frames = Meter(config.sample_rate), 0, 0
    for line in lines:
        block, lost = tap.read()
        if line:  # a reset
            meter, frames, lost_frames = Meter(config.sample_rate), 0, 0
        elif len(block):
            meter.read(block)
            frames, lost_frames = frames + len(block), lost_frames + lost
        sys.stdout.buffer.write(msgspec.json.encode(_reading(meter, frames, lost_frames)) + b"\n")
        sys.stdout.buffer.flush()


def _reading(meter: Meter, frames: int, lost_frames: int) -> Loudness:
    levels, (momentary, short_term) = meter.levels(), meter.now()
    return Loudness(
        momentary_lufs=momentary,
        short_term_lufs=short_term,
        integrated_lufs=levels.integrated_lufs,
        range_lu=levels.range_lu,
        true_peak_dbtp=levels.true_peak_dbtp,
        frames=frames,
        lost_frames=lost_frames,
    )


def _lines() -> Iterator[bytes]:
    """Yield the lines of standard input, and an empty one whenever it is time to look at the tap."""
    pending, due = b"", time.monotonic()
    while True:
        if not wait_readable(0, max(0.0, due - time.monotonic())):
            due += INTERVAL_SECONDS
            yield b""
            continue
        chunk = os.read(0, 1 << 16)
        if not chunk:
            return
        *whole, pending = (pending + chunk).split(b"\n")
        yield from (line for line in whole if line)


if __name__ == "__main__":
    main()
