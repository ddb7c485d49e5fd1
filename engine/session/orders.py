"""Orders: what the session wants from the mixer, as live records. One function per kind, nothing else."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.realtime.records import NOW, RECORD, Kind

Records = NDArray[np.void]

_NOTHING: dict[str, Any] = dict.fromkeys(RECORD.names or (), 0)
_OFFSETS = {name: RECORD.fields[name][1] for name in _NOTHING} if RECORD.fields else {}
_CODES = {"<i4": "i", "<i8": "q", "<f4": "f", "<f8": "d", "|u1": "B"}
_PACKED = struct.Struct("<" + "".join(_CODES[RECORD[name].str] for name in _NOTHING))
"""RECORD has no padding but at its end; bytes are filled three times as fast as numpy fills a row."""
_WHO, _LEVEL = struct.Struct("<qqq"), struct.Struct("<f")
_FRAME, _GAIN = _OFFSETS["frame"], _OFFSETS["gain"]
_SPARE = bytes(RECORD.itemsize - _PACKED.size)


def order(kind: Kind, at_frame: int | None = None, **fields: Any) -> Records:
    """Return one live record of ``kind`` for ``at_frame`` (None: the next block); fields as in RECORD."""
    values = {**_NOTHING, "kind": kind, "frame": NOW if at_frame is None else at_frame, **fields}
    return np.frombuffer(bytearray(_PACKED.pack(*values.values()) + _SPARE), RECORD)


def again(like: bytes, at_frame: int | None, *, player: int, gain: float) -> Records:
    """Return a START_PLAYER like another one, for another player, frame and gain: a fifth of what ``order`` takes."""
    row = bytearray(like)
    _WHO.pack_into(row, _FRAME, NOW if at_frame is None else at_frame, player, player)
    _LEVEL.pack_into(row, _GAIN, gain)
    return np.frombuffer(row, RECORD)


def set_limiter(ceiling_db: float | None, at_frame: int | None = None) -> Records:
    """Set the master limiter's ceiling in dBTP; None switches it off."""
    return order(Kind.SET_LIMITER, at_frame, value=math.nan if ceiling_db is None else ceiling_db)


def together(*orders: Records) -> Records:
    """Return the orders as one block: the ring takes all of it or none. Numpy would compare their fields first."""
    return np.frombuffer(bytearray(b"".join([block.tobytes() for block in orders])), RECORD)
