"""Scenes: what snapshots say of a strip. They follow its inserts, as automation does. Pure."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from engine.plugins.facts import is_plugin
from engine.story.lanes import Effects
from engine.story.model import Effect, Scene, Snapshot, Story, Strip


def scene_of(strip: Strip, effects: Effects) -> Scene:
    """Return a strip as it stands, with the knobs that ``effects`` know and nobody has turned."""
    inserts = {
        f"{number}.{name}": value
        for number, effect in enumerate(strip.inserts, 1)
        for name, value in (_defaults(effect, effects) | effect.params).items()
    }
    return Scene(
        gain_db=strip.gain_db,
        pan=strip.pan,
        mute=strip.mute,
        sends={send.to: send.gain_db for send in strip.sends},
        inserts=inserts,
    )


def _defaults(effect: Effect, effects: Effects) -> dict[str, float]:
    """Return where an effect's knobs stand that nobody has turned."""
    if is_plugin(effect.effect):
        return {}
    return {name: spec.default for name, spec in effects.get(effect.effect, {}).items()}


def follow_inserts(story: Story, strip: str, place: Callable[[int], int | None]) -> Story:
    """Return the story with its snapshots following inserts of a strip that have other numbers now (None: gone)."""
    return replace(story, snapshots=tuple(_followed(snapshot, strip, place) for snapshot in story.snapshots))


def _followed(snapshot: Snapshot, strip: str, place: Callable[[int], int | None]) -> Snapshot:
    scene = snapshot.strips.get(strip)
    if scene is None or not scene.inserts:
        return snapshot
    inserts: dict[str, float] = {}
    for key, value in scene.inserts.items():
        number, _, param = key.partition(".")
        if not number.isdecimal():
            inserts[key] = value
        elif (now := place(int(number))) is not None:
            inserts[f"{now}.{param}"] = value
    return replace(snapshot, strips={**snapshot.strips, strip: replace(scene, inserts=inserts)})
