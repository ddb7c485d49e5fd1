"""The keeper: the story's file and its journal, kept beside a running session without blocking its loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

from engine.commands import Edit, Turn
from engine.errors import BadRange, Busy, EngineError, StoryError
from engine.events import Dropped, Event, StoryChangedOnDisk, StoryReloaded, StorySaved, TurnsWaiting
from engine.story.document import StoryDocument
from engine.story.history import Past
from engine.story.journal import Journal, Made
from engine.story.model import Story

log = logging.getLogger(__name__)

WATCH_SECONDS = 1.0
"""How often the file is looked at, and the journal is forced to disk."""

_NAME = re.compile(r"\w[\w .+-]{0,120}\.ya?ml")

Tell = Callable[[tuple[Event, ...]], object]
Meanwhile = Callable[[], tuple[Turn, ...]]
"""Returns what was turned since the story was read."""
Adopt = Callable[[Story, Meanwhile, bool], Awaitable[tuple[str, ...]]]


class StoryKeeper:
    """Journals edits before they are acknowledged, saves on request, and notices when somebody else edits the file.

    read: loads a document, with the checks of the composition root. current: the session's story.
    past: what can be taken back of it. adopt: has the engine play another story, in which what was turned while its mix
    was built is turned as well (True) or is not (False), and returns what of that does not fit it. tell: passes events
    on. ``on_load`` hears of another file.
    """

    def __init__(self, document: StoryDocument, journal: Journal, read: Callable[[Path], StoryDocument]) -> None:
        self.document = document
        self._journal = journal
        self._read = read
        self.on_load: Callable[[Path], object] = lambda _: None
        self.client = ""
        """Who makes the edits that are appended now."""
        self._since_save: list[Made] | None = None
        """What is edited while the file is being written; None: it isn't."""
        self._since_read: list[Edit] | None = None
        """What is edited while the file is taken over; None: it isn't."""
        self._work: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._told_of_change = False
        self._owing = ""
        """What was told of turns that wait to be kept."""

    def start(self, current: Callable[[], Story], adopt: Adopt, tell: Tell, past: Callable[[], Past] = Past) -> None:
        """Begin to watch the file."""
        self._current, self._adopt, self._tell, self._past = current, adopt, tell, past
        self._watcher = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Finish what is being written; edits stay in the journal."""
        if self._watcher is not None:
            self._watcher.cancel()
        if self._work is not None:
            await asyncio.gather(self._work, return_exceptions=True)
        self._part(self._journal)
        await asyncio.to_thread(self._journal.sync)

    def append(self, command: Edit) -> None:
        """Keep an edit in the journal. Raises StoryError; what only turns a knob waits where nothing can be kept."""
        self._journal.append(command, self.client)
        if self._journal.owing != self._owing:
            asyncio.get_running_loop().call_soon(self._tell_of_owing)  # once it is done, not in its midst
        if self._since_save is not None:
            self._since_save.append(Made(command, self.client))
        if self._since_read is not None:
            self._since_read.append(command)

    def save(self) -> None:
        """Begin to write the story into its file; StorySaved or Dropped follows."""
        self._begin(self._save(), "save")

    def reload(self) -> None:
        """Begin to take over the file as it is now; StoryReloaded or Dropped follows."""
        self._begin(self._reload(), "reload")

    def load(self, file: str) -> None:
        """Begin to take over another story of the same folder; StoryReloaded or Dropped follows. Raises BadRange."""
        folder = self.document.path.resolve().parent
        path = folder / file
        if not _NAME.fullmatch(file) or path.resolve().parent != folder:
            raise BadRange(f"{file[:100]!r} is no story beside {self.document.path.name}; name a .yaml file there")
        self._begin(self._load(path), "load")

    def _begin(self, work: Coroutine[Any, Any, None], what: str) -> None:
        if self._work is not None and not self._work.done():
            work.close()
            raise Busy(f"{what}: the story is being saved or reloaded already")
        self._work = asyncio.create_task(self._guard(work, what))

    async def _guard(self, work: Awaitable[None], what: str) -> None:
        try:
            await work
        except EngineError as error:
            log.error("%s failed: %s", what, error)
            self._tell((Dropped(what=what, code=error.code, text=str(error)),))

    async def _save(self) -> None:
        since: list[Made] = []
        self._since_save = since
        story, past = self._current(), self._past()
        try:
            await self._write(story)
            await asyncio.to_thread(self._journal.prepare, self.document.digest, past)
        finally:
            self._since_save = None
        self._journal.begin_anew(since)  # only edits that came while the file was being written are still news
        self._tell((StorySaved(path=str(self.document.path)),))

    async def _write(self, story: Story) -> None:
        """Write the file; the journal says before what it becomes, so that a kill behind it edits nothing twice."""
        if story == self.document.story:
            return
        mark = self._journal.mark()
        patched = await asyncio.to_thread(self.document.patched, story)
        self._journal.saving(mark, patched.digest)
        await asyncio.to_thread(self.document.write, patched, story)

    async def _reload(self) -> None:
        document = await asyncio.to_thread(self._read, self.document.path)
        with self._listening() as since:
            while True:
                since.clear()
                story, dropped = self._journal.replay(document.story)
                misfits = await self._adopt(story, lambda: _turns(since), True)
                if len(_turns(since)) == len(since):
                    break  # otherwise once more: somebody edited more than a knob while the mix was built
        self._took_over(document, (*dropped, *misfits))

    async def _load(self, path: Path) -> None:
        """Take over another file; what is turned meanwhile is an edit of the one before."""
        document = await asyncio.to_thread(self._read, path)
        journal = Journal(path)
        story, dropped = await asyncio.to_thread(journal.replay, document.story)
        with self._listening() as since:
            await self._adopt(story, lambda: _turns(since), False)
        self._part(self._journal)
        self._journal.close()
        self._journal = journal
        self.on_load(path)
        self._took_over(document, dropped)

    @contextlib.contextmanager
    def _listening(self) -> Iterator[list[Edit]]:
        """Give a list of what is edited from now on."""
        since: list[Edit] = []
        self._since_read = since
        try:
            yield since
        finally:
            self._since_read = None

    def _took_over(self, document: StoryDocument, dropped: tuple[str, ...]) -> None:
        self.document, self._told_of_change = document, False
        if dropped:
            log.warning("edits that no longer fit the story: %s", "; ".join(dropped))
        self._tell((StoryReloaded(path=str(document.path), dropped=dropped),))

    def _part(self, journal: Journal) -> None:
        """Try once more to keep what waits in a journal that is being left, and tell what is lost."""
        lost = journal.settle()
        if lost:
            text = f"{journal.path} can't be written ({journal.owing}): {lost} knobs that were turned are not kept"
            log.error("%s", text)
            self._tell((Dropped(what="turns", code=StoryError.code, text=text),))

    def _tell_of_owing(self) -> None:
        """Tell that turns wait to be kept, and that they are."""
        owing, path = self._journal.owing, str(self._journal.path)
        if owing == self._owing:
            return
        self._owing = owing
        if owing:
            log.error("%s can't be written: %s; knobs can be turned, what they do is not kept for now", path, owing)
        else:
            log.info("what was turned is kept again")
        self._tell((TurnsWaiting(path=path, text=owing),))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if self._journal.owing:
                self._journal.settle()
            self._tell_of_owing()
            document = self.document
            changed = await asyncio.to_thread(self._look, document, self._journal_handle())
            if document is not self.document:
                continue  # another text was taken over meanwhile
            if changed and not self._told_of_change:
                path = str(self.document.path)
                log.warning("%s was edited on disk; /session/reload takes it over", path)
                self._tell((StoryChangedOnDisk(path=path),))
            self._told_of_change = changed

    def _journal_handle(self) -> int | None:
        try:
            return self._journal.handle()
        except OSError as error:  # no handle is free
            log.error("edits can't be forced to disk: %s", error.strerror)
            return None

    def _look(self, document: StoryDocument, journal: int | None) -> bool:
        if journal is not None:
            try:
                os.fsync(journal)
            except OSError as error:
                log.error("edits can't be forced to disk: %s", error.strerror)
            finally:
                os.close(journal)
        return document.changed_on_disk()


def _turns(edits: list[Edit]) -> tuple[Turn, ...]:
    return tuple(edit for edit in edits if isinstance(edit, Turn))
