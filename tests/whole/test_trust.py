"""Every process is killed once, and hangs once: the show goes on, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile

from engine.platform import HELD_PRIORITY
from tests.jack_recorder import JackRecorder
from tests.jack_server import JackServer, running_server
from tests.whole.rig import STORY, WAIT_SECONDS, Rig, running, write_story

pytestmark = [
    pytest.mark.whole,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals"),
]

AUDIO, CONTROL, WORKER = "engine.realtime.audio_process", "bridge.cli.control_process", "engine.voices.worker"
WITH_STANDBY = {"CUEVOX_STANDBY": "on"}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with running(write_story(tmp_path), "--device", "null", env=WITH_STANDBY) as rig:
        rig.wait_ready()
        rig.client.send("/subscribe", "/event//*")
        yield rig


def wait(what: Callable[[], Any], why: str) -> Any:
    """Return what ``what`` returns as soon as that is true."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := what()):
        assert time.monotonic() < deadline, why
        time.sleep(0.01)
    return found


def playing_and_standby(rig: Rig) -> tuple[psutil.Process, psutil.Process]:
    """Return both audio processes once there are two; whoever needs the second before it is ready waits for it."""
    found = wait(lambda: len(p := rig.children(AUDIO)) == 2 and p, "no standby")
    return found[0], found[1]


def test_a_killed_audio_process_is_followed_by_the_standby(rig: Rig) -> None:
    rig.client.send("/strip/clicks/gain", -6.0)
    rig.client.send("/cue/3/go")
    rig.client.wait("/event/cue/started", "3")
    rig.client.send("/transport/play")
    wait(lambda: rig.client.ask("/transport/playing")[0], "it does not play")
    playing, standby = playing_and_standby(rig)
    before = rig.client.ask("/clock/now")[1]
    playing.kill()
    process, reason, silent = rig.client.wait("/event/process/replaced")
    assert (process, bool(reason), silent > 0.0) == ("audio", True, True)  # a slow machine lets the watchdog bite first
    assert rig.client.ask("/clock/now")[1] > before
    assert rig.client.ask("/transport/playing") == [1]
    rig.client.wait("/event/cue/ended", "3")
    assert rig.children(AUDIO)[0].pid == standby.pid
    assert playing_and_standby(rig)[1].pid not in (playing.pid, standby.pid)


def test_the_processes_that_run_are_named_with_the_one_that_stands_by(rig: Rig) -> None:
    def named(name: str) -> list[int]:
        values = rig.client.ask("/engine/processes")
        return [pid for process, pid in zip(values[::2], values[1::2], strict=True) if process == name]

    def standing_by() -> bool:
        return [[process.pid] for process in rig.children(AUDIO)] == [named("audio"), named("standby")]

    wait(standing_by, "the standby is not named")
    rig.children(CONTROL)[0].kill()
    rig.client.wait("/event/process/replaced")
    wait(standing_by, "the control process that follows does not know the standby")
    before = named("standby")
    rig.children(AUDIO)[0].kill()
    wait(lambda: named("audio") == before, "the standby does not play")
    wait(lambda: standing_by() and named("standby") != before, "the next standby is not named")


@pytest.mark.extra
def test_a_change_of_the_mix_that_a_killed_audio_process_had_not_built_is_built_by_the_next(rig: Rig) -> None:
    for number in range(3):  # killed before the mix has come to it, it costs a try
        playing, _ = playing_and_standby(rig)
        settle(rig)
        playing.send_signal(signal.SIGSTOP)
        added = rig.client.ask("/req", 1, "/mix/bus/add", f"echo-{number}", answer="/reply/mix/bus/add")
        assert added == [1, "ok"]
        settle(rig)
        playing.kill()
        assert rig.client.wait("/event/process/replaced")[0] == "audio"
        if "the mix is sent once more" in rig.log.read_text():
            break
    else:
        raise AssertionError("it is not sent")
    assert rig.client.ask("/req", 2, "/mix/bus/add", "hall", answer="/reply/mix/bus/add") == [2, "ok"]
    playing_and_standby(rig)
    assert "the mix was not changed" not in rig.log.read_text()
    assert not [said for said in rig.client.heard if said.address == "/event/dropped"]


@pytest.mark.extra
def test_a_killed_standby_is_replaced_and_nobody_hears_of_it(rig: Rig) -> None:
    playing, standby = playing_and_standby(rig)
    standby.kill()
    fresh = wait(lambda: [p for p in rig.children(AUDIO) if p.pid not in (playing.pid, standby.pid)], "no standby")
    fresh[0].kill()
    playing.kill()
    assert rig.client.wait("/event/process/replaced")[0] == "audio"


