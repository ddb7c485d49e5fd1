"""The takes of a line: each with its seed and all that shaped it, so that the good one can be found and made again."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.errors import BadRange, UnknownThing
from engine.render.locks import line_key
from engine.store.database import Database
from engine.store.tables import TakeRow
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
    """A take of a line as the store knows it. number: from 1, within the line."""

    number: int
    digest: str
    seed: int
    made_at: datetime
    note: str
    recipe: Recipe


class Takes:
    """Every take that was ever noted. Raises StoreError where the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, line: Line, preset: Preset, take: Take) -> KeptTake:
        """Keep ``take`` of ``line``; the same one twice is one."""
        with self._database.session() as session:
            key = line_key(line)
            row = session.scalar(select(TakeRow).where(TakeRow.line == key, TakeRow.digest == take.digest))
            return _kept(row or _added(session, key, line, preset, take))

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
            row = session.scalars(select(TakeRow).where(TakeRow.line == line_key(line), TakeRow.number == number)).one()
            row.note = note

    def next_seed(self, line: Line) -> int:
        """Return a seed that no take of ``line`` has. Raises BadRange when all are taken."""
        seed = max((take.seed for take in self.of(line)), default=line.delivery.seed) + 1
        if seed > MOST_SEED:
            raise BadRange(f"there is no seed above {MOST_SEED}; name one")
        return seed


def _added(session: Session, key: str, line: Line, preset: Preset, take: Take) -> TakeRow:
    speaker = backend(preset.backend)
    recipe = Recipe(
        line=line,
        preset=preset,
        sample_rate=take.sample_rate,
        seed=take.seed,
        version=speaker.version(),
        files=speaker.fingerprint(preset.settings),
    )
    last = session.scalar(select(func.max(TakeRow.number)).where(TakeRow.line == key))
    row = TakeRow(
        line=key,
        number=(last or 0) + 1,
        digest=take.digest,
        seed=take.seed,
        voice=line.voice,
        text=line.text,
        recipe=msgspec.json.encode(recipe).decode(),
        made_at=datetime.now(UTC).replace(tzinfo=None),
        note="",
    )
    session.add(row)
    session.flush()
    return row


def _kept(row: TakeRow) -> KeptTake:
    return KeptTake(
        number=row.number,
        digest=row.digest,
        seed=row.seed,
        made_at=row.made_at,
        note=row.note,
        recipe=msgspec.json.decode(row.recipe, type=Recipe),
    )
