"""The takes of a line: each with its seed and all that shaped it, so that the good one can be found and made again."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
import soundfile
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.errors import BadRange, UnknownThing
from engine.render.cache import TakeCache
from engine.render.locks import line_key
from engine.store.database import Database
from engine.store.history import now, tell
from engine.store.media import MEDIA, Media
from engine.store.tables import MediaRow, TakeRow
from engine.store.words import folded
from engine.story.model import Line
from engine.voices.preset import Preset
from engine.voices.registry import backend
from engine.voices.take import Take

MOST_SEED = 2**31 - 1


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """All that shaped a take. version, files: of its backend, and of the files behind its settings."""

    line: Line
    preset: Preset
    sample_rate: int
    seed: int
    version: str
    files: str


class KeptTake(msgspec.Struct, frozen=True, kw_only=True):
    """A take of a line as the store knows it. number: from 1, within the line.

    recipe: None: nothing can make it again. media: its sound, None: it is not kept.
    """

    number: int
    digest: str
    seed: int
    made_at: datetime
    note: str
    recipe: Recipe | None
    media: str | None = None


class Takes:
    """Every take that was ever noted. Raises StoreError where the database fails, MediaError where the disk does.

    media: where their sound is kept; None: it is not.
    """

    def __init__(self, database: Database, media: Media | None = None) -> None:
        self._database, self._media = database, media

    def note(self, line: Line, preset: Preset, take: Take, sound: Path | None = None) -> KeptTake:
        """Keep ``take`` of ``line``, with its sound, which nobody changes in place; the same one twice is one."""
        recipe = recipe_of(line, preset, take)
        return self.bring(line, take, sound, recipe=recipe, origin=preset.backend, linked=True)

    def bring(
        self,
        line: Line,
        take: Take,
        sound: Path | None,
        *,
        recipe: Recipe | None = None,
        origin: str,
        note: str = "",
        linked: bool = False,
    ) -> KeptTake:
        """Keep a take that was made elsewhere. recipe: None: nothing can make it again. origin: what made it."""
        if sound is None or self._media is None:
            with self._database.session(alone=MEDIA) as session:
                return _kept(_noted(session, line, take, recipe, origin, note, None))
        with (
            self._media.incoming(sound, linked=linked) as (facts, copy),
            self._database.session(alone=MEDIA) as session,
        ):
            key = self._media.keep(session, facts, copy)
            return _kept(_noted(session, line, take, recipe, origin, note, key))

    def bring_back(self, kept: KeptTake, cache: TakeCache) -> Take | None:
        """Put a take into the cache from the library, as it was; None: its sound is not kept there, or not any more."""
        if kept.media is None or self._media is None:
            return None
        asked = select(TakeRow, MediaRow).join(MediaRow, TakeRow.media == MediaRow.sha256)
        with self._database.session() as session:
            found = session.execute(asked.where(TakeRow.digest == kept.digest)).first()
            if found is None or not found[0].facts:
                return None
            row, media = found
            row.used_at = now()
            path, facts = self._media.path(media.sha256, media.suffix), row.facts
        if not path.exists():
            return None
        take = msgspec.json.decode(facts, type=Take)
        cache.put(take, soundfile.read(path, dtype="float32", always_2d=True)[0])
        return take

    def pin(self, line: Line, number: int, pinned: bool = True) -> None:
        """Keep a take's sound from being pruned, or no longer. Raises UnknownThing."""
        self.get(line, number)
        with self._database.session() as session:
            row = _one(session, line, number)
            row.pinned = pinned
            tell(session, "pinned" if pinned else "let go", "take", row.id)

    def of(self, line: Line) -> tuple[KeptTake, ...]:
        """Return the takes of ``line``, oldest first."""
        with self._database.session() as session:
            rows = session.scalars(select(TakeRow).where(TakeRow.line == line_key(line)).order_by(TakeRow.number))
            return tuple(_kept(row) for row in rows)

    def get(self, line: Line, number: int) -> KeptTake:
        """Return one of them. Raises UnknownThing."""
        takes = {take.number: take for take in self.of(line)}
        if number not in takes:
            raise UnknownThing("take of this line", number, takes)
        return takes[number]

    def remark(self, line: Line, number: int, note: str) -> None:
        """Write a note beside a take. Raises UnknownThing."""
        self.get(line, number)
        with self._database.session() as session:
            _one(session, line, number).note = note

    def next_seed(self, line: Line) -> int:
        """Return a seed that no take of ``line`` has. Raises BadRange when all are taken."""
        seed = max((take.seed for take in self.of(line)), default=line.delivery.seed) + 1
        if seed > MOST_SEED:
            raise BadRange(f"there is no seed above {MOST_SEED}; name one")
        return seed


def recipe_of(line: Line, preset: Preset, take: Take) -> Recipe:
    """Return all that shaped ``take``, which was made just now."""
    speaker = backend(preset.backend)
    return Recipe(
        line=line,
        preset=preset,
        sample_rate=take.sample_rate,
        seed=take.seed,
        version=speaker.version(),
        files=speaker.fingerprint(preset.settings),
    )


def _one(session: Session, line: Line, number: int) -> TakeRow:
    return session.scalars(select(TakeRow).where(TakeRow.line == line_key(line), TakeRow.number == number)).one()


def _noted(
    session: Session, line: Line, take: Take, recipe: Recipe | None, origin: str, note: str, media: str | None
) -> TakeRow:
    key = line_key(line)
    row = session.scalar(select(TakeRow).where(TakeRow.line == key, TakeRow.digest == take.digest))
    if row is not None:
        row.used_at, row.media = now(), media or row.media
        return row
    last = session.scalar(select(func.max(TakeRow.number)).where(TakeRow.line == key))
    row = TakeRow(
        line=key,
        number=(last or 0) + 1,
        digest=take.digest,
        seed=take.seed,
        voice=line.voice,
        text=line.text,
        search_text=folded(line.text),
        seconds=take.frames / take.sample_rate,
        recipe=msgspec.json.encode(recipe).decode(),
        made_at=now(),
        used_at=now(),
        note=note,
        origin=origin,
        facts=msgspec.json.encode(take).decode(),
        media=media,
    )
    session.add(row)
    session.flush()
    tell(session, "made", "take", row.id, origin)
    return row


def _kept(row: TakeRow) -> KeptTake:
    return KeptTake(
        number=row.number,
        digest=row.digest,
        seed=row.seed,
        made_at=row.made_at,
        note=row.note,
        recipe=msgspec.json.decode(row.recipe, type=Recipe | None),
        media=row.media,
    )