@pytest.mark.extra
def test_an_audio_process_that_hangs_is_followed_too(rig: Rig) -> None:
    playing, standby = playing_and_standby(rig)
    playing.send_signal(signal.SIGSTOP)
    process, reason, _ = rig.client.wait("/event/process/replaced")
    assert (process, "no sign of life" in reason) == ("audio", True)
    assert rig.children(AUDIO)[0].pid == standby.pid


@pytest.fixture
def hasty_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[JackServer]:
    """A server that waits for nobody, as one with a sound card: a killed client is gone at once."""
    for server in running_server(sync=False):
        for key, value in server.env.items():
            monkeypatch.setenv(key, value)
        yield server


def realtime_priorities(process: psutil.Process) -> list[int]:
    """Return the priorities of its threads that have real-time scheduling."""
    threads = [thread.id for thread in process.threads()]
    policies = {thread: os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK for thread in threads}
    real = [thread for thread in threads if policies[thread] in (os.SCHED_FIFO, os.SCHED_RR)]
    return [os.sched_getparam(thread).sched_priority for thread in real]


@pytest.mark.extra
@pytest.mark.skipif(sys.platform != "linux", reason="schedules are Linux's")
def test_who_takes_commands_never_runs_before_the_callback(tmp_path: Path) -> None:
    for server in running_server(sync=False, realtime=True):
        with running(write_story(tmp_path), "--device", "JACK", env=server.env) as rig:
            rig.wait_ready()
            callbacks, commands = (realtime_priorities(rig.child(module)) for module in (AUDIO, CONTROL))
            if not callbacks or not commands:
                pytest.skip("real-time scheduling is not granted here")
            assert max(callbacks) >= max(commands)
            assert HELD_PRIORITY in callbacks, "its main thread holds what the callback waits for"


@pytest.mark.extra
def test_what_sounds_goes_on_at_its_frame_on_jack(tmp_path: Path, hasty_server: JackServer) -> None:
    story = write_story(tmp_path)
    long = 0.25 * np.sin(2 * np.pi * 441.0 * np.arange(20 * 48000) / 48000)  # so that a slow machine hears it yet
    soundfile.write(tmp_path / "tone.wav", long, 48000, subtype="FLOAT")
    with running(story, "--device", "JACK", env={**hasty_server.env, **WITH_STANDBY}) as rig:
        rig.wait_ready()
        playing, _ = playing_and_standby(rig)
        rig.client.send("/subscribe", "/event//*")
        with JackRecorder(hasty_server) as recorder:
            recorder.listen_to("cuevox")
            rig.client.send("/cue/3/go")
            rig.client.wait("/event/cue/started", "3")
            playing.kill()
            rig.client.wait("/event/process/replaced")
            recorder.listen_to("cuevox")
            recorder.wait_frames(9600)
            heard = recorder.audio()[:, 0]
        tone = 0.25 * np.sin(2 * np.pi * 441.0 * np.arange(96000) / 48000)
        loud = np.flatnonzero(np.abs(heard) > 1e-4)
        gap = int(np.argmax(np.diff(loud)))
        again = heard[loud[gap + 1] :][:200]
        misfits = [np.abs(again - tone[at : at + 200]).max() for at in range(16000)]  # then it repeats itself
        assert min(misfits) < 1e-5


@pytest.mark.extra
def test_a_lost_jack_server_is_told_kept_time_for_and_found_again(tmp_path: Path, jack_server: JackServer) -> None:
    with running(write_story(tmp_path), "--device", "JACK", env={**jack_server.env, **WITH_STANDBY}) as rig:
        rig.wait_ready()
        playing_and_standby(rig)
        rig.client.send("/subscribe", "/event//*")
        rig.client.send("/transport/play")
        jack_server.stop()
        device, missing = rig.client.wait("/event/output")
        assert device == "null"
        assert "JACK" in missing
        first = rig.client.ask("/transport/position")[0]
        wait(lambda: rig.client.ask("/transport/position")[0] > first, "nobody keeps time")
        jack_server.start()
        while rig.client.wait("/event/output") != ["system", ""]:
            pass
        with JackRecorder(jack_server) as recorder:
            recorder.listen_to("cuevox")
            rig.client.send("/transport/stop")  # its tone would be heard with the click
            rig.client.ask("/sync", 1, answer="/synced")
            recorder.wait_frames(9600)
            silent = recorder.frames
            rig.client.send("/cue/2/go")
            rig.client.wait("/event/cue/started", "2")
            recorder.wait_frames(9600)
            assert np.abs(recorder.audio()[silent:]).max() == pytest.approx(0.5)


