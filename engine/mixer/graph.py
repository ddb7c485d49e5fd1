"""The mixer's graph: what a story's strips, sends and inserts are, by index, in an order that can be computed."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.errors import StoryError, UnknownThing
from engine.mixer.effects import EffectSpec, check_effects, insert_spec
from engine.plugins.facts import PluginFacts, missing, plugin_name
from engine.story.equip import plugin_effects
from engine.story.model import MASTER, Duck, Effect, Story, Strip

StripKind = Literal["track", "bus", "private", "master", "gone"]
"""``gone``: an empty place; strips keep their index as long as they live, and others may not move up.
``private``: a bus that is in no sum."""

WORD_BITS = 16
"""Where an ``insert_word`` is cut: the strip's index plus one above, the insert's key below."""


def insert_word(strip: int, key: int) -> int:
    """Return the number that stands for an insert of a graph; 0 where ``key`` is negative: for none."""
    return 0 if key < 0 else (strip + 1) << WORD_BITS | key


class SendSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a strip gives to the bus with index ``to``, after its fader. key: what records call it."""

    to: int
    gain_db: float
    key: int = 0


class StripSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A strip as the mixer builds it.

    name: what people call it, if not by its id. keys: what records call the inserts, one for each; an insert keeps its
    key wherever it is moved to. Empty: their places. next_key: never used so far. leaving: no longer part of the story,
    it only rings out.
    """

    id: str
    kind: StripKind
    name: str = ""
    gain_db: float = 0.0
    pan: float = 0.0
    mute: bool = False
    solo: bool = False
    inserts: tuple[Effect, ...] = ()
    sends: tuple[SendSpec, ...] = ()
    keys: tuple[int, ...] = ()
    next_key: int = 0
    leaving: bool = False
    duck: Duck | None = None

    @property
    def insert_keys(self) -> tuple[int, ...]:
        """The key of every insert."""
        return self.keys or tuple(range(len(self.inserts)))

    @property
    def lives(self) -> bool:
        """Whether it is a strip of the story."""
        return self.kind != "gone" and not self.leaving


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """A whole mixer. It travels to the audio process as JSON.

    strips: a new graph has tracks and buses in the story's order, the master last. levels: indexes of strips, without
    the master; a strip sends only to strips of later levels. limiter_db: the master's ceiling in dBTP, None: off.
    plugins: those among the inserts, by effect; one with a fault is not loaded.
    """

    strips: tuple[StripSpec, ...]
    levels: tuple[tuple[int, ...], ...]
    limiter_db: float | None = None
    plugins: dict[str, PluginFacts] = {}

    def spec(self, effect: str) -> EffectSpec:
        """Return the row of an insert's effect."""
        return insert_spec(effect, self.plugins)

    def index(self, strip: str) -> int:
        """Return the index of the strip with id ``strip``; UnknownThing names the others."""
        for index, spec in enumerate(self.strips):
            if spec.id == strip and spec.lives:
                return index
        raise UnknownThing("strip", strip, (spec.id for spec in self.strips if spec.lives))

    @property
    def master(self) -> int:
        """The master's index."""
        return next(index for index, spec in enumerate(self.strips) if spec.kind == "master")


def compile_graph(story: Story) -> Graph:
    """Return the graph of ``story``.

    Raises UnknownThing for a send to something that is no bus, StoryError for sends that run in a circle or twice to
    one bus, and what ``check_effects`` raises for inserts; each names the strip.
    """
    buses = {bus.id: len(story.tracks) + number for number, bus in enumerate(story.buses)}
    plugins = {e: story.plugins.get(e) or missing(plugin_name(e)) for e in plugin_effects(story)}
    tracks = tuple(_strip(track.id, "track", track.strip, buses, plugins, track.name) for track in story.tracks)
    returns = tuple(
        _strip(bus.id, "private" if bus.private else "bus", bus.strip, buses, plugins, bus.name) for bus in story.buses
    )
    master = _strip(MASTER, "master", story.master.strip, {}, plugins)
    strips = (*tracks, *returns, master)
    _check_ducks(story)
    return Graph(strips=strips, levels=levels_of(strips), limiter_db=story.master.limiter_db, plugins=plugins)


def _strip(
    strip_id: str, kind: StripKind, strip: Strip, buses: dict[str, int], plugins: dict[str, PluginFacts], name: str = ""
) -> StripSpec:
    targets = [send.to for send in strip.sends]
    for target in targets:
        if target not in buses:
            raise UnknownThing(f"bus (send of strip {strip_id})", target, buses)
        if targets.count(target) > 1:
            raise StoryError(f"strip {strip_id}: two sends to bus {target}; one is enough")
    return StripSpec(
        id=strip_id,
        kind=kind,
        name=name,
        gain_db=strip.gain_db,
        pan=strip.pan,
        mute=strip.mute,
        solo=strip.solo,
        inserts=check_effects(strip.inserts, f"strip {strip_id}", live=True, plugins=plugins),
        sends=tuple(SendSpec(to=buses[s.to], gain_db=s.gain_db, key=key) for key, s in enumerate(strip.sends)),
        next_key=max(len(strip.inserts), len(strip.sends)),
        duck=strip.duck,
    )


def _check_ducks(story: Story) -> None:
    tracks = [track.id for track in story.tracks]
    for name, strip in story.strips().items():
        for key in strip.duck.by if strip.duck else ():
            if key not in tracks:
                raise UnknownThing(f"track (ducks strip {name})", key, tracks)
            if key == name:
                raise StoryError(f"strip {name} can't duck itself")


def levels_of(strips: tuple[StripSpec, ...]) -> tuple[tuple[int, ...], ...]:
    """Tracks first, then buses, each after everything that feeds it; the master is not part of it."""
    waiting = {index for index, spec in enumerate(strips) if spec.kind in ("track", "bus", "private")}
    levels: list[tuple[int, ...]] = []
    while waiting:
        fed = {send.to for index in waiting for send in strips[index].sends}
        level = tuple(sorted(waiting - fed))
        if not level:
            raise StoryError(f"sends run in a circle: {_circle(strips, waiting)}")
        levels.append(level)
        waiting -= set(level)
    return tuple(levels)


def _circle(strips: tuple[StripSpec, ...], waiting: set[int]) -> str:
    """Name one circle: every strip that waits is fed by another that waits, so walking upstream must meet itself."""
    feeder = {send.to: index for index in sorted(waiting) for send in strips[index].sends}
    path = [min(waiting)]
    while path.count(path[-1]) < 2:
        path.append(feeder[path[-1]])
    circle = path[path.index(path[-1]) :]
    return " → ".join(strips[index].id for index in reversed(circle))
