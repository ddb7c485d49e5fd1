"""The panel: what live records and the timeline's automation turn: strips, sends, inserts, ducking."""

from __future__ import annotations

import contextlib
import math

import numpy as np

from engine.mixer.automation import Automation
from engine.mixer.ducking import DUCK_PARAMS, Ducks, set_duck
from engine.mixer.knobs import Knobs, note
from engine.mixer.plugins import EffectFailed
from engine.mixer.rack import Rack
from engine.mixer.ramps import glide
from engine.mixer.reports import Reports
from engine.mixer.strips import GAIN, PAN, ROWS, Strips, fail, find_send, turn
from engine.params import DUCK
from engine.realtime.records import Kind


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

    def obey(self, record: np.void, frame: int) -> bool:
        """Turn what ``record`` names at ``frame``; False: it is of a kind that turns nothing here."""
        self._touch(record)
        note(self._knobs, record)
        if turn(self._strips, record, frame, self._fade):
            return True
        match int(record["kind"]):
            case Kind.SET_INSERT | Kind.SET_BYPASS:
                self._set_insert(record, frame)
            case Kind.SET_DUCK:
                self._set_duck(int(record["strip"]), int(record["param"]), float(record["value"]))
            case _:
                return False
        return True

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
            case Kind.SET_INSERT if key in self._rack.chains.get(strip, ()):
                with contextlib.suppress(EffectFailed):  # its strip is told when it is heard
                    self._rack.chains[strip].set_param(key, int(move["param"]), value, frame, frames)

    def _touch(self, record: np.void) -> None:
        """Whoever turns a knob has it until the timeline is started or located."""
        kind = int(record["kind"])
        if kind in (Kind.PLAY, Kind.LOCATE):
            self._automation.let_go()
        elif kind in (Kind.SET_GAIN, Kind.SET_PAN, Kind.SET_SEND, Kind.SET_INSERT):
            key = int(record["index"]) if kind in (Kind.SET_SEND, Kind.SET_INSERT) else 0
            param = int(record["param"]) if kind == Kind.SET_INSERT else 0
            self._automation.touch(kind, int(record["strip"]), key, param)

    def _set_insert(self, record: np.void, frame: int) -> None:
        try:
            self._rack.set(record, frame, max(self._fade, int(record["ramp_frames"])))
        except EffectFailed:
            fail(self._strips, self._reports, int(record["strip"]), frame)

    def _set_duck(self, strip: int, param: int, value: float) -> None:
        if 0 <= strip < len(self._strips.kind) and 0 <= param < len(DUCK_PARAMS) and math.isfinite(value):
            knob = DUCK[DUCK_PARAMS[param]]
            value = min(knob.high, max(knob.low, value))
            set_duck(self._ducks, strip, DUCK_PARAMS[param], value, self._sample_rate)
