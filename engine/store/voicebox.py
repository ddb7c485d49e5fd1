"""What lies in a Voicebox data folder: its database is read from a copy, so that nothing in the folder changes.

Older databases lack columns and tables: what is not there is empty.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import MediaError

Record = dict[str, Any]
"""A row by column."""

TABLES = ("profiles", "profile_samples", "generations", "generation_versions", "stories", "story_items")
MOST_DATABASE_BYTES = 4 << 30


class Folder(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of every table, and where their sounds lie."""

    path: Path
    tables: dict[str, list[Record]]
    by_value: dict[tuple[str, str], dict[object, list[Record]]] = {}
    """Rows by table and column, then by value: filled as they are asked for."""

    def rows(self, table: str) -> list[Record]:
        """Return all rows of a table."""
        return self.tables[table]

    def rows_of(self, table: str, column: str, value: object) -> list[Record]:
        """Return the rows of a table in which a column has a value."""
        if (table, column) not in self.by_value:
            found: dict[object, list[Record]] = {}
            for row in self.tables[table]:
                found.setdefault(row.get(column), []).append(row)
            self.by_value[table, column] = found
        return self.by_value[table, column].get(value, [])

    def file(self, named: object) -> Path | None:
        """Return the sound that a row names, None: it is not in the folder; what lies outside is not looked at.

        The folder may have been moved: then the end of the name counts.
        """
        parts = Path(str(named or "").replace("\\", "/")).parts
        for start in range(len(parts)):
            path = self.path.joinpath(*(part for part in parts[start:] if part not in ("/", "..")))
            if path.is_file() and path.resolve().is_relative_to(self.path):
                return path
        return None


def read_folder(path: Path) -> Folder:
    """Return what is in a Voicebox data folder. Raises MediaError where there is no such database."""
    path = path.resolve()
    if not path.is_dir():
        raise MediaError(f"{path} is no folder")
    for database in sorted(path.glob("*.db")):
        with contextlib.suppress(MediaError):  # another program's
            tables = _tables(database)
            if tables["profiles"] or tables["generations"]:
                return Folder(path=path, tables=tables)
    raise MediaError(f"{path} is no data folder of Voicebox: no *.db in it has profiles or generations")


def _tables(database: Path) -> dict[str, list[Record]]:
    """Read all rows from a copy: even reading would leave files beside a database."""
    if database.stat().st_size > MOST_DATABASE_BYTES:
        raise MediaError(f"{database} has more than {MOST_DATABASE_BYTES / 1e9:.0f} GB")
    with tempfile.TemporaryDirectory(prefix="cuevox-voicebox-") as folder:
        copy = Path(folder) / "copy.db"
        for suffix in ("", "-wal"):
            source = database.with_name(database.name + suffix)
            if source.exists():
                shutil.copyfile(source, copy.with_name(copy.name + suffix))
        try:
            with closing(sqlite3.connect(copy)) as connection:
                connection.row_factory = sqlite3.Row
                there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
                found = {table: connection.execute(f"SELECT * FROM {table}") for table in TABLES if table in there}
                return {table: [dict(row) for row in found.get(table, ())] for table in TABLES}
        except sqlite3.DatabaseError as error:
            raise MediaError(f"{database} can't be read: {error}") from error
