"""The index: what of a story is looked up by name at every trigger, made once for a story, however long it is."""

from __future__ import annotations

from collections.abc import Mapping

from engine.session.library import AudioFile, Source
from engine.story.model import Clip, Line, Slot, Story, Target, Track
from engine.story.slot_takes import targets

SlotKey = tuple[str, int]


class Index:
    """A story's clips, slots and choke groups. A move of a fader makes another story, but not another index."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self.clips: Mapping[str, tuple[str, Clip]] = {c.id: (t.id, c) for t in story.tracks for c in t.clips}
        """Every clip by its id, with its track's."""
        self.slots: Mapping[SlotKey, Slot] = {(s.bank, s.index): s for s in story.slots}
        """Every slot by bank and index."""
        self.targets: Mapping[SlotKey, tuple[Target, ...]] = {key: targets(slot) for key, slot in self.slots.items()}
        """What each slot may play, from the softest press to the hardest."""
        self._made_of: dict[Source, list[Clip]] = {}
        self._groups: dict[str, list[Slot]] = {}
        for _, clip in self.clips.values():
            self._made_of.setdefault(clip_source(clip), []).append(clip)
        for slot in story.slots:
            if slot.choke is not None:
                self._groups.setdefault(slot.choke, []).append(slot)

    def follow(self, story: Story) -> Index:
        """Return the index of ``story``: this one if it differs in nothing but levels and strips."""
        if story is not self._story:
            if not self._fits(story):
                return Index(story)
            self._story = story
        return self

    def made_of(self, source: Source) -> list[Clip]:
        """Return the clips that play ``source``."""
        return self._made_of.get(source, [])

    def choked_by(self, slot: Slot) -> list[Slot]:
        """Return the other slots of a slot's choke group."""
        group = self._groups.get(slot.choke, []) if slot.choke is not None else []
        return [other for other in group if other is not slot]

    def _fits(self, story: Story) -> bool:
        """Edits share what they leave alone; so it is enough to see whether it is the same thing."""
        mine, others = self._story.tracks, story.tracks
        same = len(mine) == len(others) and self._story.slots is story.slots
        return same and all(map(_holds_the_same, mine, others))


def _holds_the_same(track: Track, other: Track) -> bool:
    return track is other or (track.clips is other.clips and track.id == other.id)


def clip_source(clip: Clip) -> Line | AudioFile:
    """Return what ``clip`` is made of."""
    if clip.line is not None:
        return clip.line
    return AudioFile(path=clip.audio or "")
