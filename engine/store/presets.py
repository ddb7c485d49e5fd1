"""Presets that a studio shares: the text of their files, kept beside takes and profiles."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import select

from engine.errors import BadRange, MediaError, UnknownThing
from engine.store.database import Database
from engine.store.history import now, tell, who
from engine.store.tables import PresetRow

KIND = re.compile(r"^kind:\s*['\"]?([a-z]+)", re.MULTILINE)
KINDS = ("voice", "mix", "surface")
ID = re.compile(r"[a-z0-9_-]{1,64}")
MOST_BYTES = 1 << 20


class KeptPreset(msgspec.Struct, frozen=True, kw_only=True):
    """A preset. body: the text of its file."""

    kind: str
    id: str
    body: str
    made_at: datetime
    made_by: str


class Presets:
    """The presets in a database. Raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, path: Path) -> KeptPreset:
        """Keep the preset in a file under the file's name; one of that name is replaced. Raises BadRange."""
        try:
            body = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise MediaError(f"the preset {path} can't be read: {error}") from error
        found = KIND.search(body)
        if found is None or found[1] not in KINDS or len(body) > MOST_BYTES:
            raise BadRange(f"{path} is no preset: its kind: is one of {', '.join(KINDS)}")
        if not ID.fullmatch(path.stem):
            raise BadRange(f"a preset's id is its file's name, of a to z, digits, _ and -, not {path.stem!r}")
        kept = KeptPreset(kind=found[1], id=path.stem, body=body, made_at=now(), made_by=who())
        with self._database.session(alone="preset") as session:
            session.merge(PresetRow(**msgspec.structs.asdict(kept)))
            tell(session, "put", "preset", f"{kept.kind}/{kept.id}")
        return kept

    def all(self) -> tuple[KeptPreset, ...]:
        """Return every preset, by kind and id."""
        with self._database.session() as session:
            rows = session.scalars(select(PresetRow).order_by(PresetRow.kind, PresetRow.id))
            return tuple(msgspec.convert(row, KeptPreset, from_attributes=True) for row in rows)

    def get(self, kind: str, id_: str) -> KeptPreset:
        """Return one. Raises UnknownThing."""
        with self._database.session() as session:
            row = session.get(PresetRow, (kind, id_))
            if row is not None:
                return msgspec.convert(row, KeptPreset, from_attributes=True)
        raise UnknownThing(f"preset of the kind {kind}", id_, [p.id for p in self.all() if p.kind == kind])

    def remove(self, kind: str, id_: str) -> None:
        """Forget one. Raises UnknownThing."""
        self.get(kind, id_)
        with self._database.session(alone="preset") as session:
            if (row := session.get(PresetRow, (kind, id_))) is not None:
                session.delete(row)
                tell(session, "removed", "preset", f"{kind}/{id_}")
