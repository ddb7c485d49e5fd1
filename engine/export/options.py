"""ExportOptions: what an export writes and how."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import get_args

import msgspec

from engine.errors import BadRange, UnknownThing
from engine.export.wav import Encoding
from engine.story.model import ExportFormat

MAX_TAIL_SECONDS = 600.0


class ExportOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an export writes.

    formats: which; the mix comes with any but sessions alone. encoding: of stems and mix.
    overview: a picture of the timeline. tail_db: how low tails ring out, in dBFS; tail_cap_seconds: how long at most.
    replace_changed: also replace files of an earlier export that somebody has changed since.
    """

    formats: tuple[ExportFormat, ...] = ("stems", "reaper")
    encoding: Encoding = "pcm24"
    overview: bool = True
    tail_db: float = -90.0
    tail_cap_seconds: float = 30.0
    replace_changed: bool = False

    def __post_init__(self) -> None:
        """Check ranges; BadRange names the option and what it may be."""
        if not self.formats:
            raise BadRange(f"formats: none is given; there is: {', '.join(get_args(ExportFormat))}")
        if not -140.0 <= self.tail_db <= 0.0:
            raise BadRange(f"tail_db: {self.tail_db:g} is outside -140 to 0 dBFS")
        if not (math.isfinite(self.tail_cap_seconds) and 0.0 <= self.tail_cap_seconds <= MAX_TAIL_SECONDS):
            raise BadRange(f"tail_cap_seconds: {self.tail_cap_seconds:g} is outside 0 to {MAX_TAIL_SECONDS:g} s")


def options_from(values: Mapping[str, object]) -> ExportOptions:
    """Return the options that ``values`` spell; UnknownThing or BadRange says what is wrong and what is allowed."""
    for name in values:
        if name not in ExportOptions.__struct_fields__:
            raise UnknownThing("export option", name, ExportOptions.__struct_fields__)
    try:
        return msgspec.convert(values, ExportOptions)
    except msgspec.ValidationError as error:
        raise BadRange(f"export options: {error}") from error
