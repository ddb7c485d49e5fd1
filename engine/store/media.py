"""The library's sound: files named by what is in them, so that the same sound is kept once, whoever refers to it.

A file is in place before its row is, and a row is gone before its file: what refers to a sound finds it. All that
changes them is done in a session ``alone=MEDIA``. One file is open at a time.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import soundfile
from sqlalchemy.orm import Session

from engine.errors import MediaError
from engine.store.tables import MediaRow

MEDIA = "media"
"""The name under which sessions that change sounds or what refers to them wait for each other."""

PIECE_BYTES = 1 << 20
FLAC_CHANNELS, FLAC_FRAMES = 8, 65536
FULL_SCALE = 1.0 - 2.0**-23
"""The loudest sample of 24 bits."""
SUFFIXES = {"WAV": ".wav", "WAVEX": ".wav", "FLAC": ".flac", "MP3": ".mp3", "OGG": ".ogg", "AIFF": ".aiff"}


class Sound(msgspec.Struct, frozen=True, kw_only=True):
    """A sound by its content. suffix: of its file."""

    sha256: str
    suffix: str
    bytes: int
    frames: int
    sample_rate: int
    channels: int


class Media:
    """The folder of sounds. Raises MediaError where the disk fails.

    flac: keep new ones as FLAC at 24 bits: half the size, within -138 dB; what is louder than full scale stays a WAV.
    """

    def __init__(self, folder: Path, *, flac: bool = False) -> None:
        self.folder, self._flac = folder, flac

    def path(self, sha256: str, suffix: str) -> Path:
        """Return where a sound lies, or would."""
        return self.folder / sha256[:2] / f"{sha256}{suffix}"

    @contextmanager
    def incoming(self, source: Path, *, linked: bool = False) -> Iterator[tuple[Sound, Path]]:
        """Lend a sound with a copy of its file in the folder, for ``keep``; what is not kept is gone afterwards.

        linked: nobody ever changes ``source`` in place, so that both may be one file where the disk can do that.
        """
        copy = self.folder / f".{secrets.token_hex(8)}.tmp"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not (self._flac and _as_flac(source, copy)):
                _copy(source, copy, linked)
            yield sound_of(copy, source.name), copy
        except OSError as error:
            raise MediaError(f"{source} can't be kept in {self.folder}: {error.strerror or error}") from error
        finally:
            copy.unlink(missing_ok=True)

    def keep(self, session: Session, sound: Sound, copy: Path) -> str:
        """Put a sound in its place; return its name. In a session alone with ``MEDIA``."""
        place = self.path(sound.sha256, sound.suffix)
        row = session.get(MediaRow, sound.sha256)
        if row is not None:
            place = self.path(row.sha256, row.suffix)
        if not place.exists() or place.stat().st_size != sound.bytes:
            place.parent.mkdir(exist_ok=True)
            copy.replace(place)
        if row is None:
            session.add(MediaRow(**msgspec.structs.asdict(sound), made_at=datetime.now(UTC).replace(tzinfo=None)))
            session.flush()
        return sound.sha256

    def files(self) -> Iterator[Path]:
        """Yield every sound that lies here, known or not, in no order."""
        for folder in sorted(self.folder.glob("[0-9a-f][0-9a-f]")):
            for entry in os.scandir(folder):
                yield Path(entry.path)

    def forgotten(self) -> Iterator[Path]:
        """Yield what a killed program has left half copied."""
        yield from self.folder.glob(".*.tmp")


def sound_of(path: Path, name: str) -> Sound:
    """Return what is in a file. name: for errors. Raises MediaError for one that holds no sound."""
    try:
        info = soundfile.info(path)
    except soundfile.LibsndfileError as error:
        raise MediaError(f"{name} holds no sound: {error}") from error
    return Sound(
        sha256=sha256_of(path),
        suffix=SUFFIXES.get(info.format, ".audio"),
        bytes=path.stat().st_size,
        frames=info.frames,
        sample_rate=info.samplerate,
        channels=info.channels,
    )


def sha256_of(path: Path) -> str:
    """Return the digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _as_flac(source: Path, copy: Path) -> bool:
    """Write a WAV as FLAC; False, and nothing is left: it is no WAV, holds what FLAC can't say, or the disk refuses."""
    try:
        written = _written_as_flac(source, copy) and soundfile.info(copy).frames == soundfile.info(source).frames
    except soundfile.LibsndfileError:  # it does not say why: a plain copy will
        written = False
    if written:
        with copy.open("rb") as file:
            os.fsync(file.fileno())
    else:
        copy.unlink(missing_ok=True)
    return written


def _written_as_flac(source: Path, copy: Path) -> bool:
    with soundfile.SoundFile(source) as old:
        if old.format not in ("WAV", "WAVEX") or old.channels > FLAC_CHANNELS:
            return False
        with soundfile.SoundFile(copy, "x", old.samplerate, old.channels, "PCM_24", format="FLAC") as new:
            for block in old.blocks(FLAC_FRAMES, dtype="float32", always_2d=True):
                if not np.isfinite(block).all() or np.abs(block).max(initial=0.0) > FULL_SCALE:
                    return False
                new.write(block)
    return True


def _copy(source: Path, copy: Path, linked: bool) -> None:
    if linked:
        try:
            os.link(source, copy)
            return
        except OSError:  # another disk, or one that links nothing
            copy.unlink(missing_ok=True)
    with source.open("rb") as old, copy.open("xb") as new:
        shutil.copyfileobj(old, new, PIECE_BYTES)
        new.flush()
        os.fsync(new.fileno())
