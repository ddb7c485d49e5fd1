"""The history: steps that can be taken back and done again, each with its name, its client and its version."""

from __future__ import annotations

from collections import deque

import msgspec

from engine.commands import Edit
from engine.edits import ChangeStory
from engine.errors import Conflict, NotReady
from engine.story.change import apply_change, change_between, is_empty, touched
from engine.story.inverse import inverse
from engine.story.model import Story
from engine.story.steps import Historic, describe

MOST_STEPS = 1000
"""How many steps can be taken back, and how many changes a client may have missed."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One edit, or several that were made as one. version: of the story behind it."""

    version: int
    name: str
    client: str
    change: ChangeStory
    undo: ChangeStory


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What has happened to the story: a step, or one that was taken back or done again. touched: things, in words."""

    version: int
    name: str
    client: str
    touched: frozenset[str]


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """A history to go on from: the version of the story, what can be taken back, and what can be done again."""

    version: int = 0
    done: tuple[Step, ...] = ()
    undone: tuple[Step, ...] = ()


class History:
    """The steps of one story. ``version`` goes up by one with each change, back or forth; it never comes again."""

    def __init__(self, past: Past | None = None) -> None:
        past = past or Past()
        self.version = past.version
        self._done: deque[Step] = deque(past.done, maxlen=MOST_STEPS)
        self._undone = list(past.undone)
        self._news: deque[News] = deque(maxlen=MOST_STEPS)

    @property
    def past(self) -> Past:
        """What another one can go on from."""
        return Past(version=self.version, done=tuple(self._done), undone=tuple(self._undone))

    @property
    def steps(self) -> tuple[Step, ...]:
        """What can be taken back, the newest last."""
        return tuple(self._done)

    @property
    def undone(self) -> tuple[Step, ...]:
        """What can be done again, the next one last."""
        return tuple(self._undone)

    def step(self, before: Story, after: Story, name: str, client: str) -> Step | None:
        """Return the step from one story to the next, not taken yet; None when nothing changes."""
        change = change_between(before, after)
        return None if is_empty(change) else self._step(before, change, name, client)

    def take(self, step: Step) -> News:
        """Note that a step was taken; what was taken back before is forgotten."""
        self._done.append(step)
        self._undone.clear()
        return self._note(step, step.name, step.client)

    def go_on(self, step: Step) -> News:
        """Note that the last step went on, and is ``step`` now."""
        self._done.pop()
        return self.take(step)

    def last(self) -> Step:
        """Return the step that would be taken back. Raises NotReady."""
        if not self._done:
            raise NotReady("there is nothing to undo")
        return self._done[-1]

    def next(self) -> Step:
        """Return the step that would be done again. Raises NotReady."""
        if not self._undone:
            raise NotReady("there is nothing to do again; an edit forgets what was undone before it")
        return self._undone[-1]

    def undid(self, client: str) -> News:
        """Note that the last step was taken back."""
        step = self._done.pop()
        self._undone.append(step)
        return self._note(step, f"undo {step.name}", client)

    def redid(self, client: str) -> News:
        """Note that a step was done again."""
        step = self._undone.pop()
        self._done.append(step)
        return self._note(step, f"redo {step.name}", client)

    def replay(self, before: Story, edit: Edit, after: Story, client: str = "") -> None:
        """Take in an edit of a journal: what was done, taken back or done again before is so once more.

        client: who made it, where the edit does not say so itself.

        Where the journal no longer has the step that was taken back, what was before it is forgotten.
        """
        if isinstance(edit, ChangeStory):
            self.reach(edit.version - 1)
            change = msgspec.structs.replace(edit, name="", client="", version=0, way="")
            if edit.way:
                self._turn(before, edit, change, after)
            else:
                self.take(self._step(before, change, edit.name, edit.client))
        elif isinstance(edit, Historic):
            step = self.step(before, after, describe(edit), client)
            if step is not None:
                self.take(step)

    def reach(self, version: int) -> None:
        """Be at a later version: nobody knows what has happened up to there."""
        if version > self.version:
            self.version = version
            self._news.clear()

    def check(self, version: int | None, things: frozenset[str]) -> None:
        """Raise Conflict when something of ``things`` has changed since ``version``, naming what and by whom."""
        if version is None:
            return
        for news in self.since(version):
            common = sorted(news.touched & things)
            if common:
                by = f" by {news.client}" if news.client else ""
                more = f" and {len(common) - 3} more" if len(common) > 3 else ""
                raise Conflict(
                    f"{', '.join(common[:3])}{more} changed since version {version}: {news.name!r}{by} made version "
                    f"{news.version}; look again, the story is at version {self.version}"
                )

    def since(self, version: int) -> tuple[News, ...]:
        """Return what has happened behind ``version``. Raises Conflict when that is not known (any more)."""
        if version > self.version:
            raise Conflict(f"there is no version {version} yet, the story is at version {self.version}; read it anew")
        oldest = self._news[0].version - 1 if self._news else self.version
        if version < oldest:
            raise Conflict(f"version {version} is too long ago, what is known begins at {oldest}; read the story anew")
        return tuple(news for news in self._news if news.version > version)

    def forget(self) -> None:
        """Begin anew: another story was taken over."""
        self._done.clear()
        self._undone.clear()
        self._news.clear()
        self.version += 1

    def _step(self, before: Story, change: ChangeStory, name: str, client: str) -> Step:
        undo = inverse(before, change)
        return Step(version=self.version + 1, name=name, client=client, change=change, undo=undo)

    def _turn(self, before: Story, edit: ChangeStory, change: ChangeStory, after: Story) -> None:
        """Take back or do again what ``edit`` did so, if that is what comes next."""
        if edit.way == "undo" and self._unite(before, change, after):
            self.undid(edit.client)
        elif edit.way == "redo" and self._undone and self._undone[-1].change == change:
            self.redid(edit.client)
        else:
            self.forget()

    def _unite(self, before: Story, undo: ChangeStory, after: Story) -> bool:
        """Have the last step be what ``undo`` takes back; a knob's many steps were one to who took it back."""
        story = before
        for count, step in enumerate(reversed(self._done), 1):
            story = take_back(story, step)
            if story == after:
                whole = msgspec.structs.replace(step, change=inverse(before, undo), undo=undo)
                for _ in range(count):
                    self._done.pop()
                self._done.append(step if count == 1 else whole)
                return True
        return False

    def _note(self, step: Step, name: str, client: str) -> News:
        self.version += 1
        news = News(version=self.version, name=name, client=client, touched=touched(step.change, step.undo))
        self._news.append(news)
        return news


def take_back(story: Story, step: Step) -> Story:
    """Return the story before a step that was the last one."""
    return apply_change(story, step.undo)


def do_again(story: Story, step: Step) -> Story:
    """Return the story behind a step that was taken back last."""
    return apply_change(story, step.change)
