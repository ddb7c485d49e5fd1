"""What a soak counts: starts by their tags, gaps in the long file, recordings, kills, shared memory, growth."""

from __future__ import annotations

import json
import mmap
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from family import Block, Mapped, all_blocks, descriptors, holders, mapped, shared_parts
from kills import KILL_SECONDS, Kills
from long_file import PERIOD, RATE, Break, breaks, write
from recordings import LENGTH_SECONDS, MANIFEST, PATIENCE_SECONDS, PAUSE_SECONDS, Checked, Finished, Recordings, check
from report import Report
from soak_report import add_spots, blamed, gap_spots, growth, lost_spots, role_growth, unkilled
from tagged import GIVE_UP_SECONDS, Starts
from witness import Witness

from bridge.message import Message, TimeTag

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "long.flac"
    write(path, 2.5 * PERIOD / RATE)
    return path


@pytest.fixture
def right(long_file: Path) -> np.ndarray:
    return soundfile.read(long_file, dtype="float32")[0][:, 1].copy()


class TestTheLongFile:
    def test_has_no_break_from_wherever_it_is_heard(self, right: np.ndarray) -> None:
        assert len(right) == 3 * PERIOD
        assert breaks(right) == []
        assert breaks(right[PERIOD - 777 : 2 * PERIOD + 99]) == []

    def test_tells_a_frame_that_is_missing_and_one_that_comes_twice(self, right: np.ndarray) -> None:
        assert breaks(np.delete(right, 5000)) == [Break(start=5000, frames=1)]
        assert breaks(np.insert(right, 5000, right[5000])) == [Break(start=5001, frames=1)]

    def test_tells_silence_with_its_fades_as_one(self, right: np.ndarray) -> None:
        right[9760:10000] *= np.linspace(1, 0, 240, dtype=np.float32)
        right[10000:14000] = 0.0
        right[14000:14240] *= np.linspace(0, 1, 240, dtype=np.float32)
        (found,) = breaks(right)
        assert found.start == pytest.approx(9760, abs=2)
        assert found.frames == pytest.approx(4480, abs=4)

    def test_tells_each_break_of_several(self, right: np.ndarray) -> None:
        right[20_000:20_100] = right[120_000] = 0.0
        assert [each.start for each in breaks(right)] == [20_000, 120_000]

    def test_that_never_sounds_is_one_break(self) -> None:
        (found,) = breaks(np.zeros(RATE, np.float32))
        assert found.frames == RATE - 1

    def test_turned_down_is_not_the_file(self, right: np.ndarray) -> None:
        assert breaks(right * np.float32(0.37))


class TestStarts:
    def test_that_came_are_as_far_from_their_tag_as_they_were_heard(self) -> None:
        starts = Starts()
        starts.sent("tagged-1", 100.0, 100.0)
        starts.sent("tagged-2", 100.1, 100.1)
        assert starts.heard("tagged-2", 100.1005)
        assert starts.heard("tagged-1", 99.9999)
        assert [round(start.error_ms, 3) for start in starts.all] == [-0.1, 0.5]
        assert starts.missing(200.0) == []

    def test_that_have_not_come_are_missing_only_when_there_was_time(self) -> None:
        starts = Starts()
        starts.sent("tagged-1", 100.0, 100.0)
        assert starts.missing(100.0 + GIVE_UP_SECONDS / 2) == []
        assert [start.cue for start in starts.missing(101.0 + GIVE_UP_SECONDS)] == ["tagged-1"]

    def test_of_one_cue_are_told_apart_by_time(self) -> None:
        starts = Starts()
        starts.sent("tagged-1", 100.0, 100.0)
        starts.sent("tagged-1", 103.0, 103.0)
        assert starts.heard("tagged-1", 103.001)
        assert [start.at for start in starts.missing(110.0)] == [100.0]

    def test_are_no_other_cues_and_not_told_twice(self) -> None:
        starts = Starts()
        starts.sent("tagged-1", 100.0, 100.0)
        assert not starts.heard("tagged-2", 100.0)
        assert starts.heard("tagged-1", 100.0)
        assert not starts.heard("tagged-1", 100.0)

    def test_that_are_told_as_late_are_found(self) -> None:
        starts = Starts()
        for at in (100.0, 103.0):
            starts.sent("tagged-1", at, at)
        assert starts.late("tagged-1", 40.0, now=103.045)
        assert [(start.at, start.late_ms) for start in starts.told_late()] == [(103.0, 40.0)]
        assert not starts.late("tagged-2", 40.0, now=103.045)


