"""The tape deck: gives recordings their folder and their number, and what was played a story file of its own."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.control.io_link import IoLink
from engine.control.quota import Quota
from engine.errors import BadRange, MediaError, StoryError
from engine.events import Dropped, Event
from engine.io.messages import MANIFEST, Lane, Record
from engine.render.cache import TakeCache
from engine.render.played import PlayedOrder
from engine.render.print_process import print_elsewhere
from engine.session.capture import without
from engine.session.deck import RECORDINGS, Printed, Reel, printed_file
from engine.session.library import Stretched
from engine.story.document import StoryDocument
from engine.story.model import MASTER, Line, Story

log = logging.getLogger(__name__)

_NAME = re.compile(r"[\w][\w .+-]{0,62}")


class TapeDeck:
    """Beside one story. Event loop of the control process only.

    base_folder: where the story's audio paths start. cache: where takes lie. quota: what recordings may take.
    """

    def __init__(
        self, io: IoLink, story: Path, base_folder: Path, cache: TakeCache, quota: Quota | None = None
    ) -> None:
        self._io, self._story, self._quota = io, story, quota
        self._base, self._cache = base_folder, cache
        self.tell: Callable[[tuple[Event, ...]], object] = lambda _: None
        """Hears of what was played and could not be written down."""
        self._writing: set[asyncio.Task[None]] = set()

    def follow(self, story: Path) -> None:
        """Belong to another story of the same folder from the next recording on."""
        self._story = story

    def begin(self, name: str, strips: Sequence[str]) -> Reel:
        """Make the folder of a recording and have the io process write there.

        Raises BadRange, MediaError, OverQuota.
        """
        if self._quota is not None:
            self._quota.check()
        folder = self._folder(name or time.strftime("%Y-%m-%d %H.%M.%S"), unique=not name)
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise MediaError(f"recording folder {folder} can't be made: {error.strerror or error}") from error
        reel = Reel(number=time.time_ns() // 1_000_000, name=folder.name, folder=str(folder))
        self.resume(reel, strips)
        return reel

    def resume(self, reel: Reel, strips: Sequence[str]) -> None:
        """Have the io process write there, or go on to."""
        lanes = tuple(Lane(strip=strip, file=f"{strip}.wav", master=strip == MASTER) for strip in strips)
        self._io.record(
            Record(take=reel.number, folder=reel.folder, name=reel.name, story=self._story.name, lanes=lanes)
        )

    def keep(self, reel: Reel, story: Callable[[], Story], printed: Sequence[Printed]) -> str:
        """Write the story beside the one that was played: its files are found from there."""
        path = self._story.with_name(f"{self._story.stem} {reel.name}.yaml")
        task = asyncio.create_task(self._write(path, reel, story, printed))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return str(path)

    def since(self, reel: Reel) -> int | None:
        """Return the engine frame from which on it is recorded; None while there is nothing of it."""
        try:
            told = msgspec.json.decode((Path(reel.folder) / MANIFEST).read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("recording %r has no story: %s", reel.name, error)
            return None
        since: int | None = told["since"]
        return since

    async def close(self) -> None:
        """Return when everything is written."""
        if self._writing:
            log.info("still writing the story of what was played; the end waits for it")
        await asyncio.gather(*self._writing, return_exceptions=True)

    async def _write(self, path: Path, reel: Reel, story: Callable[[], Story], printed: Sequence[Printed]) -> None:
        try:
            made = await asyncio.to_thread(story)
            lost = await asyncio.to_thread(self._print, reel, made.sample_rate, printed) if printed else ()
            await asyncio.to_thread(StoryDocument.create, path, without(made, lost))
        except (OSError, StoryError, MediaError) as error:
            text = f"what was played could not be written to {path}: {error}"
            log.error("%s", text)
            self.tell(
                (Dropped(what=f"recording {reel.name}", code=getattr(error, "code", MediaError.code), text=text),)
            )

    def _print(self, reel: Reel, sample_rate: int, printed: Sequence[Printed]) -> tuple[str, ...]:
        """Write the files of clips; return those clips for which that failed."""
        orders = [self._order(reel, sample_rate, each) for each in printed]
        lost = []
        for each, text in zip(printed, print_elsewhere(orders), strict=True):
            if text:
                log.error("what was played as %r is only a marker: %s", each.what, text)
                lost.append(each.clip)
        return tuple(lost)

    def _order(self, reel: Reel, sample_rate: int, printed: Printed) -> PlayedOrder:
        sound = printed.sound.source
        source, speed = (sound.source, sound.speed) if isinstance(sound, Stretched) else (sound, 1.0)
        if isinstance(source, Line):
            file = self._cache.audio_path(printed.sound.loaded.digest)
        else:
            file = self._base / source.path
        return PlayedOrder(
            to=str(self._story.parent / printed_file(reel, printed.clip)),
            source=str(file),
            speed=speed,
            sample_rate=sample_rate,
            records=printed.records,
            frames=printed.frames,
        )

    def _folder(self, name: str, *, unique: bool) -> Path:
        if not _NAME.fullmatch(name) or name.endswith((".", " ")):
            raise BadRange(f"recording name {name!r}: letters, digits, spaces and . + - _ are allowed, up to 63")
        folder = self._story.parent / RECORDINGS / name
        number = 2
        while folder.exists() or self._story.with_name(f"{self._story.stem} {folder.name}.yaml").exists():
            if not unique:
                raise BadRange(f"there is a recording named {name!r} already, in {folder}")
            folder = folder.with_name(f"{name} {number}")
            number += 1
        return folder
