"""The library: which lines and audio files are wanted, how far each is, and where it lies in the clip arena."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from engine.errors import NotReady
from engine.events import SlotState
from engine.story.model import Line
from engine.voices.take import Word


class AudioFile(msgspec.Struct, frozen=True, kw_only=True, tag="file"):
    """An audio file of the story, by its path relative to the story's folder."""

    path: str


class Stretched(msgspec.Struct, frozen=True, kw_only=True, tag="stretched"):
    """A line or file at ``speed`` (2: half as long), its pitch kept."""

    source: Line | AudioFile
    speed: float


Source = Line | AudioFile | Stretched
"""What a clip is made of."""


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A source that lies in the arena. offset: index of its first float; frames, channels: interleaved float32."""

    offset: int
    frames: int
    channels: int
    digest: str
    words: tuple[Word, ...] = ()


class Shelf(msgspec.Struct, kw_only=True):
    """What is known of one source. ``used`` counts up at every use: the smallest is the oldest."""

    state: SlotState = "queued"
    frames: int | None = None
    loaded: Loaded | None = None
    error: str = ""
    pinned: bool = False
    used: int = 0


class Loader(Protocol):
    """Makes a source sound-ready in the background and tells the session when it is."""

    def request(self, source: Source, *, urgent: bool) -> None:
        """Render or read ``source``, then load it into the arena."""
        ...

    def cancel(self, source: Source) -> None:
        """Stop that work."""
        ...

    def release(self, loaded: Loaded) -> None:
        """Give its arena memory back."""
        ...


class Library:
    """The shelf of every source that the session knows. Control process only."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._shelves: dict[Source, Shelf] = {}
        self._uses = 0

    def want(self, sources: Iterable[Source]) -> None:
        """Pin exactly ``sources``: they are loaded and stay; what is no longer wanted may be evicted."""
        wanted = dict.fromkeys(sources)
        for source, shelf in self._shelves.items():
            shelf.pinned = source in wanted
        for source in wanted:
            self.ask(source, urgent=False).pinned = True

    def ask(self, source: Source, *, urgent: bool) -> Shelf:
        """Return the shelf of ``source``; an unknown or failed one is requested from the loader."""
        shelf = self._shelves.get(source)
        if shelf is None or shelf.state == "failed":
            shelf = self._shelves[source] = Shelf(pinned=bool(shelf and shelf.pinned))
            self._loader.request(source, urgent=urgent)
        return shelf

    def shelf(self, source: Source) -> Shelf:
        """Return what is known of ``source`` (an empty shelf when it was never asked for)."""
        return self._shelves.get(source) or Shelf(state="empty")

    def use(self, source: Source) -> Loaded:
        """Return where ``source`` lies, marking it as just used; NotReady says how far it is."""
        shelf = self.shelf(source)
        if shelf.loaded is None:
            reason = f": {shelf.error}" if shelf.error else ""
            raise NotReady(f"{describe(source)} is not ready to play, it is {shelf.state}{reason}")
        self._uses += 1
        shelf.used = self._uses
        return shelf.loaded

    def known(self, source: Source, frames: int) -> None:
        """Note how long ``source`` is; its audio is not there yet."""
        shelf = self._shelves.setdefault(source, Shelf())
        shelf.frames, shelf.state = frames, "rendering"

    def load(self, source: Source, loaded: Loaded) -> None:
        """Note that ``source`` lies in the arena."""
        shelf = self._shelves.setdefault(source, Shelf())
        shelf.frames, shelf.loaded, shelf.state, shelf.error = loaded.frames, loaded, "ready", ""

    def fail(self, source: Source, text: str) -> None:
        """Note that ``source`` could not be made."""
        shelf = self._shelves.setdefault(source, Shelf())
        shelf.state, shelf.error = "failed", text

    def drop(self, source: Source) -> None:
        """Stop making ``source`` if it is not there yet and no clip needs it."""
        shelf = self._shelves.get(source)
        if shelf is not None and shelf.loaded is None and not shelf.pinned:
            del self._shelves[source]
            self._loader.cancel(source)

    def evict(self, sounding: set[Source]) -> bool:
        """Give back the memory of the source that was used longest ago; False when nothing may go.

        Pinned sources and those in ``sounding`` stay.
        """
        idle = [
            (shelf.used, index, source)
            for index, (source, shelf) in enumerate(self._shelves.items())
            if shelf.loaded is not None and not shelf.pinned and source not in sounding
        ]
        if not idle:
            return False
        _, _, oldest = min(idle)
        loaded = self._shelves.pop(oldest).loaded
        if loaded is not None:
            self._loader.release(loaded)
        return True

    def missing(self) -> tuple[Source, ...]:
        """Return the pinned sources that are not ready yet (failed ones not counted)."""
        return tuple(s for s, shelf in self._shelves.items() if shelf.pinned and shelf.state in ("queued", "rendering"))

    def counts(self) -> tuple[int, int]:
        """Return how many pinned sources are ready, and how many there are."""
        pinned = [shelf for shelf in self._shelves.values() if shelf.pinned]
        return sum(shelf.loaded is not None for shelf in pinned), len(pinned)


def describe(source: Source) -> str:
    """Return how an error names ``source``."""
    if isinstance(source, Stretched):
        return f"{describe(source.source)} at speed {source.speed:g}"
    if isinstance(source, AudioFile):
        return f"audio file {source.path!r}"
    text = source.text if len(source.text) <= 40 else source.text[:37] + "…"
    return f"line {text!r} of voice {source.voice!r}"
