"""The database: SQLite in WAL mode in the user's data folder, brought up to date when it is opened.

Several programs use it at once: a writer waits for the other, for as long as ``BUSY_SECONDS``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from engine.errors import EngineError

FILE = "cuevox.db"
BUSY_SECONDS = 10.0
HEAD = "0001"
"""The step that this program's tables are at; a database that is there already loads no Alembic."""

MIGRATIONS = Path(__file__).parent / "migrations"


class StoreError(EngineError):
    """The database can't be used: says why."""

    code = "store_failed"


class Database:
    """An open database in ``folder``. Raises StoreError where it can't be opened, or is of a later Cuevox."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the folder {folder} can't be made: {error.strerror}") from error
        self._engine = create_engine(f"sqlite:///{self.path}", connect_args={"timeout": BUSY_SECONDS})
        event.listen(self._engine, "connect", _set_up)
        event.listen(self._engine, "begin", _begin)
        with self._told(), self._engine.connect() as connection:
            _upgrade(connection, self.path)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Lend a session; what it did is written when the block ends, all of it or nothing. Raises StoreError."""
        with self._told(), Session(self._engine) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise StoreError(f"the database {self.path}: {cause}") from error


def _set_up(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # else the driver begins when it likes: see _begin
    for pragma in ("journal_mode = WAL", "foreign_keys = ON", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """Wait for other writers now, not after having read what they are about to change."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _upgrade(connection: Connection, path: Path) -> None:
    """Run the steps that the database lacks."""
    step = _step(connection)
    if step == HEAD:
        return
    logging.getLogger("alembic").setLevel(logging.WARNING)  # nobody who makes a take wants to read of tables
    from alembic import command  # only a new program or a new database needs it
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(f"{path} is of another Cuevox (its step is {step}, ours {HEAD}): update Cuevox") from error
    connection.commit()


def _step(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found
