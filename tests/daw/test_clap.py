"""Cuevox Return in a host that has a transport: it follows, loops, survives the engine's death, and never waits."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from engine.daw.history import lay
from engine.daw.layout import HEADER, SLOT, SLOTS, SLOTS_AT, VERSION
from engine.daw.link import DawLink, Slot
from tests.daw.clap_host import (
    ANSWERED,
    AT_ONCE,
    BLOCKS_OF_LATENCY,
    BUS,
    ENGINE_RATE,
    INPUT_DB,
    REAL_TIME,
    TRANSPORT,
    WAIT_SECONDS,
    ClapHost,
)
from tests.daw.plugin_rig import HALL, Audio, exported, lay_out, serving
from tests.daw.system_calls import system_calls
from tests.signals import RATE, roughness
from tests.whole.rig import Rig

pytestmark = [pytest.mark.extra, pytest.mark.timeout(300)]

LINK = f"test-clap-{os.getpid()}"
FADE = 512
"""Longer than every fade that a jump makes."""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("daw"))


@pytest.fixture(scope="module")
def export(story: Path) -> dict[str, Audio]:
    return exported(story)


@pytest.fixture(scope="module")
def engine(story: Path) -> Iterator[Rig]:
    with serving(story, LINK) as rig:
        yield rig


def test_a_bounce_from_the_middle_is_chased_and_equals_the_export(
    engine: Rig, export: dict[str, Audio], tmp_path: Path
) -> None:
    with ClapHost(tmp_path, LINK, block=480) as host:
        host.do("offline", 1)
        host.do("locate", 24000)
        host.do("play")
        heard = host.run(100)
        late = host.latency_frames
    assert late == 2 * 480
    wanted = export["mix"][24000 : 24000 + 48000 - late]
    np.testing.assert_array_equal(heard[late + FADE :], wanted[FADE:])
    assert not heard[:late].any()


def test_a_host_that_takes_its_time_over_a_bounce_is_waited_for(
    engine: Rig, export: dict[str, Audio], tmp_path: Path
) -> None:
    header = np.memmap(f"/dev/shm/{LINK}-{os.getuid()}", np.uint8, "r")[:SLOTS_AT].view(HEADER)
    (audio,) = engine.children("engine.realtime.audio_process")[:1]
    with ClapHost(tmp_path, LINK) as host:
        host.do("offline", 1)
        host.do("play")
        heard = []
        for _ in range(5):  # all from what is mixed ahead: no block of the mixer's for longer than a device may be deaf
            heard.append(host.run(1))
            seen, deadline = int(header["beat"][0]), time.monotonic() + WAIT_SECONDS
            while int(header["beat"][0]) < seen + 60:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        heard.append(host.run(60))
        late = host.latency_frames
        assert not host.has_failed
    np.testing.assert_array_equal(np.concatenate(heard)[late:], export["mix"][: 65 * 256 - late])
    assert audio.is_running()


def test_the_story_follows_play_stop_and_locate(engine: Rig, export: dict[str, Audio], tmp_path: Path) -> None:
    with ClapHost(tmp_path, LINK) as host:
        host.do("pace", ANSWERED)
        host.connect()
        late = host.latency_frames
        assert not host.run(20)[late:].any()
        host.do("play")
        first = host.run(100)
        host.do("locate", 12000)
        second = host.run(100)
        host.do("stop")
        rest = host.run(40)
        assert host.misses == 0
    np.testing.assert_array_equal(first[late:], export["mix"][: len(first) - late])
    np.testing.assert_array_equal(second[late + FADE :], export["mix"][12000 + FADE : 12000 + len(second) - late])
    assert not rest[late + FADE :].any()


def test_a_loop_that_ends_within_a_block_is_exact(engine: Rig, export: dict[str, Audio], tmp_path: Path) -> None:
    with ClapHost(tmp_path, LINK, block=256) as host:
        host.do("offline", 1)
        host.do("loop", 6000, 11000)
        host.do("locate", 6000)
        host.do("play")
        heard = host.run(100)[host.latency_frames :]
    first, second, third = (heard[5000 * turn : 5000 * (turn + 1)] for turn in range(3))
    np.testing.assert_array_equal(first[FADE:], export["mix"][6000 + FADE : 11000])
    np.testing.assert_array_equal(second[FADE:], first[FADE:])
    np.testing.assert_array_equal(third, second)


def test_without_latency_the_next_block_is_there_already(engine: Rig, export: dict[str, Audio], tmp_path: Path) -> None:
    with ClapHost(tmp_path, LINK, block=256) as host:
        host.do("pace", ANSWERED)
        host.do("param", BLOCKS_OF_LATENCY, 0)
        host.connect()
        host.run(20)
        host.do("play")
        heard = host.run(100)
        assert host.latency_frames == 0
        assert host.misses == 0
    np.testing.assert_array_equal(heard[FADE:], export["mix"][FADE : len(heard)])


def test_another_bus_comes_without_a_click_and_is_kept_by_its_id(
    engine: Rig, export: dict[str, Audio], tmp_path: Path
) -> None:
    with ClapHost(tmp_path, LINK) as host:
        host.do("offline", 1)
        host.do("param", BUS, 2)
        host.do("play")
        heard = host.run(50)
        np.testing.assert_array_equal(heard[512:], export["two"][: len(heard) - 512])
        host.do("save", tmp_path / "state")
    assert b"two" in (tmp_path / "state").read_bytes()
    with ClapHost(tmp_path, LINK, name="again") as host:
        host.do("load", tmp_path / "state")
        host.do("offline", 1)
        host.do("restart")
        host.do("play")
        np.testing.assert_array_equal(host.run(50), heard)


def test_buses_are_shown_by_the_names_that_people_gave_them_also_when_those_change(tmp_path: Path) -> None:
    story, link = lay_out(tmp_path), f"{LINK}-n"
    with ClapHost(tmp_path, link) as host:
        host.do("pace", REAL_TIME)
        assert host.text(BUS, 3) == "3"
        with serving(story, link) as rig:
            assert [host.text(BUS, number) for number in range(4)] == ["Mix", "one", "two", HALL], "before it is heard"
            assert host.text(BUS, 40) == "40"
            host.do("param", BUS, host.value(BUS, HALL))
            host.connect()
            _run_until(host, lambda _: host.shown > 0)
            seen = host.shown
            host.do("save", tmp_path / "state")
            assert b"room:3" in (tmp_path / "state").read_bytes(), "kept by what does not change"
            story.write_text(story.read_text().replace(HALL, "Cave").replace("id: two\n", "id: two\n    name: Cave\n"))
            rig.client.send("/session/reload")
            _run_until(host, lambda _: host.shown > seen)
            assert [host.text(BUS, number) for number in range(4)] == ["Mix", "one", "Cave (two)", "Cave (room)"]
            assert [host.value(BUS, text) for text in ("Cave (room)", "one", "7")] == [3.0, 1.0, 7.0]
            seen = host.shown
        _run_until(host, lambda _: host.shown > seen)
        assert [host.text(BUS, number) for number in (2, 3)] == ["2", "room"], "what it will be when an engine comes"


def test_a_bus_rings_out_when_it_is_removed_and_is_known_by_its_id(tmp_path: Path) -> None:
    story, link = lay_out(tmp_path), f"{LINK}-r"
    story.write_text(story.read_text().replace("- id: room\n", "- id: room\n    inserts: [reverb: {room_size: 0.9}]\n"))
    with serving(story, link) as rig, ClapHost(tmp_path, link) as host:
        host.do("pace", REAL_TIME)
        host.do("param", BUS, 3)
        host.do("loop", 0, 48000)
        host.connect()
        host.do("play")
        before = _run_until(host, lambda sound: sound[-2048:].any())
        rig.client.send("/mix/bus/remove", "room")
        after = [before]
        while np.abs(after[-1]).max() > 0.1 * np.abs(before).max():
            after.append(host.run(5))
            assert host.status == "connected"
        assert roughness(np.concatenate(after)) < 2 * roughness(before)
        assert np.abs(after[-2]).max() < 0.3 * np.abs(before).max(), "it decays"
        rig.client.send("/mix/bus/add", "room")  # as the one before still rings out, it is another number's
        _run_until(host, lambda _: host.tell()[2 + BUS] == 5)
        host.do("save", tmp_path / "state")
        saved = (tmp_path / "state").read_bytes()
        assert b"room:5" in saved
        for name, status, number in (("room", "connected", 5), ("hall", "no bus", 1)):
            (tmp_path / name).write_bytes(
                saved.replace(b"room:5", f"{name}:1".encode()).replace(b"bus\x005", b"bus\x001")
            )
            with ClapHost(tmp_path, link, name=f"{name}-host") as again:
                again.do("load", tmp_path / name)
                there = (status, number)
                _run_until(again, lambda _, there=there: (again.status, again.tell()[2 + BUS]) == there)


def test_no_value_of_a_parameter_breaks_the_sound(engine: Rig, export: dict[str, Audio], tmp_path: Path) -> None:
    usual = {BUS: 0, TRANSPORT: 0, BLOCKS_OF_LATENCY: 2, INPUT_DB: 0}
    limits = {BUS: (0, 63), TRANSPORT: (0, 2), BLOCKS_OF_LATENCY: (0, 4), INPUT_DB: (-60, 12)}
    with ClapHost(tmp_path, LINK) as host:
        host.do("offline", 1)
        for param, value in usual.items():
            for wild, limit in zip((-1e30, 1e30), limits[param], strict=True):
                host.do("param", param, wild)
                assert np.isfinite(host.run(2)).all()
                assert host.tell()[2 + param] == limit
            host.do("param", param, value)
        host.run(8)
        host.do("locate", 0)
        host.do("play")
        late = host.latency_frames
        heard = host.run(60)
    np.testing.assert_array_equal(heard[late:], export["mix"][: len(heard) - late])


def test_in_free_run_the_story_goes_its_own_way(engine: Rig, tmp_path: Path) -> None:
    with ClapHost(tmp_path, LINK) as host:
        host.do("pace", ANSWERED)
        host.do("param", TRANSPORT, 1)
        host.connect()
        _run_until(host, lambda sound: not sound.any())  # the engine has noticed that the host before is gone
        host.do("locate", 9999)
        host.do("play")
        assert not host.run(20)[1024:].any()
        engine.client.send("/transport/play")
        _run_until(host, lambda sound: sound.any())
        engine.client.send("/transport/stop")
        _run_until(host, lambda sound: not sound.any())


def _run_until(host: ClapHost, there: Callable[[Audio], bool]) -> Audio:
    """Run until the sound of some blocks is as ``there`` says; return it."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not there(sound := host.run(20)):
        assert time.monotonic() < deadline
    return sound


