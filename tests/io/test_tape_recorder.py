"""Recordings: what leaves the engine, bit for bit, on the disk at any moment, whoever dies; what is lost is told."""

from __future__ import annotations

import errno
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from engine.io.lane_file import LaneFile
from engine.io.messages import Lane, Record, Recorded, Recording, Told
from engine.io.recorder import Recorder
from engine.mixer.graph import Graph, compile_graph
from engine.realtime.core import AudioCore
from engine.realtime.link import AudioLink
from engine.realtime.records import NOW, Kind, records
from engine.realtime.shared import EngineMemory, MemoryConfig
from engine.story.model import Bus, Duck, Master, Send, Story, Strip, Track
from tests.signals import RATE, noise

AHEAD_MS = 4.0


def graph(*tracks: str) -> Graph:
    """Return tracks with a look-ahead and a bus, behind a limiter."""
    strip = Strip(sends=(Send(to="hall"),))
    ducked = Strip(duck=Duck(by=("a",), look_ahead_ms=AHEAD_MS), sends=(Send(to="hall"),))
    made = tuple(Track(id=name, strip=ducked if name == "b" else strip) for name in tracks)
    return compile_graph(Story(title="taped", tracks=made, buses=(Bus(id="hall"),), master=Master(limiter_db=-1.0)))


class Bench:
    """An audio core and a recorder on one memory."""

    def __init__(self, folder: Path, tape_bytes: int = 1 << 21, tracks: tuple[str, ...] = ("a", "b")) -> None:
        self.memory = EngineMemory.create(MemoryConfig(arena_bytes=1 << 20, pool_bytes=1 << 17, tape_bytes=tape_bytes))
        self.link = AudioLink(self.memory)
        self.graph = graph(*tracks)
        self.core = self.new_core()
        self.begun = time.time() - 1.0
        self.told: list[Told] = []
        self.recorder = self.new_recorder()
        self.folder = folder / "take"
        self.ids = ("master", "a", "hall", "b")
        lanes = tuple(Lane(strip=id, file=f"{id}.wav", master=id == "master") for id in self.ids)
        self.ask = Record(take=5, folder=str(self.folder), name="take", story="s.yaml", lanes=lanes)
        self.out: list[NDArray[np.float32]] = []
        self.strips: dict[str, list[NDArray[np.float32]]] = {id: [] for id in self.ids}

    def new_core(self) -> AudioCore:
        return AudioCore(self.memory, self.graph, sample_rate=RATE, max_block_frames=4096)

    def new_recorder(self) -> Recorder:
        return Recorder(self.memory.tape, RATE, self.told.append)

    def sound(self, strip: str, frames: int, frame: int = NOW) -> None:
        offset = self.link.arena.allocate(frames)
        self.memory.arena.view(np.float32)[offset : offset + frames] = noise(frames, seed=frames)
        self.push(Kind.START_PLAYER, frame, strip, player=1, offset=offset, length=frames, channels=1, gain=0.9)

    def push(self, kind: Kind, frame: int = NOW, strip: str = "master", **fields: Any) -> None:
        record = records(1)
        record["kind"], record["frame"], record["strip"] = kind, frame, self.graph.index(strip)
        for name, value in fields.items():
            record[name] = value
        assert self.link.push(record) == 1

    def tape(self, on: bool, frame: int = NOW) -> None:
        for lane, id in enumerate(self.ids):
            self.push(Kind.SET_RECORD, frame, id, serial=self.ask.take, index=lane, value=float(on))

    def play(self, frames: int, block: int = 256, look: bool = True) -> None:
        for start in range(0, frames, block):
            part = min(block, frames - start)
            self.out.append(self.core.render(part, self.begun + self.core.frame / RATE).copy())
            for id in self.ids:
                self.strips[id].append(self.core.strip_output(self.core.strip_ids.index(id)).copy())
            if look:
                self.recorder.look()

    def file(self, id: str) -> NDArray[np.float32]:
        audio, rate = soundfile.read(self.folder / f"{id}.wav", dtype="float32", always_2d=True)
        assert rate == RATE
        return audio

    def expected(self, id: str, since: int, until: int) -> NDArray[np.float32]:
        late = self.core.latency_frames if id == "master" else self.core.strip_latency_frames
        whole = np.concatenate(self.out if id == "master" else self.strips[id])
        return whole[since + late : until + late]

    def manifest(self) -> dict[str, Any]:
        manifest: dict[str, Any] = json.loads((self.folder / "recording.json").read_text())
        return manifest

    @property
    def ended(self) -> Recorded:
        found = [told for told in self.told if isinstance(told, Recorded)]
        assert len(found) == 1
        return found[0]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.memory.close()


