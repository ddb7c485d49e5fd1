"""The index: what of a story is looked up by name at every trigger. It follows edits at what they cost."""

from __future__ import annotations

from collections.abc import Mapping

from engine.session.library import AudioFile, Source
from engine.story.difference import difference
from engine.story.model import Clip, Line, Slot, Story, Target
from engine.story.slot_takes import targets

SlotKey = tuple[str, int]


class Index:
    """A story's clips, slots and choke groups, those of the version that it followed last."""

    def __init__(self, story: Story) -> None:
        self._story: Story | None = None
        self._clips: dict[str, tuple[str, Clip]] = {}
        self._made_of: dict[Source, dict[str, Clip]] = {}
        self.follow(story)

    @property
    def clips(self) -> Mapping[str, tuple[str, Clip]]:
        """Every clip by its id, with its track's, in no order."""
        return self._clips

    def follow(self, story: Story) -> Index:
        """Return this index, of another version of the story: what it shares with the one before is not looked at."""
        before, self._story = self._story, story
        if story is before:
            return self
        if before is None or before.slots is not story.slots:
            self._take_slots(story)
        gone, come = difference(before, story)
        for clip in gone:
            del self._clips[clip.id]
            self._unmake(clip)
        for each in come:
            self._clips[each.clip.id] = each.track, each.clip
            self._made_of.setdefault(clip_source(each.clip), {})[each.clip.id] = each.clip
        return self

    def made_of(self, source: Source) -> list[Clip]:
        """Return the clips that play ``source``."""
        return list(self._made_of.get(source, {}).values())

    def choked_by(self, slot: Slot) -> list[Slot]:
        """Return the other slots of a slot's choke group."""
        group = self._groups.get(slot.choke, []) if slot.choke is not None else []
        return [other for other in group if other is not slot]

    def _take_slots(self, story: Story) -> None:
        self.slots: Mapping[SlotKey, Slot] = {(s.bank, s.index): s for s in story.slots}
        """Every slot by bank and index."""
        self.targets: Mapping[SlotKey, tuple[Target, ...]] = {key: targets(slot) for key, slot in self.slots.items()}
        """What each slot may play, from the softest press to the hardest."""
        self._groups: dict[str, list[Slot]] = {}
        for slot in story.slots:
            if slot.choke is not None:
                self._groups.setdefault(slot.choke, []).append(slot)

    def _unmake(self, clip: Clip) -> None:
        source = clip_source(clip)
        made = self._made_of[source]
        del made[clip.id]
        if not made:
            del self._made_of[source]


def clip_source(clip: Clip) -> Line | AudioFile:
    """Return what ``clip`` is made of."""
    if clip.line is not None:
        return clip.line
    return AudioFile(path=clip.audio or "")
