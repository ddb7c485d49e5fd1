"""The whole engine: real jackd, the real `cuevox run`, real UDP, and an independent JACK client that records."""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from engine.voices.pool import PACES
from tests.jack_recorder import JackRecorder
from tests.jack_server import JackServer, running_server
from tests.whole.rig import Client, Rig, bundle, encode, running, write_story

pytestmark = [pytest.mark.whole, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def server() -> Iterator[JackServer]:
    yield from running_server()


@pytest.fixture(scope="module")
def on_jack(tmp_path_factory: pytest.TempPathFactory, server: JackServer) -> Iterator[Rig]:
    with running(write_story(tmp_path_factory.mktemp("jack")), "--device", "JACK", env=server.env) as rig:
        rig.wait_ready()
        yield rig


@pytest.fixture
def jack_rig(on_jack: Rig) -> Rig:
    """The one engine on JACK, silent and as it began."""
    on_jack.client.send("/panic", 1, 0.0)
    on_jack.client.send("/strip/voice/mute", 0)
    on_jack.client.ask("/sync", 1, answer="/synced")
    on_jack.client.heard.clear()
    return on_jack


@pytest.fixture(scope="module")
def null_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(write_story(tmp_path_factory.mktemp("null")), "--device", "null") as rig:
        yield rig


def hear_until(recorder: JackRecorder, enough: Callable[[np.ndarray], object]) -> np.ndarray:
    """Return what is recorded, left, as soon as it is enough."""
    while not enough(heard := recorder.audio()[:, 0]):
        assert recorder.frames < 50 * 48000, "what was waited for is not heard"
        recorder.wait_frames(2400)
    return heard


def onsets(recording: np.ndarray, threshold: float = 0.3) -> np.ndarray:
    """Return the frames at which a click begins."""
    loud = np.abs(recording) > threshold
    return np.flatnonzero(loud & ~np.r_[False, loud[:-1]])


def shared_names() -> set[str]:
    """Return the names of shared memory that could be ours; JACK keeps some of its own."""
    folder = Path("/dev/shm")
    names = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
    return {n for n in names if n.startswith(("cuevox", "psm_", "sem."))}


def left_behind(names: set[str]) -> set[str]:
    """Return those of ``names`` that nobody uses any more, and that are there yet: others may test beside us."""
    used = set()
    for process in psutil.process_iter() if names else ():
        with contextlib.suppress(psutil.Error, FileNotFoundError):
            used |= {Path(mapped.path).name for mapped in process.memory_maps()}
    return (names - used) & shared_names()


def test_a_fired_line_is_heard_as_it_was_made(jack_rig: Rig, server: JackServer) -> None:
    with JackRecorder(server) as recorder:
        recorder.listen_to("cuevox")
        jack_rig.client.send("/subscribe", "/event/cue/*")
        jack_rig.client.send("/cue/1/go")
        jack_rig.client.wait("/event/cue/ended", "1")
        recorder.wait_frames(4096)
        heard = recorder.audio()[:, 0]
    (wav,) = (jack_rig.log.parent / "cache" / "takes").glob("*.wav")
    take, _ = soundfile.read(wav, dtype="float32")
    start = int(np.flatnonzero(np.abs(heard) > 0)[0]) - int(np.flatnonzero(np.abs(take) > 0)[0])
    assert np.array_equal(heard[start : start + len(take)], take)


def distances_heard(rig: Rig, server: JackServer, distances: list[int]) -> list[int]:
    """Fire a pad at these distances, each in a packet of its own; return those that are heard."""
    with JackRecorder(server) as recorder:
        recorder.listen_to("cuevox")
        frame = 0
        base_ns = time.time_ns() + 500_000_000
        for distance in [0, *distances]:
            frame += distance
            rig.client.send_raw(bundle(base_ns + frame * 1_000_000_000 // 48000, encode("/slot/a/1/trigger")))
        rig.client.ask("/sync", 1, answer="/synced")
        heard = hear_until(recorder, lambda heard: len(onsets(heard)) > len(distances) or len(heard) > 2 * 48000)
    return np.diff(onsets(heard)).tolist()


def test_time_tagged_starts_are_exact_to_each_other(jack_rig: Rig, server: JackServer) -> None:
    """A stall between two packets may cost a try: this server's frames stand still then, the clock on the wall not."""
    distances, heard = [4800, 480, 48, 7201], []
    while distances not in heard and len(heard) < 4:
        heard.append(distances_heard(jack_rig, server, distances))
    assert distances in heard


def test_one_bundle_is_one_moment(jack_rig: Rig, server: JackServer) -> None:
    shots = [encode("/slot/a/1/trigger", 1.0)] * 2
    with JackRecorder(server) as recorder:
        recorder.listen_to("cuevox")
        jack_rig.client.send_raw(bundle(time.time_ns() + 300_000_000, *shots))
        hear_until(recorder, np.any)
        recorder.wait_frames(9600)
        heard = recorder.audio()[:, 0]
    assert np.max(np.abs(heard)) == pytest.approx(1.0)
    assert len(onsets(heard)) == 1


def test_panic_silences_within_50_ms(jack_rig: Rig, server: JackServer) -> None:
    with JackRecorder(server) as recorder:
        recorder.listen_to("cuevox")
        start_ns = time.time_ns() + 300_000_000
        panic = bundle(start_ns + 500_000_000, encode("/panic"))
        jack_rig.client.send_raw(bundle(start_ns, encode("/cue/3/go"), panic))
        heard = hear_until(recorder, lambda heard: heard.any() and not heard[-4800:].any())
    sounding = np.flatnonzero(np.abs(heard) > 0)
    assert 24000 < sounding[-1] - sounding[0] < 24000 + 2400
    assert np.max(np.abs(np.diff(heard))) <= 0.25 * 2 * np.pi * 441 / 48000 * 1.01


def test_the_timeline_plays_and_stops(jack_rig: Rig, server: JackServer) -> None:
    with JackRecorder(server) as recorder:
        recorder.listen_to("cuevox")
        jack_rig.client.send("/strip/voice/mute", 1)
        jack_rig.client.send("/transport/locate", 0.4)
        jack_rig.client.send_raw(bundle(time.time_ns() + 200_000_000, encode("/transport/play")))
        heard = hear_until(recorder, np.any)
        click = int(np.flatnonzero(heard)[0])
        tone = click + 24000
        hear_until(recorder, lambda heard: len(heard) >= tone + 4800)
        jack_rig.client.send("/transport/stop")
        heard = hear_until(recorder, lambda heard: not heard[-4800:].any())
    assert onsets(heard)[0] == click
    expected = 0.25 * np.sin(2 * np.pi * 441.0 * np.arange(4800) / 48000)
    assert np.allclose(heard[tone : tone + 4800], expected, atol=1e-6)


def test_say_speaks_a_new_line(null_rig: Rig) -> None:
    null_rig.client.send("/say", "narrator", "Nobody has said this before.")
    command, job, digest, seconds = null_rig.client.wait("/done")[:4]
    assert command == "/say"
    assert job
    assert digest
    assert 0.5 < seconds < 10


def test_a_killed_worker_is_replaced(null_rig: Rig) -> None:
    null_rig.wait_ready()
    worker = null_rig.child("engine.voices.worker")
    worker.kill()
    null_rig.client.send("/say", "narrator", "The worker is dead, long live the worker.")
    assert null_rig.client.wait("/done")[0] == "/say"
    assert null_rig.child("engine.voices.worker").pid != worker.pid


def test_sigterm_leaves_nothing_behind(tmp_path: Path) -> None:
    before = shared_names()
    with running(write_story(tmp_path), "--device", "null") as rig:
        rig.wait_ready()
        rig.client.send("/say", "narrator", "I am in the middle of a very long sentence, " * 20)
        assert rig.stop() == 0
        rig.assert_all_gone()
    assert left_behind(shared_names() - before) == set()
    whole = {".wav", ".json"}
    takes = (tmp_path / "cache" / "takes").iterdir()
    assert [p for p in takes if p.suffix not in whole and p.name != PACES] == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX only")
def test_a_killed_supervisor_takes_everybody_with_it(tmp_path: Path) -> None:
    with running(write_story(tmp_path), "--device", "null") as rig:
        rig.wait_ready()
        os.kill(rig.process.pid, signal.SIGKILL)
        rig.process.wait()
        rig.assert_all_gone()


def test_edits_survive_a_kill_and_are_saved_with_comments(tmp_path: Path) -> None:
    path = write_story(tmp_path)
    path.write_text(path.read_text().replace("title:", "# my comment\ntitle:"))
    with running(path, "--device", "null") as rig:
        rig.client.send("/strip/voice/gain", -6.0)
        rig.client.send("/sync", 1)
        rig.client.wait("/synced", 1)
        os.kill(rig.process.pid, signal.SIGKILL)
        rig.process.wait()
        rig.assert_all_gone()
    with running(path, "--device", "null") as rig:
        assert rig.client.ask("/strip/voice/gain")[0] == pytest.approx(-6.0)
        rig.client.send("/subscribe", "/event/story/saved")
        rig.client.send("/session/save")
        rig.client.wait("/event/story/saved")
    assert "# my comment" in path.read_text()
    assert "gain_db: -6" in path.read_text()


def test_hostile_packets_never_hurt(null_rig: Rig) -> None:
    rng = random.Random(7)
    good = encode("/strip/voice/gain", -3.0)
    for number in range(1000):
        packet = bytearray(bundle(1, good, good) if number % 3 else good)
        for _ in range(rng.randrange(1, 5)):
            packet[rng.randrange(len(packet))] = rng.randrange(256)
        null_rig.client.send_raw(bytes(packet[: rng.randrange(1, len(packet) + 1)]))
    for _ in range(10):
        null_rig.client.send_raw(rng.randbytes(60_000))
    other = Client(null_rig.ready["osc_port"])
    for _ in range(60):  # an engine that stalls meanwhile has its queue full, and the system drops what else comes
        other.send("/ping", 42)
        if select.select([other.socket], [], [], 1.0)[0]:
            break
    assert other.wait("/pong", 42)[0] == 42
    other.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("voice: narrator", "voice: nobody"), "nobody"),
        (("audio: click.wav, start: 0.5", "audio: click.wav, start: 0.5, trim: [-1, 2]"), "trim"),
        (("mode: layer}", "mode: layer}\n  - {bank: a, index: 1, clip: tone}"), "slot"),
    ],
)
def test_a_wrong_story_is_refused_with_its_place(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    path = write_story(tmp_path)
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(AssertionError, match="did not start") as error, running(path, "--device", "null"):
        pass
    assert "story.yaml:" in str(error.value)
    assert words in str(error.value)
