"""The black box's files and the transcript's lines."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from engine.commands import AddBus, GoCue, Say, SetLimiter, SetStripGain
from engine.control.blackbox import MOST_FILES, BlackBox
from engine.control.diagnosis import underflow_told
from engine.control.transcript import Entry, Header, Transcript, read_transcript
from engine.errors import Busy, EngineError, MediaError
from engine.events import CueEnded
from engine.mixer.graph import compile_graph
from engine.plugins.states import PluginState
from engine.realtime.black_ring import BlackRing
from engine.realtime.causes import CAUSES, Blame
from engine.realtime.link import Handed
from engine.realtime.memory import Segment
from engine.session.inputs import (
    Adopted,
    Advanced,
    Did,
    Evicted,
    Failed,
    Flowed,
    Heard,
    Input,
    Known,
    Learnt,
    Published,
    PutOff,
    Reached,
    Shelved,
    Swapped,
    Swept,
    Taken,
)
from engine.session.library import AudioFile
from engine.story.model import Line
from tests.session.studio import small_story


@pytest.fixture
def box(tmp_path: Path) -> BlackBox:
    ring = BlackRing(Segment.create(1 << 16))
    return BlackBox(ring, tmp_path / "state", counters=lambda: {"underflows": 3}, facts=lambda: {"story": "x.yaml"})


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_underflow_is_told_in_milliseconds() -> None:
    blame = Blame(CAUSES.index("preempted"), 5_333_333, 250_000, 9_000_000, 1_500_000, 7_000_000)
    times = {"period_ms": 5.333333, "late_ms": 0.25, "took_ms": 9.0, "cpu_ms": 1.5, "ready_ms": 7.0}
    assert underflow_told(blame) == {"cause": "preempted"} | times


def test_the_file_says_what_happened_and_what_came_before(box: BlackBox) -> None:
    box.command(SetStripGain(strip="voice", gain_db=-3.0), 480)
    box.command(GoCue(cue="9"), None, Busy("not now"))
    box.events((CueEnded(cue="1"),))
    path = box.write("an underflow burst!")
    head, first, second, third, last = lines(path)
    assert (head["reason"], head["story"]) == ("an underflow burst!", "x.yaml")
    assert (first["command"]["strip"], first["at_frame"]) == ("voice", 480)
    assert second["error"] == "busy"
    assert third["event"]["cue"] == "1"
    assert last["counters"] == {"underflows": 3}
    assert "an-underflow-burst" in path.name
    assert [p.suffix for p in path.parent.iterdir()] == [".jsonl"]


def test_what_is_older_than_a_minute_is_left_out(box: BlackBox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.control.blackbox.time.time", lambda: 1000.0)
    box.command(GoCue(cue="old"), None)
    monkeypatch.setattr("engine.control.blackbox.time.time", lambda: 1061.0)
    box.command(GoCue(cue="new"), None)
    assert [e["command"]["cue"] for e in lines(box.write("now")) if "command" in e] == ["new"]


def test_an_underflow_is_worth_a_file_and_more_of_them_wait_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.control.blackbox.COUNT_SECONDS", 0.001)
    looks, counted = 0, {"underflows": 5}

    def counters() -> dict[str, int]:
        nonlocal looks
        looks += 1
        return dict(counted)

    box = BlackBox(BlackRing(Segment.create(1 << 16)), tmp_path, counters=counters, facts=dict)

    async def files(count: int, more_looks: int = 0) -> None:
        before = looks
        async with asyncio.timeout(30.0):
            while len(list(tmp_path.glob("*.jsonl"))) < count or looks < before + more_looks:
                await asyncio.sleep(0.001)

    async def show() -> None:
        box.start()
        await files(0, more_looks=3)
        counted["underflows"] = 6
        await files(1)
        counted["underflows"] = 9
        await files(1, more_looks=5)
        counted.clear()  # the audio process is being replaced: nobody counts
        await files(1, more_looks=3)
        counted["underflows"] = 9
        await files(1, more_looks=3)
        monkeypatch.setattr("engine.control.blackbox.APART_SECONDS", 0.0)
        await files(2)
        await box.close()

    asyncio.run(show())
    reasons = {lines(path)[0]["reason"] for path in tmp_path.glob("*.jsonl")}
    assert reasons == {"1 underflow", "3 underflows"}


def test_only_so_many_files_are_kept(box: BlackBox, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = []
    for second in range(MOST_FILES + 5):
        monkeypatch.setattr("engine.control.blackbox.time.time", lambda second=second: 1.7e9 + second)
        paths.append(box.write("again"))
    assert sorted(paths[0].parent.iterdir()) == sorted(paths[5:])


def test_files_are_named_in_the_order_of_their_time(box: BlackBox, monkeypatch: pytest.MonkeyPatch) -> None:
    names = []
    for now in (10.0004, 10.9994, 10.9996, 11.0):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        names.append(box.write("x").name)
    assert names == sorted(names) and len({*names}) == 3, "two within a millisecond are one"


def test_a_folder_that_can_not_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    ring = BlackRing(Segment.create(1 << 12))
    box = BlackBox(ring, tmp_path / "state", counters=dict, facts=dict)
    with pytest.raises(EngineError, match="state"):
        box.write("x")


HEADER = Header(folder="/stories", sample_rate=48000, block_frames=256, max_players=64, story=small_story())
LINE = Line(text="hello", voice="narrator")
INPUTS: list[Input] = [
    Known(source=LINE, frames=100),
    Shelved(source=AudioFile(path="a.wav"), digest=""),
    Failed(source=LINE, code="voice_failed", text="no"),
    Published(),
    Did(command=Say(voice="narrator", text="hi", job="3"), at_frame=7, soon=12),
    Heard(count=2),
    Adopted(story=small_story()),
    Adopted(
        story=small_story(),
        meanwhile=(SetStripGain(strip="voice", gain_db=-3.0), SetLimiter(limiter=False)),
        keeps=False,
    ),
    Did(command=GoCue()),
    Swapped(graph=compile_graph(small_story())),
    Taken(count=2),
    Swept(places=(3, 5)),
    Learnt(states={"hall/0": PluginState(effect="plugin:Noise", state="bmV3")}),
    PutOff(source=LINE),
    Evicted(source=AudioFile(path="a.wav")),
    Advanced(soon=480, reached=Reached(frame=None, offset=-7, furthest=90, settled=False)),
    Flowed(player=7, source=LINE, did="dry", frames=512),
]


def test_every_input_is_read_back_as_it_was(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path / "t.jsonl", HEADER)
    for number, what in enumerate(INPUTS):
        transcript.note(what, Handed(records=number))
    transcript.taken(Handed(records=len(INPUTS)), 256)
    transcript.close(512)
    header, entries = read_transcript(tmp_path / "t.jsonl")
    assert header == HEADER
    assert list(entries) == [*(Entry(frame=256, what=what) for what in INPUTS), Entry(frame=512, what=None)]


def test_an_input_gets_the_frame_at_which_it_was_taken(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path / "t.jsonl", HEADER)
    transcript.note(Did(command=GoCue(cue="1")), Handed(1))
    transcript.note(Published(), Handed(1, timeline=1))
    transcript.note(Did(command=AddBus(bus="hall")), Handed(1, timeline=1, automation=1))
    transcript.note(Did(command=GoCue(cue="2")), Handed(2, timeline=1, automation=1))
    transcript.note(Published(), Handed(2, timeline=2, automation=1))
    transcript.taken(Handed(1), 256)
    transcript.taken(Handed(timeline=1), 512)
    transcript.taken(Handed(2), 512)
    transcript.taken(Handed(automation=1), 768)
    transcript.close(1024)
    _, entries = read_transcript(tmp_path / "t.jsonl")
    assert [entry.frame for entry in entries] == [256, 512, 768, 768, 1024, 1024]


def test_a_torn_last_line_is_left_out_and_a_wrong_one_named(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    transcript = Transcript(path, HEADER)
    transcript.note(Heard(count=1), Handed())
    transcript.close(9)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert [e.frame for e in read_transcript(path)[1]] == [9]
    path.write_bytes(whole.replace(b'"heard":1', b'"hoard":1'))
    with pytest.raises(MediaError, match=r"t.jsonl:2: .*hoard"):
        list(read_transcript(path)[1])
    path.write_text("tracks: []")
    with pytest.raises(MediaError, match="no transcript"):
        read_transcript(path)
