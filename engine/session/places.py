"""Places: the clips of a published timeline in the order in which they start. A clip's is made when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from engine.story.model import Clip, Track
from engine.story.timeline import Placed


class Places(Sequence[Placed]):
    """What lies where. Clips have numbers: ``names`` tells them; clips, tracks, starts and lengths go by them.

    order: the numbers, sorted by start, then as the story has the clips. Whoever makes it gives it things of its own.
    """

    def __init__(
        self,
        order: NDArray[np.int64],
        names: Mapping[str, int],
        clips: Sequence[Clip | None],
        tracks: Sequence[Track | None],
        starts: NDArray[np.int64],
        lengths: NDArray[np.int64],
    ) -> None:
        self.order, self._names, self._clips, self._tracks = order, names, clips, tracks
        self._starts, self._lengths = starts, lengths
        self.starts: NDArray[np.int64] = starts[order]
        self.ends: NDArray[np.int64] = self.starts + lengths[order]
        """Where each starts and ends, in this order."""
        self._last_ends = np.maximum.accumulate(self.ends)

    def __len__(self) -> int:
        return len(self.order)

    @overload
    def __getitem__(self, index: int) -> Placed: ...
    @overload
    def __getitem__(self, index: slice) -> list[Placed]: ...
    def __getitem__(self, index: int | slice) -> Placed | list[Placed]:
        if isinstance(index, slice):
            return [self._placed(number) for number in self.order[index].tolist()]
        return self._placed(int(self.order[index]))

    @property
    def end_frame(self) -> int:
        """The frame after the last clip's last; 0 for none."""
        return int(self._last_ends[-1]) if len(self) else 0

    def of(self, name: str) -> Placed | None:
        """Return where a clip lies; None: there is none of that id."""
        number = self._names.get(name)
        return None if number is None else self._placed(number)

    def end_of(self, name: str) -> int | None:
        """Return the first frame after a clip."""
        placed = self.of(name)
        return None if placed is None else placed.end_frame

    def between(self, first: int, last: int) -> Iterator[Placed]:
        """Iterate over the clips that sound from ``first`` on and start before ``last``, by their starts."""
        begin = int(np.searchsorted(self._last_ends, first, side="right"))
        for index in range(begin, int(np.searchsorted(self.starts, last))):
            if self.ends[index] > first:
                yield self[index]

    def _placed(self, number: int) -> Placed:
        clip, track = self._clips[number], self._tracks[number]
        if clip is None or track is None:
            raise IndexError(number)
        start, length = int(self._starts[number]), int(self._lengths[number])
        return Placed(clip=clip, track=track, start_frame=start, length_frames=length)
