"""The real audio process, on the null output and on a real JACK server with an independent listener."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from engine.clock import HeldClock
from engine.mixer.graph import Graph, StripSpec
from engine.realtime.records import ENTRY, Kind, Report, records
from tests.jack_recorder import JackRecorder
from tests.jack_server import JackServer
from tests.realtime.live_engine import PATIENCE_SECONDS, LiveEngine

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[2]
RATE = 48000
GRAPH = Graph(
    strips=(
        StripSpec(id="voice", kind="track"),
        StripSpec(id="pad", kind="track"),
        StripSpec(id="master", kind="master"),
    ),
    levels=((0, 1),),
)


def noise(frames: int, seed: int = 1) -> NDArray[np.float32]:
    """Return noise that never is zero: every frame of it can be recognised."""
    rng = np.random.default_rng(seed)
    return (rng.uniform(0.1, 0.4, frames) * rng.choice([-1, 1], frames)).astype(np.float32)


@pytest.fixture
def engine() -> Iterator[LiveEngine]:
    with LiveEngine(GRAPH, block_frames=128) as engine:
        yield engine


def test_it_says_what_runs(engine: LiveEngine) -> None:
    ready = engine.answer["ready"]
    assert (ready["device"], ready["block_frames"], ready["sample_rate"]) == ("null", 128, RATE)
    assert ready["fallback"] == ""
    assert isinstance(ready["realtime"], bool)
    assert ready["realtime_reason"]
    assert ready["memory_reason"]
    status = engine.wait(lambda s: s.callbacks > 10)
    assert (status.block_frames, status.sample_rate, status.strips) == (128, RATE, 3)
    assert sum(status.histogram) == status.callbacks
    assert status.errors == 0


def test_the_end_of_its_input_stops_it(engine: LiveEngine) -> None:
    assert engine.close_input() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM")
def test_sigterm_stops_it_and_ctrl_c_does_not(engine: LiveEngine) -> None:
    engine.process.send_signal(signal.SIGINT)
    callbacks = engine.link.status().callbacks
    engine.wait(lambda s: s.callbacks > callbacks + 10)
    engine.process.terminate()
    assert engine.process.wait(PATIENCE_SECONDS) == 0


def test_a_device_that_is_not_there_is_an_error_that_names_those_that_are() -> None:
    with LiveEngine(GRAPH, device="no such device") as engine:
        assert "no output device fits 'no such device'; there is" in engine.answer["error"]
        assert engine.process.wait(PATIENCE_SECONDS) == 1


def test_without_the_device_the_null_output_plays_when_that_is_wanted() -> None:
    with LiveEngine(GRAPH, device="no such device", fallback_null=True) as engine:
        assert engine.answer["ready"]["device"] == "null"
        assert "no such device" in engine.answer["ready"]["fallback"]
        engine.wait(lambda s: s.callbacks > 3)


def test_a_configuration_that_is_wrong_is_an_error() -> None:
    with LiveEngine(GRAPH, sample_rate="fast") as engine:
        assert "sample_rate" in engine.answer["error"]
        assert engine.process.wait(PATIENCE_SECONDS) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")
def test_a_full_ring_refuses_and_loses_nothing_it_took(engine: LiveEngine) -> None:
    clip = noise(64)
    offset = engine.load(clip)
    engine.wait(lambda s: s.callbacks > 3)
    os.kill(engine.process.pid, signal.SIGSTOP)
    try:
        wait_stopped(engine.process.pid)
        starts = records(100)
        starts["kind"], starts["player"], starts["gain"] = Kind.START_PLAYER, np.arange(1, 101), 1.0
        starts["offset"], starts["length"], starts["channels"] = offset, len(clip), 1
        assert engine.link.push(starts) == 64
        assert engine.link.push(starts) == 0
    finally:
        os.kill(engine.process.pid, signal.SIGCONT)
    wait_reports(engine, Report.ENDED, 64)
    assert engine.reports(Report.STARTED)["player"].tolist() == list(range(1, 65))


def test_a_full_schedule_is_reported(engine: LiveEngine) -> None:
    clip = noise(64)
    offset = engine.load(clip)
    engine.wait(lambda s: s.callbacks > 3)
    far, sent = 10**9, 0
    while not len(refused := engine.reports(Report.SCHEDULE_FULL)):
        batch = records(50)
        batch["kind"], batch["frame"], batch["player"] = Kind.START_PLAYER, far, np.arange(sent, sent + 50) + 1
        batch["offset"], batch["length"], batch["channels"] = offset, len(clip), 1
        sent += engine.link.push(batch)
        engine.wait(lambda s: True)
        assert sent < 100_000
    assert (refused["player"] > 1000).all()
    engine.wait(lambda s: s.dropped_records >= len(refused))


def test_another_graph_is_taken_over_while_it_plays(engine: LiveEngine) -> None:
    clip = noise(16 * RATE)  # it still sounds when a slow machine has built the other one
    engine.start_player(1, clip, engine.load(clip))
    engine.wait(lambda s: s.active_players == 1)
    wider = msgspec.structs.replace(
        GRAPH, strips=(StripSpec(id="new", kind="track"), *GRAPH.strips), levels=((0, 1, 2),)
    )
    assert engine.tell({"graph": msgspec.to_builtins(wider)}) == {"graph": 1}
    status = engine.wait(lambda s: s.strips == 4)
    assert (status.active_players, status.errors) == (1, 0)
    assert "refused" in engine.tell({"graph": {"strips": "none"}})
    assert "knows 'graph', not 'volume'" in engine.tell({"volume": 11})["refused"]
    stop = records(1)
    stop["kind"], stop["player"] = Kind.STOP_PLAYER, 1
    engine.link.push(stop)
    wait_reports(engine, Report.ENDED, 1)


def test_an_audio_process_that_takes_over_goes_on_counting_frames(engine: LiveEngine) -> None:
    before = engine.wait(lambda s: s.callbacks > 100)
    engine.process.kill()
    engine.process.wait()
    with LiveEngine(GRAPH, block_frames=128, memory=engine.memory) as successor:
        assert "ready" in successor.answer
        after = successor.link.status()
        elapsed_frames = (after.unix_ns - before.unix_ns) * RATE / 1e9
        assert after.frame - before.frame == pytest.approx(elapsed_frames, abs=2)


def test_a_server_that_dies_ends_the_process_with_an_error(jack_server: JackServer) -> None:
    with LiveEngine(GRAPH, device="system") as engine:
        assert "ready" in engine.answer, engine.answer
        jack_server.stop()
        assert "asks for no more sound" in engine.hear()["lost"]
        assert engine.process.wait(PATIENCE_SECONDS) == 1


def test_it_is_told_that_kernels_have_to_be_compiled_first(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "engine.realtime.audio_process"]
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    with subprocess.Popen(
        command, env=env, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "kernels are compiled before the first sound" in process.stderr.readline()
        process.kill()


PARENT = """
import os, sys, msgspec
from tests.realtime.live_engine import LiveEngine
from tests.realtime.test_audio_process import GRAPH
with LiveEngine(GRAPH) as engine:
    engine.wait(lambda s: s.callbacks > 3)
    print(engine.process.pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_parent_leaves_no_audio_process() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    assert parent.stdin is not None
    assert parent.stdout is not None
    try:
        audio = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
        audio.wait(PATIENCE_SECONDS)
        assert not audio.is_running()
    finally:
        parent.kill()
        parent.wait()
        parent.stdin.close()
        parent.stdout.close()


@pytest.fixture
def on_jack(jack_server: JackServer) -> Iterator[tuple[LiveEngine, JackRecorder]]:
    with JackRecorder(jack_server) as recorder, LiveEngine(GRAPH, device="system") as engine:
        assert "ready" in engine.answer, engine.answer
        recorder.listen_to("cuevox")
        recorder.wait_frames(4 * jack_server.period)
        yield engine, recorder


def test_a_started_player_is_heard_sample_by_sample(
    on_jack: tuple[LiveEngine, JackRecorder], jack_server: JackServer
) -> None:
    engine, recorder = on_jack
    assert engine.answer["ready"]["device"] == "system"
    assert engine.answer["ready"]["block_frames"] == jack_server.period
    assert engine.link.status().output_latency_frames > 0
    clip = noise(5000)
    engine.start_player(7, clip, engine.load(clip))
    wait_reports(engine, Report.ENDED, 1)
    recorder.wait_frames(2048)
    heard = recorder.audio()
    assert recorder.whole()
    first = np.flatnonzero(heard[:, 0])[0]
    np.testing.assert_array_equal(heard[first : first + 5000], np.column_stack([clip, clip]))
    assert not heard[:first].any()
    assert not heard[first + 5000 :].any()


def test_scheduled_starts_lie_exactly_as_far_apart_as_asked(on_jack: tuple[LiveEngine, JackRecorder]) -> None:
    engine, recorder = on_jack
    clip = noise(100)
    offset = engine.load(clip)
    distances = np.cumsum([0, 101, 256, 333, 4800, 5, 12001])
    first_frame = engine.link.clock().frame + 48_000
    for player, distance in enumerate(distances, start=1):
        engine.start_player(player, clip, offset, int(first_frame + distance), gain=1.0 / 2**player)
    wait_reports(engine, Report.ENDED, len(distances))
    recorder.wait_frames(2048)
    heard = recorder.audio()
    assert recorder.whole()
    expected = np.zeros(int(distances[-1]) + 100, np.float32)
    for player, distance in enumerate(distances, start=1):
        expected[distance : distance + 100] += clip * np.float32(1.0 / 2**player)
    first = np.flatnonzero(heard[:, 0])[0]
    np.testing.assert_array_equal(heard[first : first + len(expected), 0], expected)
    started = engine.reports(Report.STARTED)
    assert (started["actual_frame"] == started["requested_frame"]).all()
    assert (started["actual_frame"] - first_frame).tolist() == distances.tolist()


def test_wall_times_become_frames_that_keep_their_distance(on_jack: tuple[LiveEngine, JackRecorder]) -> None:
    engine, recorder = on_jack
    clip = noise(64)
    offset = engine.load(clip)
    for turn in range(5):  # a stall between two looks at the clock moves this server's frames against the time
        clock, before = HeldClock(engine.link.clock, RATE), recorder.frames
        begin = time.time() + 0.6
        for player in range(1, 11):
            engine.start_player(10 * turn + player, clip, offset, clock.frame_at(begin + player * 999 / RATE))
        wait_reports(engine, Report.ENDED, 10 * turn + 10)
        recorder.wait_frames(2048)
        heard = recorder.audio()[before:, 0]
        onsets = np.flatnonzero((heard != 0) & (np.concatenate([[0], heard[:-1]]) == 0))
        if np.diff(onsets).tolist() == [999] * 9:
            return
    raise AssertionError(np.diff(onsets))


def test_the_timeline_plays_on_jack(on_jack: tuple[LiveEngine, JackRecorder]) -> None:
    engine, recorder = on_jack
    clip = noise(3000)
    offset = engine.load(clip)
    entries = np.zeros(2, ENTRY)
    entries["player"], entries["start_frame"], entries["length"] = (1, 2), (0, 5000), 3000
    entries["offset"], entries["channels"], entries["gain"], entries["strip"] = offset, 1, 1.0, (0, 1)
    assert engine.link.publish(entries) == 1
    play = records(1)
    play["kind"] = Kind.PLAY
    engine.link.push(play)
    wait_reports(engine, Report.ENDED, 2)
    recorder.wait_frames(2048)
    heard = recorder.audio()[:, 0]
    first = np.flatnonzero(heard)[0]
    np.testing.assert_array_equal(heard[first : first + 3000], clip)
    np.testing.assert_array_equal(heard[first + 5000 : first + 8000], clip)
    assert not heard[first + 3000 : first + 5000].any()
    assert engine.link.status().generation == 1


def wait_reports(engine: LiveEngine, kind: int, count: int) -> None:
    """Wait until ``count`` reports of ``kind`` have been heard."""
    engine.wait(lambda _: sum(int((heard["kind"] == kind).sum()) for heard in engine.heard) >= count)


def wait_stopped(pid: int) -> None:
    """Wait until a process that got SIGSTOP has stopped."""
    process, deadline = psutil.Process(pid), time.monotonic() + PATIENCE_SECONDS
    while process.status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline
        time.sleep(0.005)
