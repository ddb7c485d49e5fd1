"""Disk: which audio files are played from the disk, and where in them one may begin at any moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.control.io_link import IoLink
from engine.realtime.pages import PageTable
from engine.session.library import Loaded
from engine.session.session import Session
from engine.story.model import PlayClip


class Disk:
    """Lays page tables and has the io process fill them. floats: the whole of the arena's memory.

    longest_frames: longer files stay on the disk.
    """

    def __init__(self, io: IoLink, floats: NDArray[np.float32], longest_frames: int) -> None:
        self._io, self._floats, self._longest_frames = io, floats, longest_frames

    def suits(self, frames: int) -> bool:
        """Return whether a file of this length is played from the disk."""
        return frames > self._longest_frames

    async def open(self, loaded: Loaded, path: Path) -> None:
        """Lay the table of a file where ``loaded`` says; returns when one may begin to play it. Raises MediaError."""
        PageTable(self._floats, loaded.offset).open(loaded.frames, loaded.channels)
        await self._io.open(loaded.offset, str(path))

    def recall(self, loaded: Loaded, path: Path) -> None:
        """Go on with a file whose table a control process laid that is gone."""
        self._io.keep(loaded.offset, str(path))

    def let_go(self, loaded: Loaded, then: Callable[[], object]) -> None:
        """Have the io process forget a file; ``then`` is called once it does not touch the table any more."""
        self._io.close(loaded.offset, then)

    def expect(self, session: Session) -> None:
        """Tell where one may begin at any moment, what is likely soon first."""
        self._io.set_heads(heads(session))


def heads(session: Session) -> Iterator[tuple[int, int]]:
    """Iterate over the places, (table, frame), where playing from the disk may begin at any moment.

    Where the timeline rests, its loop's start, its markers, every clip's start (those ahead first), cues and slots.
    """
    transport, clips = session.transport, session.context.index.clips
    here = transport.timeline_frame
    loop = [transport.loop[0]] if transport.loop else []
    yield from _inside(session, [here, *loop])
    by_distance = sorted(
        transport.on_disk, key=lambda each: (each.placed.start_frame < here, abs(each.placed.start_frame - here))
    )
    for each in by_distance:
        yield each.table, each.first_frame
    yield from _inside(session, transport.marker_frames().values())
    cues = (cue.target for each in session.story.cue_lists().values() for cue in each)
    for target in (*cues, *(slot.target for slot in session.story.slots)):
        if isinstance(target, PlayClip) and target.clip in clips:
            loaded = session.context.library.shelf(session.context.target_source(target)).loaded
            if loaded is not None and loaded.paged:
                first = clips[target.clip][1].trim_start_frames + target.manner.from_frame
                yield loaded.offset, min(first, loaded.frames - 1)


def _inside(session: Session, frames: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Iterate over the places of clips that sound at any of ``frames`` of the timeline."""
    for frame in frames:
        for each in session.transport.on_disk:
            if each.placed.start_frame < frame < each.placed.end_frame:
                yield each.table, each.first_frame + frame - each.placed.start_frame
