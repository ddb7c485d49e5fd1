"""Clips that stay on the disk: the same bits as in memory; a late page is a short fade in place, never a click."""

import numpy as np
import pytest

from engine.realtime.memory import Segment
from engine.realtime.pages import PAGE_FLOATS, PageTable, table_floats
from engine.realtime.records import ENTRY, NOW, PAGED, Kind, Report
from tests.mixer.mixer_rig import BLOCKS, FADE, Rig, bare
from tests.signals import RATE

PAGES = 5
LARGEST_STEP = 2.5 * np.pi * 441 / RATE
"""Of a tone with a fade of 5 ms on it."""


def tone(frames: int, channels: int) -> np.ndarray:
    wave = np.sin(2 * np.pi * 441 * np.arange(frames) / RATE).astype(np.float32)
    return wave if channels == 1 else np.stack([wave, 0.5 * wave], axis=1)


class Disk:
    """A rig with one clip in memory, where it is clip 0, and the same on the disk; the test is the io process."""

    def __init__(self, channels: int = 1) -> None:
        self.channels = channels
        self.page_frames = PAGE_FLOATS // channels
        self.frames = PAGES * self.page_frames - 1000
        self.sound = tone(self.frames, channels)
        table = -(-table_floats(self.frames, channels) // 16) * 16
        self.first = table + self.sound.size
        self.segment = Segment.create(4 * (self.first + PAGES * PAGE_FLOATS))
        self.arena = self.segment.view(np.float32)
        self.arena[table : self.first] = self.sound.reshape(-1)
        self.arena[self.first :] = np.nan
        self.rig = Rig(bare("a"), self.sound)
        self.rig.offsets = [table]
        self.rig.options["arena"] = self.arena
        self.rig.becomes(bare("a"))
        self.table = PageTable(self.arena, 0)
        self.table.open(self.frames, channels)

    def load(self, *pages: int) -> None:
        for page in pages or range(PAGES):
            place = self.first + (PAGES - 1 - page) * PAGE_FLOATS  # in another order than they are played
            part = self.sound[page * self.page_frames :][: self.page_frames].reshape(-1)
            self.arena[place : place + len(part)] = part
            self.table.put(page, place)

    def drop(self, page: int) -> None:
        place = self.table.page(page)
        assert place is not None
        self.table.take_out(page)
        self.arena[place : place + PAGE_FLOATS] = np.nan

    def start(self, frame: int = NOW, trim: int = 0, length: int | None = None, player: int = 1, **fields) -> None:
        self.rig.send(
            Kind.START_PLAYER, frame, 0, player=player, serial=player, channels=self.channels, gain=0.8, flags=PAGED,
            value=0.0, offset=trim, length=self.frames - trim if length is None else length, **fields,
        )  # fmt: skip

    def timeline(self, start: int, **fields) -> None:
        entries = np.zeros(1, ENTRY)
        entries["start_frame"], entries["length"], entries["table"] = start, self.frames, 1
        entries["channels"], entries["player"], entries["gain"] = self.channels, 7, 0.8
        for name, value in fields.items():
            entries[name] = value
        self.rig.mixer.set_timeline(entries, 1)

    def heard(self, frames: int, block: int = 256) -> np.ndarray:
        return self.rig.play(frames, block).premaster

    def reports(self, kind: Report) -> list[tuple[int, float]]:
        return [(int(r["actual_frame"]), float(r["value"])) for r in self.rig.reports(kind)]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("block", BLOCKS)
def test_it_sounds_the_same_as_from_memory(block, channels):
    disk, memory = Disk(channels), Disk(channels)
    disk.load()
    clip = {"trim": 12_345, "fade_in_frames": 3000, "fade_out_frames": 5000, "pan": 0.3}
    disk.start(777, length=2 * disk.page_frames, **clip)
    memory.rig.start(0, 777, length=2 * disk.page_frames, gain=0.8, **clip)
    frames = 2 * disk.page_frames + 2000
    got, expected = disk.heard(frames, block), memory.heard(frames, block)
    np.testing.assert_array_equal(got, expected)
    assert np.abs(got).max() > 0.5
    assert [len(disk.rig.reports(kind)) for kind in (Report.STARTED, Report.ENDED, Report.UNDERRUN)] == [1, 1, 0]


@pytest.mark.parametrize("block", BLOCKS)
def test_the_timeline_plays_it_from_the_middle_too(block):
    disk, memory = Disk(2), Disk(2)
    disk.load()
    disk.timeline(1000, fade_out_frames=4000)
    memory.rig.timeline({"clip": 0, "start": 1000, "gain": 0.8, "player": 7, "fade_out_frames": 4000})
    for each in (disk, memory):
        each.rig.send(Kind.LOCATE, value=30_000.0)
        each.rig.send(Kind.PLAY)
        each.rig.send(Kind.LOCATE, 5000, value=disk.frames - 9000.0)
    np.testing.assert_array_equal(disk.heard(20_000, block), memory.heard(20_000, block))


def test_a_late_page_is_a_fade_in_place_and_is_told():
    disk, memory = Disk(), Disk()
    disk.load(0, 2)
    disk.start(0)
    memory.rig.start(0, 0, gain=0.8)
    end = disk.page_frames
    got = disk.heard(end + 20_000)
    expected = memory.heard(4 * disk.page_frames)
    np.testing.assert_array_equal(got[: end - FADE], expected[: end - FADE])
    assert not got[end:].any()
    assert disk.reports(Report.UNDERRUN) == [(end, float(end))]
    back = disk.rig.mixer.frame
    disk.load(1)
    rest = disk.heard(20_000)
    np.testing.assert_array_equal(rest[FADE:], expected[back + FADE : back + 20_000])
    assert disk.reports(Report.REFILLED) == [(back, float(back - end))]
    assert np.abs(np.diff(np.concatenate([got, rest])[:, 0])).max() < LARGEST_STEP


def test_it_begins_in_silence_where_nothing_is_there_and_comes_in_where_it_would_be():
    disk, memory = Disk(), Disk()
    disk.start(100)
    memory.rig.start(0, 100, gain=0.8)
    assert not disk.heard(5120).any()
    assert disk.reports(Report.STARTED) == [(100, 0.0)] and disk.reports(Report.UNDERRUN) == [(100, 0.0)]
    disk.load()
    got, expected = disk.heard(5120), memory.heard(10_240)[5120:]
    np.testing.assert_array_equal(got[FADE:], expected[FADE:])
    assert np.abs(np.diff(got[:, 0], prepend=0.0)).max() < LARGEST_STEP


def test_it_ends_in_time_though_it_is_silent():
    disk = Disk()
    disk.start(0, length=10_000)
    disk.heard(20_000)
    assert disk.reports(Report.ENDED) == [(10_000, 0.0)]


def test_a_pause_waits_in_place_and_nothing_is_lost():
    disk, memory = Disk(), Disk()
    disk.load()
    for each in (disk, memory):
        if each is disk:
            each.start(0)
        else:
            each.rig.start(0, 0, gain=0.8)
        each.rig.send(Kind.PAUSE_PLAYER, 3000, player=1, ramp_frames=FADE)
        each.rig.send(Kind.RESUME_PLAYER, 50_000, player=1, ramp_frames=FADE)
    np.testing.assert_array_equal(disk.heard(40_960), memory.heard(40_960))
    _, places = disk.table.asked()
    assert places == (3000 + FADE,)
    np.testing.assert_array_equal(disk.heard(40_960), memory.heard(40_960))


def test_it_says_where_its_players_are():
    disk = Disk()
    disk.load()
    disk.start(0)
    disk.start(0, trim=20_000, player=2)
    disk.heard(1024)
    stamp, places = disk.table.asked()
    assert stamp == 1024 - 256 and sorted(places) == [768, 20_768]
    disk.rig.send(Kind.STOP_PLAYER, player=0, ramp_frames=FADE)
    disk.heard(1024)
    assert disk.table.asked()[0] == 1024  # the last block in which it was heard


def test_a_table_that_does_not_fit_is_refused():
    disk = Disk()
    for fields in ({"length": disk.frames + 1}, {"channels": 2}, {"value": 1e9}, {"value": 1.0}):
        disk.rig.send(
            Kind.START_PLAYER,
            **{"player": 3, "serial": 3, "channels": 1, "gain": 1.0, "flags": PAGED, "length": 100} | fields,
        )
    assert len(disk.rig.reports(Report.NO_PLAYER)) == 4
    assert not disk.heard(512).any()
