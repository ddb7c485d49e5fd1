"""The panel: what live records and the timeline's automation turn: strips, sends, inserts, ducking."""

from __future__ import annotations

import contextlib
import math

import numpy as np
from numpy.typing import NDArray

from engine.mixer.automation import Automation
from engine.mixer.compile import bound
from engine.mixer.ducking import DUCK_PARAMS, Ducks, set_duck
from engine.mixer.knobs import Knobs, note, note_all
from engine.mixer.plugins import EffectFailed
from engine.mixer.rack import Rack
from engine.mixer.ramps import glide
from engine.mixer.reports import Reports
from engine.mixer.strips import GAIN, PAN, ROWS, Strips, fail, find_send, turn
from engine.params import DUCK
from engine.realtime.records import Kind, Turned, turned
from engine.realtime.records import records as new_records

INSERTS = (int(Kind.SET_INSERT), int(Kind.SET_BYPASS))
"""The kinds of records that turn something of an insert."""


class Panel:
    """One mixer's knobs. knobs: the newest record of each; automation: hears of every hand on a knob.

    fade: frames of the shortest ramp. All in the mixer's thread.
    """

    def __init__(
        self, strips: Strips, reports: Reports, rack: Rack, ducks: Ducks, knobs: Knobs, automation: Automation,
        sample_rate: int, fade: int,
    ) -> None:  # fmt: skip
        self._strips, self._reports, self._rack, self._ducks = strips, reports, rack, ducks
        self._knobs, self._automation = knobs, automation
        self._sample_rate, self._fade = sample_rate, fade
        self._note_all = bound(note_all, knobs, new_records(1))

    def obey(self, record: np.void, frame: int) -> bool:
        """Turn what ``record`` names at ``frame``; False: it is of a kind that turns nothing here."""
        told = turned(record.tolist())
        if told.kind in INSERTS:
            self.turn_inserts(record.reshape(1), frame)
            return True
        self._touch(told)
        note(self._knobs, record)
        if told.kind == Kind.SET_DUCK:
            self._set_duck(told.strip, told.param, told.value)
            return True
        return turn(self._strips, record, frame, self._fade)

    def turn_inserts(self, records: NDArray[np.void], frame: int) -> None:
        """Turn at ``frame`` what records of ``INSERTS`` name: hundreds in one block, when a snapshot is recalled."""
        self._note_all(self._knobs, records)
        for row in records.tolist():
            told = turned(row)
            self._touch(told)
            self._set_insert(told, frame)

    def automate(self, move: np.void, value: float, frame: int, frames: int) -> None:
        """Carry out a move of the timeline."""
        strip, key, ramps, count = int(move["strip"]), int(move["key"]), self._strips.ramps, len(self._strips.kind)
        if not 0 <= strip < count:
            return
        match int(move["kind"]):
            case Kind.SET_GAIN:
                glide(ramps, ROWS * strip + GAIN, value, frame, frames)
            case Kind.SET_PAN:
                glide(ramps, ROWS * strip + PAN, value, frame, frames)
            case Kind.SET_SEND if (send := find_send(self._strips, strip, key)) >= 0:
                glide(ramps, ROWS * count + send, value, frame, frames)
            case Kind.SET_INSERT:
                with contextlib.suppress(EffectFailed):  # its strip is told when it is heard
                    self._rack.set_param(strip, key, int(move["param"]), value, frame, frames)

    def _touch(self, told: Turned) -> None:
        """Whoever turns a knob has it until the timeline is started or located."""
        kind = told.kind
        if kind in (Kind.PLAY, Kind.LOCATE):
            self._automation.let_go()
        elif self._automation.moves and kind in (Kind.SET_GAIN, Kind.SET_PAN, Kind.SET_SEND, Kind.SET_INSERT):
            key = told.place if kind in (Kind.SET_SEND, Kind.SET_INSERT) else 0
            self._automation.touch(kind, told.strip, key, told.param if kind == Kind.SET_INSERT else 0)

    def _set_insert(self, told: Turned, frame: int) -> None:
        frames = max(self._fade, told.ramp_frames)
        if not math.isfinite(told.value):
            return
        try:
            if told.kind == Kind.SET_BYPASS:
                self._rack.set_bypass(told.strip, told.place, bool(told.value), frame, frames)
            else:
                self._rack.set_param(told.strip, told.place, told.param, told.value, frame, frames)
        except EffectFailed:
            fail(self._strips, self._reports, told.strip, frame)

    def _set_duck(self, strip: int, param: int, value: float) -> None:
        if 0 <= strip < len(self._strips.kind) and 0 <= param < len(DUCK_PARAMS) and math.isfinite(value):
            knob = DUCK[DUCK_PARAMS[param]]
            value = min(knob.high, max(knob.low, value))
            set_duck(self._ducks, strip, DUCK_PARAMS[param], value, self._sample_rate)


def within(records: NDArray[np.void], most: int) -> int:
    """Return how many of ``records`` are taken, in order, if at most ``most`` (one at least) may be for inserts."""
    if len(records) <= most:
        return len(records)
    kinds = records["kind"]
    inserts = np.flatnonzero((kinds == INSERTS[0]) | (kinds == INSERTS[1]))
    return len(records) if len(inserts) <= max(1, most) else int(inserts[max(1, most) - 1]) + 1


def for_inserts(records: NDArray[np.void], frame: int) -> int:
    """Return how many of the first of ``records`` are for inserts, and due at ``frame``."""
    kinds = records["kind"]
    if kinds[0] not in INSERTS:
        return 0
    others = (kinds != INSERTS[0]) & (kinds != INSERTS[1]) | (records["frame"] >= frame)
    return int(others.argmax()) if others.any() else len(records)
