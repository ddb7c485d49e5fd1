"""The history: steps that can be taken back and done again, each with its name, its client and its version."""

from __future__ import annotations

from collections import deque

import msgspec

from engine.edits import ChangeStory
from engine.errors import Conflict, NotReady
from engine.story.change import apply_change, change_between, is_empty, touched
from engine.story.model import Story

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


class History:
    """The steps of one story. ``version`` goes up by one with each change, back or forth; it never comes again."""

    def __init__(self, version: int = 0) -> None:
        self.version = version
        self._done: deque[Step] = deque(maxlen=MOST_STEPS)
        self._undone: list[Step] = []
        self._news: deque[News] = deque(maxlen=MOST_STEPS)

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
        if is_empty(change):
            return None
        version = self.version + 1
        return Step(version=version, name=name, client=client, change=change, undo=change_between(after, before))

    def take(self, step: Step) -> News:
        """Note that a step was taken; what was taken back before is forgotten."""
        self._done.append(step)
        self._undone.clear()
        return self._note(step, step.name, step.client)

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