class TestTheWitness:
    def test_knows_its_starts_by_cue_and_by_address_and_each_late_one_once(self) -> None:
        with Witness(9, Kills(), strips="music", long_cue="music", long_lane="music") as witness:
            witness.starts.sent("tagged-3", 100.0, 99.9)
            witness.starts.sent("tagged-4", 100.0, 99.9)
            for what in ("/cue/tagged-3/go", "cue tagged-3", "cue 3", "slot a/1"):
                witness.hear(Message("/late", (what, 12.0, 1)), 100.1)
            witness.hear(Message("/event/cue/started", ("tagged-3", TimeTag.from_unix(100.012))), 100.1)
            first, second = witness.starts.all
            assert (first.late_ms, round(first.error_ms, 3), second.late_ms, second.heard_at) == (12.0, 12.0, 0.0, None)

    def test_hears_of_the_long_file_alone_that_it_ran_dry_and_of_who_was_replaced(self) -> None:
        kills = Kills()
        kills.note("control", 100.0)
        with Witness(9, kills, strips="music", long_cue="music", long_lane="music") as witness:
            witness.hear(Message("/event/dry", ("job 17", 0.5)), 100.0)
            witness.hear(Message("/event/dry", ("cue music", 0.5)), 101.0)
            witness.hear(Message("/event/process/replaced", ("control", "it died", 6.0)), 106.0)
            assert witness.dry == [101.0]
            assert witness.replaced == {"control": 1}
            assert kills.near(106.5, "control")


class TestKills:
    def test_excuse_what_comes_soon_after_them_and_what_was_under_way(self) -> None:
        kills = Kills()
        kills.note("io", 100.0)
        assert [kills.near(at, "io") for at in (99.0, 99.8, 103.9, 100.0 + KILL_SECONDS)] == [False, True, True, False]
        assert not kills.near(101.0, "audio", "control")

    def test_excuse_more_when_it_takes_longer_until_another_one_is_there(self) -> None:
        kills = Kills()
        kills.note("control", 100.0)
        kills.note("io", 101.0)
        kills.back("control", 107.0)
        assert [kills.near(at, "control") for at in (99.8, 106.0, 107.9, 108.1)] == [True, True, True, False]
        assert not kills.near(106.0, "io")
        assert [kills.away(at, "control") for at in (99.8, 100.1, 108.1)] == [False, True, False]

    def test_are_counted_apart_each_kind_for_itself(self) -> None:
        kills = Kills()
        kills.note("io", 100.0)
        kills.note("audio", 102.0)
        assert [blamed((at, 1.0), kills) for at in (90.0, 101.0, 102.5)] == ["", "io", "audio"]
        report = Report("sample", "A sample")
        add_spots(report, "gaps", [(90.0, 3.0), (101.0, 7.0), (101.1, 8.0)], kills)
        assert [figure.value for figure in report.figures] == [1, 0, 2, 0]
        assert [figure.reached for figure in report.figures] == [False, None, None, None]


def test_processes_that_were_replaced_without_a_kill_are_told() -> None:
    assert unkilled({"voice": 4, "control": 2, "io": 3}, {"worker": 5, "control": 1, "io": 3}) == {"control": 1}
    assert unkilled({"audio": 1}, {}) == {"audio": 1}


