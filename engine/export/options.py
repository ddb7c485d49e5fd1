"""ExportOptions: what an export writes and how."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from engine.errors import BadRange, UnknownThing
from engine.export.wav import Encoding
from engine.story.model import ExportFormat

FileFormat = Literal["wav", "flac", "aiff", "mp3", "ogg", "aac"]
LOSSY: frozenset[FileFormat] = frozenset({"mp3", "ogg", "aac"})
StemSet = Literal["track", "bus", "voice", "scene", "cue"]
Sends = Literal["returns", "none", "printed"]

MAX_TAIL_SECONDS = 600.0
SAMPLE_RATES = (44100, 48000, 88200, 96000, 176400, 192000)
NAME_FIELDS = ("nn", "name", "set", "title", "track", "voice", "scene", "cue")

_RANGES = {
    "tail_db": (-140.0, 0.0, "dBFS"),
    "tail_cap_seconds": (0.0, MAX_TAIL_SECONDS, "s"),
    "handle_seconds": (0.0, 60.0, "s"),
    "mix_lufs": (-40.0, -5.0, "LUFS"),
    "start_seconds": (0.0, 1e7, "s"),
    "end_seconds": (0.0, 1e7, "s"),
}


class ExportOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an export writes.

    formats: which; the mix comes with stems, too. overview: a picture of the timeline.
    encoding, file_format: of stems and mix. dither: triangular, None: where there are 16 bits. mono: a stem whose sides
    are the same becomes a mono file.
    sample_rate: of everything, None: the story's. per: which sets of stems. dry: tracks before inserts, fader and pan.
    sends: the returns are stems, are left away, or are printed into every stem. name: of stems, see NAME_FIELDS.
    tails: after the story's end, down to ``tail_db`` (dBFS), ``tail_cap_seconds`` at most.
    start_seconds, end_seconds: the stretch of the timeline that stems and mix hold.
    handle_seconds: what consolidated clips keep of their sources before and after.
    mix_lufs: the mix is made this loud, at most ``limiter_db`` of true peak; stems are never touched. acx: check it.
    keep_plugins: VST3 plug-ins stay plug-ins in a Reaper project, too. word_markers: words are markers of the timeline
    where clips hold none (Live, DAWproject, AAF). live_template: a Live set of the user's own to build the set from.
    replace_changed: also replace files of an earlier export that somebody has changed since.
    """

    formats: tuple[ExportFormat, ...] = ("stems", "reaper")
    overview: bool = True
    encoding: Encoding = "pcm24"
    dither: bool | None = None
    file_format: FileFormat = "wav"
    mono: bool = False
    sample_rate: int | None = None
    per: tuple[StemSet, ...] = ("track",)
    dry: bool = False
    sends: Sends = "returns"
    name: str = "{nn}_{name}"
    tails: bool = True
    tail_db: float = -90.0
    tail_cap_seconds: float = 30.0
    start_seconds: float | None = None
    end_seconds: float | None = None
    handle_seconds: float = 0.0
    mix_lufs: float | None = None
    acx: bool = False
    keep_plugins: bool = False
    word_markers: bool = False
    live_template: str = ""
    replace_changed: bool = False

    def __post_init__(self) -> None:
        """Check ranges; BadRange names the option and what it may be."""
        if not self.formats:
            raise BadRange(f"formats: none is given; there is: {', '.join(get_args(ExportFormat))}")
        for name, (low, high, unit) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and low <= value <= high):
                raise BadRange(f"{name}: {value:g} is outside {low:g} to {high:g} {unit}")
        if self.sample_rate is not None and self.sample_rate not in SAMPLE_RATES:
            raise BadRange(f"sample_rate: {self.sample_rate} is none of {', '.join(map(str, SAMPLE_RATES))}")
        if self.end_seconds is not None and self.end_seconds <= (self.start_seconds or 0.0):
            raise BadRange(f"end_seconds: {self.end_seconds:g} s does not come after {self.start_seconds or 0:g} s")
        self._check_name()
        self._check_encoding()

    def _check_name(self) -> None:
        try:
            self.name.format(**dict.fromkeys(NAME_FIELDS, ""))
        except (KeyError, ValueError, IndexError, AttributeError):
            fields = ", ".join(f"{{{field}}}" for field in NAME_FIELDS)
            raise BadRange(f"name: {self.name!r} may hold text and {fields}") from None

    def _check_encoding(self) -> None:
        if self.file_format == "flac" and self.encoding == "float32":
            raise BadRange("encoding: FLAC holds 16 or 24 bits, not float32")
        if self.file_format == "mp3" and (self.sample_rate or 0) > 48000:
            raise BadRange(f"sample_rate: MP3 goes up to 48000, not {self.sample_rate}")
        if self.file_format == "aac" and (self.sample_rate or 0) > 96000:
            raise BadRange(f"sample_rate: AAC goes up to 96000, not {self.sample_rate}")

    @property
    def file_ending(self) -> str:
        """What file names of stems and mix end in, without the dot."""
        return "m4a" if self.file_format == "aac" else self.file_format

    @property
    def is_dithered(self) -> bool:
        """Whether rounding to integers gets dither; floats and lossy formats are not rounded."""
        rounds = self.encoding != "float32" and self.file_format not in LOSSY
        return rounds and (self.encoding == "pcm16" if self.dither is None else self.dither)

    @property
    def is_finished_later(self) -> bool:
        """Whether stems and mix are printed in float first, and made what was asked for from that."""
        plain = self.file_format == "wav" and self.encoding != "pcm16" and not self.is_dithered
        return not plain or self.mono or self.mix_lufs is not None


def options_from(values: Mapping[str, object]) -> ExportOptions:
    """Return the options that ``values`` spell; UnknownThing or BadRange says what is wrong and what is allowed."""
    for name in values:
        if name not in ExportOptions.__struct_fields__:
            raise UnknownThing("export option", name, ExportOptions.__struct_fields__)
    try:
        return msgspec.convert(values, ExportOptions)
    except msgspec.ValidationError as error:
        raise BadRange(f"export options: {error}") from error
