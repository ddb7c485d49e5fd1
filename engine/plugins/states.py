"""What plug-ins have made of themselves while they played: their own states, opaque, by where in the mix they are."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from engine.mixer.graph import Graph, StripSpec
from engine.story.model import Effect, Story, Strip
from engine.story.strips import with_strip


class PluginState(msgspec.Struct, frozen=True, kw_only=True):
    """One plug-in's state, as stories hold it. effect: whose it is."""

    effect: str
    state: str


States = dict[str, PluginState]
"""By ``place_of``."""


def place_of(strip: str, key: int) -> str:
    """Return what an insert is called here: by its strip's id and its key, which stay while it lives."""
    return f"{strip}/{key}"


def of_graph(states: States, graph: Graph) -> States:
    """Return those of ``states`` whose plug-ins ``graph`` has."""
    there = {place: effect.effect for spec in graph.strips for place, effect in _places(spec)}
    return {place: each for place, each in states.items() if there.get(place) == each.effect}


def graph_with(graph: Graph, states: States) -> Graph:
    """Return ``graph`` with its plug-ins as they are in ``states``."""
    states = of_graph(states, graph)
    if not states:
        return graph
    return replace(graph, strips=tuple(_spec_with(spec, states) for spec in graph.strips))


def story_with(story: Story, graph: Graph, states: States) -> Story:
    """Return ``story``, which ``graph`` was made of, with its plug-ins as they are in ``states``."""
    after = graph_with(graph, states)
    for before, spec in zip(graph.strips, after.strips, strict=True):
        if spec.lives and spec != before:
            kept = tuple(effect.state for effect in spec.inserts)
            story = with_strip(story, spec.id, lambda strip, kept=kept: _strip_with(strip, kept))  # type: ignore[misc]
    return story


def _places(spec: StripSpec) -> Iterator[tuple[str, Effect]]:
    if spec.lives:
        for key, effect in zip(spec.insert_keys, spec.inserts, strict=True):
            yield place_of(spec.id, key), effect


def _spec_with(spec: StripSpec, states: States) -> StripSpec:
    inserts = tuple(
        replace(effect, state=states[place].state) if place in states else effect for place, effect in _places(spec)
    )
    return replace(spec, inserts=inserts) if spec.lives and inserts != spec.inserts else spec


def _strip_with(strip: Strip, states: tuple[str, ...]) -> Strip:
    inserts = zip(strip.inserts, states, strict=True)
    return replace(strip, inserts=tuple(replace(effect, state=state) for effect, state in inserts))
