"""Sound from outside on a strip: it fades in, breaks off without a click, and goes on in others' hands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.realtime.records import Kind
from engine.realtime.sound_ring import MOST_INLETS, SoundWriter
from tests.io.test_tape_recorder import Bench, graph
from tests.signals import noise

FADE = 240


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.memory.close()


def play(bench: Bench, frames: int, block: int = 256) -> np.ndarray:
    """Return what strip a gives."""
    first = len(bench.strips["a"])
    bench.play(frames, block, look=False)
    return np.concatenate(bench.strips["a"][first:])


def test_what_comes_is_heard_on_its_strip_as_late_as_everything_else(bench: Bench) -> None:
    sound = np.stack([noise(4096, seed=1), noise(4096, seed=2)], axis=1) * 0.5
    bench.push(Kind.SET_INLET, strip="a", index=MOST_INLETS - 1, value=1.0)
    play(bench, 256)  # what lay there before it was opened is of another stream
    SoundWriter(bench.memory.inlets, MOST_INLETS - 1).write(sound)
    heard = play(bench, 4096)
    late = bench.core.strip_latency_frames
    np.testing.assert_allclose(heard[late + FADE :], sound[FADE : 4096 - late], atol=1e-6)
    assert np.abs(heard[: late + 10]).max() < 0.05 and not bench.strips["b"][-1].any()


def test_what_breaks_off_decays_and_what_comes_again_fades_in(bench: Bench) -> None:
    ring = SoundWriter(bench.memory.inlets, 0)
    bench.push(Kind.SET_INLET, strip="a", index=0, value=1.0)
    play(bench, 256)
    ring.write(np.full((1000, 2), 0.5, np.float32))
    first = play(bench, 2048)
    ring.write(np.full((2048, 2), 0.5, np.float32))
    heard = np.concatenate([first, play(bench, 2048)])[:, 0]
    assert np.abs(np.diff(heard)).max() < 0.5 * 0.021, "nothing steps"
    assert abs(heard[-1] - 0.5) < 1e-6
    bench.push(Kind.SET_INLET, strip="a", index=0, value=0.0)
    ring.write(np.full((4096, 2), 0.5, np.float32))
    ending = play(bench, 2048)[:, 0]
    assert np.abs(np.diff(ending)).max() < 0.5 * 0.021 and ending[-1] == 0.0
    assert not bench.core._mixer.inlets.used


STEEPEST = 0.5 * 0.0201
"""What broke off from 0.5 falls by a fiftieth."""


def steps(heard: np.ndarray) -> float:
    return float(np.abs(np.diff(heard[:, 0])).max())


@pytest.mark.parametrize("missing", [1, 5, 100, 255])
def test_sound_that_is_late_by_a_part_of_a_block_makes_no_step(bench: Bench, missing: int) -> None:
    ring = SoundWriter(bench.memory.inlets, 0)
    bench.push(Kind.SET_INLET, strip="a", index=0, value=1.0)
    play(bench, 256)
    ring.write(np.full((2048 - missing, 2), 0.5, np.float32))
    first = play(bench, 2048)
    ring.write(np.full((2048, 2), 0.5, np.float32))  # in time for the very next block
    heard = np.concatenate([first, play(bench, 2048)])
    assert steps(heard) < STEEPEST and heard.max() < 0.51
    assert abs(heard[-1, 0] - 0.5) < 1e-6


def test_what_is_stopped_and_started_in_one_moment_makes_no_step(bench: Bench) -> None:
    ring = SoundWriter(bench.memory.inlets, 0)
    bench.push(Kind.SET_INLET, strip="a", index=0, value=1.0)
    heard = [play(bench, 256)]
    for strip in ("a", "hall", "a", "a"):
        ring.write(np.full((2048, 2), 0.5, np.float32))
        heard.append(play(bench, 1024, 64))
        bench.push(Kind.SET_INLET, strip="a", index=0, value=0.0)
        heard.append(play(bench, 64, 64))
        bench.push(Kind.SET_INLET, strip=strip, index=0, value=1.0)
        heard.append(play(bench, 64, 64))
    ring.write(np.full((1024, 2), 0.5, np.float32))
    heard.append(play(bench, 960, 64))
    for strip in ("a", "hall"):
        assert steps(np.concatenate(bench.strips[strip])) < 2 * STEEPEST, "hall hears both"
    assert abs(heard[-1][-1, 0] - 0.5) < 1e-6


def test_what_an_ended_stream_left_behind_is_not_heard_when_another_begins(bench: Bench) -> None:
    ring = SoundWriter(bench.memory.inlets, 0)
    bench.push(Kind.SET_INLET, strip="a", index=0, value=1.0)
    play(bench, 256)
    ring.write(np.full((1024, 2), 0.5, np.float32))
    play(bench, 256)
    bench.push(Kind.SET_INLET, strip="a", index=0, value=0.0)
    play(bench, 512)
    assert not bench.core._mixer.inlets.used and ring.waiting
    bench.push(Kind.SET_INLET, strip="a", index=0, value=1.0)
    assert not play(bench, 1024).any() and not ring.waiting
    ring.write(np.full((1024, 2), 0.25, np.float32))
    assert abs(play(bench, 1024)[-256, 0] - 0.25) < 1e-6


def test_another_graph_and_a_process_that_takes_over_hear_on(bench: Bench) -> None:
    ring = SoundWriter(bench.memory.inlets, 0)
    bench.push(Kind.SET_INLET, strip="a", index=0, value=1.0)
    play(bench, 256)
    ring.write(np.full((8192, 2), 0.5, np.float32))
    play(bench, 1024)
    bench.core.replace(graph("b", "a"))
    while not bench.core.swapped.is_set():
        bench.core.render(256)
    place = bench.core.buses.index("a")
    bench.core.render(256)
    assert abs(bench.core.strip_output(place)[-1, 0] - 0.5) < 1e-5
    bench.graph = graph("b", "a")
    bench.core = bench.new_core()
    waiting = ring.waiting
    bench.core.take_over()
    assert ring.waiting == waiting, "what is mixed unheard takes nothing"
    for _ in range(16):
        bench.core.render(256)
    assert abs(bench.core.strip_output(place)[-1, 0] - 0.5) < 1e-5
