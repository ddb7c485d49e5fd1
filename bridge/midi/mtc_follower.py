"""Following MIDI timecode: when to believe it, and where the tape is between what it says."""

from __future__ import annotations

from collections import deque
from typing import Literal

from bridge.midi.mtc import PIECES, Sequence
from bridge.midi.timecode import Timecode, day_frames, frame_seconds
from bridge.midi.trend import Trend

SEQUENCE_FRAMES = 2
FREEWHEEL_SECONDS = 0.5
"""So long it goes on by itself when quarter frames stay away."""
WINDOW = 96
BEND_SECONDS = 0.0015
"""What the mean of 24 quarter frames may be off: a tape that changes its speed, no jitter."""

State = Literal["stopped", "locking", "locked", "freewheel"]


class MtcFollower:
    """Knows where the tape is from the quarter frames and their times of arrival (seconds, of any clock).

    It locks after two sequences two frames apart. A label elsewhere is what a generator makes that fills its pieces
    from a running counter, or a jump of the tape: it is believed when the sequence after it agrees, and until then the
    tape runs on. Positions are seconds of real time and never turn back while the tape runs forwards.
    """

    def __init__(self) -> None:
        self.rate = 3
        self.direction = 0
        self.rejected = 0
        """Labels that were not believed."""
        self.jumps = 0
        """How often the position was taken anew since it first was."""
        self._sequence = Sequence()
        self._trend = Trend(WINDOW, BEND_SECONDS)
        self._believed: int | None = None
        self._doubted: int | None = None
        self._quarters = 0
        self._arrivals: deque[float] = deque(maxlen=2 * PIECES)
        self._heard_at = float("-inf")
        self._told = float("-inf")

    def quarter(self, data: int, at: float) -> None:
        """Take the data byte of a quarter frame that came at ``at``."""
        if at - self._heard_at > FREEWHEEL_SECONDS:
            self.stop()
        self._heard_at = at
        self._arrivals.append(at)
        label = self._sequence.take(data)
        if self.direction and self._sequence.direction == -self.direction:
            self._lose()
        self.direction = self._sequence.direction or self.direction
        self._count(data >> 4 & 7, at)
        if label is not None:
            self._judge(label)

    def stop(self) -> None:
        """Forget where the tape runs: it stands, or has jumped."""
        self._lose()
        self._doubted = None
        self.direction = 0
        self._sequence = Sequence()
        self._told = float("-inf")

    def state(self, at: float) -> State:
        """Return how sure it is at ``at``."""
        silent = at - self._heard_at
        if silent > FREEWHEEL_SECONDS:
            return "stopped"
        if self._believed is None:
            return "locking"
        return "freewheel" if silent > 3.0 * frame_seconds(self.rate) else "locked"

    def position(self, at: float) -> float | None:
        """Return the tape's position at ``at`` in seconds; None while it is not locked."""
        if self._believed is None or self.state(at) == "stopped":
            return None
        position = self._trend.at(at) % (day_frames(self.rate) * frame_seconds(self.rate))
        if self.direction > 0 and 0.0 < self._told - position < 1.0:
            return self._told
        self._told = position
        return position

    @property
    def speed(self) -> float:
        """How fast the tape runs: 1 is normal, below 0 backwards."""
        return self._trend.slope if len(self._trend) >= PIECES else float(self.direction)

    def _count(self, piece: int, at: float) -> None:
        """Note where the tape stands at this piece: the one of its kind that is nearest to where it should be."""
        if self._believed is None:
            return
        expected = self._trend.at(at) * 4.0 / frame_seconds(self.rate)
        kind = piece + 4 * self._believed
        self._quarters = kind + PIECES * round((expected - kind) / PIECES)
        self._trend.add(at, self._quarters * frame_seconds(self.rate) / 4.0)

    def _judge(self, label: Timecode) -> None:
        """Believe a completed label, or doubt it until the next one agrees with it."""
        number, day = label.number, day_frames(label.rate)
        quarters = number * 4 + (PIECES - 1 if self.direction > 0 else 0)
        if self._believed is not None and label.rate == self.rate and (quarters - self._quarters) % (4 * day) == 0:
            self._doubted = None
            return
        agrees = self._doubted is not None and number == (self._doubted + SEQUENCE_FRAMES * self.direction) % day
        self._doubted = number
        if agrees:
            self._believe(number, label.rate, quarters)
        else:
            self.rejected += self._believed is not None

    def _believe(self, number: int, rate: int, quarters: int) -> None:
        self.jumps += self._believed is not None
        self._believed, self._doubted, self.rate, self._quarters = number, None, rate, quarters
        self._told = float("-inf")
        self._trend.restart()
        for back, at in reversed(tuple(enumerate(reversed(self._arrivals)))):
            self._trend.add(at, (quarters - back * self.direction) * frame_seconds(rate) / 4.0)

    def _lose(self) -> None:
        self._believed = None
        self._trend.restart()
