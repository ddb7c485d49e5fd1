"""What was done to the library, by whom: it only grows."""

from __future__ import annotations

import getpass
import platform
from datetime import UTC, datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.store.database import Database
from engine.store.tables import HistoryRow


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """What was done. made_by: user@machine. kind, thing: of what it was done to."""

    made_at: datetime
    made_by: str
    verb: str
    kind: str
    thing: str
    said: str


def now() -> datetime:
    """Return the time as the database keeps it: UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def who() -> str:
    """Return who does something here."""
    try:
        return f"{getpass.getuser()}@{platform.node()}"
    except (KeyError, OSError):  # a user without a name
        return f"@{platform.node()}"


def tell(session: Session, verb: str, kind: str, thing: object, said: str = "") -> None:
    """Write down what is done in this session."""
    session.add(HistoryRow(made_at=now(), made_by=who(), verb=verb, kind=kind, thing=str(thing), said=said))


def history(database: Database, *, kind: str = "", thing: str = "", limit: int = 100) -> tuple[Deed, ...]:
    """Return what was done, newest first. kind, thing: of these only."""
    asked = select(HistoryRow).order_by(HistoryRow.id.desc()).limit(limit)
    if kind:
        asked = asked.where(HistoryRow.kind == kind)
    if thing:
        asked = asked.where(HistoryRow.thing == thing)
    with database.session() as session:
        return tuple(msgspec.convert(row, Deed, from_attributes=True) for row in session.scalars(asked))
