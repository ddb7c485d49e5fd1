"""From a driver's frames to the engine's: both count the same samples, from different beginnings."""

from __future__ import annotations

from bridge.midi.port import Stamp
from bridge.port import EngineClock
from engine.errors import NotReady

FAR_FRAMES = 64
"""What clocks disagree by when the machine stalls is less; when cycles are lost, or the audio process is another one,
they disagree by a period or more."""


class FrameMap:
    """Holds the distance between the two counts, so that what is N frames apart for the driver is for the engine."""

    def __init__(self, clock: EngineClock) -> None:
        self._clock = clock
        self._distance: int | None = None
        self.jumps = 0
        """How often the distance was taken anew."""

    def engine_time(self, at: Stamp) -> float:
        """Return the time with the engine's frame; without one while the engine has played nothing yet."""
        try:
            distance = self._clock.frame_at(at) - at.frame
        except NotReady:
            return float(at)
        if self._distance is None or abs(distance - self._distance) > FAR_FRAMES:
            self.jumps += self._distance is not None
            self._distance = distance
        return Stamp(float(at), at.frame + self._distance)
