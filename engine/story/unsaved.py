"""Unsaved edits: what an engine that is gone has left beside a story's file, for programs that change the file."""

from __future__ import annotations

from types import TracebackType

from engine.errors import Busy, StoryError
from engine.plugins.facts import Lookup
from engine.story.claim import Claim
from engine.story.document import StoryDocument
from engine.story.equip import equip
from engine.story.history import History
from engine.story.journal import TORN, Journal
from engine.story.model import Story


class Unsaved:
    """A story that is changed without an engine: as its file says, with the edits of its journal.

    ``story`` is both; ``recovered`` tells whether there are such edits. Nobody else changes it until this is closed,
    but for an engine that plays it: that goes on, as long as it has no edits of its own.

    Raises Busy where a running engine has edits that the file has not got, StoryError where some no longer fit.
    """

    def __init__(self, document: StoryDocument, plugins: Lookup | None = None) -> None:
        self._document, name = document, document.path.name
        self._journal, self._claim = Journal(document.path), Claim(document.path)
        try:
            self._found = self._written()
            self._history = History(self._journal.past())
            story, dropped = self._journal.replay(document.story, history=self._history)
            self.recovered = story != document.story
            if not self._claim.held and (self.recovered or dropped):
                raise Busy(
                    f"a running engine has edits of {name} that are not in the file yet: have it save them first "
                    "(`cuevox send /session/save`), or send it this edit, too (`cuevox send ADDRESS VALUES`)"
                )
            lost = [text for text in dropped if text != TORN]
            if lost:
                raise StoryError(
                    f"{name}: unsaved edits of an earlier run no longer fit, and would be lost: {'; '.join(lost)}; "
                    "`cuevox run` plays without them, and /session/save then forgets them; or --discard-changes does"
                )
        except BaseException:
            self._claim.give_back()
            raise
        self.story = equip(story, plugins) if self.recovered and plugins is not None else story

    def __enter__(self) -> Unsaved:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._journal.close()
        self._claim.give_back()

    def save(self, story: Story, name: str, client: str) -> None:
        """Write ``story`` into the file, and what can be taken back of it beside it. Raises StoryError, Busy.

        name, client: of the step, for the history.
        """
        if self._written() != self._found:
            raise Busy(f"an engine has begun to edit {self._document.path.name} meanwhile; nothing was changed")
        if not self._claim.held or not self._found:
            self._document.save(story)
        elif self.recovered or story != self._document.story:
            step = self._history.step(self.story, story, name, client)
            if step is not None:
                self._history.take(step)
            self._save(story)

    def _save(self, story: Story) -> None:
        """Write the file and begin the journal anew; killed anywhere, nothing is lost and nothing is done twice."""
        document, journal = self._document, self._journal
        mark = journal.mark()
        if story != document.story:
            patched = document.patched(story)
            journal.saving(mark, patched.digest)
            document.write(patched, story)
        journal.prepare(document.digest, self._history.past)
        journal.begin_anew(())

    def _written(self) -> bytes:
        """Return what the journal is. Raises StoryError."""
        try:
            return self._journal.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise StoryError(f"{self._journal.path} can't be read: {error.strerror}") from error
