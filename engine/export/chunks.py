"""RIFF chunks that describe a WAV file: broadcast extension (EBU Tech 3285 version 2) and cue points with labels."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime
from xml.sax.saxutils import escape

import msgspec

from engine.export.loudness import Levels
from engine.export.wav_header import chunk

BEXT_BYTES = 602
_UNKNOWN_LOUDNESS = 0x7FFF
_TEXT_ENCODING = "ascii"


class CuePoint(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled place in a file, or with ``frames`` a labelled region."""

    frame: int
    label: str
    frames: int = 0


class Broadcast(msgspec.Struct, frozen=True, kw_only=True):
    """What the broadcast extension says of a file. Texts outside ASCII lose their marks: the chunk knows no others."""

    description: str
    originator: str
    reference: str
    made_at: datetime
    coding_history: str
    time_reference: int = 0


def bext(broadcast: Broadcast, levels: Levels | None) -> bytes:
    """Return the ``bext`` chunk; its length depends on ``broadcast`` alone, so levels can be filled in later.

    The UMID stays zero: nothing here registers one.
    """
    body = (
        _text(broadcast.description, 256)
        + _text(broadcast.originator, 32)
        + _text(broadcast.reference, 32)
        + broadcast.made_at.strftime("%Y-%m-%d%H:%M:%S").encode(_TEXT_ENCODING)
        + struct.pack("<QH", broadcast.time_reference, 2)
        + bytes(64)
        + struct.pack("<5h", *_loudness(levels))
        + bytes(180)
        + broadcast.coding_history.encode(_TEXT_ENCODING, "replace")
    )
    return chunk(b"bext", body + bytes(len(body) & 1))  # readers of RF64 stumble over an odd length


def cues(points: Sequence[CuePoint]) -> bytes:
    """Return a ``cue `` chunk and the ``LIST adtl`` with its labels (UTF-8) and regions; nothing for no points."""
    if not points:
        return b""
    body, labels = struct.pack("<I", len(points)), b"adtl"
    for number, point in enumerate(points, 1):
        body += struct.pack("<II4sIII", number, point.frame, b"data", 0, 0, point.frame)
        labels += chunk(b"labl", struct.pack("<I", number) + point.label.encode() + b"\0")
        if point.frames:
            labels += chunk(b"ltxt", struct.pack("<II4sHHHH", number, point.frames, b"rgn ", 0, 0, 0, 0))
    return chunk(b"cue ", body) + chunk(b"LIST", labels)


def ixml(*, project: str, note: str, tracks: Sequence[str], sample_rate: int, bits: int, time_reference: int) -> bytes:
    """Return the ``iXML`` chunk: names in UTF-8, which ``bext`` has no room for."""
    listed = "".join(
        f"<TRACK><CHANNEL_INDEX>{number}</CHANNEL_INDEX><INTERLEAVE_INDEX>{number}</INTERLEAVE_INDEX>"
        f"<NAME>{escape(name)}</NAME></TRACK>"
        for number, name in enumerate(tracks, 1)
    )
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><BWFXML><IXML_VERSION>2.10</IXML_VERSION>'
        f"<PROJECT>{escape(project)}</PROJECT><NOTE>{escape(note)}</NOTE>"
        f"<SPEED><FILE_SAMPLE_RATE>{sample_rate}</FILE_SAMPLE_RATE><AUDIO_BIT_DEPTH>{bits}</AUDIO_BIT_DEPTH>"
        f"<TIMESTAMP_SAMPLE_RATE>{sample_rate}</TIMESTAMP_SAMPLE_RATE>"
        f"<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>{time_reference >> 32}</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>"
        f"<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>{time_reference & 0xFFFFFFFF}</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>"
        f"</SPEED><TRACK_LIST><TRACK_COUNT>{len(tracks)}</TRACK_COUNT>{listed}</TRACK_LIST></BWFXML>"
    ).encode()
    return chunk(b"iXML", text + b" " * (len(text) & 1))


def _loudness(levels: Levels | None) -> tuple[int, ...]:
    """In hundredths: integrated, range, true peak, momentary, short term; unknown where there is none."""
    if levels is None:
        return (_UNKNOWN_LOUDNESS,) * 5
    values = (
        levels.integrated_lufs,
        levels.range_lu,
        levels.true_peak_dbtp,
        levels.max_momentary_lufs,
        levels.max_short_term_lufs,
    )
    return tuple(_UNKNOWN_LOUDNESS if value is None else round(value * 100) for value in values)


def _text(text: str, size: int) -> bytes:
    return text.encode(_TEXT_ENCODING, "replace")[:size].ljust(size, b"\0")
