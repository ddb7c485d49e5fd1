"""Levels without chains are mixed in one call, in the same order."""

from __future__ import annotations

import numpy as np

from engine.mixer.chain import Chain
from engine.mixer.graph import compile_graph
from engine.mixer.runs import Planar, runs_of
from engine.story.model import Bus, Send, Story, Strip, Track

STRIP = Strip(sends=(Send(to="hall"),))
GRAPH = compile_graph(
    Story(title="runs", tracks=(Track(id="a", strip=STRIP), Track(id="b", strip=STRIP)), buses=(Bus(id="hall"),))
)
A, B, HALL, MASTER = (GRAPH.index(name) for name in ("a", "b", "hall", "master"))


def test_a_mix_without_chains_is_one_run() -> None:
    (run,) = runs_of(GRAPH, {})
    assert run.chained == ()
    assert run.strips.tolist() == [A, B, HALL, MASTER]


def test_a_chain_is_heard_before_its_level_and_after_those_above() -> None:
    chain = Chain((), 48000, 64)
    first, second = runs_of(GRAPH, {HALL: chain})
    assert first.strips.tolist() == [A, B]
    assert second.chained == ((HALL, chain),)
    assert second.strips.tolist() == [HALL, MASTER]


def test_chains_everywhere_leave_the_levels_as_they_are() -> None:
    chains = {strip: Chain((), 48000, 64) for strip in (A, HALL, MASTER)}
    assert [run.strips.tolist() for run in runs_of(GRAPH, chains)] == [[A, B], [HALL], [MASTER]]


def test_a_strips_input_is_seen_as_two_channels_whatever_the_length() -> None:
    inputs = np.arange(24, dtype=np.float32).reshape(2, 12)
    planar = Planar(inputs)
    assert planar(1, 3).tolist() == [[12, 13, 14], [15, 16, 17]]
    assert planar(0, 2).tolist() == [[0, 1], [2, 3]]
    planar(0, 2)[1, 0] = 99
    assert inputs[0, 2] == 99
