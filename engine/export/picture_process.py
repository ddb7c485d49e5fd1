"""Draws one picture of a story: the order comes on standard input, the picture goes to standard output."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import msgspec

from engine.platform import lower_priority
from engine.story.model import Story


class PictureOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be drawn, and where its takes and files lie."""

    story: Story
    kind: Literal["png", "svg"]
    folder: str
    takes_folder: str
    voice_folders: tuple[str, ...]
    speak_with: str = ""


def draw(order: PictureOrder) -> bytes:
    """Return the picture."""
    from engine.export.overview import overview_png, overview_svg
    from engine.export.story_picture import story_picture
    from engine.render.cache import TakeCache
    from engine.render.known_takes import CachedTakes
    from engine.voices.catalog import load_catalog

    catalog = load_catalog([Path(folder) for folder in order.voice_folders], order.speak_with)
    takes = CachedTakes(catalog, TakeCache(Path(order.takes_folder)), order.story.sample_rate, Path(order.folder))
    picture = story_picture(order.story, takes)
    return overview_svg(picture).encode() if order.kind == "svg" else overview_png(picture)


if __name__ == "__main__":
    lower_priority()
    sys.stdout.buffer.write(draw(msgspec.json.decode(sys.stdin.buffer.read(), type=PictureOrder)))
