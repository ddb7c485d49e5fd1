"""The streamer: what plays comes first, and a little ahead; a page that may be heard stays whole."""

import numpy as np
import pytest
import soundfile

from engine.io.messages import Closed, Crowded, Failing, Heads, Open, Opened, Refused
from engine.io.streamer import FAR_SECONDS, LOOK_AHEAD_SECONDS, SPARE_PLACES, Streamer
from engine.realtime.atomics import store_release
from engine.realtime.pages import (
    ASKING,
    PAGE_FLOATS,
    PLACES,
    STAMP,
    WORD_BYTES,
    PageTable,
    page_count,
    table_floats,
)

RATE = 48000
PAGE = PAGE_FLOATS  # a mono clip's page


class Bench:
    """An arena with a pool of ``places``, a file or several, and an audio process played by hand."""

    def __init__(self, places, floats=1 << 16):
        self.arena = np.zeros(floats + places * PAGE_FLOATS, np.float32)
        self.blocks, self.frame, self.told = 1, 0, []
        self.make = lambda: Streamer(
            self.arena,
            (floats, places * PAGE_FLOATS),
            RATE,
            lambda: self.blocks,
            lambda: self.frame,
            self.told.append,
        )
        self.streamer = self.make()
        self.next_table = 0

    def file(self, path, frames, seed=1, channels=1):
        audio = np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, channels)).astype(np.float32)
        soundfile.write(path, audio, RATE, subtype="FLOAT")
        table = PageTable(self.arena, self.next_table)
        self.next_table += -(-table_floats(frames, channels) // 16) * 16
        table.open(frames, channels)
        return table, audio

    def play(self, table, place):
        """Do what the mixer does in a block."""
        self.blocks += 1
        self.frame += 480
        for word, value in ((STAMP, self.frame), (ASKING, 1), (PLACES, place)):
            store_release(int(self.arena.ctypes.data) + 4 * table.offset + word * WORD_BYTES, value)

    def work(self):
        """Work until nothing is left to do; blocks go on meanwhile."""
        for _ in range(1000):
            if not self.streamer.work():
                self.blocks += 1
                if not self.streamer.work():
                    return
        raise AssertionError("it never comes to rest")

    def there(self, table):
        return {page for page in range(table.pages) if table.page(page) is not None}

    def sound(self, table, page):
        offset = table.page(page)
        return self.arena[offset : offset + PAGE_FLOATS]


@pytest.fixture
def bench():
    return Bench(places=16)


def test_a_head_is_there_before_it_is_said_to_be(bench, tmp_path):
    table, audio = bench.file(tmp_path / "a.wav", 20 * PAGE)
    bench.streamer.open(Open(table=table.offset, path=str(tmp_path / "a.wav"), heads=(0, 5 * PAGE + 100)))
    bench.work()
    assert bench.told == [] and bench.there(table) == set()  # not before all that was there is known
    bench.streamer.begin()
    bench.work()
    assert bench.told == [Opened(table=table.offset)]
    assert bench.there(table) == {0, 5}
    np.testing.assert_array_equal(bench.sound(table, 5), audio[5 * PAGE : 6 * PAGE, 0])


def test_what_plays_has_a_look_ahead_and_what_is_behind_it_goes_when_places_are_short(bench, tmp_path):
    table, audio = bench.file(tmp_path / "a.wav", 40 * PAGE + 1000)
    bench.streamer.open(Open(table=table.offset, path=str(tmp_path / "a.wav")))
    bench.streamer.begin()
    ahead = round(LOOK_AHEAD_SECONDS * RATE)
    for place in range(0, 40 * PAGE, PAGE // 2):
        bench.play(table, place)
        bench.work()
        wanted = set(range(place // PAGE, min(41, (place + ahead - 1) // PAGE + 1)))
        assert wanted | {0} <= bench.there(table)
        assert len(bench.there(table)) <= 16
        for page in wanted:
            np.testing.assert_array_equal(
                bench.sound(table, page)[: len(audio) - page * PAGE], audio[page * PAGE :][:PAGE, 0]
            )
    assert not bench.sound(table, 40)[1000:].any()


def test_where_there_is_room_more_is_there_than_is_needed(bench, tmp_path):
    table, _ = bench.file(tmp_path / "a.wav", 40 * PAGE)
    bench.streamer.open(Open(table=table.offset, path=str(tmp_path / "a.wav")))
    bench.streamer.begin()
    for place in range(0, 20 * PAGE, PAGE):  # old pages fill the pool by and by, and give way
        bench.play(table, place)
        bench.work()
        far = (place + round(FAR_SECONDS * RATE) - 1) // PAGE
        assert set(range(place // PAGE, far + 1)) <= bench.there(table)
    assert not any(isinstance(told, Crowded) for told in bench.told)


def test_what_is_far_ahead_takes_no_place_that_a_player_or_a_head_needs(tmp_path):
    needed = -(-round(LOOK_AHEAD_SECONDS * RATE) // PAGE)
    bench = Bench(places=4 * needed + 2 + SPARE_PLACES)
    files = [bench.file(tmp_path / f"{n}.wav", 40 * PAGE, n)[0] for n in range(5)]
    for number, table in enumerate(files):
        bench.streamer.open(Open(table=table.offset, path=str(tmp_path / f"{number}.wav"), heads=()))
    bench.streamer.begin()
    bench.play(files[0], 0)
    bench.work()
    assert bench.there(files[0]) > set(range(needed)), "alone it has more"
    for table in files[:4]:
        bench.play(table, 0)
    bench.streamer.set_heads(Heads(heads=((files[4].offset, 9 * PAGE),)))
    bench.work()
    bench.work()
    assert all(bench.there(table) >= set(range(needed)) for table in files[:4])
    assert 9 in bench.there(files[4])
    assert not any(isinstance(told, Crowded) for told in bench.told)


def test_a_place_is_used_again_only_after_a_whole_block(tmp_path):
    bench = Bench(places=SPARE_PLACES + 4)
    table, _ = bench.file(tmp_path / "a.wav", 40 * PAGE)
    bench.streamer.open(Open(table=table.offset, path=str(tmp_path / "a.wav")))
    bench.streamer.begin()
    bench.play(table, 0)
    bench.work()
    before = {page: bench.sound(table, page).copy() for page in bench.there(table)}
    where = {page: table.page(page) for page in before}
    bench.play(table, 30 * PAGE)
    while bench.streamer.work():
        pass
    for page, offset in where.items():  # the block that began before may still hear each of them
        np.testing.assert_array_equal(bench.arena[offset : offset + PAGE_FLOATS], before[page])
    bench.work()
    assert {30, 31, 32} <= bench.there(table)


def test_many_files_are_ready_and_few_are_open(bench, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.io.streamer.MOST_OPEN", 2)
    files = {name: bench.file(tmp_path / f"{name}.wav", 3 * PAGE, seed) for seed, name in enumerate("abcdef")}
    for name, (table, _) in files.items():
        bench.streamer.open(Open(table=table.offset, path=str(tmp_path / f"{name}.wav")))
    bench.streamer.begin()
    bench.work()
    bench.play(files["a"][0], PAGE)
    bench.work()
    for table, audio in files.values():
        np.testing.assert_array_equal(bench.sound(table, 0), audio[:PAGE, 0])
    np.testing.assert_array_equal(bench.sound(files["a"][0], 2), files["a"][1][2 * PAGE :, 0])
    assert sum(stream._reader is not None for stream in bench.streamer._streams.values()) == 2
    assert not any(isinstance(told, Failing) for told in bench.told)


def test_a_seek_is_served_before_anything_else(bench, tmp_path):
    first, _ = bench.file(tmp_path / "a.wav", 30 * PAGE)
    second, _ = bench.file(tmp_path / "b.wav", 30 * PAGE, seed=2)
    for table, name in ((first, "a.wav"), (second, "b.wav")):
        bench.streamer.open(Open(table=table.offset, path=str(tmp_path / name)))
    bench.streamer.begin()
    bench.play(first, 0)
    bench.work()
    bench.play(first, PAGE // 2)
    bench.play(second, 20 * PAGE)
    bench.streamer.work()
    assert 20 in bench.there(second)


def test_too_few_places_are_told_and_the_nearest_are_there(tmp_path):
    bench = Bench(places=4)
    tables = []
    for number in range(4):
        table, _ = bench.file(tmp_path / f"{number}.wav", 30 * PAGE, seed=number)
        bench.streamer.open(Open(table=table.offset, path=str(tmp_path / f"{number}.wav")))
        tables.append(table)
    bench.streamer.begin()
    for _ in range(40):
        for table in tables:
            bench.play(table, 10 * PAGE)
        bench.work()
    assert all(10 in bench.there(table) for table in tables)
    assert any(isinstance(told, Crowded) and told.missing for told in bench.told)


def test_heads_change_and_files_close(bench, tmp_path):
    table, _ = bench.file(tmp_path / "a.wav", 30 * PAGE)
    bench.streamer.open(Open(table=table.offset, path=str(tmp_path / "a.wav")))
    bench.streamer.begin()
    bench.work()
    bench.streamer.set_heads(Heads(heads=((table.offset, 12 * PAGE), (999, 5))))
    bench.work()
    assert 12 in bench.there(table)
    bench.streamer.close(table.offset)
    assert bench.there(table) == set() and bench.told[-1] == Closed(table=table.offset)
    bench.streamer.close(12345)  # never heard of: the answer is the same
    assert bench.told[-1] == Closed(table=12345)


def test_a_successor_finds_what_lies_there(bench, tmp_path):
    table, audio = bench.file(tmp_path / "a.wav", 30 * PAGE)
    ask = Open(table=table.offset, path=str(tmp_path / "a.wav"))
    bench.streamer.open(ask)
    bench.streamer.begin()
    bench.play(table, 3 * PAGE)
    bench.work()
    there = {page: table.page(page) for page in bench.there(table)}
    bench.streamer = bench.make()
    bench.streamer.open(ask)
    bench.streamer.begin()
    bench.play(table, 4 * PAGE)
    bench.work()
    assert {page: table.page(page) for page in there} == there
    for page in bench.there(table):
        np.testing.assert_array_equal(bench.sound(table, page), audio[page * PAGE : (page + 1) * PAGE, 0])


def test_what_cannot_be_read_is_told(bench, tmp_path):
    table, audio = bench.file(tmp_path / "a.wav", 30 * PAGE)
    bench.streamer.open(Open(table=table.offset, path=str(tmp_path / "none.wav")))
    assert isinstance(bench.told[-1], Refused) and "none.wav can't be opened" in bench.told[-1].text
    soundfile.write(tmp_path / "short.wav", audio[:1000], RATE, subtype="FLOAT")
    bench.streamer.open(Open(table=table.offset, path=str(tmp_path / "short.wav")))
    assert isinstance(bench.told[-1], Refused) and "has changed: it has 1000 frames" in bench.told[-1].text

    audio[2 * PAGE + 7] = np.nan
    soundfile.write(tmp_path / "nan.wav", audio, RATE, subtype="FLOAT")
    bench.streamer.open(Open(table=table.offset, path=str(tmp_path / "nan.wav"), heads=(2 * PAGE,)))
    bench.streamer.begin()
    bench.work()
    assert any(isinstance(told, Failing) and "no numbers" in told.text for told in bench.told)
    assert np.isfinite(bench.sound(table, 2)).all() and bench.sound(table, 2)[7] == 0.0


def test_stereo_pages_are_half_as_long(bench, tmp_path):
    table, audio = bench.file(tmp_path / "a.wav", 3 * PAGE, channels=2)
    assert table.pages == page_count(3 * PAGE, 2) == 6
    bench.streamer.open(Open(table=table.offset, path=str(tmp_path / "a.wav")))
    bench.streamer.begin()
    bench.work()
    np.testing.assert_array_equal(bench.sound(table, 1), audio[PAGE // 2 : PAGE].reshape(-1))