def test_tracks_that_a_host_works_on_at_different_times_get_the_same_sound(
    engine: Rig, export: dict[str, Audio], tmp_path: Path
) -> None:
    with ClapHost(tmp_path, LINK) as host:
        host.do("pace", ANSWERED)
        host.do("param", BUS, 1)
        host.connect()
        host.do("use", 1)
        host.do("param", BUS, 2)
        host.connect()
        late = host.latency_frames
        for instance, track in enumerate(("one", "two")):  # the second one 0.2 s of the story later than the first
            host.do("use", instance)
            host.do("locate", 6000)
            host.do("play")
            sound = host.run(40)[late + FADE :]
            np.testing.assert_array_equal(sound, export[track][6000 + FADE :][: len(sound)])


PAD = 36
"""The note of a bank's first slot."""
BEHIND = 170_000
"""A frame behind all of the story's clips."""
ALONE = 17000
"""So long its clip sounds in the story before the track's next one."""


@pytest.mark.parametrize("blocks_of_latency", [0, 2])
def test_notes_of_a_bounce_sound_at_their_own_frames(
    engine: Rig, export: dict[str, Audio], tmp_path: Path, blocks_of_latency: int
) -> None:
    with ClapHost(tmp_path, LINK, midi=True) as host:
        host.do("offline", 1)
        host.do("param", BUS, 1)
        host.do("param", BLOCKS_OF_LATENCY, blocks_of_latency)
        host.run(8)
        late = host.latency_frames
        assert late == blocks_of_latency * host.block
        for offset in (77, 200):
            host.do("note", offset, 0x90, PAD, 127)
            heard = host.run(140)
            assert not heard[: late + offset].any()
            np.testing.assert_array_equal(heard[late + offset :][:ALONE], export["one"][:ALONE])


