"""Measuring: the master's loudness, heard through the tap, in a thread that begins when somebody looks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from engine.io.loudness import Loudness
from engine.io.messages import Measured
from engine.io.pulse import Pulse
from engine.realtime.memory import Segment
from engine.realtime.tap import TapReader

if TYPE_CHECKING:
    from engine.export.loudness import Meter

INTERVAL_SECONDS = 0.1
THREAD = "loudness"


class Measuring:
    """Tells the loudness since it was last begun anew ten times a second."""

    def __init__(self, tap: Segment, sample_rate: int, tell: Callable[[Measured], object], pulse: Pulse) -> None:
        self._tap, self._sample_rate, self._tell, self._pulse = tap, sample_rate, tell, pulse
        self._anew = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, *, anew: bool) -> None:
        """Measure; anew: from now on, otherwise go on with what is being measured."""
        if anew:
            self._anew.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        from engine.export.loudness import Meter  # loads compiled kernels: only for those who look

        warm = Meter(self._sample_rate)
        warm.read(np.full((self._sample_rate, 2), 0.1, np.float32))
        _reading(warm, 0, 0)
        self._pulse.begin(THREAD)  # only now: on a new machine the kernels are compiled first
        tap = TapReader(self._tap)
        meter, frames, lost_frames = Meter(self._sample_rate), 0, 0
        while True:
            self._pulse.beat(THREAD)
            block, lost = tap.read()
            if self._anew.is_set():
                self._anew.clear()
                meter, frames, lost_frames = Meter(self._sample_rate), 0, 0
            elif len(block):
                meter.read(block)
                frames, lost_frames = frames + len(block), lost_frames + lost
            self._tell(Measured(loudness=_reading(meter, frames, lost_frames)))
            time.sleep(INTERVAL_SECONDS)


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