@pytest.mark.parametrize("block", [64, 333, 1024, 3000])
def test_every_lane_is_what_the_mixer_gave_bit_for_bit_and_lies_in_time(bench: Bench, block: int) -> None:
    bench.recorder.record(bench.ask)
    bench.sound("a", 9000, frame=1000)
    bench.sound("b", 12_000, frame=5000)
    bench.tape(True, 2345)
    bench.tape(False, 15_001)
    bench.play(24_000, block)
    assert bench.ended == Recorded(take=5, since=2345, until=15_001)
    for id in bench.ids:
        np.testing.assert_array_equal(bench.file(id), bench.expected(id, 2345, 15_001))
        assert np.abs(bench.file(id)).max() > 0.1
    told = bench.manifest()
    assert (told["frames"], told["lost"], told["ended"], told["since"]) == (15_001 - 2345, [], True, 2345)
    assert [lane["strip"] for lane in told["lanes"]] == list(bench.ids)


def test_a_limiter_that_is_switched_meanwhile_leaves_no_gap(bench: Bench) -> None:
    bench.recorder.record(bench.ask)
    bench.sound("a", 9000, frame=1000)
    bench.tape(True, 0)
    bench.push(Kind.SET_LIMITER, 3000, value=np.nan)
    bench.push(Kind.SET_LIMITER, 6000, value=-3.0)
    bench.tape(False, 9000)
    bench.play(12_000)
    np.testing.assert_array_equal(bench.file("master"), bench.expected("master", 0, 9000))


def test_the_files_can_be_read_while_they_grow(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.io.recorder.REFRESH_SECONDS", 0.0)
    bench.recorder.record(bench.ask)
    bench.sound("a", 9000)
    bench.tape(True)
    bench.play(4096)
    late = bench.core.latency_frames
    np.testing.assert_array_equal(bench.file("master"), np.concatenate(bench.out)[late:])
    assert any(isinstance(told, Recording) and told.frames > 3000 for told in bench.told)


def test_another_recorder_goes_on_where_one_was_killed(bench: Bench) -> None:
    bench.recorder.record(bench.ask)
    bench.sound("a", 30_000)
    bench.tape(True, 500)
    bench.play(8192)
    assert bench.recorder._tape.next() is None
    bench.play(1024, look=False)
    late = bench.recorder._tape.next()
    assert late is not None and bench.recorder._session is not None
    bench.recorder._session.write(late)  # written, but killed before it could say so
    bench.recorder = bench.new_recorder()
    bench.recorder.look()
    bench.play(4096)  # nobody has told it yet where to: it waits
    bench.recorder.record(bench.ask)
    bench.tape(False)
    bench.play(4096)
    assert bench.ended.lost == 0
    for id in bench.ids:
        np.testing.assert_array_equal(bench.file(id), bench.expected(id, 500, bench.ended.until))


def test_what_finds_no_room_on_the_tape_is_silence_and_is_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tape_bytes=1 << 18)
    bench.recorder.record(bench.ask)
    bench.sound("a", 60_000)
    bench.tape(True)
    bench.play(2048)
    bench.play(20_480, look=False)  # a disk that stands still
    bench.play(4096)
    bench.tape(False)
    bench.play(2048)
    lost = bench.manifest()["lost"]
    assert len(lost) == 1 and bench.ended.lost == lost[0][1] > 0
    late, until = bench.core.latency_frames, bench.ended.until
    expected = bench.expected("master", 0, until)
    first = lost[0][0] - late
    expected[first : first + lost[0][1]] = 0.0
    np.testing.assert_array_equal(bench.file("master"), expected)
    bench.memory.close()


