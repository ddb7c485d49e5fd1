"""What plug-ins have made of themselves: into the graph and the story, at the right places only."""

from __future__ import annotations

from msgspec.structs import replace

from engine.mixer.graph import compile_graph
from engine.plugins.states import PluginState, graph_with, of_graph, place_of, story_with
from engine.story.model import Bus, Effect, Story, Strip, Track

GATE, NOISE = Effect(effect="plugin:Gate", state="b2xk"), Effect(effect="plugin:Noise")
STORY = Story(
    title="states",
    tracks=(Track(id="a", strip=Strip(inserts=(Effect(effect="highpass"), GATE))), Track(id="b")),
    buses=(Bus(id="hall", strip=Strip(inserts=(NOISE,))),),
)
GRAPH = compile_graph(STORY)
LEARNT = PluginState(effect="plugin:Noise", state="bmV3")


def test_a_plugin_gets_its_state_in_graph_and_story_and_all_else_stays() -> None:
    states = {place_of("hall", 0): LEARNT}
    story = story_with(STORY, GRAPH, states)
    assert story.buses[0].strip.inserts == (replace(NOISE, state="bmV3"),)
    assert story.tracks == STORY.tracks
    assert graph_with(GRAPH, states) == compile_graph(story)


def test_a_state_of_what_is_not_there_is_nothing() -> None:
    other = {place_of("hall", 1): LEARNT, place_of("a", 1): LEARNT, place_of("gone", 0): LEARNT}
    assert of_graph(other, GRAPH) == {}
    assert graph_with(GRAPH, other) is GRAPH
    assert story_with(STORY, GRAPH, other) == STORY


def test_what_is_leaving_is_not_written_into_the_story() -> None:
    leaving = replace(
        GRAPH, strips=tuple(replace(spec, leaving=True) if spec.id == "hall" else spec for spec in GRAPH.strips)
    )
    assert of_graph({place_of("hall", 0): LEARNT}, leaving) == {}
