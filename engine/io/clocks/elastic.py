"""The buffer between two clocks: put in at one's pace, taken out at the other's, and never a click."""

from __future__ import annotations

from enum import Enum

import numpy as np

from engine.io.clocks.drift import Drift
from engine.io.clocks.variable_rate import Audio, VariableRate
from engine.realtime.fades import Tail, line

FADE_SECONDS = 0.005
GAP_FADE_FRAMES = 64
GROW = 1.5
"""How much more is kept after it ran dry."""
MOST_AIM_SECONDS = 0.5
SPARE_SECONDS = 0.25
"""What may come at once on top of twice the aim; more is a source that runs away, as a DAW that renders offline."""
CALM_SECONDS, CALM_SPEED = 0.1, 1.5
"""A source that ran away is heard again once it was no faster than that for so long."""


class State(Enum):
    """waiting: for as much as is aimed at. ending: it fades out, since there is too little, or too much."""

    WAITING = "waiting"
    PLAYING = "playing"
    ENDING = "ending"


class Elastic:
    """Takes blocks of (frames, 2) at ``in_rate`` and gives blocks at ``out_rate``. Not for two threads.

    aim_seconds: how much is kept, which is the delay; it grows each time that it was too little. Times are those of
    one steady clock, in seconds.
    """

    def __init__(self, in_rate: int, out_rate: int, aim_seconds: float) -> None:
        self.aim_seconds = min(aim_seconds, MOST_AIM_SECONDS)
        self.state = State.WAITING
        self.drift = Drift()
        self.dry = self.over = 0
        """How often there was too little, and too much."""
        self.lost_frames = 0
        """Frames of the source that were never heard, or never came."""
        self._in_rate, self._out_rate = in_rate, out_rate
        self._nominal = in_rate / out_rate
        self._sound = VariableRate(self._nominal, 2 * round(in_rate * (2 * MOST_AIM_SECONDS + SPARE_SECONDS)))
        self._fade = max(1, round(FADE_SECONDS * out_rate))
        self._gain = 0.0
        self._last, self._tail = np.zeros((2, 1), np.float32), Tail()
        self._put_at, self._put_frames = 0.0, 0
        self._wild = False
        self._came_seconds = self._waited_seconds = 0.0
        self._risen = GAP_FADE_FRAMES

    @property
    def fill_seconds(self) -> float:
        """How much sound waits."""
        return self._sound.frames / self._in_rate

    @property
    def silent(self) -> bool:
        """Whether nothing is given, nor rings out."""
        return self.state is State.WAITING and not self._tail.sounds

    @property
    def may_begin(self) -> bool:
        """Whether there is as much as is aimed at."""
        return self.fill_seconds >= self.aim_seconds + self._lead_seconds

    def put(self, block: Audio, now_seconds: float) -> None:
        """Take in what the source has made, (frames, 2)."""
        if self._risen < GAP_FADE_FRAMES:
            block = block * line(self._risen, len(block), GAP_FADE_FRAMES)
            self._risen += len(block)
        self.lost_frames += self._sound.put(block)
        self._came_seconds += len(block) / self._in_rate
        self._put_at, self._put_frames = now_seconds, len(block)

    def gap(self, frames: int, now_seconds: float) -> None:
        """Take in that so many frames are missing: silence, with a fade on both sides.

        0: what comes is no continuation of what came.
        """
        tail = self._sound.newest(GAP_FADE_FRAMES)
        tail *= np.linspace(1.0, 0.0, len(tail), dtype=np.float32)[:, np.newaxis]
        self.put(np.zeros((frames, 2), np.float32), now_seconds)
        self.lost_frames += frames
        self._risen = 0

    def give(self, out: Audio, now_seconds: float, beyond_seconds: float = 0.0) -> None:
        """Fill ``out``, (frames, 2). beyond_seconds: what was given before and has not been taken by the clock yet."""
        if self.state is State.WAITING and not self._begin(len(out), now_seconds, beyond_seconds):
            out[:] = 0.0
            self._tail.ring(out.T)
            return
        if self.state is State.PLAYING:
            self._look(len(out), now_seconds, beyond_seconds)
        rate = self._nominal * (1.0 + self.drift.correction)
        count = min(len(out), self._sound.ready(rate))
        if self.state is State.ENDING:
            count = min(count, int(np.ceil(self._gain * self._fade)))
        self._sound.give(out[:count], rate)
        out[count:] = 0.0
        self._shape(out[:count])
        if count:
            self._last[:, 0] = out[count - 1]
        self._tail.ring(out[:count].T)
        if self.state is State.ENDING and (self._gain <= 0.0 or count < len(out)):
            self._end()
        self._tail.ring(out[count:].T)

    def _begin(self, frames: int, now: float, beyond: float) -> bool:
        """Begin, with as much as is aimed at, once that is there and no more comes than is played."""
        self._wild = self._wild or self._floods
        if self._wild:
            self._calm_down(frames)
        if self._wild or not self.may_begin:
            return False
        self._sound.drop(round(self._too_much(now, beyond) * self._in_rate))
        self.state, self._gain = State.PLAYING, 0.0
        self.drift.settle()
        return True

    def _calm_down(self, frames: int) -> None:
        """Let pass by what a source that ran away gives, until it is steady."""
        self._sound.clear()
        self._waited_seconds += frames / self._out_rate
        if self._waited_seconds >= CALM_SECONDS:
            self._wild = self._came_seconds > CALM_SPEED * self._waited_seconds
            self._came_seconds = self._waited_seconds = 0.0

    def _look(self, frames: int, now: float, beyond: float) -> None:
        """Take the fill in; end where there is too little, or far too much."""
        rate = self._nominal * (1.0 + self.drift.correction)
        if self._sound.ready(rate) < frames + self._fade:
            self.dry += 1
            self.aim_seconds = min(GROW * self.aim_seconds, MOST_AIM_SECONDS)
            self.state = State.ENDING
        elif self._floods:
            self.over += 1
            self.state, self._wild = State.ENDING, True
            self._came_seconds = self._waited_seconds = 0.0
        else:
            self.drift.update(self._too_much(now, beyond), frames / self._out_rate)

    @property
    def _floods(self) -> bool:
        return self.fill_seconds > 2.0 * self.aim_seconds + SPARE_SECONDS

    def _too_much(self, now: float, beyond: float) -> float:
        """Return by how much there is more than is aimed at; what the source has made since it put counts too."""
        made = min(max(0.0, now - self._put_at), self._put_frames / self._in_rate)
        return self.fill_seconds + made + beyond - self.aim_seconds - self._lead_seconds

    @property
    def _lead_seconds(self) -> float:
        """What the filter wants beyond."""
        return self._sound.lead_frames / self._in_rate

    def _shape(self, out: Audio) -> None:
        """Fade in after a beginning, and out before an end."""
        up = self.state is State.PLAYING
        if up and self._gain >= 1.0:
            return
        steps = np.arange(1, len(out) + 1, dtype=np.float32) / self._fade
        curve = np.clip(self._gain + steps if up else self._gain - steps, 0.0, 1.0)
        out *= curve[:, np.newaxis]
        self._gain = float(curve[-1]) if len(curve) else self._gain

    def _end(self) -> None:
        if self._gain > 0.0:  # there was too little even for the fade
            self._tail.begin(self._last)
        self.lost_frames += max(0, int(self._sound.frames))
        self._sound.clear()
        self.state, self._gain = State.WAITING, 0.0
