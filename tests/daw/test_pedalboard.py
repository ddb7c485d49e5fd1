"""Cuevox Return as a VST3 plug-in in pedalboard, which renders offline: what it bounces is what we export."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.daw.layout import SLOTS
from tests.daw.plugin_rig import HALL, Audio, built, exported, lay_out, serving
from tests.signals import RATE
from tests.whole.rig import Rig

pytestmark = pytest.mark.extra
pedalboard = pytest.importorskip("pedalboard")

LINK = f"test-pb-{os.getpid()}"
FAINT = 1e-6
"""120 dB below full scale."""
EFFECTS = (
    "    inserts: [highpass, compressor: {threshold_db: -30}, delay: {delay_seconds: 0.13}, reverb: {room_size: 0.4},"
    " chorus, phaser]\n"
)
BUSES = {"mix": "Mix", "one": "one", "two": "two"}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("daw"))


@pytest.fixture(scope="module")
def export(story: Path) -> dict[str, Audio]:
    return exported(story)


@pytest.fixture(scope="module")
def engine(story: Path) -> Iterator[Rig]:
    before = os.environ.get("CUEVOX_DAW_LINK")
    os.environ["CUEVOX_DAW_LINK"] = LINK  # the plug-in lives in this process
    try:
        with serving(story, LINK) as rig:
            yield rig
    finally:
        os.environ.pop("CUEVOX_DAW_LINK")
        if before is not None:
            os.environ["CUEVOX_DAW_LINK"] = before


def loaded(**params: Any) -> Any:
    """Return an instance that plays the story from its start, as soon as it is asked for sound."""
    plugin = pedalboard.load_plugin(str(built() / "CuevoxReturn.vst3"))
    plugin.transport = "From the start"
    for name, value in params.items():
        setattr(plugin, name, value)
    return plugin


def bounced(plugin: Any, frames: int, block: int) -> Audio:
    silence = np.zeros((2, frames), np.float32)
    return np.ascontiguousarray(plugin.process(silence, RATE, buffer_size=block, reset=True).T)


@pytest.mark.parametrize(
    ("bus", "blocks_of_latency", "block"),
    [("mix", 2, 128), ("one", 1, 512), ("two", 0, 512), ("mix", 2, 2048), ("one", 2, 8192), ("two", 1, 333)],
)
def test_a_bounce_is_the_export_to_the_last_bit(
    engine: Rig, export: dict[str, Audio], bus: str, blocks_of_latency: int, block: int
) -> None:
    plugin = loaded(blocks_of_latency=float(blocks_of_latency), bus=BUSES[bus])
    wanted = export[bus]
    heard = bounced(plugin, len(wanted), block)
    assert plugin.reported_latency_samples == blocks_of_latency * block
    np.testing.assert_array_equal(heard, wanted)


def test_as_many_instances_as_there_may_be_get_the_same_story(engine: Rig, export: dict[str, Audio]) -> None:
    gc.collect()  # plug-ins of other tests, which keep their slots for as long as they live
    buses = [("mix", "one", "two")[number % 3] for number in range(SLOTS)]
    instances = [loaded(bus=BUSES[bus], blocks_of_latency=0.0) for bus in buses]
    heard: list[list[Audio]] = [[] for _ in instances]
    block, frames = np.zeros((2, 512), np.float32), len(export["mix"])
    for begin in range(0, frames, 512):  # one after the other for each block, as hosts do
        for sound, plugin in zip(heard, instances, strict=True):
            sound.append(plugin.process(block, RATE, buffer_size=512, reset=begin == 0).T)
    for number, (bus, sound) in enumerate(zip(buses, heard, strict=True)):
        np.testing.assert_array_equal(np.concatenate(sound)[:frames], export[bus], f"instance {number}, {bus}")


def test_bounces_at_the_same_time_each_at_its_own_pace_are_all_exact(engine: Rig, export: dict[str, Audio]) -> None:
    gc.collect()
    buses = [("mix", "one", "two")[number % 3] for number in range(SLOTS)]
    instances = [loaded(bus=BUSES[bus], blocks_of_latency=float(number % 3)) for number, bus in enumerate(buses)]
    blocks = [(128, 333, 512, 2048, 8192)[number % 5] for number in range(SLOTS)]
    frames = len(export["mix"])
    for plugin, block in zip(instances, blocks, strict=True):
        bounced(plugin, block, block)  # parameters reach a plug-in in the thread that set them
    with ThreadPoolExecutor(SLOTS) as pool:
        heard = list(pool.map(lambda each: bounced(each[0], frames, each[1]), zip(instances, blocks, strict=True)))
    for bus, sound in zip(buses, heard, strict=True):
        np.testing.assert_array_equal(sound, export[bus])


def test_with_effects_a_bounce_is_the_export_within_120_db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story = lay_out(tmp_path, EFFECTS, master="limiter_db: -3")
    wanted = exported(story)["mix"]
    link = f"{LINK}-fx"
    monkeypatch.setenv("CUEVOX_DAW_LINK", link)
    with serving(story, link):
        plugin = loaded(blocks_of_latency=2.0)
        for _ in range(2):  # the second one hears nothing of what the first one left in effects
            heard = bounced(plugin, len(wanted), 333)
            assert np.abs(heard - wanted).max() < FAINT


def test_what_was_chosen_travels_with_the_session(engine: Rig) -> None:
    plugin = loaded(bus=HALL, blocks_of_latency=1.0)
    bounced(plugin, 4096, 512)
    again = pedalboard.load_plugin(str(built() / "CuevoxReturn.vst3"))
    again.raw_state = plugin.raw_state
    assert (str(again.bus), float(again.blocks_of_latency), str(again.transport)) == (HALL, 1.0, "From the start")


def test_another_sample_rate_is_silence(engine: Rig) -> None:
    heard = loaded().process(np.zeros((2, 4096), np.float32), 44100, buffer_size=512, reset=True)
    assert not heard.any()
