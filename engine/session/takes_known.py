"""What the session's library knows of the takes that an edit works on."""

from __future__ import annotations

from collections.abc import Sequence

from engine.session.index import clip_source
from engine.session.library import Library
from engine.story.known import SpokenWord
from engine.story.model import Clip


class TakesKnown:
    """Fits ``Known``. Lengths are kept until the library hears of another one: looking a line up takes a while."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._frames: dict[str, tuple[object, int]] = {}

    def forget(self) -> None:
        """Hear that some length is another one."""
        self._frames.clear()

    def frames(self, clip: Clip) -> int | None:
        """Return how long a clip's source is; one that could not be made counts as empty."""
        made_of = clip.line or clip.audio
        kept = self._frames.get(clip.id)
        if kept is not None and kept[0] is made_of:
            return kept[1]
        shelf = self._library.shelf(clip_source(clip))
        frames = 0 if shelf.state == "failed" else shelf.frames
        if frames is not None:
            self._frames[clip.id] = made_of, frames
        return frames

    def words(self, clip: Clip) -> Sequence[SpokenWord]:
        """Return the words of a clip's take."""
        loaded = self._library.shelf(clip_source(clip)).loaded
        return loaded.words if loaded else ()
