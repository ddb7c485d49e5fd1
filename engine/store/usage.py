"""What the library and the cache of takes take of the disk, and who of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
from sqlalchemy import func, select, union_all

from engine.store.database import Database
from engine.store.tables import MediaRow, SampleRow, TakeRow


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the library. sounds: how many; a sound that several parts refer to counts in each."""

    name: str
    sounds: int
    bytes: int


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What is taken. cached_bytes: by takes in the cache that are in no library, too.

    unreferenced: sounds that nothing refers to. voices: the takes of each, the largest first. free_bytes: on the disk.
    """

    takes: int
    whole: Part
    pinned: Part
    unreferenced: Part
    samples: Part
    voices: tuple[Part, ...]
    cached_bytes: int
    free_bytes: int


def usage(database: Database, media_folder: Path, cache_folder: Path, *, voices: int = 20) -> Usage:
    """Return what is taken."""
    of_takes = select(TakeRow.media.label("media"))
    of_samples = select(SampleRow.media.label("media"))
    used = union_all(of_takes, of_samples).subquery()
    sizes = (func.count(), func.coalesce(func.sum(MediaRow.bytes), 0))
    by_voice = (
        select(TakeRow.voice, MediaRow.sha256, MediaRow.bytes)
        .join(MediaRow, TakeRow.media == MediaRow.sha256)
        .distinct()
        .subquery()
    )
    total = func.sum(by_voice.c.bytes)
    with database.session() as session:

        def part(name: str, which: object) -> Part:
            count, size = session.execute(select(*sizes).where(which)).one()  # type: ignore[arg-type]
            return Part(name=name, sounds=count, bytes=int(size))

        each = select(by_voice.c.voice, func.count(), total).group_by(by_voice.c.voice).order_by(total.desc())
        return Usage(
            takes=session.scalar(select(func.count()).select_from(TakeRow)) or 0,
            whole=part("all", MediaRow.sha256.is_not(None)),
            pinned=part("pinned", MediaRow.sha256.in_(of_takes.where(TakeRow.pinned))),
            unreferenced=part(
                "unreferenced", MediaRow.sha256.not_in(select(used.c.media).where(used.c.media.is_not(None)))
            ),
            samples=part("samples", MediaRow.sha256.in_(of_samples)),
            voices=tuple(
                Part(name=voice, sounds=count, bytes=int(size))
                for voice, count, size in session.execute(each.limit(voices))
            ),
            cached_bytes=folder_bytes(cache_folder),
            free_bytes=free_bytes(media_folder),
        )


def folder_bytes(folder: Path) -> int:
    """Return what the files in a folder take; those that are gone meanwhile count nothing."""
    try:
        return sum(entry.stat().st_size for entry in os.scandir(folder) if entry.is_file())
    except FileNotFoundError:
        return 0


def free_bytes(folder: Path) -> int:
    """Return what is free where a folder lies, or would."""
    place = next(each for each in (folder, *folder.parents) if each.exists())
    return shutil.disk_usage(place).free
