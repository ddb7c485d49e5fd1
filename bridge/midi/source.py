"""Sources: what a control is called, as presets and MIDI learn write it: ``cc 7 ch 1``, ``note 36``, ``nrpn 300``."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, get_args

SourceKind = Literal["note", "cc", "cc14", "nrpn", "program", "bend", "touch", "pressure"]
KINDS: tuple[SourceKind, ...] = get_args(SourceKind)
_TOPS: dict[SourceKind, int] = {"cc14": 31, "nrpn": 16383}
_NUMBERLESS = ("bend", "pressure")
_FORM = re.compile(r"(?P<kind>[a-z0-9]+)(?: +(?P<number>[0-9]{1,5}))?(?: +ch +(?P<channel>[0-9]{1,2}))?")
FORMS = "note 36, cc 7, cc14 7, nrpn 300, program 5, touch 36, bend or pressure, with ch 1 to 16 where it matters"


class Source(NamedTuple):
    """One control of a device. number: 0 where the kind has none. channel: 0 is any."""

    kind: SourceKind
    number: int = 0
    channel: int = 0

    def __str__(self) -> str:
        number = "" if self.kind in _NUMBERLESS else f" {self.number}"
        return f"{self.kind}{number}" + (f" ch {self.channel}" if self.channel else "")


def parse_source(text: str) -> Source | None:
    """Return the source that a text names; None: it names none (``FORMS`` says how it is written)."""
    found = _FORM.fullmatch(text.strip().lower())
    kind = next((k for k in KINDS if found and k == found["kind"]), None)
    if found is None or kind is None or (found["number"] is None) != (kind in _NUMBERLESS):
        return None
    number, channel = int(found["number"] or 0), int(found["channel"] or 0)
    if number > _TOPS.get(kind, 127) or channel > 16 or (found["channel"] and channel == 0):
        return None
    return Source(kind, number, channel)
