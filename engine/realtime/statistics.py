"""What the audio process counts about itself, kept in the status block's own layout."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine.clock import DelayLockedLoop
from engine.mixer.meters import show_meters, show_reduction
from engine.mixer.mixer import Mixer
from engine.realtime.causes import Blame
from engine.realtime.reporter import Reporter
from engine.realtime.status import HISTOGRAM_BINS, MAX_STRIPS, StatusWriter, places

_FRAME, _UNIX_NS, _RATE_HZ, _CLOCK_RESETS = places("frame", "unix_ns", "rate_hz", "clock_resets")
_TIMELINE_FRAME, _PLAYING, _GENERATION = places("timeline_frame", "playing", "generation")
_ACTIVE, _FREE, _LIMITER = places("active_players", "free_players", "limiter_reduction_db")
_CALLBACKS, _LAST_NS, _SUM_NS, _LONGEST_NS = places("callbacks", "callback_ns", "callback_sum_ns", "callback_max_ns")
(_HISTOGRAM,) = places("histogram")

PEAK_FALL_DB_PER_SECOND = 20.0 / 1.7
"""IEC 60268-10 type I: 20 dB in 1.7 s, so that a reader who looks seldom still sees every peak."""
RMS_SECONDS = 0.3
"""The time constant of a VU meter."""


class MeterBallistics:
    """Turns each block's peak and RMS into meters that anyone may read at any rate.

    source: what the mixer measured, (strips, 2, peak | rms). target: what the meters show, of the same shape.
    """

    def __init__(self, sample_rate: int, source: NDArray[np.float32], target: NDArray[np.float32]) -> None:
        self._rate = sample_rate
        self._source, self._target = source, target
        self._squares = np.zeros(target.shape[:2], np.float32)
        self._frames = 0
        self._fall = self._rise = np.float32(0.0)

    def update(self, frames: int) -> None:
        """Take in a block of ``frames``."""
        if frames != self._frames:
            seconds = frames / self._rate
            self._frames = frames
            self._fall = np.float32(10.0 ** (-PEAK_FALL_DB_PER_SECOND * seconds / 20.0))
            self._rise = np.float32(1.0 - math.exp(-seconds / RMS_SECONDS))
        show_meters(self._source, self._fall, self._rise, self._squares, self._target)


class StatusBoard:
    """Fills the status block and publishes it after each block."""

    def __init__(self, writer: StatusWriter, sample_rate: int, block_frames: int) -> None:
        self._writer = writer
        self._now, self._whole, self._real = writer.now, writer.whole, writer.real
        self._now["sample_rate"] = sample_rate
        self._rate = sample_rate
        self._reduction_db = 0.0
        self._now["block_frames"] = block_frames
        self.callbacks = 0
        self._longest_ns = 0
        self._sum_ns = 0

    def resume(self, mixer: Mixer, max_players: int) -> None:
        """Count on where the process before stopped."""
        now, block_frames = self._now, int(self._now["block_frames"])
        self._writer.resume()
        now["sample_rate"], now["block_frames"] = self._rate, block_frames
        self.callbacks, self._sum_ns = int(now["callbacks"]), int(now["callback_sum_ns"])
        self._longest_ns = int(now["callback_max_ns"])
        self.mixer(mixer, max_players)

    def output(self, block_frames: int, latency_frames: int) -> None:
        """Take in what the output turned out to be."""
        self._now["block_frames"] = block_frames
        self._now["output_latency_frames"] = latency_frames

    def mixer(self, mixer: Mixer, max_players: int) -> None:
        """Begin to show another mixer; strips beyond MAX_STRIPS have no meters here."""
        strips = min(mixer.strips, MAX_STRIPS)
        self._max_players = max_players
        self._now["strips"] = strips
        self._now["failed"] = 0
        self._now["reduction"] = 1.0
        self._reduction = self._now["reduction"][:strips]
        self._now["failed"][:strips] = mixer.failed[:strips] != 0
        self._now["meters"] = 0.0
        self._now["mixer_latency_frames"] = mixer.latency_frames
        self._meters = MeterBallistics(
            int(self._now["sample_rate"]), mixer.meters[:strips], self._now["meters"][:strips]
        )

    def failed(self, strip: int) -> None:
        """Mark a strip as silenced."""
        if 0 <= strip < MAX_STRIPS:
            self._now["failed"][strip] = 1

    def clock(self, frame: int, clock: DelayLockedLoop) -> None:
        """Note that the block which begins at ``frame`` began when ``clock`` says."""
        whole = self._whole
        whole[_FRAME] = frame
        whole[_UNIX_NS] = round(clock.block_seconds * 1e9)
        whole[_CLOCK_RESETS] = clock.resets
        self._real[_RATE_HZ] = clock.rate_hz

    def block(self, mixer: Mixer, frames: int, generation: int) -> None:
        """Note where the mixer stands after ``frames`` frames."""
        whole = self._whole
        whole[_TIMELINE_FRAME] = mixer.timeline_frame
        whole[_PLAYING] = mixer.playing
        whole[_GENERATION] = generation
        whole[_ACTIVE] = active = mixer.active_players
        whole[_FREE] = max(0, self._max_players - active)
        self._meters.update(frames)
        rise_db = PEAK_FALL_DB_PER_SECOND * frames / self._rate
        if (lowest := mixer.lowest_gains) is not None:
            show_reduction(lowest, np.float32(10.0 ** (rise_db / 20.0)), self._reduction)
        self._reduction_db += rise_db
        self._reduction_db = self._real[_LIMITER] = min(mixer.take_reduction_db(), self._reduction_db)

    def reports(self, reporter: Reporter) -> None:
        """Note what was told and what was lost."""
        now = self._now
        now["late_starts"] = reporter.late
        now["dropped_records"] = reporter.refused
        now["dropped_reports"] = reporter.dropped

    def lost(self, blame: Blame) -> None:
        """Count one underflow."""
        self._now["underflows"] += 1
        self._now["causes"][blame.cause] += 1
        self._now["blame"] = blame

    def error(self) -> int:
        """Count one block that became silence and return how many there were."""
        self._now["errors"] += 1
        return int(self._now["errors"])

    def publish(self, elapsed_ns: int) -> None:
        """Count a callback that took ``elapsed_ns`` and show everything."""
        whole = self._whole
        self.callbacks += 1
        self._sum_ns += elapsed_ns
        self._longest_ns = max(self._longest_ns, elapsed_ns)
        whole[_CALLBACKS] = self.callbacks
        whole[_LAST_NS] = elapsed_ns
        whole[_SUM_NS] = self._sum_ns
        whole[_LONGEST_NS] = self._longest_ns
        whole[_HISTOGRAM + min((elapsed_ns // 1000).bit_length(), HISTOGRAM_BINS - 1)] += 1
        self._writer.publish()
