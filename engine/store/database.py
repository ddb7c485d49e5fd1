"""The database: SQLite in WAL mode in the user's data folder, or a PostgreSQL that a studio shares, by its URL.

It is brought up to date when it is opened. Several programs use it at once: a writer waits for the other, for as long
as ``BUSY_SECONDS``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session

from engine.errors import EngineError
from engine.store.steps import HEAD, OtherSteps, move, step_of

FILE = "cuevox.db"
BUSY_SECONDS = 10.0
POOL_SIZE, POOL_MORE = 4, 8
"""Connections to a PostgreSQL that are kept open, and how many more there may be for a moment."""

POSTGRESQL = "postgresql+psycopg"

READS = "cuevox_reads"
"""Says of a connection that it changes nothing."""

CACHE_KIB, MAPPED_BYTES = 32 << 10, 1 << 30
"""Of SQLite's file: what is kept of it in each program, and how much is read through the system's own cache."""


class StoreError(EngineError):
    """The database can't be used: says why."""

    code = "store_failed"


class Database:
    """An open database: in ``folder``, or at ``url``. Raises StoreError where it can't be, or is of a later Cuevox."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.name, self._engine = _at(url) if url else _in(folder)
        self._readers = self._engine.execution_options(**{READS: True})
        with self._told(), self._engine.connect() as connection:
            self._upgrade(connection)

    @property
    def shared(self) -> bool:
        """Whether it is one that several machines share."""
        return self._engine.dialect.name == "postgresql"

    @contextmanager
    def session(self, alone: str = "") -> Iterator[Session]:
        """Lend a session; what it did is written when the block ends, all of it or nothing. Raises StoreError.

        alone: no other block of that name runs meanwhile, in any program.
        """
        with self._told(), Session(self._engine) as session, session.begin():
            if alone and self.shared:
                session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": alone})
            yield session

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Lend a connection that only reads: it waits for nobody, and nobody for it. Raises StoreError."""
        with self._told(), self._readers.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _upgrade(self, connection: Connection) -> None:
        if step_of(connection) == HEAD:
            return
        if self.shared:  # two programs may be the first ones
            connection.execute(text("SELECT pg_advisory_xact_lock(0)"))
        try:
            move(connection, HEAD)
        except OtherSteps as error:
            raise StoreError(
                f"{self.name} is of another Cuevox (its step is {error}, ours {HEAD}): update Cuevox"
            ) from error
        connection.commit()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            cause = str(getattr(error, "orig", None) or error).strip()
            raise StoreError(f"the database {self.name}: {cause}") from error


def _in(folder: Path) -> tuple[str, Engine]:
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder {folder} can't be made: {error.strerror}") from error
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return str(path), engine


def _at(url: str) -> tuple[str, Engine]:
    where = _address(url)
    name = where.render_as_string(hide_password=True)
    try:
        engine = create_engine(
            where,
            pool_size=POOL_SIZE,
            max_overflow=POOL_MORE,
            pool_timeout=BUSY_SECONDS,
            pool_pre_ping=True,  # the server may have been started again meanwhile
            connect_args={"connect_timeout": round(BUSY_SECONDS)},
        )
    except ImportError as error:
        raise StoreError(f"the database {name} needs an extra: pip install 'cuevox[postgres]'") from error
    return name, engine


def _address(url: str) -> URL:
    try:
        where = make_url(url)
    except ArgumentError as error:  # its text would show a password
        raise StoreError("the setting database is no URL: postgresql://USER:PASSWORD@HOST:PORT/NAME") from error
    if where.drivername not in ("postgresql", "postgres", POSTGRESQL):
        raise StoreError(f"no database of the kind {where.drivername!r} is known; there is: postgresql://HOST/NAME")
    return where.set(drivername=POSTGRESQL)


def _set_up(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # else the driver begins when it likes: see _begin
    for pragma in (
        "journal_mode = WAL",
        "foreign_keys = ON",
        "synchronous = NORMAL",
        f"cache_size = -{CACHE_KIB}",
        f"mmap_size = {MAPPED_BYTES}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """Wait for other writers now, not after having read what they are about to change; readers wait for none."""
    reads = connection.get_execution_options().get(READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