def test_a_killed_control_process_comes_back_as_it_was_and_the_sound_goes_on(rig: Rig) -> None:
    client = rig.client
    client.send("/subscribe", "/strip/clicks/gain")
    client.wait("/subscribed", "/strip/clicks/gain")
    client.send("/cue/2/go")
    client.send("/cue/3/go")
    client.wait("/event/cue/started", "3")
    client.send("/strip/clicks/gain", -12.0)
    client.send("/transport/loop", 1.0, 2.0)
    client.send("/transport/play")
    client.send("/subscribe", "/strip/master/gain")
    client.send("/at", 3.0, "/strip/master/gain", -3.0)
    client.send("/at", 60.0, "/cue/2/go")
    client.send("/atpos", 1000.0, "/cue/2/go")
    client.send("/edit/marker/add", "here", "12.5")
    client.send("/edit/marker/move", "here", "13.5")
    client.send("/undo")
    client.wait("/event/story/edited", 3)
    history, digest = client.ask("/edit/history"), client.ask("/edit/digest")
    settle(rig)
    control, playing = rig.child(CONTROL), rig.children(AUDIO)[0]
    workers = rig.children(WORKER)
    client.send("/say", "narrator", "This has never been said, and somebody dies over it. " * 30)
    client.wait("/progress")
    control.kill()
    process, _, gone_seconds = client.wait("/event/process/replaced")
    assert process == "control"
    assert gone_seconds > 0.0
    client.heard[:] = [said for said in client.heard if said.address in ("/done", "/event/cue/ended")]
    assert rig.child(CONTROL).pid != control.pid
    client.wait("/subscribed", "/strip/clicks/gain")
    assert client.ask("/strip/clicks/gain")[0] == pytest.approx(-12.0)
    assert client.ask("/cue/next") == [""]
    assert client.ask("/transport/loop") == [1.0, 2.0]
    assert client.ask("/transport/playing") == [1]
    assert client.ask("/edit/digest") == digest and client.ask("/edit/history") == history
    client.send("/redo")
    assert client.wait("/event/story/edited", 4)[1] == "redo move marker here"
    client.send("/undo")
    client.send("/undo")
    assert client.wait("/event/story/edited", 6)[1] == "undo add marker here"
    client.wait("/strip/master/gain", -3.0)
    assert client.ask("/req", 5, "/clearsched", answer="/reply/clearsched") == [5, "ok", 2]
    client.wait("/event/cue/ended", "3")
    client.wait("/done", "/say")
    assert rig.children(AUDIO)[0].pid == playing.pid
    psutil.wait_procs(workers, timeout=WAIT_SECONDS)
    assert not any(worker.is_running() for worker in workers)


@pytest.mark.extra
def test_a_cue_that_waits_is_fired_to_the_frame_by_the_control_process_that_follows(tmp_path: Path) -> None:
    waiting = STORY.replace('{id: "3", clip: tone}', '{id: "3", clip: tone, pre_wait: 15}')
    with running(write_story(tmp_path, waiting), "--device", "null") as rig:
        rig.wait_ready()
        rig.client.send("/subscribe", "/event//*")
        rig.client.send("/subscribe", "/late")
        settle(rig)
        went = rig.client.ask("/clock/now")[1]
        rig.client.send("/cue/3/go")
        settle(rig)
        rig.child(CONTROL).kill()
        rig.client.wait("/event/process/replaced", "control")
        assert rig.client.ask("/cue/3/state") == ["waiting"]
        rig.client.wait("/event/cue/started", "3")
        assert rig.client.ask("/clock/now")[1] - went >= 15 * 48000
        assert not [said for said in rig.client.heard if said.address == "/late"]


@pytest.mark.extra
def test_a_control_process_that_hangs_is_followed(rig: Rig) -> None:
    control = rig.child(CONTROL)
    control.send_signal(signal.SIGSTOP)
    assert rig.client.wait("/event/process/replaced")[0] == "control"
    assert rig.client.ask("/ping", 3, answer="/pong")[0] == 3


@pytest.mark.extra
def test_nothing_is_left_behind_after_all_of_it(tmp_path: Path) -> None:
    with running(write_story(tmp_path), "--device", "null", env=WITH_STANDBY) as rig:
        rig.wait_ready()
        supervisor = psutil.Process(rig.process.pid)
        playing_and_standby(rig)
        rig.client.send("/subscribe", "/event//*")
        settle(rig)
        before = supervisor.num_fds()
        for _ in range(2):
            playing_and_standby(rig)[0].kill()
            rig.client.wait("/event/process/replaced", "audio")
            playing_and_standby(rig)
        wait(lambda: supervisor.num_fds() <= before, "handles are left open")
        family = [supervisor, *supervisor.children(recursive=True)]
        assert rig.stop() == 0
        _, alive = psutil.wait_procs(family, timeout=WAIT_SECONDS)
        assert not alive


def settle(rig: Rig) -> None:
    """Wait until everything said so far has been done."""
    rig.client.send("/sync", 5)
    rig.client.wait("/synced", 5)
