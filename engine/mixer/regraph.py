"""Another graph for an edited story, in which everything that stays keeps its place: what a swap can build on.

A strip keeps its index and an insert or send its key, so records that are on their way, or wait for their frame, mean
the same thing before and after. What is no longer in the story stays a while as *leaving*: it gets nothing new and
rings out. ``swept`` drops it once it is silent. Places of dropped strips are used again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from engine.mixer.graph import Graph, SendSpec, StripSpec, compile_graph, levels_of
from engine.plugins.facts import is_plugin
from engine.story.model import Effect, Story

_GONE = StripSpec(id="", kind="gone")


def regraph(graph: Graph, old: Story, new: Story) -> Graph:
    """Return the graph of ``new`` for a mixer that plays ``graph``, which was made for a story with ``old``'s strips.

    Raises what ``compile_graph`` raises.
    """
    wanted = compile_graph(new)
    places = _places(graph, wanted)
    strips: list[StripSpec] = [
        _GONE if s.kind == "gone" else replace(s, leaving=True, solo=False) for s in graph.strips
    ]
    strips += [_GONE] * (max(places) + 1 - len(strips))
    inserts = {name: strip.inserts for name, strip in old.strips().items()}
    for place, spec in zip(places, wanted.strips, strict=True):
        moved = replace(spec, sends=tuple(replace(s, to=places[s.to]) for s in spec.sends))
        before = graph.strips[place] if place < len(graph.strips) else _GONE
        if before.kind != "gone":
            moved = _keyed(moved, before, inserts.get(spec.id, before.inserts), _others(graph, wanted))
        strips[place] = moved
    plugins = {**graph.plugins, **wanted.plugins}  # those of strips that are leaving, too
    named = {effect.effect for spec in strips for effect in spec.inserts}
    return Graph(
        strips=tuple(strips),
        levels=levels_of(tuple(strips)),
        limiter_db=wanted.limiter_db,
        plugins={effect: facts for effect, facts in plugins.items() if effect in named},
    )


def _others(graph: Graph, wanted: Graph) -> frozenset[str]:
    """Return the plug-ins that are no longer what they were: found, lost, quarantined or another version."""
    return frozenset(e for e, facts in wanted.plugins.items() if e in graph.plugins and graph.plugins[e] != facts)


def swept(graph: Graph, places: Collection[int] | None = None) -> Graph:
    """Return ``graph`` without what was leaving, at ``places`` only if they are told."""
    gone = {place for place in leaving(graph) if places is None or place in places}
    strips = [
        _GONE if place in gone else replace(spec, sends=tuple(send for send in spec.sends if send.to not in gone))
        for place, spec in enumerate(graph.strips)
    ]
    while strips[-1].kind == "gone":
        strips.pop()
    return replace(graph, strips=tuple(strips), levels=levels_of(tuple(strips)))


def leaving(graph: Graph) -> tuple[int, ...]:
    """Return the places of what there is to sweep."""
    return tuple(place for place, spec in enumerate(graph.strips) if spec.leaving)


def _places(graph: Graph, wanted: Graph) -> list[int]:
    """Return the index of each wanted strip: its own, or one that nobody has."""
    own = {(spec.id, spec.kind): index for index, spec in enumerate(graph.strips) if spec.lives}
    free = [index for index, spec in enumerate(graph.strips) if spec.kind == "gone"]
    free += range(len(graph.strips), len(graph.strips) + len(wanted.strips))
    unused = iter(free)
    return [own[s.id, s.kind] if (s.id, s.kind) in own else next(unused) for s in wanted.strips]


def _keyed(spec: StripSpec, before: StripSpec, old_inserts: tuple[Effect, ...], others: frozenset[str]) -> StripSpec:
    """Return ``spec`` with the keys of what it has in common with ``before``."""
    next_key = before.next_key
    keys = list(match_inserts(old_inserts, before.insert_keys, spec.inserts, others))
    for index, key in enumerate(keys):
        if key is None:
            keys[index], next_key = next_key, next_key + 1
    known = {send.to: send.key for send in before.sends}
    sends: list[SendSpec] = []
    for send in spec.sends:
        sends.append(replace(send, key=known.get(send.to, next_key)))
        next_key += send.to not in known
    own = tuple(k for k in keys if k is not None)
    same = own == before.insert_keys  # then the graph is no other one for how it says so
    return replace(spec, keys=before.keys if same else own, sends=tuple(sends), next_key=next_key)


def match_inserts(
    old: Sequence[Effect], keys: Sequence[int], new: Sequence[Effect], others: Collection[str] = ()
) -> tuple[int | None, ...]:
    """Return for each new insert the key of the old one that it goes on as, or None.

    Those that go on keep their order; as many as possible, rather with equal parameters. An insert that changes places
    with another is a new one there. others: effects none of which goes on.
    """

    def likeness(i: int, k: int) -> int:
        return 0 if new[k].effect in others else _likeness(old[i], new[k])

    best = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in reversed(range(len(old))):
        for k in reversed(range(len(new))):
            best[i][k] = max(best[i + 1][k], best[i][k + 1], likeness(i, k) + best[i + 1][k + 1])
    found: list[int | None] = [None] * len(new)
    i = k = 0
    while i < len(old) and k < len(new):
        like = likeness(i, k)
        if like and best[i][k] == like + best[i + 1][k + 1]:
            found[k] = keys[i]
            i, k = i + 1, k + 1
        elif best[i][k] == best[i + 1][k]:
            i += 1
        else:
            k += 1
    return tuple(found)


def _likeness(old: Effect, new: Effect) -> int:
    if old.effect != new.effect or old.state != new.state:
        return 0
    if is_plugin(old.effect) and not old.params.keys() <= new.params.keys():
        return 0  # where the others were before they were named, its state says
    return 5 if old.params == new.params else 4
