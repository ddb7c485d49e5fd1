"""From a driver's frames to the engine's: both count the same samples, from different beginnings."""

from __future__ import annotations

from bridge.midi.held_distance import HeldDistance
from bridge.midi.port import Stamp
from bridge.port import EngineClock
from engine.errors import NotReady


class FrameMap:
    """Holds the distance between the two counts, so that what is N frames apart for the driver is for the engine."""

    def __init__(self, clock: EngineClock) -> None:
        self._clock = clock
        self._distance = HeldDistance()

    @property
    def jumps(self) -> int:
        """How often the distance was taken anew."""
        return self._distance.jumps

    def engine_time(self, at: Stamp) -> float:
        """Return the time with the engine's frame; without one while the engine has played nothing yet."""
        try:
            distance = self._clock.frame_at(at) - at.frame
        except NotReady:
            return float(at)
        return Stamp(float(at), at.frame + self._distance.measured(distance, at.frame))
