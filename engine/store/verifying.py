"""Whether everything that the library tells of is there and whole, and mending what is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from sqlalchemy import delete, func, select, update

from engine.errors import MediaError
from engine.render.cache import TakeCache
from engine.store.database import Database
from engine.store.history import tell
from engine.store.media import MEDIA, Media, sha256_of, sound_of
from engine.store.profiles import Profiles
from engine.store.tables import MediaRow, SampleRow, TakeRow

DAMAGED = "damaged"
"""Folder below the sounds where those go that are not what their name says: nothing is thrown away."""
FORGOTTEN_SECONDS = 3600.0
PAGE = 500

Meter = Callable[[float, str], object]
"""Hears how far the work is, 0 to 1, and what it is at."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong. kind: missing, damaged, unknown, half_copied, voice. mended: how, "": it is not."""

    kind: str
    what: str
    text: str
    mended: str = ""


class Inspector:
    """Looks through one library. Raises StoreError; what the disk does is a fault."""

    def __init__(self, database: Database, media: Media, cache: TakeCache, profiles: Profiles) -> None:
        self._database, self._media, self._cache, self._profiles = database, media, cache, profiles

    def verify(self, *, quick: bool = False, meter: Meter | None = None) -> tuple[Fault, ...]:
        """Return all faults; nothing is changed. quick: sounds are not read, only their sizes."""
        return tuple(self._faults(quick, meter or (lambda _part, _what: None)))

    def repair(self, *, meter: Meter | None = None) -> tuple[Fault, ...]:
        """Mend what can be, and tell how; a sound that can't be had again is no longer promised by its takes."""
        mend = {
            "missing": self._mend_sound,
            "damaged": self._mend_damaged,
            "unknown": self._mend_unknown,
            "half_copied": self._mend_half,
            "voice": self._mend_voice,
        }
        found = self.verify(meter=meter)
        return tuple(msgspec.structs.replace(fault, mended=mend[fault.kind](fault.what)) for fault in found)

    def _faults(self, quick: bool, meter: Meter) -> Iterator[Fault]:
        known: set[str] = set()
        for number, count, row in self._rows():
            meter(number / count, row.sha256[:12])
            path = self._media.path(row.sha256, row.suffix)
            known.add(path.name)
            yield from _fault_of(path, row, quick)
        for path in self._media.files():
            if path.name not in known:
                yield Fault(kind="unknown", what=str(path), text="the database knows nothing of this sound")
        for path in self._media.forgotten():
            if time.time() - path.stat().st_mtime > FORGOTTEN_SECONDS:
                yield Fault(kind="half_copied", what=str(path), text="a program was killed while it copied this")
        for profile in self._profiles.all():
            if not self._profiles.here(profile.id):
                yield Fault(kind="voice", what=profile.id, text="its folder or its preset is not on this machine")

    def _rows(self) -> Iterator[tuple[int, int, MediaRow]]:
        """Yield all sounds, a page at a time: number, count, row."""
        last, number = "", 0
        with self._database.session() as session:
            count = session.scalar(select(func.count()).select_from(MediaRow)) or 0
        while True:
            asked = select(MediaRow).where(MediaRow.sha256 > last).order_by(MediaRow.sha256).limit(PAGE)
            with self._database.session() as session:
                rows = session.scalars(asked).all()
                session.expunge_all()
            if not rows:
                return
            for row in rows:
                number += 1
                yield number, max(count, number), row
            last = rows[-1].sha256

    def _mend_sound(self, sha256: str) -> str:
        """Copy a sound again from the cache or a profile's folder; else let go of it."""
        with self._database.session() as session:
            row = session.get_one(MediaRow, sha256)
            size, suffix = row.bytes, row.suffix
            digests = session.scalars(select(TakeRow.digest).where(TakeRow.media == sha256)).all()
            samples = session.scalars(select(SampleRow).where(SampleRow.media == sha256)).all()
            places = [self._profiles.folder(s.profile_id) / f"{s.number:03}.wav" for s in samples]
        for source in (*(self._cache.audio_path(digest) for digest in digests), *places):
            if source.exists() and source.stat().st_size == size and sha256_of(source) == sha256:
                with self._media.incoming(source) as (sound, copy), self._database.session(alone=MEDIA) as session:
                    self._media.keep(session, sound, copy)
                return f"copied again from {source}"
        return self._let_go(sha256, suffix)

    def _let_go(self, sha256: str, suffix: str) -> str:
        with self._database.session(alone=MEDIA) as session:
            if self._media.path(sha256, suffix).exists():
                return "somebody else brought it back"
            takes = session.scalar(select(func.count()).where(TakeRow.media == sha256)) or 0
            for table in (TakeRow, SampleRow):
                session.execute(update(table).where(table.media == sha256).values(media=None))
            session.execute(delete(MediaRow).where(MediaRow.sha256 == sha256))
            tell(session, "lost", "media", sha256, f"{takes} takes")
        return f"its {takes} takes no longer promise it; what has a recipe can be made again"

    def _mend_damaged(self, sha256: str) -> str:
        with self._database.session() as session:
            row = session.get_one(MediaRow, sha256)
            path = self._media.path(row.sha256, row.suffix)
        aside = self._aside(path)
        return f"{self._mend_sound(sha256)}; what there was lies in {aside}"

    def _mend_unknown(self, name: str) -> str:
        """Take a sound in again that is what its name says: pruning clears it if nothing comes to need it."""
        path = Path(name)
        try:
            sound = sound_of(path, name)
        except MediaError:
            return f"it holds no sound; it lies in {self._aside(path)}"
        if sound.sha256 != path.stem:
            return f"it is not what its name says; it lies in {self._aside(path)}"
        with self._database.session(alone=MEDIA) as session:
            self._media.keep(session, sound, path)
        return "taken in again; `cuevox library prune` removes it if nothing needs it"

    def _mend_half(self, name: str) -> str:
        Path(name).unlink(missing_ok=True)
        return "removed"

    def _mend_voice(self, id_: str) -> str:
        return "made again from the library" if self._profiles.restore(id_) else ""

    def _aside(self, path: Path) -> Path:
        folder = self._media.folder / DAMAGED
        folder.mkdir(parents=True, exist_ok=True)
        return path.replace(folder / path.name)


def _fault_of(path: Path, row: MediaRow, quick: bool) -> Iterator[Fault]:
    try:
        size = path.stat().st_size
        whole = size == row.bytes and (quick or sha256_of(path) == row.sha256)
    except FileNotFoundError:
        yield Fault(kind="missing", what=row.sha256, text=f"{path} is gone")
        return
    except OSError as error:
        yield Fault(kind="damaged", what=row.sha256, text=f"{path} can't be read: {error.strerror}")
        return
    if not whole:
        yield Fault(kind="damaged", what=row.sha256, text=f"{path} is not as it was written")
