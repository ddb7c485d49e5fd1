"""Making room: sounds of takes go by age and by size, those used longest ago first; what is known of takes stays.

A sound stays while something needs it: a pinned or locked take, one that nothing can make again, a sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import CompoundSelect, delete, func, or_, select, update
from sqlalchemy.orm import Session

from engine.store.database import Database
from engine.store.history import now, tell
from engine.store.media import MEDIA, Media
from engine.store.tables import MediaRow, SampleRow, TakeRow

AT_ONCE = 200
"""Sounds that are removed while others wait."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What may stay. max_bytes: of all sounds together. unused_days: since a take was last used; None: any time.

    locked: digests of takes that lines keep.
    """

    max_bytes: int
    unused_days: float | None = None
    locked: Sequence[str] = ()


class Leaving(msgspec.Struct, frozen=True, kw_only=True):
    """A sound that goes. takes: how many have it. why: unreferenced, age, or size."""

    sha256: str
    suffix: str
    bytes: int
    used_at: datetime
    takes: int
    why: str


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """What goes, or would. kept_bytes: what stays. over_bytes: more than allowed, since all the rest is needed."""

    leaving: tuple[Leaving, ...]
    bytes: int
    kept_bytes: int
    over_bytes: int


def prune(database: Database, media: Media, rule: Rule, *, dry_run: bool = False) -> Pruned:
    """Remove what ``rule`` does not let stay; dry_run: only tell. Raises StoreError, MediaError."""
    with database.session() as session:
        whole = int(session.scalar(select(func.coalesce(func.sum(MediaRow.bytes), 0))) or 0)
        leaving = tuple(_leaving(session, rule, whole))
    size = sum(each.bytes for each in leaving)
    if not dry_run:
        some = (leaving[i : i + AT_ONCE] for i in range(0, len(leaving), AT_ONCE))
        leaving = tuple(each for batch in some for each in _remove(database, media, rule, batch))
        size = sum(each.bytes for each in leaving)
    return Pruned(
        leaving=leaving, bytes=size, kept_bytes=whole - size, over_bytes=max(0, whole - size - rule.max_bytes)
    )


def _leaving(session: Session, rule: Rule, whole: int) -> Iterator[Leaving]:
    oldest = None if rule.unused_days is None else now() - timedelta(days=rule.unused_days)
    excess = whole - rule.max_bytes
    used = func.coalesce(func.max(TakeRow.used_at), MediaRow.made_at)
    asked = (
        select(MediaRow.sha256, MediaRow.suffix, MediaRow.bytes, used, func.count(TakeRow.id))
        .outerjoin(TakeRow, TakeRow.media == MediaRow.sha256)
        .where(MediaRow.sha256.not_in(_needed(rule)))
        .group_by(MediaRow.sha256, MediaRow.suffix, MediaRow.bytes, MediaRow.made_at)
        .order_by(func.count(TakeRow.id) > 0, used)
    )
    for sha256, suffix, size, used_at, takes in session.execute(asked):
        why = "unreferenced" if not takes else "age" if oldest and used_at < oldest else "size" if excess > 0 else ""
        if why:
            excess -= size
            yield Leaving(sha256=sha256, suffix=suffix, bytes=size, used_at=used_at, takes=takes, why=why)


def _needed(rule: Rule) -> CompoundSelect[Any]:
    """Return the sounds that something needs."""
    locked = [TakeRow.digest.in_(rule.locked[i : i + AT_ONCE]) for i in range(0, len(rule.locked), AT_ONCE)]
    of_takes = select(TakeRow.media).where(
        TakeRow.media.is_not(None), or_(TakeRow.pinned, TakeRow.recipe == "null", *locked)
    )
    return of_takes.union(select(SampleRow.media).where(SampleRow.media.is_not(None)))


def _remove(database: Database, media: Media, rule: Rule, some: tuple[Leaving, ...]) -> list[Leaving]:
    """Remove those of ``some`` that still nobody needs; their files go while nobody else can refer to them."""
    wanted = {each.sha256: each for each in some}
    with database.session(alone=MEDIA) as session:
        here = MediaRow.sha256.in_(wanted)
        needed = set(session.scalars(select(MediaRow.sha256).where(here, MediaRow.sha256.in_(_needed(rule)))))
        gone = [each for name, each in wanted.items() if name not in needed]
        names = [each.sha256 for each in gone]
        session.execute(update(TakeRow).where(TakeRow.media.in_(names)).values(media=None))
        session.execute(delete(MediaRow).where(MediaRow.sha256.in_(names)))
        tell(session, "pruned", "media", len(names), f"{sum(each.bytes for each in gone)} bytes")
        session.flush()
        for each in gone:
            media.path(each.sha256, each.suffix).unlink(missing_ok=True)
    return gone
