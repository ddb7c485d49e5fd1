"""The audio core, driven by hand: what control pushes is what sounds, and nothing stops the callback."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.clock import HeldClock
from engine.mixer.graph import Graph, StripSpec, compile_graph
from engine.mixer.handover import FADE_SECONDS
from engine.mixer.reports import count
from engine.output.memory import MemoryOutput
from engine.realtime.causes import CAUSES
from engine.realtime.core import AudioCore
from engine.realtime.link import AudioLink
from engine.realtime.records import ENTRY, REPORT, Kind, Report, of_streams, records
from engine.realtime.shared import EngineMemory, MemoryConfig
from engine.story.model import Duck, Master, Story, Strip, Track

RATE = 48000


def graph(*tracks: str, gain_db: float = 0.0, limiter_db: float | None = None) -> Graph:
    strips = [StripSpec(id=name, kind="track", gain_db=gain_db) for name in tracks]
    return Graph(
        strips=(*strips, StripSpec(id="master", kind="master")),
        levels=(tuple(range(len(tracks))),),
        limiter_db=limiter_db,
    )


@pytest.fixture
def memory() -> Iterator[EngineMemory]:
    memory = EngineMemory.create(MemoryConfig(commands=64, reports=64, timeline_clips=8, arena_bytes=1 << 20))
    yield memory
    memory.close()


@pytest.fixture
def link(memory: EngineMemory) -> AudioLink:
    return AudioLink(memory)


@pytest.fixture
def core(memory: EngineMemory) -> AudioCore:
    return AudioCore(memory, graph("voice"), sample_rate=RATE)


def noise(frames: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).uniform(-0.5, 0.5, frames).astype(np.float32)


def load(memory: EngineMemory, link: AudioLink, audio: NDArray[np.float32]) -> int:
    offset = link.arena.allocate(len(audio))
    memory.arena.view(np.float32)[offset : offset + len(audio)] = audio
    return offset


def start(player: int, offset: int, length: int, frame: int = -1, strip: int = 0) -> NDArray[np.void]:
    record = records(1)
    record["kind"], record["player"], record["offset"], record["length"] = Kind.START_PLAYER, player, offset, length
    record["channels"], record["gain"], record["frame"], record["strip"] = 1, 1.0, frame, strip
    return record


def test_a_pushed_start_is_heard_at_its_frame(core: AudioCore, memory: EngineMemory, link: AudioLink) -> None:
    clip = noise(1000)
    link.push(start(1, load(memory, link, clip), 1000, frame=700))
    heard = np.concatenate([core.render(256).copy() for _ in range(10)])
    np.testing.assert_array_equal(heard[700:1700, 0], clip)
    assert not heard[:700].any()
    assert link.reports()["kind"].tolist() == [Report.STARTED, Report.ENDED]


@pytest.mark.parametrize("block", [64, 333, 8192, 20000])
def test_blocks_of_any_length_are_the_same_sound(block: int, memory: EngineMemory, link: AudioLink) -> None:
    core = AudioCore(memory, graph("voice", limiter_db=-1.0), sample_rate=RATE, max_block_frames=1024)
    clip = noise(30000)
    link.push(start(1, load(memory, link, clip), len(clip), frame=100))
    heard = np.concatenate([core.render(block).copy() for _ in range(-(-40000 // block))])
    np.testing.assert_array_equal(heard[100 + core.latency_frames :][: len(clip), 0], clip)


def test_a_published_timeline_is_there_before_a_later_record(
    core: AudioCore, memory: EngineMemory, link: AudioLink
) -> None:
    clip = noise(500)
    entries = np.zeros(1, ENTRY)
    entries["length"], entries["channels"], entries["gain"] = 500, 1, 1.0
    entries["offset"] = load(memory, link, clip)
    generation = link.publish(entries)
    play = records(1)
    play["kind"] = Kind.PLAY
    link.push(play)
    np.testing.assert_array_equal(core.render(512)[:500, 0], clip)
    status = link.status()
    assert (status.generation, status.playing, status.timeline_frame) == (generation, True, 512)


def test_more_records_than_a_block_takes_wait_for_the_next(memory: EngineMemory) -> None:
    memory = EngineMemory.create(MemoryConfig(commands=4096, reports=4096, timeline_clips=8, arena_bytes=1 << 16))
    core, link = AudioCore(memory, graph("voice"), sample_rate=RATE, max_players=2000), AudioLink(memory)
    starts = np.concatenate([start(n, 0, 16) for n in range(1, 1501)])
    assert link.push(starts) == 1500
    core.render(64)
    core.render(64)
    started = link.reports()
    assert started["player"][started["kind"] == Report.STARTED].tolist() == list(range(1, 1501))
    memory.close()


def test_reports_that_nobody_fetches_wait_and_then_are_counted(
    core: AudioCore, memory: EngineMemory, link: AudioLink
) -> None:
    offset = load(memory, link, noise(16))
    for first in range(1, 6001, 50):
        link.push(np.concatenate([start(n, offset, 16) for n in range(first, first + 50)]))
        core.render(64)
    dropped = link.status().dropped_reports
    heard = []
    for _ in range(200):
        heard.append(link.reports())
        core.render(64)
    told = np.concatenate(heard)
    assert dropped > 0
    assert 2 * 6000 <= len(told) + dropped <= 2 * 6000 + 120  # and one of what each block took, for the transcript
    players = told["player"][told["kind"] == Report.STARTED]
    assert players.tolist() == list(range(1, len(players) + 1))  # the oldest are kept, in order


def test_freed_memory_comes_back_after_its_player_has_faded(
    core: AudioCore, memory: EngineMemory, link: AudioLink
) -> None:
    offset = load(memory, link, noise(48000))
    link.push(start(1, offset, 48000))
    core.render(256)
    stop = records(1)
    stop["kind"], stop["player"], stop["ramp_frames"] = Kind.STOP_PLAYER, 1, 1000
    link.push(stop)
    link.arena.free(offset)
    core.render(512)
    link.reports()
    assert link.arena.used_floats == 48000
    core.render(512)
    link.reports()
    assert link.arena.used_floats == 0


def test_late_records_are_counted(core: AudioCore, link: AudioLink) -> None:
    core.render(1024)
    link.push(start(1, 0, 10, frame=5))
    core.render(64)
    assert link.status().late_starts == 1


def test_the_status_maps_wall_time_to_frames(core: AudioCore, link: AudioLink) -> None:
    output = MemoryOutput(RATE, 256, origin_seconds=1.7e9)
    output.start(core.fill)
    clock = HeldClock(link.clock, RATE)
    for _ in range(100):
        output.pull(256)
        assert clock.frame_at(1.7e9 + 2.0) == 96000
    assert link.status().rate_hz == pytest.approx(RATE, rel=1e-5)
    assert link.status().blame is None
    output.pull(256, lost=True)
    assert link.status().underflows == 1
    assert sum(link.status().causes) == 1
    blame = link.status().blame
    assert blame is not None
    assert (link.status().causes[blame.cause], blame.period_ns) == (1, round(256 / RATE * 1e9))


def test_an_underflow_after_a_block_that_took_long_is_an_overload(
    core: AudioCore, link: AudioLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(frames: int) -> NDArray[np.float32]:
        end = time.thread_time() + 0.2
        while time.thread_time() < end:
            pass
        return np.zeros((frames, 2), np.float32)

    output = MemoryOutput(RATE, 256)
    output.start(core.fill)
    with monkeypatch.context() as patch:
        patch.setattr(core._mixer, "process", busy)
        output.pull(256)
    output.pull(256, lost=True)
    causes = dict(zip(CAUSES, link.status().causes, strict=True))
    assert causes["overload"] + causes["preempted"] + causes["stalled"] == 1, "it never slept"


def test_whatever_fails_in_a_block_is_silence_and_told(
    core: AudioCore, link: AudioLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = np.full((64, 2), 9.0, np.float32)
    with monkeypatch.context() as patch:
        patch.setattr(core._mixer, "process", lambda _: 1 / 0)
        core.fill(out, 1.0, False)
    assert not out.any()
    assert core.errors == 1
    assert core.fault == "ZeroDivisionError: division by zero"
    core.fill(out, 1.0 + 64 / RATE, False)
    assert link.status().errors == 1
    assert core.errors == 1


def test_meters_fall_slowly_so_that_no_reader_misses_a_peak(
    core: AudioCore, memory: EngineMemory, link: AudioLink
) -> None:
    link.push(start(1, load(memory, link, np.full(256, 0.5, np.float32)), 256))
    core.render(256)
    assert link.status().meters[:, :, 0].tolist() == [[0.5, 0.5], [0.5, 0.5]]
    for _ in range(round(1.7 * RATE / 256)):
        core.render(256)
    peaks = link.status().meters[:, :, 0]
    np.testing.assert_allclose(peaks, 0.05, rtol=0.01)  # 20 dB in 1.7 s


def test_rms_settles_to_the_signal(core: AudioCore, memory: EngineMemory, link: AudioLink) -> None:
    seconds = np.arange(2 * RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 1000 * seconds)).astype(np.float32)
    link.push(start(1, load(memory, link, tone), len(tone)))
    for _ in range(2 * RATE // 480):
        core.render(480)
    np.testing.assert_allclose(link.status().meters[:, :, 1], 0.5 / np.sqrt(2), rtol=0.01)


def test_the_curtain_fades_out_and_stays_shut(core: AudioCore, memory: EngineMemory, link: AudioLink) -> None:
    link.push(start(1, load(memory, link, np.ones(48000, np.float32)), 48000))
    assert (core.render(64) == 1.0).all()
    core.close_curtain()
    fade = np.concatenate([core.render(64)[:, 0].copy() for _ in range(5)])
    assert abs(np.diff(fade)).max() < 1.01 / 240
    assert fade[239] == 0.0
    assert core.shut.is_set()
    assert not core.render(4096).any()


class TestAnotherGraph:
    """A graph is swapped under what sounds."""

    def test_what_sounds_and_what_is_scheduled_go_on(
        self, core: AudioCore, memory: EngineMemory, link: AudioLink
    ) -> None:
        clip = noise(20000)
        offset = load(memory, link, clip)
        link.push(np.concatenate([start(1, offset, 20000), start(2, offset, 500, frame=25000)]))
        before = core.render(1000).copy()
        core.replace(graph("new", "voice"))
        assert not core.swapped.is_set()
        after = np.concatenate([core.render(500).copy() for _ in range(60)])
        assert core.swapped.is_set()
        heard = np.concatenate([before, after])[:, 0]
        np.testing.assert_allclose(heard[:20000], clip, atol=1e-6)
        np.testing.assert_array_equal(heard[25000:25500], clip[:500])
        ended = link.reports()
        assert ended["strip"][ended["kind"] == Report.ENDED].tolist() == [1, 1]
        assert link.status().strips == 3
        core.free_former()
        core.free_former()  # where nothing is left to free
        assert np.isfinite(core.render(500)).all()

    def test_levels_change_without_a_step(self, core: AudioCore, memory: EngineMemory, link: AudioLink) -> None:
        link.push(start(1, load(memory, link, np.ones(48000, np.float32)), 48000))
        core.render(1000)
        core.replace(graph("voice", gain_db=-6.020599913))
        heard = np.concatenate([core.render(100)[:, 0].copy() for _ in range(40)])
        fade = round(FADE_SECONDS * RATE)
        assert abs(np.diff(heard)).max() < 0.6 / fade
        np.testing.assert_allclose(heard[2 * fade + 100 :], 0.5, atol=1e-6)

    def test_the_timeline_plays_on(self, core: AudioCore, memory: EngineMemory, link: AudioLink) -> None:
        clip = noise(20000)
        entries = np.zeros(2, ENTRY)
        entries["player"], entries["start_frame"], entries["length"] = (1, 2), (0, 30000), (20000, 1000)
        entries["offset"], entries["channels"], entries["gain"] = load(memory, link, clip), 1, 1.0
        link.publish(entries)
        play = records(1)
        play["kind"] = Kind.PLAY
        link.push(play)
        core.render(5000)
        core.replace(graph("other", "voice"))
        heard = np.concatenate([core.render(500)[:, 0].copy() for _ in range(60)])
        np.testing.assert_allclose(heard[:15000], clip[5000:], atol=1e-6)
        np.testing.assert_array_equal(heard[25000:26000], clip[:1000])

    def test_a_block_in_which_another_takes_over_is_still_the_formers(
        self, core: AudioCore, memory: EngineMemory, link: AudioLink
    ) -> None:
        link.push(start(1, load(memory, link, np.ones(48000, np.float32)), 48000))
        core.render(1000)
        core.replace(graph("new", "voice"))
        while not core.swapped.is_set():  # what a strip gives has no gap, whichever mixer gave it
            core.render(100)
            heard = core.strip_output(core.strip_ids.index("voice"))
            assert len(heard) == 100 and heard.min() > 0.99
            assert link.status().meters[core.strip_ids.index("voice"), 0, 0] == pytest.approx(1.0, abs=0.01)
        assert core.strip_ids == ("new", "voice", "master")

    def test_the_last_of_several_graphs_is_played(self, core: AudioCore, link: AudioLink) -> None:
        core.replace(graph("voice", "a"))
        core.render(100)
        core.replace(graph("voice", "a", "b"))
        for _ in range(20):
            core.render(100)
        assert core.swapped.is_set()
        assert link.status().strips == 4


def test_a_machine_that_was_suspended_plays_on_and_tells_the_new_time(core: AudioCore, link: AudioLink) -> None:
    out = np.zeros((256, 2), np.float32)
    clock = HeldClock(link.clock, RATE)
    for block in range(50):
        core.fill(out, 1.7e9 + block * 256 / RATE, False)
    assert clock.frame_at(1.7e9) == 0
    for block in range(50, 100):
        core.fill(out, 1.7e9 + 8 * 3600.0 + block * 256 / RATE, False)
    assert core.frame == 25600
    assert clock.frame_at(1.7e9 + 8 * 3600.0 + 100 * 256 / RATE) == pytest.approx(25600, abs=2)
    assert link.status().clock_resets == 1


def test_what_ducking_and_the_limiter_take_away_is_in_the_status(memory: EngineMemory, link: AudioLink) -> None:
    quick = Duck(by=("voice",), depth_db=-20.0, threshold_db=-40.0, attack_ms=1.0)
    tracks = (Track(id="voice"), Track(id="music", strip=Strip(duck=quick)))
    ducked = compile_graph(Story(title="ducked", tracks=tracks, master=Master(limiter_db=-6.0)))
    core = AudioCore(memory, ducked, sample_rate=RATE)
    core.render(256)
    assert (link.status().reduction.tolist(), link.status().limiter_reduction_db) == ([1.0] * 3, 0.0)
    clip = np.ones(9600, np.float32)
    link.push(start(1, load(memory, link, clip), len(clip)))
    for _ in range(20):
        core.render(256)
    voice, music, master = link.status().reduction.tolist()
    assert (voice, master) == (1.0, 1.0)
    assert music == pytest.approx(0.1, abs=0.01)
    assert -7.0 < link.status().limiter_reduction_db < -6.0


class TestTakingOver:
    """An audio process is gone in the middle; another core goes on from what it left in the shared memory."""

    def successor(self, memory: EngineMemory, *names: str) -> AudioCore:
        core = AudioCore(memory, graph(*(names or ("voice",))), sample_rate=RATE)
        core.take_over()
        return core

    def test_a_clip_goes_on_where_it_would_be(self, core: AudioCore, memory: EngineMemory, link: AudioLink) -> None:
        begin = ahead()
        clip = noise(96000)
        link.push(start(1, load(memory, link, clip), len(clip)))
        core.render(256, begin)
        core.render(256, begin + 256 / RATE)
        heard = self.successor(memory).render(1000, begin + 24000 / RATE)[:, 0]
        np.testing.assert_array_equal(heard, clip[24000:25000])
        assert link.reports()["kind"].tolist() == [Report.STARTED]
        assert link.status().callbacks == 3

    def test_the_timeline_and_its_loop_go_on(self, core: AudioCore, memory: EngineMemory, link: AudioLink) -> None:
        begin = ahead()
        clip = noise(30000)
        entries = np.zeros(1, ENTRY)
        entries["length"], entries["channels"], entries["gain"] = 30000, 1, 1.0
        entries["offset"] = load(memory, link, clip)
        link.publish(entries)
        orders = records(2)
        orders["kind"] = Kind.SET_LOOP, Kind.PLAY
        orders["length"][0] = 20000
        link.push(orders)
        core.render(500, begin)
        second = self.successor(memory)
        heard = second.render(500, begin + 45000 / RATE)[:, 0]
        np.testing.assert_array_equal(heard, clip[5000:5500])
        assert link.status().playing
        assert link.status().timeline_frame == 5500

    def test_knobs_stay_turned(self, core: AudioCore, memory: EngineMemory, link: AudioLink) -> None:
        begin = ahead()
        knobs = records(3)
        knobs["kind"], knobs["value"] = (Kind.SET_GAIN, Kind.SET_GAIN, Kind.SET_PAN), (0.1, 0.5, 1.0)
        link.push(knobs)
        link.push(start(1, load(memory, link, np.ones(RATE, np.float32)), RATE))
        core.render(256, begin)
        heard = self.successor(memory).render(100, begin + 0.3)
        np.testing.assert_allclose(heard, [[0.0, 0.5]] * 100, atol=1e-7)

    def test_a_fade_that_is_over_does_not_begin_again(
        self, core: AudioCore, memory: EngineMemory, link: AudioLink
    ) -> None:
        begin = ahead()
        fade = records(1)
        fade["kind"], fade["value"], fade["ramp_frames"] = Kind.SET_GAIN, 0.25, RATE // 10
        link.push(fade)
        link.push(start(1, load(memory, link, np.ones(2 * RATE, np.float32)), 2 * RATE))
        for number in range(RATE // 256):
            core.render(256, begin + number * 256 / RATE)
        heard = self.successor(memory).render(100, begin + 1.3)
        np.testing.assert_allclose(heard, [[0.25, 0.25]] * 100, atol=1e-7)

    def test_what_was_scheduled_for_the_silence_has_begun_and_is_told(
        self, core: AudioCore, memory: EngineMemory, link: AudioLink
    ) -> None:
        begin = ahead()
        clip = noise(48000)
        link.push(start(7, load(memory, link, clip), len(clip), frame=10000))
        core.render(256, begin)
        heard = self.successor(memory).render(256, begin + 20000 / RATE)[:, 0]
        np.testing.assert_array_equal(heard, clip[10000:10256])
        told = link.reports()
        assert (told["kind"].tolist(), told["actual_frame"].tolist()) == ([Report.STARTED], [10000])

    def test_commands_of_a_block_that_was_never_finished_are_done_once(
        self, core: AudioCore, memory: EngineMemory, link: AudioLink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begin = ahead()
        core.render(256, begin)
        clip = noise(48000)
        link.push(start(1, load(memory, link, clip), len(clip)))
        monkeypatch.setattr(core._mixer, "process", lambda _: killed())
        monkeypatch.setattr(core._commands, "move_to", lambda _: None)  # a killed process does not get there
        with pytest.raises(InterruptedError):
            core.render(256, begin + 256 / RATE)
        heard = self.successor(memory).render(256, begin + 9600 / RATE)[:, 0]
        np.testing.assert_array_equal(heard, clip[:256])

    def test_a_wall_clock_that_is_set_meanwhile_moves_nothing(
        self, core: AudioCore, memory: EngineMemory, link: AudioLink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wall, wall_ns = time.time, time.time_ns
        begin = ahead()
        clip = noise(96000)
        link.push(start(1, load(memory, link, clip), len(clip)))
        core.render(256, begin)
        monkeypatch.setattr(time, "time", lambda: wall() + 7200.0)
        monkeypatch.setattr(time, "time_ns", lambda: wall_ns() + 7200 * 10**9)
        heard = self.successor(memory).render(100, begin + 7200.0 + 24000 / RATE)[:, 0]
        np.testing.assert_allclose(heard, clip[24000:24100], atol=1e-7)

    def test_freed_memory_comes_back_from_a_successor_too(
        self, core: AudioCore, memory: EngineMemory, link: AudioLink
    ) -> None:
        begin = ahead()
        offset = load(memory, link, noise(48000))
        link.push(start(1, offset, 48000))
        core.render(256, begin)
        stop = records(1)
        stop["kind"], stop["player"], stop["ramp_frames"] = Kind.STOP_PLAYER, 1, 10000
        link.push(stop)
        link.arena.free(offset)
        core.render(256, begin + 256 / RATE)
        second = self.successor(memory)
        second.render(256, begin + 0.5)
        link.reports()
        assert link.arena.used_floats == 0

    def test_what_goes_by_while_a_device_opens_is_not_left_for_the_first_callback(
        self, core: AudioCore, memory: EngineMemory, link: AudioLink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begin = ahead()
        clip = noise(96000)
        link.push(start(1, load(memory, link, clip), len(clip)))
        core.render(256, begin)
        second = self.successor(memory)
        monkeypatch.setattr(time, "time", lambda: begin + 24000 / RATE)
        second.catch_up()
        assert second.frame == 24000
        asked: list[int] = []
        monkeypatch.setattr(second, "_mix_unheard", asked.append)
        np.testing.assert_array_equal(second.render(256, begin + 24000 / RATE)[:, 0], clip[24000:24256])
        assert asked == [24000]

    def test_without_a_predecessor_there_is_nothing_to_catch_up_with(self, core: AudioCore) -> None:
        core.catch_up()
        assert core.frame == 0

    def test_frames_never_run_backwards(self, core: AudioCore, memory: EngineMemory, link: AudioLink) -> None:
        begin = ahead()
        for n in range(3):
            core.render(1000, unix_seconds=begin + n / 48)
        second = AudioCore(memory, graph("voice"), sample_rate=RATE, block_frames=1000)
        second.take_over()
        second.render(100, unix_seconds=begin - 60.0)
        assert link.status().frame >= 2000

    def test_after_a_long_silence_nothing_sounds_any_more(
        self, core: AudioCore, memory: EngineMemory, link: AudioLink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begin = time.time() - 3600.0
        link.push(start(1, load(memory, link, noise(96000)), 96000))
        core.render(256, begin)
        heard = self.successor(memory).render(256, begin + 3600.0)
        assert not heard.any()
        assert link.status().frame >= 3600 * RATE
        assert Report.ENDED in link.reports()["kind"]


def test_reports_are_counted_as_control_reads_them() -> None:
    told = np.zeros(2 * len(Report), REPORT)
    told["kind"], told["value"] = [*Report, *Report], np.arange(len(told)) >= len(Report)
    for report in told:
        counts = np.zeros(4, np.int64)
        count(report.reshape(1), counts)
        alone = (Report.LATE, Report.SCHEDULE_FULL, Report.STRIP_FAILED)
        assert counts.tolist() == [*(report["kind"] == kind for kind in alone), bool(of_streams(report))], report


def ahead() -> float:
    """A time to begin at that is not over before the successor is built, however slow the machine."""
    return time.time() + 1000.0


def killed() -> None:
    raise InterruptedError
