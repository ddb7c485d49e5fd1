"""Graphs and their plug-ins: which insert a word means, and graphs in which some plug-ins are not to be loaded."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from engine.mixer.graph import WORD_BITS, Graph
from engine.plugins.facts import missing, plugin_name


def effect_of(word: int, graphs: Iterable[Mapping[str, Any]]) -> str:
    """Return the effect that ``word`` stands for in the first of ``graphs`` (as they travel) that has it."""
    strip, key = (word >> WORD_BITS) - 1, word & ((1 << WORD_BITS) - 1)
    for graph in graphs:
        strips = graph["strips"]
        spec = strips[strip] if 0 <= strip < len(strips) else {}
        inserts = spec.get("inserts") or ()
        keys = list(spec.get("keys") or range(len(inserts)))
        if key in keys:
            return str(inserts[keys.index(key)]["effect"])
    return ""


def same_plugin(effect: str, graphs: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the effects of ``graphs`` (as they travel) that are the same plug-in as one of them, itself the first.

    A story may call one by its name here and by a path there.
    """
    known = [item for graph in graphs for item in (graph.get("plugins") or {}).items()]
    files = {file for each, facts in known if each == effect and (file := _file(facts))}
    return tuple(dict.fromkeys((effect, *(each for each, facts in known if _file(facts) in files))))


def _file(facts: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the file that a plug-in is in, and its name there; None: there is none."""
    path = facts.get("path")
    return (os.path.realpath(path), facts.get("inner", "")) if path else None


def leave_out(graph: Graph, effects: Mapping[str, str]) -> Graph:
    """Return ``graph`` with some plug-ins not to be loaded. effects: why, by effect."""
    faulty = {
        effect: replace(facts, fault=facts.fault or effects[effect])
        for effect, facts in graph.plugins.items()
        if effect in effects
    }
    named = {e.effect for spec in graph.strips for e in spec.inserts}
    lost = {e: replace(missing(plugin_name(e)), fault=effects[e]) for e in effects if e in named and e not in faulty}
    return replace(graph, plugins={**graph.plugins, **lost, **faulty}) if faulty or lost else graph
