"""The library as it is looked through: a page of takes at a time, newest first, all or those with certain words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Integer, Row, Select, column, func, literal_column, select, table, text

from engine.errors import UnknownThing
from engine.store.database import Database
from engine.store.history import tell
from engine.store.tables import TakeRow
from engine.store.words import words_of

PAGE = 50


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A take as it is listed. id: in the library. number: within its line. origin: what made it. media: its sound."""

    id: int
    number: int
    voice: str
    text: str
    seconds: float
    seed: int
    pinned: bool
    origin: str
    made_at: datetime
    note: str
    digest: str
    media: str | None


_COLUMNS = [getattr(TakeRow, name) for name in Entry.__struct_fields__]
_SEARCH = table("take_search", column("rowid", Integer))
"""SQLite's index of words, see the migrations."""


class Library:
    """The takes of all lines. Raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, *, words: str = "", voice: str = "", before: int | None = None, limit: int = PAGE
    ) -> tuple[Entry, ...]:
        """Return takes, newest first: those that hold all ``words``, the last of which may be a beginning.

        before: the id of the last entry of the page before this one.
        """
        asked = self._found(words_of(words), voice, before) if words_of(words) else _listed(voice, before)
        with self._database.reading() as connection:
            return tuple(map(_entry, connection.execute(asked.limit(limit))))

    def get(self, id_: int) -> Entry:
        """Return one. Raises UnknownThing."""
        with self._database.reading() as connection:
            row = connection.execute(select(*_COLUMNS).where(TakeRow.id == id_)).first()
        if row is None:
            raise UnknownThing("take in the library", id_, ["what `cuevox library search` lists"])
        return _entry(row)

    def pin(self, id_: int, pinned: bool) -> None:
        """Keep a take from being pruned, or no longer. Raises UnknownThing."""
        with self._database.session() as session:
            row = session.get(TakeRow, id_)
            if row is None:
                raise UnknownThing("take in the library", id_, ["what `cuevox library search` lists"])
            row.pinned = pinned
            tell(session, "pinned" if pinned else "let go", "take", id_)

    def _found(self, words: list[str], voice: str, before: int | None) -> Select[Any]:
        if self._database.shared:
            found = func.to_tsvector(literal_column("'simple'"), TakeRow.search_text)
            wanted = func.to_tsquery(literal_column("'simple'"), " & ".join(words) + ":*")
            return _listed(voice, before).where(found.op("@@")(wanted))
        rowid = _SEARCH.c.rowid
        asked = select(*_COLUMNS).select_from(_SEARCH).join(TakeRow, rowid == TakeRow.id)
        asked = asked.where(text("take_search MATCH :sought").bindparams(sought=_match(words, voice)))
        if voice:  # the plus keeps SQLite from going through all takes of the voice
            asked = asked.where(literal_column("+take.voice") == voice)
        if before is not None:
            asked = asked.where(rowid < before)
        return asked.order_by(rowid.desc())


def _entry(row: Row[Any]) -> Entry:
    return Entry(**dict(zip(Entry.__struct_fields__, row, strict=True)))


def _listed(voice: str, before: int | None) -> Select[Any]:
    asked = select(*_COLUMNS).order_by(TakeRow.id.desc())
    if voice:
        asked = asked.where(TakeRow.voice == voice)
    return asked if before is None else asked.where(TakeRow.id < before)


def _match(words: list[str], voice: str) -> str:
    """Return what SQLite's index is asked; the voice stands in it too, so that a rare one is found at once."""
    sought = " AND ".join(f'"{word}"' for word in words)
    whole = f"search_text : ({sought}*)"
    return f'{whole} AND voice : "{voice}"' if words_of(voice) and '"' not in voice else whole
