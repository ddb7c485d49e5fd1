"""The conductor: has the mixer play what the DAW plays, as far as somebody reads, and keeps what its buses gave."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engine.daw.desk import Desk, transport
from engine.daw.history import History
from engine.daw.layout import BUSES, MAX_REQUEST_FRAMES
from engine.daw.meter import Meter
from engine.daw.score import HISTORY_FRAMES, Ask, Passage, Score
from engine.output.base import Render
from engine.realtime.config import BOUNCE_FRAMES
from engine.realtime.records import Kind, records

FLUSH_SECONDS = 1.0
"""What is mixed unheard before a bounce begins to play: so long the limiter and ducking remember what was before."""
NOWHERE = -1

Audio = NDArray[np.float32]


class Conductor:
    """Mixes one stream of engine frames out of a desk. The output's thread.

    render: fills blocks with the main mix. beat: gives a sign of life, before each block.
    """

    def __init__(self, desk: Desk, render: Render, sample_rate: int, score: Score, beat: Callable[[], None]) -> None:
        self.history = History(HISTORY_FRAMES)
        self.head = 0
        """The engine frame up to which all is mixed."""
        self.unix_seconds = 0.0
        """The wall time of that, as whoever asked last sees it."""
        self._desk, self._render, self._rate, self._score, self._beat = desk, render, sample_rate, score, beat
        self._rolls_at = NOWHERE
        self._meter: Meter | None = None
        self._jumped = False
        self._out = np.zeros((BOUNCE_FRAMES, 2), np.float32)

    def go(self, passage: Passage, *, as_new: bool = False) -> None:
        """Bring the mixer to a passage that begins with its next frame. as_new: with effects as an export has them."""
        self._score.told(passage)
        self._jumped = True
        self._desk.conduct(transport(passage, as_new=as_new))
        rolls_in = passage.playing and passage.frame < 0
        self._rolls_at = passage.begin - passage.frame if rolls_in else NOWHERE

    def halt(self) -> None:
        """Stop what the DAW had playing, where it has got to."""
        if self._score.playing:
            self._score.stop(self.head)
            self._desk.conduct(transport(Passage(self.head, self._score.timeline(self.head), False)))
        self._rolls_at = NOWHERE
        self.keep_time(None)

    def flush(self, number: int) -> int:
        """Let nothing of what was before be heard in a bounce: players, tails, memories. Return how long that took.

        number: the slot that bounces.
        """
        begin = self.head
        self._score.stop(begin)
        panic = records(1)
        panic["kind"] = Kind.PANIC
        self._desk.conduct(panic)
        end = begin + round(FLUSH_SECONDS * self._rate)
        while self.head < end:
            self.mix(min(BOUNCE_FRAMES, end - self.head), self.unix_seconds)
        self._score.shift(number, self.head - begin)
        return self.head - begin

    def keep_time(self, meter: Meter | None) -> None:
        """Tell whose beats the timeline has, where that is news, and after each jump; None: nobody's but its own."""
        if meter is None and self._meter is not None:
            self._desk.keep_time(0.0, 0, 0)
        elif meter is not None and (self._jumped or not meter.is_like(self._meter)):
            self._desk.keep_time(meter.tempo_bpm, meter.beats_per_bar, meter.begin_frame)
            self._jumped = False
        else:
            return
        self._meter = meter

    def mix_until(self, cursor: int, until: int, ask: Ask, unix_seconds: float, *, in_blocks: bool) -> None:
        """Mix what has not been mixed yet, round the DAW's loop where that ends, and across frame 0.

        cursor: where ``ask`` reads. in_blocks: of one size from where it began to play, whatever the DAW's are.
        """
        if self.head >= until:
            return
        self._score.mixed(cursor, cursor + ask.frames, ask.at)
        if in_blocks:
            begun = self._score.begun
            until = begun - (begun - until) // BOUNCE_FRAMES * BOUNCE_FRAMES
        while (loop_end := self._score.loop_end(ask, self.head)) == self.head > cursor or self.head < until:
            if loop_end == self.head > cursor:
                self.go(Passage(self.head, ask.loop[0], True))
                continue
            if self._rolls_at == self.head:
                self._desk.conduct(transport(Passage(self.head, 0, True), as_new=ask.offline))
                self._rolls_at = NOWHERE
            edges = [until, self.head + (BOUNCE_FRAMES if ask.offline else MAX_REQUEST_FRAMES)]
            edges += [edge for edge in (loop_end, self._rolls_at) if edge > self.head]
            seconds = (self.head - cursor) / self._rate
            self.mix(min(edges) - self.head, self.unix_seconds if ask.offline else unix_seconds + seconds)

    def mix(self, frames: int, unix_seconds: float) -> None:
        """Mix a block, and keep it of each bus that is kept."""
        self._beat()
        out = self._out[:frames]
        self._render(out, unix_seconds, False)
        for bus in self.history.buses:
            self.history.write(bus, self.head, out if bus == 0 else self._strip(bus, frames))
        self.head += frames
        self.unix_seconds = unix_seconds + frames / self._rate

    def keep(self, wanted: set[int]) -> None:
        """Keep these buses, and as much else as there is room for: one that comes later may read it."""
        rest = [bus for bus in range(len(self._desk.buses) + 1) if bus not in wanted and self.has(bus)]
        self.history.want(frozenset((*wanted, *rest[: self.history.room - len(wanted)])), self.head)

    def has(self, bus: int) -> bool:
        """Whether a bus sounds: also one that has left the story and rings out."""
        strips = self._desk.strip_ids
        return bus == 0 or (bus < BUSES and bus <= len(strips) and strips[bus - 1] != "")

    def _strip(self, bus: int, frames: int) -> Audio:
        """Return what a strip gave in this block; silence where there is none, or the block failed."""
        if self.has(bus):
            block = self._desk.strip_output(bus - 1)
            if len(block) == frames:
                return block
        return np.zeros((frames, 2), np.float32)
