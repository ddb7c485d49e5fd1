"""Flows: when players of what was still being made began, ran dry and went on, in a show that is played again.

Whether there is enough of a line depends on how fast it was made that day; the transcript says how it was.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.realtime.link import AudioLink
from engine.realtime.records import STREAMED, Kind
from engine.realtime.stream import StreamHeader
from engine.session.inputs import Flowed
from engine.session.library import Loaded


class Flow(NamedTuple):
    """A player's stream. before: the frames of it that are not counted as played: its trim and its fade-out."""

    header: StreamHeader
    before: int


class Flows:
    """Stands between a session and the mixer, and gives each player as much of its source as it had.

    told: what the transcript holds of all of them. floats: the whole of the arena.
    """

    def __init__(self, link: AudioLink, floats: NDArray[np.float32], told: Iterable[Flowed]) -> None:
        self._link, self._floats = link, floats
        self._players: dict[int, Flow] = {}
        self._dry: defaultdict[int, deque[int]] = defaultdict(deque)
        for what in told:
            if what.did == "dry":
                self._dry[what.player].append(what.frames)

    def push(self, records: NDArray[np.void]) -> int:
        """Hand records on, noting which players begin on what is still being made."""
        pushed = self._link.push(records)
        starts = (records["kind"] == Kind.START_PLAYER) & (records["flags"] & STREAMED != 0)
        for record in records[starts]:
            header = StreamHeader(self._floats, int(record["value"]))
            before = max(0, int(record["loop_start"])) + max(0, int(record["fade_out_frames"]))
            self._players[int(record["player"])] = Flow(header, before)
        return pushed

    def publish(self, entries: NDArray[np.void]) -> int:
        """Hand the timeline on."""
        return self._link.publish(entries)

    def automate(self, moves: NDArray[np.void]) -> None:
        """Hand the automation on."""
        self._link.automate(moves)

    def flow(self, what: Flowed, whole: Loaded) -> None:
        """Let a player begin, or go on, at the next block: up to where it ran dry then, else to the end."""
        flow = self._players.get(what.player)
        if flow is None or what.did == "dry":
            return
        dry = self._dry[what.player]
        flow.header.need(0, 0.0, 0)
        if dry:
            flow.header.publish(flow.before + dry.popleft(), whole.channels)
            return
        flow.header.publish(whole.frames, whole.channels)
        flow.header.finish(whole.frames)
