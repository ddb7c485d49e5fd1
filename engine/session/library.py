"""The library: which lines and audio files are wanted, how far each is, and where it lies in the clip arena."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from engine.errors import NotReady
from engine.events import SlotState
from engine.realtime.pages import table_floats
from engine.story.model import Line
from engine.voices.take import Word

NEAR_PART = 0.75
"""So much of the memory is kept for what is near; the rest is for what comes unforeseen."""


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
    """A source that lies in the arena. offset: index of its first float; frames, channels: interleaved float32.

    header: where its block begins, if that is with a stream's header, else -1. making: it is not whole yet; frames are
    then the most that there can be, and channels are 1.
    paged: it stays on the disk, and its page table lies there; it can be played plainly only.
    """

    offset: int
    frames: int
    channels: int
    digest: str
    words: tuple[Word, ...] = ()
    header: int = -1
    making: bool = False
    paged: bool = False

    @property
    def block(self) -> int:
        """The float at which its memory begins."""
        return self.offset if self.header < 0 else self.header

    @property
    def floats(self) -> int:
        """How much it takes, from ``block`` on."""
        sound = table_floats(self.frames, self.channels) if self.paged else self.frames * self.channels
        return self.offset - self.block + sound


class Shelf(msgspec.Struct, kw_only=True):
    """What is known of one source. ``used`` counts up at every use: the smallest is the oldest.

    pinned: the story has it. near: it will be needed soon, and stays. away:
    it is made, but there is no memory for it before it is near.
    """

    state: SlotState = "queued"
    frames: int | None = None
    loaded: Loaded | None = None
    error: str = ""
    pinned: bool = False
    near: bool = False
    away: bool = False
    used: int = 0


class Loader(Protocol):
    """Makes a source sound-ready in the background and tells the session when it is."""

    @property
    def capacity_floats(self) -> int:
        """How much memory there is for clips."""
        ...

    def request(self, source: Source, *, urgent: bool) -> None:
        """Render or read ``source``, then load it into the arena; urgent: a performer waits, also for one in work."""
        ...

    def stream(self, source: Source) -> Loaded:
        """Return where ``source``, which was requested, will lie: it can be played while it is made.

        Raises NotReady where that can't be.
        """
        ...

    def prefer(self, sources: Sequence[Source]) -> None:
        """Make ``sources`` first, in this order."""
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
        self._near: dict[Source, None] = {}
        self._uses = 0

    def want(self, sources: Iterable[Source]) -> None:
        """Pin exactly ``sources``: they are made, and loaded as far as memory lasts; the rest may be evicted."""
        wanted = dict.fromkeys(sources)
        for source, shelf in self._shelves.items():
            shelf.pinned = source in wanted
        for source in wanted:
            self.ask(source, urgent=False).pinned = True

    def unpin(self, source: Source) -> None:
        """Hear that the story has ``source`` no longer."""
        shelf = self._shelves.get(source)
        if shelf is not None:
            shelf.pinned = False

    def approach(self, sources: Iterable[Source]) -> None:
        """Take note of what will be needed soon, the most pressing first: it is made first, and stays once loaded.

        No more than fits into three quarters of the memory; one that does not leaves its room to those after it. One
        that failed is tried again when it comes near, not as long as it is.
        """
        near, before = self._fitting(dict.fromkeys(sources)), self._near
        for source in before:
            self.shelf(source).near = False
        self._near = dict.fromkeys(near)
        self._loader.prefer(near)
        for source in near:
            shelf = self.shelf(source)
            if shelf.state != "failed" or source not in before:
                shelf = self.ask(source, urgent=False)
            shelf.near = True
            if shelf.away:
                shelf.away = False
                self._loader.request(source, urgent=False)

    def _fitting(self, sources: Iterable[Source]) -> list[Source]:
        left, near = NEAR_PART * self._loader.capacity_floats, []
        for source in sources:
            floats = self._floats(source)
            if floats <= left:
                left -= floats
                near.append(source)
        return near

    def _floats(self, source: Source) -> int:
        shelf = self.shelf(source)
        return shelf.loaded.floats if shelf.loaded is not None else shelf.frames or 0

    def ask(self, source: Source, *, urgent: bool) -> Shelf:
        """Return the shelf of ``source``; an unknown or failed one is requested from the loader."""
        shelf = self._shelves.get(source)
        if shelf is None or shelf.state == "failed":
            shelf = self._shelves[source] = Shelf(pinned=bool(shelf and shelf.pinned))
            self._loader.request(source, urgent=urgent)
        return shelf

    def still(self, source: Source, loaded: Loaded) -> bool:
        """Return whether ``source`` still lies there, marking it as just used if so."""
        shelf = self._shelves.get(source)
        if shelf is None or shelf.loaded is not loaded:
            return False
        self._uses += 1
        shelf.used = self._uses
        return True

    def begin(self, source: Source) -> Loaded:
        """Return where ``source`` lies, or will: one that is not there yet is made now, and can be played meanwhile.

        Raises NotReady where that can't be; it is made all the same.
        """
        self.hasten(source)
        shelf = self.shelf(source)
        if shelf.loaded is not None:
            return self.use(source)
        return self._loader.stream(source)

    def hasten(self, source: Source) -> None:
        """Make ``source`` before anything else; a performer asked for it."""
        shelf = self._shelves.get(source)
        if shelf is None or shelf.state == "failed":
            self.ask(source, urgent=True)
        elif shelf.loaded is None:
            shelf.away = False
            self._loader.request(source, urgent=True)

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
        shelf.away = False

    def fail(self, source: Source, text: str) -> None:
        """Note that ``source`` could not be made."""
        shelf = self._shelves.setdefault(source, Shelf())
        shelf.state, shelf.error = "failed", text

    def put_off(self, source: Source) -> None:
        """Note that ``source`` is made, but that there is no memory for it before it is near."""
        shelf = self._shelves.setdefault(source, Shelf())
        shelf.state, shelf.away = "queued", True

    def drop(self, source: Source) -> None:
        """Stop making ``source`` if it is not there yet and no clip needs it."""
        shelf = self._shelves.get(source)
        if shelf is not None and shelf.loaded is None and not shelf.pinned:
            del self._shelves[source]
            self._loader.cancel(source)

    def oldest(self, sounding: set[Source], *, pressing: bool) -> Source | None:
        """Return the source in memory that was used longest ago; None when nothing may go.

        What is near and those in ``sounding`` stay. pressing: what the story has may go too, after what it has not.
        """
        idle = [
            (shelf.pinned, shelf.used, index, source)
            for index, (source, shelf) in enumerate(self._shelves.items())
            if shelf.loaded is not None and not shelf.near and (pressing or not shelf.pinned) and source not in sounding
        ]
        return min(idle, key=lambda item: item[:3])[3] if idle else None

    def evict(self, source: Source) -> Loaded:
        """Let go of ``source`` and return where it lay. Raises NotReady if it was not there."""
        loaded, shelf = self.use(source), self._shelves[source]
        shelf.loaded = None
        if shelf.pinned:
            shelf.state, shelf.away = "queued", True
        else:
            del self._shelves[source]
        return loaded

    def release(self, loaded: Loaded) -> None:
        """Give back the memory of what was evicted."""
        self._loader.release(loaded)

    def missing(self) -> tuple[Source, ...]:
        """Return the pinned sources that are not ready yet (failed ones not counted)."""
        busy = ("queued", "rendering")
        return tuple(s for s, shelf in self._shelves.items() if shelf.pinned and shelf.state in busy and not shelf.away)

    def counts(self) -> tuple[int, int]:
        """Return how many pinned sources are ready, and how many there are."""
        pinned = [shelf for shelf in self._shelves.values() if shelf.pinned]
        return sum(shelf.loaded is not None for shelf in pinned), len(pinned)

    def near_counts(self) -> tuple[int, int]:
        """Return how many sources that will be needed soon are ready, and how many there are."""
        near = [self._shelves[source] for source in self._near if source in self._shelves]
        return sum(shelf.loaded is not None for shelf in near), len(near)


def describe(source: Source) -> str:
    """Return how an error names ``source``."""
    if isinstance(source, Stretched):
        return f"{describe(source.source)} at speed {source.speed:g}"
    if isinstance(source, AudioFile):
        return f"audio file {source.path!r}"
    text = source.text if len(source.text) <= 40 else source.text[:37] + "…"
    return f"line {text!r} of voice {source.voice!r}"
