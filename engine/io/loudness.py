"""What the io process tells about loudness."""

from __future__ import annotations

import msgspec


class Loudness(msgspec.Struct, frozen=True, kw_only=True):
    """The master since the last reset, by BS.1770-4; None: never above the gate, or silence.

    momentary: of the last 400 ms; short_term: of the last 3 s. frames: heard so far. lost_frames: not heard, the
    process came too late.
    """

    momentary_lufs: float | None = None
    short_term_lufs: float | None = None
    integrated_lufs: float | None = None
    range_lu: float | None = None
    true_peak_dbtp: float | None = None
    frames: int = 0
    lost_frames: int = 0
