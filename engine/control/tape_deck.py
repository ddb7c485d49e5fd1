"""The tape deck: gives recordings their folder and their number, and what was played a story file of its own."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Sequence
from pathlib import Path

from engine.control.io_link import IoLink
from engine.errors import BadRange, MediaError, StoryError
from engine.io.messages import Lane, Record
from engine.session.deck import Reel
from engine.story.document import StoryDocument
from engine.story.model import MASTER, Story

log = logging.getLogger(__name__)

RECORDINGS = "recordings"
"""The folder beside the story in which every recording has a folder."""
_NAME = re.compile(r"[\w][\w .+-]{0,62}")


class TapeDeck:
    """Beside one story. Event loop of the control process only."""

    def __init__(self, io: IoLink, story: Path) -> None:
        self._io, self._story = io, story
        self._writing: set[asyncio.Task[None]] = set()

    def begin(self, name: str, strips: Sequence[str]) -> Reel:
        """Make the folder of a recording and have the io process write there. Raises BadRange, MediaError."""
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

    def keep(self, reel: Reel, story: Story) -> str:
        """Write the story beside the one that was played: its files are found from there."""
        path = self._story.with_name(f"{self._story.stem} {reel.name}.yaml")
        task = asyncio.create_task(self._write(path, story))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return str(path)

    async def close(self) -> None:
        """Return when everything is written."""
        await asyncio.gather(*self._writing, return_exceptions=True)

    async def _write(self, path: Path, story: Story) -> None:
        try:
            await asyncio.to_thread(StoryDocument.create, path, story)
        except (OSError, StoryError, MediaError) as error:
            log.error("what was played could not be written to %s: %s", path, error)

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
