"""MIDI learn: which control was moved, from the first things that it sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bridge.midi.controllers import Controllers
from bridge.midi.encoders import Encoding
from bridge.midi.source import Source, SourceKind
from bridge.midi.surface import GO_DEBOUNCE_MS, Control
from bridge.midi.targets import Target
from bridge.midi.voiced import Voiced

LISTEN_SECONDS = 0.3
"""How long after the first message the others are waited for that belong to it."""

PATIENCE_SECONDS = 60.0
"""After so long nobody is going to move anything."""

_FEW = 4


def learned_source(events: Sequence[Voiced]) -> Source | None:
    """Return the control that sent ``events``; None: none of it is a control's.

    A pair of controllers 32 apart is one of 14 bits; data after 99 and 98 is an NRPN.
    """
    if not events:
        return None
    channel = events[0].channel
    controls = [e for e in events if e.kind == "control" and e.channel == channel]
    if not controls:
        first = events[0]
        kinds: dict[str, SourceKind] = {"note": "note", "program": "program", "bend": "bend", "touch": "note"}
        kind = kinds.get(first.kind, "pressure")
        return Source(kind, first.number, channel)
    numbers = Counter(e.number for e in controls)
    reader = Controllers()
    moved = [m for m in map(reader.take, controls) if m is not None]
    for m in moved:
        if m.kind == "nrpn":
            return Source("nrpn", m.number, channel)
    for number in numbers:
        if number < 32 and number + 32 in numbers:
            return Source("cc14", number, channel)
    return Source("cc", controls[0].number, channel)


def learned_encoding(events: Sequence[Voiced], source: Source) -> Encoding | None:
    """Return how an endless encoder that was turned slowly to the right sends; None: it is no encoder.

    One that repeats 1 or 65 is an encoder; what a fader sends changes all the time.
    """
    values = [e.value for e in events if e.kind == "control" and e.number == source.number]
    if source.kind != "cc" or len(values) < _FEW:
        return None
    common, count = Counter(values).most_common(1)[0]
    if count * 2 < len(values):
        return None
    if common <= 3 and common > 0:
        return "twos"
    return "offset" if 65 <= common <= 67 else None


def learned_control(events: Sequence[Voiced], target: Target) -> Control | None:
    """Return the control that moves ``target`` from now on, by what was heard of it."""
    source = learned_source(events)
    if source is None:
        return None
    is_switch = target.arg is not None and target.arg.truth
    return Control(
        on=source,
        to=target.address,
        encoder=learned_encoding(events, source),
        toggle=is_switch and source.kind == "note",
        feedback="light" if is_switch else "none",
        debounce_ms=GO_DEBOUNCE_MS if target.address.endswith("/go") else 0,
    )
