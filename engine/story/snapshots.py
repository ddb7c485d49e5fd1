"""Snapshots of the mix: taken from a story's strips, and turned back into moves of its knobs. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from engine.commands import SetInsertParam, SetSendGain, SetStripGain, SetStripMute, SetStripPan, Turn
from engine.errors import StoryError, UnknownThing
from engine.story.model import Scene, Snapshot, Story, Strip
from engine.story.rules import check_id


def snapshot_of(story: Story, snapshot: str) -> Snapshot:
    """Return the story's snapshot with that id; UnknownThing names those there are."""
    known = {s.id: s for s in story.snapshots}
    if snapshot not in known:
        raise UnknownThing("snapshot", snapshot, known)
    return known[snapshot]


def store_snapshot(story: Story, snapshot: str) -> Story:
    """Return the story with its mix as it is now kept under an id; what was there before gives way."""
    for problem in check_id((), "snapshot", snapshot):
        raise StoryError(f"snapshot: {problem.text}")
    known = {s.id: s for s in story.snapshots}
    name = known[snapshot].name if snapshot in known else ""
    scenes = {strip_id: _scene(strip) for strip_id, strip in story.strips().items()}
    known[snapshot] = Snapshot(id=snapshot, name=name, strips=scenes)
    return replace(story, snapshots=tuple(known.values()))


def remove_snapshot(story: Story, snapshot: str) -> Story:
    """Return the story without a snapshot."""
    gone = snapshot_of(story, snapshot)
    return replace(story, snapshots=tuple(s for s in story.snapshots if s is not gone))


def recall_turns(story: Story, snapshot: str, fade_seconds: float) -> tuple[Turn, ...]:
    """Return the moves that bring a snapshot back; what has it already stays, strips that are gone are left out."""
    strips = story.strips()
    turns: list[Turn] = []
    for strip_id, scene in snapshot_of(story, snapshot).strips.items():
        if strip_id in strips:
            turns += _strip_turns(strip_id, strips[strip_id], scene, fade_seconds)
    return tuple(turns)


def _scene(strip: Strip) -> Scene:
    inserts = {f"{n}.{name}": value for n, e in enumerate(strip.inserts, 1) for name, value in e.params.items()}
    return Scene(
        gain_db=strip.gain_db,
        pan=strip.pan,
        mute=strip.mute,
        sends={send.to: send.gain_db for send in strip.sends},
        inserts=inserts,
    )


def _strip_turns(strip_id: str, strip: Strip, scene: Scene, seconds: float) -> list[Turn]:
    turns: list[Turn] = []
    if scene.gain_db != strip.gain_db:
        turns.append(SetStripGain(strip=strip_id, gain_db=scene.gain_db, ramp_seconds=seconds))
    if scene.pan != strip.pan:
        turns.append(SetStripPan(strip=strip_id, pan=scene.pan, ramp_seconds=seconds))
    if scene.mute != strip.mute:
        turns.append(SetStripMute(strip=strip_id, mute=scene.mute))
    for send in strip.sends:
        level = scene.sends.get(send.to, send.gain_db)
        if level != send.gain_db:
            turns.append(SetSendGain(strip=strip_id, bus=send.to, gain_db=level, ramp_seconds=seconds))
    for key, value in scene.inserts.items():
        number, _, param = key.partition(".")
        insert = int(number) if number.isdecimal() else 0
        if 1 <= insert <= len(strip.inserts) and strip.inserts[insert - 1].params.get(param) != value:
            turns.append(SetInsertParam(strip=strip_id, insert=insert, param=param, value=value, ramp_seconds=seconds))
    return turns