def test_a_pad_that_waits_for_a_bar_waits_for_the_daw_s(engine: Rig, export: dict[str, Audio], tmp_path: Path) -> None:
    with ClapHost(tmp_path, LINK, midi=True) as host:
        host.do("pace", ANSWERED)
        host.do("param", BUS, 1)
        host.do("locate", BEHIND)
        host.do("play")
        host.connect()
        _run_until(host, lambda _: engine.client.ask("/transport/tempo") == [97.0])
        assert engine.client.ask("/transport/bar")[2] == 3
        late, bar = host.latency_frames, 3 * 60 * 48000 / 97
        for _ in range(10):  # a stall of control, which this host does not wait for, may cost a bar
            _run_until(host, lambda sound: not sound.any())
            left = -(BEHIND + host.frames + 77) % bar
            host.do("note", 77, 0x90, PAD + 1, 127)
            heard = host.run(450)
            begins = int(np.argmax(heard.any(axis=1)))
            if abs(begins - (late + 77 + left)) <= 1:
                break
            if not begins:
                _run_until(host, lambda sound: sound.any())
    assert abs(begins - (late + 77 + left)) <= 1
    np.testing.assert_array_equal(heard[begins:][:ALONE], export["one"][:ALONE])


def test_notes_that_are_played_live_sound_at_their_own_frames(
    engine: Rig, export: dict[str, Audio], tmp_path: Path
) -> None:
    with ClapHost(tmp_path, LINK, block=1024, midi=True) as host:
        host.do("pace", ANSWERED)
        host.do("param", BUS, 1)
        host.do("param", BLOCKS_OF_LATENCY, 4)
        host.connect()
        host.run(20)
        late = host.latency_frames
        for _ in range(10):  # a stall of control costs a try
            host.do("note", 77, 0x90, PAD, 127)
            heard = host.run(40)
            if np.array_equal(heard[late + 77 :][:ALONE], export["one"][:ALONE]):
                break
        else:
            raise AssertionError("not once at its frame")
    assert not heard[: late + 77].any()


