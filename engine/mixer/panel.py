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
from engine.mixer.pace import Gate
from engine.mixer.plugins import EffectFailed
from engine.mixer.rack import Rack
from engine.mixer.ramps import glide
from engine.mixer.reports import Reports
from engine.mixer.strips import GAIN, PAN, ROWS, Strips, fail, find_send, turn
from engine.params import DUCK
from engine.realtime.records import NOW, PUT_OFF, Kind, Turned, turned
from engine.realtime.records import records as new_records

INSERTS = (int(Kind.SET_INSERT), int(Kind.SET_BYPASS))
"""The kinds of records that turn something of an insert."""
TURNS, TURNS_FRAMES = 32, 128
"""How many of those are obeyed at one frame, and how long after them the next ones."""


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
        self._gate = Gate(TURNS, TURNS_FRAMES)
        self._note_all = bound(note_all, knobs, new_records(1), 0)

    def obey(self, record: np.void, frame: int) -> bool:
        """Turn what ``record`` names at ``frame``; False: it is of a kind that turns nothing here."""
        told = turned(record.tolist())
        self._touch(told)
        note(self._knobs, record, frame)
        if told.kind == Kind.SET_DUCK:
            self._set_duck(told.strip, told.param, told.value)
            return True
        return turn(self._strips, record, frame, self._fade)

    def turn_inserts(self, records: NDArray[np.void], frame: int) -> NDArray[np.void]:
        """Turn at ``frame`` what records of ``INSERTS`` name, so many at a time; return the others for their frames.

        A snapshot has hundreds: all at once they would take longer than a block. Who comes later comes after them.
        """
        rows = [turned(row) for row in records.tolist()]
        at = np.array([frame if told.flags & PUT_OFF else self._gate.at(frame) for told in rows])
        self._note_all(self._knobs, records[at == frame], frame)
        for told, when in zip(rows, at, strict=True):
            if when == frame:
                self._touch(told)
                self._set_insert(told, frame)
        later = records[at > frame]
        later["frame"], later["flags"] = at[at > frame], PUT_OFF
        return later

    def resume(self, records: NDArray[np.void], frame: int) -> None:
        """Have inserts be where records of ``INSERTS`` have turned them by now, or go on there; nothing is heard yet.

        records: their ramps are what is left of them.
        """
        self._note_all(self._knobs, records, frame)
        for told in map(turned, records.tolist()):
            if told.kind == Kind.SET_INSERT and not told.ramp_frames:
                self._rack.place(told.strip, told.place, told.param, told.value, frame)
            else:
                self._set_insert(told, frame, unpaced=True)

    def adopt(self, other: Panel) -> None:
        """Go on where another mixer's panel stands: what it has put off waits in the schedule."""
        self._gate = other._gate

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
                    self._rack.automate(strip, key, int(move["param"]), value, frame, frames)

    def _touch(self, told: Turned) -> None:
        """Whoever turns a knob has it until the timeline is started or located."""
        kind = told.kind
        if kind in (Kind.PLAY, Kind.LOCATE):
            self._automation.let_go()
        elif self._automation.moves and kind in (Kind.SET_GAIN, Kind.SET_PAN, Kind.SET_SEND, Kind.SET_INSERT):
            key = told.place if kind in (Kind.SET_SEND, Kind.SET_INSERT) else 0
            self._automation.touch(kind, told.strip, key, told.param if kind == Kind.SET_INSERT else 0)

    def _set_insert(self, told: Turned, frame: int, *, unpaced: bool = False) -> None:
        frames = max(self._fade, told.ramp_frames)
        if not math.isfinite(told.value):
            return
        try:
            if told.kind == Kind.SET_BYPASS:
                self._rack.set_bypass(told.strip, told.place, bool(told.value), frame, frames)
            else:
                turn_to = self._rack.automate if unpaced else self._rack.set_param
                turn_to(told.strip, told.place, told.param, told.value, frame, frames)
        except EffectFailed:
            fail(self._strips, self._reports, told.strip, frame)

    def _set_duck(self, strip: int, param: int, value: float) -> None:
        if 0 <= strip < len(self._strips.kind) and 0 <= param < len(DUCK_PARAMS) and math.isfinite(value):
            knob = DUCK[DUCK_PARAMS[param]]
            value = min(knob.high, max(knob.low, value))
            set_duck(self._ducks, strip, DUCK_PARAMS[param], value, self._sample_rate)


def for_inserts(records: NDArray[np.void]) -> int:
    """Return how many of the first of ``records``, of which the very first is due, are for inserts and for NOW.

    One that is late has to be told of, which whoever takes records does.
    """
    kinds = records["kind"]
    if kinds[0] not in INSERTS:
        return 0
    others = (kinds != INSERTS[0]) & (kinds != INSERTS[1]) | (records["frame"] != NOW)
    others[0] = False
    return int(others.argmax()) if others.any() else len(records)
