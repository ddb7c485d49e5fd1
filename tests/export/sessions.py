"""One export of the nasty story in every session format, shared by the tests that read it back."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from export_stories import Workshop, nasty, placed_in

from engine.export.sessions.registry import SESSIONS
from engine.story.model import Story
from engine.story.timeline import Placed


class Exported(NamedTuple):
    """A story, its clips as they are placed, and the folder that holds one folder per format."""

    shop: Workshop
    story: Story
    placed: dict[str, Placed]
    folder: Path

    def file(self, pattern: str) -> Path:
        (path,) = self.folder.glob(pattern)
        return path


def export_sessions(folder: Path, story_of=nasty, formats=tuple(SESSIONS), **options) -> Exported:
    shop = Workshop(folder)
    story = story_of(shop)
    shop.export(story, formats=formats, overview=False, **options)
    return Exported(shop, story, placed_in(story, shop), folder / "out")