@pytest.mark.parametrize("blocks_of_latency", [0, 2])
def test_the_audio_thread_asks_for_no_memory_and_no_lock(engine: Rig, tmp_path: Path, blocks_of_latency: int) -> None:
    with ClapHost(tmp_path, LINK, midi=True) as host:
        host.do("pace", ANSWERED)
        host.do("param", BLOCKS_OF_LATENCY, blocks_of_latency)
        host.connect()
        for verb in (("play",), ("locate", 9000), ("note", 5, 0x90, PAD, 1), ("offline", 1), ("stop",)):
            host.do(*verb)
            *_, forbidden, refused = map(float, host.say("run", 20).split()[1:])
            assert (forbidden, refused) == (0, 0)


@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace")
@pytest.mark.parametrize(("wake", "allowed"), [("1", {"futex"}), ("0", set())])
def test_the_audio_thread_waits_for_nothing(engine: Rig, tmp_path: Path, wake: str, allowed: set[str]) -> None:
    trace = tmp_path / "trace"
    with ClapHost(tmp_path, LINK, around=("strace", "-o", str(trace)), CUEVOX_DAW_WAKE=wake) as host:
        host.connect()
        host.do("play")
        host.run(500)
        blocks = host.frames // host.block
    made = system_calls(trace)
    assert set(made) <= allowed
    assert len(made) <= blocks, "not even one call for each block"


def test_the_engine_may_die_and_come_back(story: Path, tmp_path: Path) -> None:
    link = f"{LINK}-k"
    with ClapHost(tmp_path, link) as host:
        host.do("pace", REAL_TIME)
        assert not host.run(20).any()
        assert host.status == "no engine"
        with serving(story, link) as rig:
            host.connect()
            host.do("play")
            before = _run_until(host, lambda sound: sound[-2048:].any())
            _hold(psutil.Process(rig.process.pid))  # nobody is there to start another one yet
            rig.child("engine.realtime.audio_process").send_signal(signal.SIGKILL)
            pieces, deadline = [], time.monotonic() + WAIT_SECONDS
            while host.status != "no engine":
                assert time.monotonic() < deadline
                pieces.append(host.run(1))
            dying = np.concatenate(pieces)
            rig.process.send_signal(signal.SIGCONT)
            host.connect()
            host.do("locate", 0)
            _run_until(host, lambda sound: sound[-2048:].any())  # another audio process serves
            _bounce_while_it_hangs(rig, host)
        assert not host.run(100)[-2048:].any()
        assert host.status == "no engine"
    assert roughness(dying) < 4 * roughness(before), "it fades where it breaks off"
    assert not Path(f"/dev/shm/{link}-{os.getuid()}").exists()