class Wire:
    """Takes what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, float | None]] = []

    def send(self, address: str, *_: object, at: float | None = None) -> None:
        self.sent.append((address, at))


def keep_recording(folder: Path, music: np.ndarray, **changes: object) -> Path:
    """Lay out a finished recording of two strips."""
    folder.mkdir()
    for name in ("master.wav", "music.wav"):
        soundfile.write(folder / name, np.stack([music, music], axis=1), RATE, subtype="FLOAT")
    lanes = [{"strip": "master", "file": "master.wav"}, {"strip": "music", "file": "music.wav"}]
    manifest = {"lanes": lanes, "lost": [], "frames": len(music), "ended": True, "text": ""}
    (folder / MANIFEST).write_text(json.dumps(manifest | changes))
    return folder


class TestRecordings:
    def test_that_are_as_they_should_be_have_no_fault(self, tmp_path: Path, right: np.ndarray) -> None:
        folder = keep_recording(tmp_path / "a", right[: 2 * RATE])
        assert check(folder, "music", 2 * RATE) == Checked(frames=2 * RATE)

    @pytest.mark.parametrize(
        ("changes", "fault"),
        [
            ({"ended": False}, "has not ended"),
            ({"text": "the disk is full"}, "the disk is full"),
            ({"frames": 2 * RATE - 7}, "master.wav has 96000 frames"),
        ],
    )
    def test_that_are_not_are_told(
        self, tmp_path: Path, right: np.ndarray, changes: dict[str, object], fault: str
    ) -> None:
        folder = keep_recording(tmp_path / "a", right[: 2 * RATE], **changes)
        assert fault in " ".join(check(folder, "music", None).faults)

    def test_that_can_t_be_read_are_told(self, tmp_path: Path, right: np.ndarray) -> None:
        folder = keep_recording(tmp_path / "a", right[:RATE])
        (folder / "master.wav").write_bytes(b"RIFF")
        assert "master.wav can't be read" in check(folder, "music", RATE).faults[0]
        assert "manifest" in check(tmp_path / "nowhere", "music", RATE).faults[0]

    def test_tell_where_the_long_file_has_gaps_and_what_was_lost(self, tmp_path: Path, right: np.ndarray) -> None:
        right[RATE] = 0.0
        folder = keep_recording(tmp_path / "a", right[: 2 * RATE], lost=[[480, 96]])
        finished = [Finished(name="a", begin=100.0, end=102.0, checked=check(folder, "music", 2 * RATE))]
        assert lost_spots(finished) == [(100.01, 2.0)]
        ((at, ms),) = gap_spots(finished)
        assert (at, ms) == (101.0, pytest.approx(2000 / RATE))

    def test_begin_and_end_by_tags_and_are_looked_through(self, tmp_path: Path, right: np.ndarray) -> None:
        wire, kills = Wire(), Kills()
        recordings = Recordings(wire, "music", "music", kills)  # type: ignore[arg-type]
        recordings.look(100.0)
        (start, begin), *_ = wire.sent
        assert (start, begin is not None and begin > 100.0) == ("/record/start", True)
        assert begin is not None
        recordings.started("soak 1", str(keep_recording(tmp_path / "a", right[:RATE])))
        recordings.clock(begin - 0.1, 5000)
        recordings.look(begin + LENGTH_SECONDS)
        address, end = wire.sent[2]
        assert (address, end is not None and end > begin + LENGTH_SECONDS) == ("/record/stop", True)
        assert end is not None
        recordings.clock(end - 0.1, 5000 + RATE - 48)
        recordings.ended("soak 1", end + 1.0)
        (finished,) = recordings.finished
        assert (finished.checked.frames, finished.checked.off, finished.checked.faults) == (RATE, 48, ())
        assert not (tmp_path / "a").exists()
        recordings.look(end + 1.0 + PAUSE_SECONDS)
        assert wire.sent[4][0] == "/record/start"

    def test_that_nobody_begins_or_ends_are_not_waited_for_for_ever(self, tmp_path: Path, right: np.ndarray) -> None:
        wire = Wire()
        recordings = Recordings(wire, "music", "music", Kills())  # type: ignore[arg-type]
        recordings.look(100.0)
        recordings.look(101.0 + PATIENCE_SECONDS)
        assert [take.name for take in recordings.never_began] == ["soak 1"]
        recordings.look(111.0)
        recordings.started("soak 2", str(keep_recording(tmp_path / "a", right[:RATE])))
        recordings.look(120.0)
        recordings.look(121.0 + PATIENCE_SECONDS)
        assert [address for address, _ in wire.sent[-2:]] == ["/record/stop", "/record/status"]
        recordings.status("off", 127.0)
        assert [each.name for each in recordings.finished] == ["soak 2"]

    def test_are_not_held_to_their_length_when_control_was_away(self, tmp_path: Path, right: np.ndarray) -> None:
        kills = Kills()
        recordings = Recordings(Wire(), "music", "music", kills)  # type: ignore[arg-type]
        recordings.look(100.0)
        recordings.started("soak 1", str(keep_recording(tmp_path / "a", right[:RATE])))
        kills.note("control", 108.0)
        recordings.clock(100.0, 0)
        recordings.look(109.0)
        recordings.clock(109.0, 9 * RATE)
        recordings.ended("soak 1", 110.0)
        assert (recordings.finished[0].checked.off, recordings.finished[0].checked.faults) == (0, ())


class TestSharedMemory:
    MAPS = """\
