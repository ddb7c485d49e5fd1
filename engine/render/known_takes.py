"""What is known of a story's takes and files without an engine: what lies in the cache and in the story's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import MediaError
from engine.render.cache import TakeCache
from engine.render.digest import digest
from engine.render.locks import Locks
from engine.story.known import SpokenWord
from engine.story.model import Clip, Line
from engine.story.whereabouts import whereabouts
from engine.voices.beside import beside
from engine.voices.catalog import Catalog
from engine.voices.media import Facts, load, probe
from engine.voices.take import Take


class CachedTakes:
    """Fits ``Known``. folder: the story's. A take that is not there is not known; a file that is not there is empty."""

    def __init__(self, catalog: Catalog, cache: TakeCache, sample_rate: int, folder: Path) -> None:
        self._catalog, self._cache, self._rate, self._folder = catalog, cache, sample_rate, folder
        self._locks = Locks(cache.folder)
        self._takes: dict[Line, Take] = {}
        self._files: dict[str, Facts] = {}

    def take(self, line: Line) -> Take | None:
        """Return the take of a line; None: nobody has made it."""
        if line not in self._takes:
            preset = self._catalog.get(line.voice)
            name = self._locks.get(line) or digest(line, preset, self._rate, line.delivery.seed)
            take = self._cache.get(name)
            if take is None:
                return None
            self._takes[line] = take
        return self._takes[line]

    def frames(self, clip: Clip) -> int | None:
        """Return how long a clip's source is."""
        if clip.line is not None:
            take = self.take(clip.line)
            return None if take is None else take.frames
        return self._file(clip.audio or "").frames

    def words(self, clip: Clip) -> Sequence[SpokenWord]:
        """Return the words of a clip's take, or of its file."""
        if clip.line is None:
            name = clip.audio or ""
            return self._file(name).words if beside(self._folder / name).exists() else ()
        take = self.take(clip.line)
        return () if take is None else take.words

    def sound(self, clip: Clip) -> NDArray[np.float32] | None:
        """Return a clip's source. Raises MediaError for one that can't be read."""
        if clip.line is not None:
            take = self.take(clip.line)
            return None if take is None else self._cache.audio(take)
        path = whereabouts(self._folder, clip.audio or "")
        facts = probe(path, self._rate)
        sound = np.zeros(facts.frames * facts.channels, np.float32)
        load(path, self._rate, sound)
        return sound.reshape(-1, facts.channels)

    def _file(self, name: str) -> Facts:
        if name not in self._files:
            try:
                self._files[name] = probe(whereabouts(self._folder, name), self._rate, said=True)
            except MediaError:
                self._files[name] = Facts(frames=0, channels=1)
        return self._files[name]