def test_a_missed_block_does_not_click(tmp_path: Path) -> None:
    link = DawLink(f"{LINK}-c", RATE)
    link.serve()
    try:
        with ClapHost(tmp_path, f"{LINK}-c", block=64) as host:
            host.connect()
            (slot,) = (slot for slot in link.slots if slot.host)
            heard = [_run_a_block(host, link, slot, answer=number not in (40, 41, 42)) for number in range(60)]
            assert host.misses >= 1
    finally:
        link.close()
    sound = np.concatenate(heard)[:, 0]
    assert not sound[0] and abs(sound[-1] - 0.5) < 1e-6
    assert np.abs(np.diff(sound)).max() < 0.5 * 0.021, "it decays, and what comes again fades in above that"


def _run_a_block(host: ClapHost, link: DawLink, slot: Slot, *, answer: bool) -> Audio:
    """Return a block of the host's; then answer what it has asked for so far, as an engine that plays a constant."""
    heard = host.run(1)
    link.beat()
    while answer and slot.taken < slot.asked:
        request = slot.requests[slot.taken % len(slot.requests)]
        stream, frames = int(request["stream"]), int(request["frames"])
        lay(slot.ring, stream, np.full((frames, 2), 0.5, np.float32))
        slot.answer(stream + frames, 0, time.monotonic_ns())
    return heard


def _bounce_while_it_hangs(rig: Rig, host: ClapHost) -> None:
    """A dead engine costs a bounce seconds once, not for each block."""
    host.do("pace", AT_ONCE)
    host.do("offline", 1)
    host.run(20)
    missed = host.misses
    assert not host.has_failed
    _hold(psutil.Process(rig.process.pid))  # it would put another one in its place before a host that is held up asks
    audio = rig.children("engine.realtime.audio_process")
    for process in audio:
        _hold(process)
    try:
        took_us, *_, refused = map(float, host.say("run", 120).split()[1:])  # more than it was given
        assert took_us < 1000.0, "the median block"
        assert host.misses > missed
        assert refused, "the host is told"
        assert host.has_failed
    finally:
        for process in audio:
            process.resume()
        rig.process.send_signal(signal.SIGCONT)


def _hold(process: psutil.Process) -> None:
    """Stop a process, and wait until all of its threads stand: they go on until one of them has been given time."""
    process.suspend()
    deadline = time.monotonic() + WAIT_SECONDS
    while not all("State:\tT" in (task / "status").read_text() for task in Path(f"/proc/{process.pid}/task").iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_all_slots_can_be_taken_and_a_dead_host_s_is_free_again(engine: Rig, tmp_path: Path) -> None:
    segment = np.memmap(f"/dev/shm/{LINK}-{os.getuid()}", np.uint8, "r+")
    slots = segment[SLOTS_AT:].view(SLOT)
    gone = subprocess.Popen(["true"])
    gone.wait()
    with ClapHost(tmp_path, LINK) as host:
        host.connect()
        others = [number for number in range(SLOTS) if slots["host"][number] == 0]
        slots["host"][others] = os.getpid()
        with ClapHost(tmp_path, LINK, name="late") as late:
            late.do("run", 1)
            assert late.status == "full"
            slots["host"][others[3]] = gone.pid
            late.do("restart")
            late.do("run", 1)
            assert late.status != "full"
        slots["host"][others] = 0


def test_the_first_host_has_the_engine(engine: Rig, tmp_path: Path) -> None:
    for _ in range(5):  # one that stalls for long loses it to the other
        with ClapHost(tmp_path, LINK, name="first") as first, ClapHost(tmp_path, LINK, name="second") as second:
            first.connect()
            for _ in range(2000):
                first.do("run", 1)
                second.do("run", 1)
                if second.status == "another host":
                    break
            said = first.status, second.status
            if said == ("connected", "another host"):
                return
    raise AssertionError(said)


def test_another_sample_rate_is_refused_and_the_engine_s_named(engine: Rig, tmp_path: Path) -> None:
    with ClapHost(tmp_path, LINK, rate=44100) as host:
        host.do("pace", ANSWERED)
        host.do("play")
        assert not host.run(20).any()
        assert (host.status, host.tell()[2 + ENGINE_RATE]) == ("another rate", 48000.0)


def test_an_engine_of_another_version_says_so(engine: Rig, tmp_path: Path) -> None:
    segment = np.memmap(f"/dev/shm/{LINK}-{os.getuid()}", np.uint8, "r+")
    header = segment[:SLOTS_AT].view(HEADER)
    with ClapHost(tmp_path, LINK) as host:
        header["version"] = 999
        host.do("restart")
        host.do("run", 1)
        assert host.status == "another version"
        header["version"] = VERSION
        host.connect()
