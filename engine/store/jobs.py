"""Pieces of work as the library remembers them: what was made or imported, by whom, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import msgspec
from sqlalchemy import select

from engine.store.database import Database
from engine.store.history import now, who
from engine.store.tables import JobRow


class KeptJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job. state: running (or its program was killed), done, failed."""

    id: int
    verb: str
    what: str
    state: str
    made_by: str
    begun_at: datetime
    ended_at: datetime | None
    result: str


class Jobs:
    """The jobs in a database. Raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def run(self, verb: str, what: str) -> Iterator[list[str]]:
        """Note a job while the block runs, and how it ended; what the block appends to the list is its result."""
        result: list[str] = []
        with self._database.session() as session:
            row = JobRow(verb=verb, what=what, state="running", made_by=who(), begun_at=now(), result="")
            session.add(row)
            session.flush()
            number = row.id
        state = "failed"
        try:
            yield result
            state = "done"
        finally:
            with self._database.session() as session:
                ended = session.get_one(JobRow, number)
                ended.state, ended.ended_at, ended.result = state, now(), "; ".join(result)

    def newest(self, limit: int = 100) -> tuple[KeptJob, ...]:
        """Return the jobs, newest first."""
        with self._database.session() as session:
            rows = session.scalars(select(JobRow).order_by(JobRow.id.desc()).limit(limit))
            return tuple(msgspec.convert(row, KeptJob, from_attributes=True) for row in rows)
