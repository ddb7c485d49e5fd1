"""The steps by which the tables came to be: which one a database is at, and how it gets to another one."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Connection, inspect, text

HEAD = "0003"
"""The step that this program's tables are at; a database that is there already loads no Alembic."""

BASE = "base"
"""Before the first step: no tables."""

MIGRATIONS = Path(__file__).parent / "migrations"


class OtherSteps(Exception):
    """A database is at a step that this program has not; the message is its name."""


def step_of(connection: Connection) -> str | None:
    """Return the step that a database is at, None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def move(connection: Connection, to: str) -> None:
    """Bring a database to a step, up or down, with all that is in it. Raises OtherSteps."""
    logging.getLogger("alembic").setLevel(logging.WARNING)  # nobody who makes a take wants to read of tables
    from alembic import command  # only a new program or a new database needs it
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    here = step_of(connection)
    try:
        if to == BASE or (here is not None and to < here):
            command.downgrade(config, to)
        else:
            command.upgrade(config, to)
    except CommandError as error:
        raise OtherSteps(str(here)) from error
