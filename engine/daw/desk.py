"""What a DAW needs of the mixer beyond its blocks; the audio process's core is one."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.daw.score import Passage
from engine.realtime.records import Kind, records


class Desk(Protocol):
    """A mixer whose transport somebody else has, and whose strips are heard one by one. The output's thread."""

    @property
    def buses(self) -> tuple[str, ...]:
        """The strips' ids by index, empty where there is none; another object once they have changed."""
        ...

    @property
    def strip_ids(self) -> tuple[str, ...]:
        """The same with those that have left and ring out: another strip may have the same id by now."""
        ...

    @property
    def strip_names(self) -> tuple[str, ...]:
        """What people call the same strips, empty where that is their id."""
        ...

    @property
    def latency_frames(self) -> int:
        """By how much the mix comes late."""
        ...

    @property
    def strip_latency_frames(self) -> int:
        """By how much every strip does."""
        ...

    def conduct(self, transport: NDArray[np.void]) -> None:
        """Begin the next block with these records."""
        ...

    def keep_time(self, tempo_bpm: float, beats_per_bar: int, begin_frame: int) -> None:
        """Tell whose beats the timeline has; 0 beats a minute: its own. begin_frame: see ``Meter``."""
        ...

    def live(self) -> None:
        """Give a sign of life between blocks: the DAW takes its time."""
        ...

    def strip_output(self, strip: int) -> NDArray[np.float32]:
        """Return what a strip gave in the last block, (frames, 2), behind its fader."""
        ...


def transport(passage: Passage, *, as_new: bool = False) -> NDArray[np.void]:
    """Return the records that bring the mixer to a passage at its first frame. as_new: effects have heard nothing yet.

    Before frame 0 it stands at 0 and waits.
    """
    plays = passage.playing and passage.frame >= 0
    block = records(3)
    block["kind"][0] = Kind.FORGET
    place = 1 + int(not plays)  # where it plays from first, or where it stands last
    block["kind"][place], block["value"][place] = Kind.LOCATE, max(0, passage.frame)
    block["kind"][3 - place] = Kind.PLAY if plays else Kind.STOP
    return block if as_new else block[1:]
