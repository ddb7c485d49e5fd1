"""Pieces of work as the library remembers them: what was made or imported, by whom, how far it is, how it ended."""

from __future__ import annotations

import os
import platform
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

import msgspec
from msgspec.structs import replace
from sqlalchemy import select

from engine.errors import EngineError
from engine.platform import process_lives, process_mark
from engine.questions import JobNews
from engine.store.database import Database
from engine.store.history import now, who
from engine.store.tables import JobRow

GONE = "its program ended before it was done"


class KeptJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job. state: running, done, failed, cancelled, or interrupted: its program is gone. See ``JobNews``."""

    id: int
    name: str
    verb: str
    what: str
    state: str
    fraction: float
    stage: str
    client: str
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
        news = JobNews(key=secrets.token_hex(8), name="", verb=verb, what=what)
        self.note([news])
        state = "failed"
        try:
            yield result
            state = "done"
        except EngineError as error:
            result.append(str(error))
            raise
        finally:
            fraction = 1.0 if state == "done" else 0.0
            self.note([replace(news, state=state, fraction=fraction, result="; ".join(result))])

    def note(self, news: Iterable[JobNews], pid: int | None = None) -> None:
        """Write down how jobs fare, new ones and known ones. pid: whose they are; None: ours."""
        heard, owner = {each.key: each for each in news}, _owner(os.getpid() if pid is None else pid)
        with self._database.session() as session:
            known = {row.key: row for row in session.scalars(select(JobRow).where(JobRow.key.in_(list(heard))))}
            for key, each in heard.items():
                row = known.get(key)
                if row is None:
                    row = JobRow(key=key, verb=each.verb, made_by=who(), begun_at=now())
                    session.add(row)
                row.name, row.what, row.client, row.owner = each.name, each.what, each.client, owner
                row.state, row.fraction, row.stage, row.result = each.state, each.fraction, each.stage, each.result
                row.ended_at = None if each.state == "running" else now()

    def newest(self, limit: int = 100) -> tuple[KeptJob, ...]:
        """Return the jobs, newest first; those of a program of this machine that is gone are interrupted now."""
        with self._database.session() as session:
            rows = tuple(session.scalars(select(JobRow).order_by(JobRow.id.desc()).limit(limit)))
            for row in rows:
                if row.state == "running" and not _lives(row.owner):
                    row.state, row.result = "interrupted", GONE
            return tuple(msgspec.convert(row, KeptJob, from_attributes=True) for row in rows)


def _owner(pid: int) -> str:
    """Return how a process is told from any other one."""
    return f"{platform.node()}/{pid}/{process_mark(pid)}"


def _lives(owner: str) -> bool:
    """Return whether there is such a process; one of another machine counts as alive."""
    node, _, rest = owner.rpartition("/")[0].rpartition("/")
    pid, mark = rest, owner.rpartition("/")[2]
    if not pid.isdecimal():
        return False  # noted by a Cuevox that did not say whose it is
    return node != platform.node() or (process_lives(int(pid)) and process_mark(int(pid)) == mark)
