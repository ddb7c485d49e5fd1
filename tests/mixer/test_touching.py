"""No block waits for the system to map memory."""

import sys

import numpy as np
import pytest

from engine.mixer.graph import compile_graph
from engine.mixer.mixer import Mixer
from engine.mixer.touching import touch
from tests.mixer.mixer_rig import bare


def faults() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt


@pytest.mark.skipif(sys.platform != "linux", reason="counts one thread's page faults")
def test_the_first_block_of_a_new_mixer_maps_next_to_nothing():
    graph = compile_graph(bare(*(f"t{number}" for number in range(64))))
    first, fresh = (Mixer(graph, sample_rate=48000, arena=np.zeros(0, np.float32)) for _ in range(2))
    first.process(4096)  # whatever code needs is there by now
    fresh.touch()
    before = faults()
    fresh.process(4096)
    assert faults() - before < 100  # 64 strips' inputs and outputs alone are over 1000 pages


def test_touching_changes_nothing():
    numbers, record = np.arange(5000.0), np.zeros(3, [("a", "<i8"), ("b", "<f4")])
    record["b"] = 0.5, np.nan, -0.0
    before = numbers.tobytes(), record.tobytes()
    touch(((numbers, np.zeros(0)), record, 7))
    assert (numbers.tobytes(), record.tobytes()) == before
