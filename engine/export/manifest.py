"""Manifest: what an export holds, how it was made, and how its files relate. ``manifest.json``."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec

from engine.export.finish import Acx
from engine.export.loudness import Levels
from engine.export.media import Medium, Source, source_of
from engine.export.options import FileFormat
from engine.export.wav import Encoding
from engine.story.model import ExportFormat
from engine.story.timeline import Placed
from engine.voices.take import Word

FORMAT = 1

Role = Literal["mix", "track", "bus", "voice", "scene", "cue", "clip", "session", "media", "overview", "readme"]

SUM_RULE = (
    "The tracks and return buses summed sample by sample are the input of the master strip. The mix is that sum after "
    "the master's inserts, fader and limiter; the limiter's delay is taken out, so all files are aligned."
)
TAPS: Mapping[str, str] = {
    "track": "after inserts, fader, pan, mute and solo; before the master",
    "bus": "return: after inserts, fader, pan, mute and solo; before the master",
    "mix": "after the master's inserts, fader and limiter",
}


class FileEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file. path: inside the folder, with ``/``. strip, name: of the mixer channel. tap: where it was taken.

    format: of a session and its media.
    """

    path: str
    role: Role
    bytes: int
    sha256: str
    format: ExportFormat | None = None
    strip: str | None = None
    name: str | None = None
    tap: str | None = None
    levels: Levels | None = None


class TakeEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A take that clips play. frames: of the whole take; words: in the take, before any trim."""

    digest: str
    voice: str
    text: str
    frames: int
    channels: int
    words: tuple[Word, ...]


class ClipEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A clip as it was placed. Exactly one of take (a digest) and audio (a path in the story's folder) is set."""

    id: str
    name: str
    track: str
    start_frame: int
    length_frames: int
    trim_start_frames: int
    gain_db: float
    pan: float
    fade_in_frames: int
    fade_out_frames: int
    fade_in_shape: str
    fade_out_shape: str
    take: str | None
    audio: str | None


class MarkerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A marker at its frame."""

    id: str
    name: str
    frame: int


class Tail(msgspec.Struct, frozen=True, kw_only=True):
    """How the end was found: files go on until all are below ``tail_db``, ``cap_seconds`` at most."""

    tail_db: float
    cap_seconds: float
    frames: int
    capped: bool


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about an export. All frames are at ``sample_rate``; every stem and the mix are ``frames`` long.

    start_frame: where on the timeline they begin. residuals: by set of stems that have their returns printed in them,
    how far their sum is off the master's input, in dBFS; None: not at all. mix_gain_db: what brought the mix to
    mix_target_lufs.
    """

    format: int = FORMAT
    cuevox: str
    made_at: str
    title: str
    sample_rate: int
    encoding: Encoding
    dither: str = "none"
    file_format: FileFormat = "wav"
    start_frame: int = 0
    normalised: bool = False
    frames: int
    story_end_frame: int
    tail: Tail
    sum_rule: str = SUM_RULE
    residuals: Mapping[str, float | None] = {}
    mix_target_lufs: float | None = None
    mix_gain_db: float = 0.0
    acx: Acx | None = None
    warnings: tuple[str, ...]
    files: tuple[FileEntry, ...]
    markers: tuple[MarkerEntry, ...]
    clips: tuple[ClipEntry, ...]
    takes: tuple[TakeEntry, ...]


@lru_cache
def cuevox_version() -> str:
    """Return the version of this Cuevox; ``source`` where it runs without being installed."""
    try:
        return importlib.metadata.version("cuevox")
    except importlib.metadata.PackageNotFoundError:
        return "source"


def clip_entries(placed: Iterable[Placed], media: Mapping[Source, Medium]) -> tuple[ClipEntry, ...]:
    """Return the clips as the manifest lists them."""
    return tuple(_clip_entry(each, media[source_of(each.clip)]) for each in placed)


def take_entries(media: Iterable[Medium]) -> tuple[TakeEntry, ...]:
    """Return the takes as the manifest lists them, by digest."""
    takes = sorted((medium.take for medium in media if medium.take), key=lambda take: take.digest)
    return tuple(
        TakeEntry(
            digest=take.digest,
            voice=take.voice,
            text=take.text,
            frames=take.frames,
            channels=take.channels,
            words=take.words,
        )
        for take in takes
    )


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write ``manifest`` as JSON that people can read."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")


def read_manifest(path: Path) -> Manifest:
    """Return the manifest in ``path``. Raises OSError, or msgspec.DecodeError for something else."""
    return msgspec.json.decode(path.read_bytes(), type=Manifest)


def _clip_entry(placed: Placed, medium: Medium) -> ClipEntry:
    clip = placed.clip
    return ClipEntry(
        id=clip.id,
        name=clip.name,
        track=placed.track.id,
        start_frame=placed.start_frame,
        length_frames=placed.length_frames,
        trim_start_frames=clip.trim_start_frames,
        gain_db=clip.gain_db,
        pan=clip.pan,
        fade_in_frames=clip.fade_in_frames,
        fade_out_frames=clip.fade_out_frames,
        fade_in_shape=clip.fade_in_shape,
        fade_out_shape=clip.fade_out_shape,
        take=medium.take.digest if medium.take else None,
        audio=clip.audio,
    )
