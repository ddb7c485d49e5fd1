"""The clips of an AAF, ten thousand as quickly as ten: copies of three that pyaaf2 wrote, put into their sequences.

A clip is a storage of the compound file, and its numbers stand in a stream called ``properties``: a table of
(property, format, size), then the values. So a copy costs a few bytes where pyaaf2 takes milliseconds.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import msgspec

from engine.export.sessions.compound import Storage, read_compound, write_compound

LENGTH, START, MOB = 0x0202, 0x1201, 0x1101
FADE_IN, FADE_IN_TYPE, FADE_OUT, FADE_OUT_TYPE = 0x1202, 0x1203, 0x1204, 0x1205
_VALUE = 0x4D01
_FADES = (FADE_IN, FADE_IN_TYPE, FADE_OUT, FADE_OUT_TYPE)

_COMPONENTS, _INPUTS, _PARAMETERS = "Components-1001", "InputSegments-b02", "Parameters-b03"
_NO_KEY = 0xFFFFFFFF


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a sequence. mob: the 32 bytes of the id of what it plays, empty for silence.

    fade_in, fade_out: frames, and the number of its shape. gain: 1 for none.
    """

    length: int
    mob: bytes = b""
    start: int = 0
    fade_in: tuple[int, int] = (0, 0)
    fade_out: tuple[int, int] = (0, 0)
    gain: Fraction = Fraction(1)


def grow(prototype: Path, target: Path, sequences: Sequence[Sequence[Part]]) -> None:
    """Write the AAF in ``prototype`` to ``target`` with what belongs into the slots of its composition, by slot.

    Its first slot's sequence holds the three: silence, a clip with fades, such a clip within a gain.
    """
    root = read_compound(prototype)
    composition = root.storage("Header-2").storage("Content-3b03").storage("Mobs-1901{0}")
    slots = [_sequence(composition.storage(f"Slots-4403{{{number:x}}}")) for number in range(len(sequences))]
    copier = _Copier(slots[0])
    for sequence, parts in zip(slots, sequences, strict=True):
        _put(sequence, _COMPONENTS, [copier.copy(part) for part in parts])
    write_compound(root, target)


def _sequence(slot: Storage) -> Storage:
    segment = slot.storage("Segment-4803")
    while f"{_COMPONENTS} index" not in segment.children:
        segment = segment.storage(f"{_INPUTS}{{0}}")
    return segment


def _put(storage: Storage, name: str, items: Sequence[Storage]) -> None:
    """Replace the vector ``name`` of an object."""
    for child in [child for child in storage.children if child.startswith(f"{name}{{")]:
        del storage.children[child]
    index = struct.pack("<III", len(items), len(items), _NO_KEY) + struct.pack(f"<{len(items)}I", *range(len(items)))
    storage.children[f"{name} index"] = index
    storage.children |= {f"{name}{{{number:x}}}": item for number, item in enumerate(items)}


class _Copier:
    def __init__(self, sequence: Storage) -> None:
        self.silence, self.clip, self.louder = (sequence.storage(f"{_COMPONENTS}{{{n}}}") for n in range(3))

    def copy(self, part: Part) -> Storage:
        """Return the object of a part."""
        length = struct.pack("<q", part.length)
        if not part.mob:
            return _changed(self.silence, {LENGTH: length})
        values = {LENGTH: length, START: struct.pack("<q", part.start), MOB: part.mob}
        for (frames, shape), (frames_id, shape_id) in (
            (part.fade_in, (FADE_IN, FADE_IN_TYPE)),
            (part.fade_out, (FADE_OUT, FADE_OUT_TYPE)),
        ):
            if frames:
                values |= {frames_id: struct.pack("<q", frames), shape_id: bytes([shape])}
        clip = _changed(self.clip, values, without=[key for key in _FADES if key not in values])
        return clip if part.gain == 1 else self._within_gain(clip, part)

    def _within_gain(self, clip: Storage, part: Part) -> Storage:
        group = _changed(self.louder, {LENGTH: struct.pack("<q", part.length)})
        group.children[f"{_INPUTS}{{0}}"] = clip
        parameter = self.louder.storage(f"{_PARAMETERS}{{0}}")
        kind = _values(parameter.stream("properties"))[_VALUE][1][:-8]  # what type follows, then a rational
        value = kind + struct.pack("<ii", part.gain.numerator, part.gain.denominator)
        group.children[f"{_PARAMETERS}{{0}}"] = _changed(parameter, {_VALUE: value})
        return group


def _changed(storage: Storage, values: Mapping[int, bytes], without: Sequence[int] = ()) -> Storage:
    """Return a copy of an object with other values for some of its properties."""
    known = _values(storage.stream("properties"))
    kept = {key: (form, values.get(key, data)) for key, (form, data) in known.items() if key not in without}
    table = b"".join(struct.pack("<HHH", key, form, len(data)) for key, (form, data) in kept.items())
    stream = struct.pack("<BBH", 0x4C, 0x20, len(kept)) + table + b"".join(data for _, data in kept.values())
    return Storage(storage.class_id, storage.children | {"properties": stream})


def _values(properties: bytes) -> dict[int, tuple[int, bytes]]:
    """Return the stored form and the bytes of each property."""
    (count,) = struct.unpack_from("<H", properties, 2)
    found, place = {}, 4 + 6 * count
    for key, form, size in struct.iter_unpack("<HHH", properties[4:place]):
        found[key] = (form, properties[place : place + size])
        place += size
    return found
