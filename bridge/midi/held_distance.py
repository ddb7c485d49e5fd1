"""A held distance: between two counts of the same samples, which only measuring makes waver."""

from __future__ import annotations

FAR_FRAMES = 64
"""What clocks disagree by when the machine stalls is less; when cycles are lost, or the audio process is another one,
they disagree by a period or more."""


MOST_FRAMES = 4800
"""No clock that is measured is off by that."""


class HeldDistance:
    """What is N frames apart by one count is by the other: the distance stays what it was while it measures so.

    patience_frames: for so long it may measure otherwise before that is believed: clocks glide for a while after a
    stall.
    """

    def __init__(self, patience_frames: int = 0) -> None:
        self._patience_frames = patience_frames
        self._frames: int | None = None
        self._off_since: int | None = None
        self.jumps = 0
        """How often the distance was taken anew."""

    def measured(self, frames: int, at_frame: int) -> int:
        """Return the distance that counts, now that it measures ``frames`` at a frame of the second count."""
        off = MOST_FRAMES + 1 if self._frames is None else abs(frames - self._frames)
        if off <= FAR_FRAMES:
            self._off_since = None
        elif self._off_since is None:
            self._off_since = at_frame
        if self._frames is None or off > MOST_FRAMES or self._has_waited(at_frame):
            self.jumps += self._frames is not None
            self._frames, self._off_since = frames, None
        return self._frames

    def _has_waited(self, at_frame: int) -> bool:
        return self._off_since is not None and abs(at_frame - self._off_since) >= self._patience_frames
