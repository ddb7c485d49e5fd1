"""What the session's library knows of the takes that an edit works on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.session.index import clip_source
from engine.session.library import Library
from engine.story.known import SpokenWord
from engine.story.model import Clip


class TakesKnown:
    """Fits ``Known``. arena: where takes lie. Lengths are kept until they are forgotten: a look takes a while."""

    def __init__(self, library: Library, arena: NDArray[np.float32] | None = None) -> None:
        self._library, self._arena = library, arena
        self._frames: dict[str, tuple[object, int]] = {}

    def forget(self, names: Iterable[str] | None) -> None:
        """Hear that clips (None: all) may be of another length."""
        if names is None:
            self._frames.clear()
        for name in names or ():
            self._frames.pop(name, None)

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
        """Return the words of a clip's take or file."""
        loaded = self._library.shelf(clip_source(clip)).loaded
        return loaded.words if loaded else ()

    def sound(self, clip: Clip) -> NDArray[np.float32] | None:
        """Return a clip's source where it lies in memory; None: it is not there, not whole, or on the disk."""
        loaded = self._library.shelf(clip_source(clip)).loaded
        if self._arena is None or loaded is None or loaded.making or loaded.paged:
            return None
        end = loaded.offset + loaded.frames * loaded.channels
        return self._arena[loaded.offset : end].reshape(loaded.frames, loaded.channels)
