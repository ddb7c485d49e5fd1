"""Following MIDI clock: tempo, beat and phase from jittery ticks, and song position."""

from __future__ import annotations

from bridge.midi.trend import Trend

TICKS_PER_BEAT = 24
TICKS_PER_SIXTEENTH = 6
WINDOW = 192
"""Eight beats: at ±2 ms of jitter the tempo is then right to some hundredths of a per cent."""
BEND_TICKS = 0.1
GAP_SECONDS = 1.0
"""After a longer silence the tempo is learnt anew."""
LOCK_TICKS = 24


class ClockFollower:
    """Knows tempo and beat of a MIDI clock from its ticks and their times of arrival (seconds, of any clock).

    The first tick after a start or continue stands on the position that they say. Ticks while it is stopped tell the
    tempo only.
    """

    def __init__(self) -> None:
        self.running = False
        self.placed = False
        """Whether a song position was told yet, if only by a start."""
        self._trend = Trend(WINDOW, BEND_TICKS)
        self._ticks = 0
        self._beat_ticks = 0
        """Song position of the next tick when it runs, in ticks."""
        self._offset = 0
        self._waits = False
        self._heard_at = float("-inf")

    def tick(self, at: float) -> None:
        """Take a clock tick that came at ``at``."""
        if at - self._heard_at > GAP_SECONDS:
            self._trend.restart()
        self._heard_at = at
        self._ticks += 1
        self._trend.add(at, float(self._ticks))
        if self._waits:
            self._waits, self.running, self.placed = False, True, True
            self._offset = self._beat_ticks - self._ticks
        elif self.running:
            self._beat_ticks = self._ticks + self._offset

    def start(self) -> None:
        """Run from the beginning, from the next tick on."""
        self._beat_ticks = 0
        self._waits = True

    def resume(self) -> None:
        """Run from where it stands, from the next tick on (Continue)."""
        self._waits = True

    def stop(self) -> None:
        """Stand still."""
        self.running = self._waits = False

    def locate(self, sixteenths: int) -> None:
        """Stand at a song position; while it runs it counts from the next tick on."""
        self.placed = True
        self._beat_ticks = sixteenths * TICKS_PER_SIXTEENTH
        if self.running:
            self._waits = True

    def lost(self, at: float) -> bool:
        """Return whether the clock has gone away."""
        return at - self._heard_at > GAP_SECONDS

    @property
    def locked(self) -> bool:
        """Whether enough ticks have come to know the tempo."""
        return len(self._trend) >= LOCK_TICKS

    @property
    def tempo_bpm(self) -> float:
        """The tempo, as exact as the ticks are; 0 while it is not known."""
        return self._trend.slope * 60.0 / TICKS_PER_BEAT if len(self._trend) > 1 else 0.0

    def beat(self, at: float) -> float:
        """Return the song position in quarter notes at ``at``: where it stands, or what the ticks say."""
        if not self.running:
            return self._beat_ticks / TICKS_PER_BEAT
        return (self._trend.at(at) + self._offset) / TICKS_PER_BEAT
