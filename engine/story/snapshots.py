"""Snapshots of the mix: taken from a story's strips, and turned back into moves of its knobs. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from engine.commands import SetInsertParam, SetSendGain, SetStripGain, SetStripMute, SetStripPan, Turn
from engine.errors import StoryError, UnknownThing
from engine.story.lanes import Effects
from engine.story.model import Scene, Snapshot, Story, Strip
from engine.story.rules import check_id
from engine.story.scenes import scene_of


def snapshot_of(story: Story, snapshot: str) -> Snapshot:
    """Return the story's snapshot with that id; UnknownThing names those there are."""
    known = {s.id: s for s in story.snapshots}
    if snapshot not in known:
        raise UnknownThing("snapshot", snapshot, known)
    return known[snapshot]


def scenes_of(story: Story, effects: Effects | None = None) -> dict[str, Scene]:
    """Return the mix as it is now, by strip. effects: knobs that stand at their default count then, too.

    Where the others of a plug-in are, its own state says.
    """
    return {strip_id: scene_of(strip, effects or {}) for strip_id, strip in story.strips().items()}


def store_snapshot(story: Story, snapshot: str, scenes: dict[str, Scene]) -> Story:
    """Return the story with ``scenes`` kept under an id; what was there before gives way."""
    for problem in check_id((), "snapshot", snapshot):
        raise StoryError(f"snapshot: {problem.text}")
    known = {s.id: s for s in story.snapshots}
    name = known[snapshot].name if snapshot in known else ""
    known[snapshot] = Snapshot(id=snapshot, name=name, strips=scenes)
    return replace(story, snapshots=tuple(known.values()))


def remove_snapshot(story: Story, snapshot: str) -> Story:
    """Return the story without a snapshot."""
    gone = snapshot_of(story, snapshot)
    return replace(story, snapshots=tuple(s for s in story.snapshots if s is not gone))


def recall_turns(story: Story, snapshot: str, fade_seconds: float, effects: Effects | None = None) -> tuple[Turn, ...]:
    """Return the moves that bring a snapshot back; what has it already stays.

    Some may not fit the mix any more: strips, sends and inserts that are gone. effects: knobs that nobody has turned
    stand at their default.
    """
    strips = story.strips()
    turns: list[Turn] = []
    for strip_id, scene in snapshot_of(story, snapshot).strips.items():
        turns += _strip_turns(strip_id, strips.get(strip_id), scene, fade_seconds, effects or {})
    return tuple(turns)


def _strip_turns(strip_id: str, strip: Strip | None, scene: Scene, seconds: float, effects: Effects) -> list[Turn]:
    turns: list[Turn] = []
    if strip is None or scene.gain_db != strip.gain_db:
        turns.append(SetStripGain(strip=strip_id, gain_db=scene.gain_db, ramp_seconds=seconds))
    if strip is None:
        return turns
    if scene.pan != strip.pan:
        turns.append(SetStripPan(strip=strip_id, pan=scene.pan, ramp_seconds=seconds))
    if scene.mute != strip.mute:
        turns.append(SetStripMute(strip=strip_id, mute=scene.mute))
    sends = {send.to: send.gain_db for send in strip.sends}
    for bus, level in scene.sends.items():
        if sends.get(bus) != level:
            turns.append(SetSendGain(strip=strip_id, bus=bus, gain_db=level, ramp_seconds=seconds))
    stands = scene_of(strip, effects).inserts
    for key, value in scene.inserts.items():
        number, _, param = key.partition(".")
        if stands.get(key) != value:
            insert = int(number) if number.isdecimal() else 0
            turns.append(SetInsertParam(strip=strip_id, insert=insert, param=param, value=value, ramp_seconds=seconds))
    return turns