def test_another_audio_process_goes_on_with_it(bench: Bench) -> None:
    bench.recorder.record(bench.ask)
    bench.sound("a", 40_000)
    bench.tape(True, 256)
    bench.play(8192)
    before = bench.core.frame
    bench.core = bench.new_core()
    bench.core.take_over()
    gap = bench.core.frame - before
    silence = np.zeros((gap, 2), np.float32)
    bench.out.append(silence)
    for strip in bench.strips.values():
        strip.append(silence)
    bench.play(4096)
    bench.tape(False)
    bench.play(2048)
    assert (bench.ended.since, bench.ended.lost) == (256, gap)
    for id in bench.ids:
        np.testing.assert_array_equal(bench.file(id), bench.expected(id, 256, bench.ended.until))


def test_it_goes_on_over_a_change_of_the_graph(bench: Bench) -> None:
    bench.recorder.record(bench.ask)
    bench.sound("b", 60_000)
    bench.tape(True, 256)
    bench.play(8192)
    bench.graph = graph("a", "b", "c")
    bench.core.replace(bench.graph)
    bench.play(16_384)
    assert bench.core.swapped.is_set()
    bench.tape(False)
    bench.play(2048)
    master = bench.expected("master", 256, bench.ended.until)
    np.testing.assert_array_equal(bench.file("master"), master)
    np.testing.assert_array_equal(bench.file("b")[-8000:], bench.expected("b", 256, bench.ended.until)[-8000:])


def test_a_full_disk_ends_it_and_leaves_what_there_is(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.recorder.record(bench.ask)
    bench.sound("a", 60_000)
    bench.tape(True)
    bench.play(4096)
    write = LaneFile.write

    def full(self: LaneFile, frame: int, block: NDArray[np.float32]) -> None:
        if self.path.name == "hall.wav" and frame > 8000:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, frame, block)

    monkeypatch.setattr(LaneFile, "write", full)
    bench.play(20_480)
    assert "No space left on device" in bench.ended.text
    late = bench.core.latency_frames
    got = bench.file("master")
    assert 7000 < len(got) < 12_000
    np.testing.assert_array_equal(got, np.concatenate(bench.out)[late : late + len(got)])
    manifest = bench.manifest()
    assert "No space" in manifest["text"] and manifest["ended"]
    assert {len(bench.file(id)) for id in bench.ids} == {manifest["frames"]} == {bench.ended.until - bench.ended.since}
    assert bench.recorder._tape.next() is None  # the rest is passed over


def test_a_disk_that_is_nearly_full_ends_it_while_the_story_can_still_be_saved(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.io.recorder.REFRESH_SECONDS", 0.0)
    bench.recorder.record(bench.ask)
    bench.sound("a", 60_000)
    bench.tape(True)
    bench.play(4096)
    usage = shutil.disk_usage(bench.folder)
    monkeypatch.setattr("engine.io.recorder.shutil.disk_usage", lambda _: usage._replace(free=63 << 20))
    bench.play(4096)
    assert "66 MB are left on the disk; 67 MB are kept for the story" in bench.ended.text
    late = bench.core.latency_frames
    got = bench.file("master")
    assert len(got) > 4000 and bench.manifest()["ended"]
    np.testing.assert_array_equal(got, np.concatenate(bench.out)[late : late + len(got)])


def test_a_folder_that_can_not_be_made_is_told(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "take").write_text("in the way")
    bench.recorder.record(bench.ask)
    assert "File exists" in bench.ended.text


def test_a_file_beyond_four_gibibytes_is_an_rf64(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    file = LaneFile(path, RATE)
    block = noise(1000, channels=2)
    far = (1 << 32) // 8 + 77
    file.write(0, block)
    file.write(far, block)  # a hole between them
    file.refresh()
    with soundfile.SoundFile(path) as heard:
        assert heard.format == "RF64" and heard.frames == far + 1000
        heard.seek(far)
        np.testing.assert_array_equal(heard.read(dtype="float32"), block)
    file.close()
