"""Playback: the transport inside the mixer, running over the compiled timeline to the exact frame."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import bound
from engine.mixer.levels import NEVER
from engine.mixer.players import Players
from engine.mixer.reports import Reports, tell
from engine.mixer.timeline import release_changed, release_timeline, start_between, start_midway
from engine.realtime.records import ENTRY, Kind, Report

FURTHEST_FRAME = 1 << 60


class Playback:
    """Where the timeline stands, whether it runs, its loop and its end. All in the mixer's thread."""

    def __init__(self, players: Players, reports: Reports, strips: int, arena: NDArray[np.float32], fade: int) -> None:
        self.timeline_frame, self.playing = 0, False
        self._players, self._reports = players, reports
        self._strips, self._arena, self._fade = strips, arena, fade
        self._entries: NDArray[np.void] = np.zeros(0, ENTRY)
        self._start_between = bound(start_between, players, reports, self._entries, strips, arena, 0, 0, 0, fade)
        self._loop = (0, 0)
        self._stop_at = NEVER

    def set_entries(self, entries: NDArray[np.void], frame: int) -> None:
        """Swap the timeline; what is the same sounds on, the rest is faded."""
        self._entries = np.ascontiguousarray(entries)  # for _start_between; a table is in one piece anyway
        if self.playing:
            release_changed(self._players, entries, frame, self._fade)
            self._start_midway(frame)

    def obey(self, record: np.void, frame: int) -> None:
        """Do what a PLAY, STOP, LOCATE, SET_LOOP or STOP_AT record asks."""
        match int(record["kind"]):
            case Kind.PLAY:
                self._play(frame)
            case Kind.STOP:
                self._stop(frame)
            case Kind.LOCATE:
                self._locate(float(record["value"]), frame)
            case Kind.SET_LOOP:
                start, length = int(record["offset"]), int(record["length"])
                self._loop = (start, start + length) if start >= 0 and length > 0 else (0, 0)
            case Kind.STOP_AT:
                value = float(record["value"])
                self._stop_at = int(value) if 0 <= value <= FURTHEST_FRAME else NEVER

    def cut(self, frames: int) -> int:
        """Return how many of ``frames`` frames run through before the loop's or the section's end."""
        if not self.playing:
            return frames
        start, end = self._loop
        if end > start and self.timeline_frame < end:
            frames = min(frames, end - self.timeline_frame)
        if self._stop_at > self.timeline_frame:
            frames = min(frames, self._stop_at - self.timeline_frame)
        return frames

    def start_clips(self, frame: int, frames: int) -> None:
        """Start what begins within the next ``frames`` frames."""
        if self.playing:
            self._start_between(
                self._players,
                self._reports,
                self._entries,
                self._strips,
                self._arena,
                self.timeline_frame,
                frames,
                frame,
                self._fade,
            )

    def advance(self, frames: int, frame: int) -> None:
        """Move on by ``frames``; ``frame`` is the engine frame reached. Wraps at the loop's end."""
        if not self.playing:
            return
        self.timeline_frame += frames
        if self.timeline_frame == self._stop_at:
            self._stop(frame)
        elif self._loop[1] > self._loop[0] and self.timeline_frame == self._loop[1]:
            release_timeline(self._players, frame, self._fade)
            self.timeline_frame = self._loop[0]
            self._start_midway(frame)
            self._tell(Report.LOOPED, frame)

    def halt(self, frame: int) -> None:
        """Stop without a fade of its own: the caller fades every player."""
        if self.playing:
            self.playing, self._stop_at = False, NEVER
            self._tell(Report.TRANSPORT, frame)

    @property
    def stand(self) -> tuple[int, int, int, int, int]:
        """Where the transport stands, as in a STAND: from ``timeline_frame`` to ``stop_at``."""
        return self.timeline_frame, self.playing, *self._loop, self._stop_at

    def resume(self, stand: np.void) -> None:
        """Go on where a STAND says."""
        self.timeline_frame, self.playing = int(stand["timeline_frame"]), bool(stand["playing"])
        self._loop, self._stop_at = (int(stand["loop_start"]), int(stand["loop_end"])), int(stand["stop_at"])

    def adopt(self, other: Playback, places: NDArray[np.int32]) -> None:
        """Go on where ``other`` stands; ``places`` tells its strips' new indexes.

        The timeline is copied only where clips lie on strips that have another place, or none: a long one takes longer
        than a block.
        """
        self.timeline_frame, self.playing = other.timeline_frame, other.playing
        self._loop, self._stop_at = other._loop, other._stop_at
        self._entries = other._entries
        stay = places == np.arange(len(places))
        if not (stay.all() or stay[self._entries["strip"].clip(0, len(places) - 1)].all()):
            self._entries = _moved(other._entries, places)

    def _play(self, frame: int) -> None:
        self._stop_at = NEVER
        if not self.playing:
            self.playing = True
            self._start_midway(frame)
        self._tell(Report.TRANSPORT, frame)

    def _stop(self, frame: int) -> None:
        self._stop_at = NEVER
        if self.playing:
            self.playing = False
            release_timeline(self._players, frame, self._fade)
        self._tell(Report.TRANSPORT, frame)

    def _locate(self, value: float, frame: int) -> None:
        if not (math.isfinite(value) and 0 <= value <= FURTHEST_FRAME):
            return
        self._stop_at = NEVER
        release_timeline(self._players, frame, self._fade)
        self.timeline_frame = int(value)
        if self.playing:
            self._start_midway(frame)
        self._tell(Report.TRANSPORT, frame)

    def _start_midway(self, frame: int) -> None:
        start_midway(
            self._players,
            self._reports,
            self._entries,
            self._strips,
            self._arena,
            self.timeline_frame,
            frame,
            self._fade,
        )

    def _tell(self, kind: Report, frame: int) -> None:
        tell(self._reports, int(kind), 0, 0, 0, self.timeline_frame, frame, float(self.playing))


def _moved(entries: NDArray[np.void], places: NDArray[np.int32]) -> NDArray[np.void]:
    """Return a copy of ``entries`` for strips that have other places; without those whose strip has none."""
    entries = entries.copy()
    strips = entries["strip"]
    known = (strips >= 0) & (strips < len(places))  # beyond: on a strip that has only now been added
    strips[known] = places[strips[known]]
    kept: NDArray[np.void] = entries[entries["strip"] >= 0]
    return kept
