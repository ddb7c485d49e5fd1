"""The DAW's beats, as a request tells them: what pads that wait for a beat or a bar go by."""

from __future__ import annotations

import msgspec
import numpy as np

from engine.daw.layout import Flag

MOST_OFF_FRAMES = 2
"""Hosts round: what is off by less is the same."""


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """Beats of one tempo. begin_frame: where the first bar would begin on the timeline, had it all this tempo."""

    tempo_bpm: float
    beats_per_bar: int
    begin_frame: int

    def is_like(self, other: Meter | None) -> bool:
        """Whether another one has the same beats in the same places."""
        if other is None or (self.tempo_bpm, self.beats_per_bar) != (other.tempo_bpm, other.beats_per_bar):
            return False
        return abs(self.begin_frame - other.begin_frame) <= MOST_OFF_FRAMES


def meter_of(request: np.void, sample_rate: int) -> Meter | None:
    """Return the beats that a request (dtype REQUEST) tells; None: none, or such as no bar is made of."""
    wanted = Flag.TEMPO | Flag.BAR
    if int(request["flags"]) & wanted != wanted:
        return None
    tempo_bpm, beats_per_bar = float(request["tempo_bpm"]), float(request["beats_per_bar"])
    if not (1.0 <= tempo_bpm <= 1000.0 and 1.0 <= beats_per_bar <= 64.0 and beats_per_bar.is_integer()):
        return None
    beats = int(request["bar"]) * beats_per_bar + float(request["beat"])
    begin = int(request["timeline_frame"]) - beats * 60.0 * sample_rate / tempo_bpm
    return Meter(tempo_bpm=tempo_bpm, beats_per_bar=int(beats_per_bar), begin_frame=round(begin))
