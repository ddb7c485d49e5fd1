"""The deck: one mixer's players, and the live records that wait for their frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.mixer import schedule as scheduling
from engine.mixer.compile import bound
from engine.mixer.knobs import Knobs
from engine.mixer.players import new_players, rehouse, release_all, release_on, released_by
from engine.mixer.playing import play
from engine.mixer.reports import Reports
from engine.mixer.state import MixerState
from engine.mixer.strips import Strips
from engine.mixer.touching import touch
from engine.realtime.records import RECORD, records

NOTHING: NDArray[np.void] = np.zeros(0, RECORD)
MOST_INSERTS = 128
"""So many turns of inserts are taken from what waits at a time."""


class Deck:
    """players: their table. inputs: of strips, planar. fade: frames of the shortest fade. In the mixer's thread."""

    def __init__(
        self,
        reports: Reports,
        max_players: int,
        strips: Strips,
        knobs: Knobs,
        inputs: NDArray[np.float32],
        arena: NDArray[np.float32],
        fade: int,
    ) -> None:
        self.players, self._schedule = new_players(max_players), scheduling.new_schedule()
        self._table = self.players.table.view(np.uint8).data
        self._waits = self._schedule.used
        self._slots = self._schedule.slots.view((np.void, RECORD.itemsize))  # numpy copies structs field by field
        self._reports, self._strips, self._arena, self._fade = reports, len(strips.kind), arena, fade
        self._levels, self._knobs, self._inputs = strips, knobs, inputs
        self._take = bound(
            scheduling.take, self._schedule, self.players, reports, NOTHING, 0, strips, knobs, True, arena, 0, fade
        )
        self._inserts = records(MOST_INSERTS)
        self._take_inserts = bound(scheduling.take_inserts, self._schedule, 0, self._inserts)
        self._play = bound(play, self.players, reports, arena, 0, 0, inputs, fade)
        self._play_due = bound(scheduling.play_due, self._schedule, self.players, reports, self._strips, arena, 0, fade)

    @property
    def active(self) -> int:
        """How many players sound."""
        return int(self.players.used[0])

    @property
    def waiting(self) -> NDArray[np.void]:
        """A copy of the records that wait, by frame."""
        if not self._waits[0]:
            return NOTHING
        waiting: NDArray[np.void] = self._slots[self._schedule.order[: self._waits[0]]].view(RECORD)
        return waiting

    @property
    def sounding(self) -> memoryview:
        """The rows of the players that sound, as bytes."""
        return self._table[: self.active * self.players.table.itemsize]

    @property
    def waits(self) -> bool:
        """Whether anything waits for its frame."""
        return bool(self._waits[0])

    def touch(self) -> None:
        """Have all memory mapped. Before the first block."""
        touch((self.players, self._schedule))

    def take(self, records: NDArray[np.void], place: int, automated: bool, frame: int) -> int:
        """Take ``records``, in one piece, from ``place`` on.

        Return the place of the first that is for others, or how many there are. See ``schedule.take``.
        """
        return self._take(
            self._schedule, self.players, self._reports, records, place, self._levels, self._knobs, automated,
            self._arena, frame, self._fade,
        )  # fmt: skip

    def take_due(self, frame: int) -> np.void | None:
        """Take the first record that is due by ``frame`` and cuts a block; None: there is none."""
        slot = scheduling.take_cut(self._schedule, frame) if self._waits[0] else -1
        return None if slot < 0 else self._schedule.slots[slot].copy()

    def take_inserts(self, frame: int) -> NDArray[np.void]:
        """Take what is due and turns something of inserts, before anything else; valid until the next call."""
        taken = self._take_inserts(self._schedule, frame, self._inserts) if self._waits[0] else 0
        return self._inserts[:taken]

    def quiet_frames(self, frame: int, most: int) -> int:
        """Return how many of ``most`` frames from ``frame`` on can be mixed before a record cuts the block."""
        return min(most, scheduling.next_cut(self._schedule) - frame) if self._waits[0] else most

    def do(self, record: np.void, frame: int) -> bool:
        """Do what a record for players asks, at ``frame``; False: it is for others."""
        if not scheduling.is_for_players(record["kind"]):
            return False
        scheduling.apply_to_players(
            self._schedule, self.players, self._reports, record, self._strips, self._arena, frame, self._fade
        )
        return True

    def play(self, frame: int, frames: int) -> None:
        """Play everybody into the inputs of strips; who is due to start or stop within does so at its own frame."""
        if self._waits[0]:
            self._play_due(
                self._schedule, self.players, self._reports, self._strips, self._arena, frame + frames, self._fade
            )
        self._play(self.players, self._reports, self._arena, frame, frames, self._inputs, self._fade)

    def clear_scheduled(self, frame: int) -> None:
        """Forget everything that waits."""
        scheduling.clear(self._schedule, self._reports, frame)

    def release_all(self, frame: int, frames: int) -> None:
        """Fade everybody out within ``frames``."""
        release_all(self.players, frame, frames)

    def release_on(self, strips: NDArray[np.bool_], frame: int, frames: int) -> None:
        """Fade everybody on ``strips`` out."""
        release_on(self.players, strips, frame, frames)

    def released_by(self) -> int:
        """Return the frame by which everybody that is fading out now has ended."""
        return released_by(self.players)

    def resume(self, state: MixerState, frame: int) -> None:
        """Go on with the players and records of a mixer of the same graph; players that find no room end."""
        players = state.players[state.players["strip"] < self._strips][: len(self.players.table)]
        self.players.table[: len(players)] = players
        self.players.used[0] = len(players)
        for record in state.waiting:
            scheduling.put(self._schedule, self._reports, record, frame)

    def adopt(self, other: Deck, places: NDArray[np.int32], frame: int) -> None:
        """Go on where ``other`` stands; who plays on a strip that has no place here ends. places: see ``handover``."""
        rehouse(self.players, self._reports, other.players, places, frame)
        if other._waits[0]:
            scheduling.rehouse(self._schedule, self._reports, other.waiting, places, frame)
