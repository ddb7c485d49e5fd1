"""The memory that plug-ins and engine share, as numpy sees it: bridge/plugin/protocol.h, field by field.

That file says what each field means and who writes it. A test compiles it and compares.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

import numpy as np

MAGIC, VERSION = 0x3130585645554343, 4
SLOTS, BUSES = 16, 64
RING_FRAMES, REQUESTS, NOTES = 32768, 256, 1024
MAX_REQUEST_FRAMES = 1024
ID_BYTES = 64


class Flag(IntFlag):
    """What a request says of the DAW."""

    PLAYING = 1
    OFFLINE = 2
    FREE = 4
    LOOP = 8
    TEMPO = 16
    BAR = 32


class Refusal(IntEnum):
    """Why a slot hears silence."""

    SERVED = 0
    OTHER_RATE = 1
    OTHER_HOST = 2
    ELSEWHERE = 3
    NO_BUS = 4


REQUEST = np.dtype(
    [
        ("stream", "<u8"), ("timeline_frame", "<i8"),
        ("frames", "<u4"), ("flags", "<u4"), ("ahead_frames", "<u4"), ("generation", "<u4"),
        ("tempo_bpm", "<f8"), ("beats_per_bar", "<f8"), ("beat_type", "<f8"), ("beat", "<f8"),
        ("bar", "<i8"), ("loop_start", "<i8"), ("loop_end", "<i8"), ("asked_ns", "<u8"),
        ("bus", "<u4"), ("spare", "<u4", 7),
    ]
)  # fmt: skip

NOTE = np.dtype([("stream", "<u8"), ("size", "u1"), ("bytes", "u1", 3), ("generation", "<u4")])

SLOT = np.dtype(
    {
        "names": [
            "host", "generation", "instance", "sample_rate", "max_block_frames", "latency_frames", "bus",
            "takes_notes", "looks", "asked_requests", "asked_notes", "taken_requests", "taken_notes",
            "done", "refusal", "bell", "waiting", "held",
            "blocks", "misses", "missed_frames", "given_up", "lost_notes",
            "answered_ns", "request", "note", "ring",
        ],
        "formats": [
            "<u4", "<u4", "<u8", "<u4", "<u4", "<u4", "<u4",
            "<u4", "<u4", "<u8", "<u8", "<u8", "<u8",
            "<u8", "<u8", "<u4", "<u4", "<u4",
            "<u8", "<u8", "<u8", "<u8", "<u8",
            ("<u8", REQUESTS), (REQUEST, REQUESTS), (NOTE, NOTES), ("<f4", (RING_FRAMES, 2)),
        ],
        "offsets": [
            0, 4, 8, 16, 20, 24, 28,
            32, 36, 64, 72, 128, 136,
            192, 200, 208, 212, 216,
            256, 264, 272, 280, 288,
            320, 320 + 8 * REQUESTS, 320 + 136 * REQUESTS, 320 + 136 * REQUESTS + 16 * NOTES,
        ],
        "itemsize": 320 + 136 * REQUESTS + 16 * NOTES + 8 * RING_FRAMES,
    }
)  # fmt: skip

BUS = np.dtype([("id", f"S{ID_BYTES}"), ("name", f"S{ID_BYTES}")])

HEADER = np.dtype(
    {
        "names": [
            "magic", "version", "slots", "slots_at", "slot_bytes", "sample_rate", "engine",
            "epoch", "beat", "mix_latency_frames", "strip_latency_frames", "names",
            "bell", "waiting", "bus",
        ],
        "formats": [
            "<u8", "<u4", "<u4", "<u4", "<u4", "<u4", "<u4",
            "<u8", "<u8", "<u4", "<u4", "<u8",
            "<u4", "<u4", (BUS, BUSES),
        ],
        "offsets": [0, 8, 12, 16, 20, 24, 28, 64, 72, 80, 84, 88, 128, 132, 4096],
        "itemsize": 4096 + BUSES * BUS.itemsize,
    }
)  # fmt: skip

SLOTS_AT = HEADER.itemsize
SEGMENT_BYTES = SLOTS_AT + SLOTS * SLOT.itemsize


def offset_of(dtype: np.dtype[np.void], field: str) -> int:
    """Return where a field lies in bytes."""
    assert dtype.fields is not None
    return int(dtype.fields[field][1])
