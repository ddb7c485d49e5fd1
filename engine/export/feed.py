"""Feed: gets clips from disk to where the mixer reads them, shortly before they sound, and forgets them after.

The mixer plays the same kind of compiled timeline as live: every clip lies in one piece in an arena. Here that arena
is as large as the whole story, but a sparse mapping: only the pages around the playhead hold anything. So a clip of an
hour is one player with one fade, and takes a few hundred kilobytes.
"""

from __future__ import annotations

import math
import mmap
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ExportError, MediaError
from engine.export.kernel import largest, outline
from engine.export.reader import AudioReader, open_reader
from engine.platform import LARGE_PAGE_BYTES, forget_pages, map_sparse, prefer_large_pages
from engine.realtime.records import ENTRY, Shape
from engine.story.timeline import Placed
from engine.units import db_to_gain

_FLOAT_BYTES = 4
_PAGE_FLOATS = mmap.PAGESIZE // _FLOAT_BYTES
_LARGE_PAGE_FLOATS = LARGE_PAGE_BYTES // _FLOAT_BYTES


class Reel:
    """One clip on its way through the arena. ``outline``: its magnitude per bucket of frames, for the picture."""

    def __init__(self, placed: Placed, path: Path, channels: int, strip: int, bucket: int) -> None:
        self.placed = placed
        self.channels = channels
        self.strip = strip
        self.offset = 0
        self.outline = np.zeros(-(-placed.length_frames // bucket) if bucket else 0, np.float32)
        self._path = path
        self._bucket = bucket
        self._reader: AudioReader | None = None
        self._loaded = 0
        self._forgotten = 0

    @property
    def page_floats(self) -> int:
        """The size of the pages it comes and goes in: large ones where it fills several."""
        is_long = self.placed.length_frames * self.channels >= 2 * _LARGE_PAGE_FLOATS
        return _LARGE_PAGE_FLOATS if is_long else _PAGE_FLOATS

    @property
    def floats(self) -> int:
        """How much of the arena it takes."""
        return _up(self.placed.length_frames * self.channels, self.page_floats)

    def load(self, arena: Arena, until_frame: int) -> bool:
        """Read what sounds before timeline frame ``until_frame``; True when all is there."""
        if self._reader is None:
            self._reader = open_reader(self._path, self.placed.clip.trim_start_frames)
        until = min(self.placed.length_frames, until_frame - self.placed.start_frame)
        part = arena.samples[self._float(self._loaded) : self._float(until)]
        self._reader.read_into(part)
        if not math.isfinite(largest(part)):
            raise MediaError(f"{self._path} holds samples that are no numbers (NaN or infinite)")
        if self._bucket:
            outline(part.reshape(-1, self.channels), self._loaded, self._bucket, self.outline)
        self._loaded = until
        return until == self.placed.length_frames

    def forget(self, arena: Arena, before_frame: int) -> bool:
        """Free what sounded before timeline frame ``before_frame``; True when all is gone."""
        is_over = before_frame >= self.placed.end_frame
        played = self.floats if is_over else max(0, before_frame - self.placed.start_frame) * self.channels
        until = played // self.page_floats * self.page_floats
        arena.forget(self.offset + self._forgotten, until - self._forgotten)
        self._forgotten = until
        return is_over

    def close(self) -> None:
        """Let go of the file."""
        if self._reader is not None:
            self._reader.close()

    def entry(self, player: int) -> tuple[Any, ...]:
        """Return the clip's row of the compiled timeline, in the order of ENTRY."""
        clip, placed = self.placed.clip, self.placed
        return (
            placed.start_frame, placed.length_frames, self.offset, player, 0, self.channels, self.strip,
            db_to_gain(clip.gain_db), clip.pan, clip.fade_in_frames, clip.fade_out_frames,
            Shape[clip.fade_in_shape.upper()], Shape[clip.fade_out_shape.upper()],
        )  # fmt: skip

    def _float(self, frame: int) -> int:
        return self.offset + frame * self.channels


class Arena:
    """Sparse clip memory. ``samples``: flat float32, at the start of a large page."""

    def __init__(self, floats: int) -> None:
        size_bytes = floats * _FLOAT_BYTES + LARGE_PAGE_BYTES
        try:
            self._mapping = map_sparse(size_bytes)
        except OSError as error:
            raise ExportError(f"can't map {size_bytes:,} bytes of address space for the clips: {error}") from error
        whole = np.frombuffer(self._mapping, np.float32)
        self._first = -whole.ctypes.data % LARGE_PAGE_BYTES // _FLOAT_BYTES
        self.samples: NDArray[np.float32] = whole[self._first : self._first + floats]

    def expect(self, offset: int, floats: int) -> None:
        """Prepare for a long clip."""
        prefer_large_pages(self._mapping, (self._first + offset) * _FLOAT_BYTES, floats * _FLOAT_BYTES)

    def forget(self, offset: int, floats: int) -> None:
        """Give whole pages back to the system."""
        forget_pages(self._mapping, (self._first + offset) * _FLOAT_BYTES, floats * _FLOAT_BYTES)


class Feed:
    """Loads and forgets reels, which are sorted by start. ``advance`` may run in a thread beside the mixer."""

    def __init__(self, reels: Sequence[Reel]) -> None:
        self.reels = tuple(reels)
        self.arena = Arena(self._lay_out())
        for reel in self.reels:
            if reel.page_floats == _LARGE_PAGE_FLOATS:
                self.arena.expect(reel.offset, reel.floats)
        self._waiting = deque(self.reels)
        self._loading: list[Reel] = []
        self._sounding: list[Reel] = []

    def _lay_out(self) -> int:
        """Give every reel its place, from the start of a page on; return how many floats all take."""
        end = 0
        for reel in self.reels:
            reel.offset = _up(end, reel.page_floats)
            end = reel.offset + reel.floats
        return end

    def entries(self) -> NDArray[Any]:
        """Return the compiled timeline."""
        return np.array([reel.entry(player) for player, reel in enumerate(self.reels, 1)], ENTRY)

    def advance(self, played_frame: int, until_frame: int) -> None:
        """Forget what sounded before ``played_frame``; have everything there that sounds before ``until_frame``."""
        self._sounding = [reel for reel in self._sounding if not reel.forget(self.arena, played_frame)]
        while self._waiting and self._waiting[0].placed.start_frame < until_frame:
            reel = self._waiting.popleft()
            self._loading.append(reel)
            self._sounding.append(reel)
        for reel in tuple(self._loading):
            if reel.load(self.arena, until_frame):
                reel.close()
                self._loading.remove(reel)

    def close(self) -> None:
        """Let go of every file."""
        for reel in self._loading:
            reel.close()


def _up(floats: int, page_floats: int) -> int:
    return -(-floats // page_floats) * page_floats