7f0000000000-7f0000200000 rw-s 00000000 00:01 17                         /memfd:cuevox (deleted)
7f0000200000-7f0000300000 rw-s 00000000 00:01 18                         /dev/zero (deleted)
7f0000300000-7f0000400000 rw-s 00000000 00:1a 19                         /dev/shm/jack-shm-registry
7f0000400000-7f0000500000 r-xp 00000000 08:01 20                         /usr/lib/libc.so.6
7f0000500000-7f0000600000 rw-p 00000000 00:00 0
7f0000600000-7f0000700000 rw-s 00000000 00:01 17                         /memfd:cuevox (deleted)
"""

    def test_without_a_name_is_found_among_all_that_is_mapped(self) -> None:
        first, zero = Block("00:01", 17), Block("00:01", 18)
        assert shared_parts(self.MAPS) == [(first, 2.0), (zero, 1.0), (first, 1.0)]

    @linux
    def test_of_a_process_is_counted_mapped_or_only_open(self) -> None:
        before = mapped(os.getpid())
        handle = os.memfd_create("cuevox")
        os.ftruncate(handle, 3 << 20)
        opened = mapped(os.getpid())
        (block,) = set(opened.blocks) - set(before.blocks)
        assert (opened.blocks[block], opened.parts) == (3.0, before.parts)
        view, other = mmap.mmap(handle, 3 << 20), mmap.mmap(-1, 1 << 20)
        both = mapped(os.getpid())
        assert both.parts == before.parts + 2
        assert len(both.blocks) == len(before.blocks) + 2  # what is mapped and open is one
        os.close(handle)
        assert holders({block}) == 1
        view.close()
        other.close()
        assert holders({block}) == 0
        assert mapped(os.getpid()) == before

    def test_that_several_hold_is_counted_once(self) -> None:
        one, two = Block("00:01", 17), Block("00:01", 18)
        held = [Mapped(parts=2, blocks={one: 2.0}), Mapped(parts=1, blocks={one: 2.0, two: 1.0}), Mapped()]
        assert all_blocks(held) == {one: 2.0, two: 1.0}

    @linux
    def test_descriptors_are_those_of_the_process(self) -> None:
        before = descriptors(os.getpid())
        read, write_end = os.pipe()
        assert descriptors(os.getpid()) == before + 2
        os.close(read)
        os.close(write_end)
        assert descriptors(1 << 30) == 0


class TestGrowth:
    def test_is_what_stays(self) -> None:
        seconds = [SimpleNamespace(mb=100 + (50 if n % 3 else 0)) for n in range(50)]
        assert growth(seconds, lambda second: second.mb) == (0, 0)  # type: ignore[arg-type, attr-defined]
        leaking = [SimpleNamespace(mb=100 + n) for n in range(50)]
        assert growth(leaking, lambda second: second.mb) == (40, 20)  # type: ignore[arg-type, attr-defined]

    def test_of_a_role_goes_on_where_another_process_replaces_one(self) -> None:
        fds = [{"io": 20}] * 10 + [{}] * 5 + [{"io": 21}] * 10
        seconds = [SimpleNamespace(fds=each) for each in fds]
        assert role_growth(seconds, lambda second: second.fds, "io") == (1, 1, 21)  # type: ignore[arg-type]
        assert role_growth(seconds, lambda second: second.fds, "standby") == (0, 0, 0)  # type: ignore[arg-type]

    def test_of_a_role_is_not_what_a_process_has_less_of_while_it_gets_ready(self) -> None:
        seconds = [SimpleNamespace(fds={"audio": 36 if n in {2, 3} else 53}) for n in range(50)]
        assert role_growth(seconds, lambda second: second.fds, "audio") == (0, 0, 53)  # type: ignore[arg-type]
