"""Every bus has ports of its own in a JACK graph, named after it, and they follow the story's strips."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.jack_recorder import JackRecorder
from tests.jack_server import JackServer, join, names_of, running_server
from tests.whole.rig import Rig, running, write_story

if TYPE_CHECKING:
    import jack

pytestmark = [pytest.mark.whole, pytest.mark.extra, pytest.mark.timeout(300)]

WAIT_SECONDS = 60.0
AUDIO = "engine.realtime.audio_process"


def ports(server: JackServer) -> set[str]:
    with server.client("look") as look:
        return {name.split(":")[1] for name in names_of(look, "^cuevox:", is_output=True, is_audio=True)}


def until(server: JackServer, *names: str) -> None:
    wanted = {f"{name}_{n}" for name in names for n in (1, 2)}
    deadline = time.monotonic() + WAIT_SECONDS
    while ports(server) != wanted:
        assert time.monotonic() < deadline, ports(server)
        time.sleep(0.05)


@pytest.fixture
def server() -> Iterator[JackServer]:
    yield from running_server(period=2048)  # longer than what the mixer does in one piece


@pytest.fixture
def rig(tmp_path: Path, server: JackServer) -> Iterator[Rig]:
    with running(write_story(tmp_path), "--device", "jack-ports", env=server.env) as rig:
        rig.wait_ready()
        rig.client.ask("/subscribe", "/event/cue/*", answer="/subscribed")
        yield rig


def heard(rig: Rig, server: JackServer, *sources: str) -> np.ndarray:
    with JackRecorder(server) as recorder:
        recorder.connect([f"cuevox:{source}" for source in sources])
        recorder.wait_frames(4096)
        rig.client.send("/cue/3/go")
        rig.client.wait("/event/cue/started", "3")
        recorder.wait_frames(24000)
        rig.client.send("/panic", 1, 0.01)
        recorder.wait_frames(9600)
        return recorder.audio()


def test_each_bus_is_heard_on_its_ports(rig: Rig, server: JackServer) -> None:
    assert rig.ready["device"] == "jack-ports" and rig.ready["block_frames"] == server.period
    until(server, "voice", "clicks", "master")
    with server.client("look") as look:
        connected = look.get_all_connections("cuevox:master_1")
        assert [port.name for port in connected] == ["system:playback_1"]
        assert not look.get_all_connections("cuevox:clicks_1")
    both = heard(rig, server, "clicks_1", "voice_1")
    assert np.abs(both[:, 0]).max() > 0.1 and not both[:, 1].any()
    both = heard(rig, server, "clicks_2", "master_2")
    begun = int(np.flatnonzero(both[:, 0])[0])
    np.testing.assert_allclose(both[: begun + 12000, 0], both[: begun + 12000, 1], atol=1e-6)
    rig.client.send("/mix/bus/add", "hall")
    until(server, "voice", "clicks", "master", "hall")
    assert rig.stop() == 0


@pytest.mark.parametrize("device", ["jack-ports", "system"])
def test_what_was_connected_by_hand_is_connected_again_after_a_kill(tmp_path: Path, device: str) -> None:
    for server in running_server(sync=False):
        settings = {**server.env, "CUEVOX_STANDBY": "on"}
        with (
            running(write_story(tmp_path), "--device", device, env=settings) as rig,
            server.client("ear") as ear,
            server.client("look") as look,
        ):
            rig.wait_ready()
            rig.client.ask("/subscribe", "/event/process/*", answer="/subscribed")
            sink = ear.inports.register("in").name
            ear.activate()
            ours = sorted(names_of(look, "^cuevox:", is_output=True, is_audio=True))
            join(look, ours[0], sink)
            look.disconnect("cuevox:master_1" if device == "jack-ports" else ours[0], "system:playback_1")
            deadline = time.monotonic() + WAIT_SECONDS
            while len(wanted := connected(look)) != 2:  # what was cut is seen to be so with the server's next cycle
                assert time.monotonic() < deadline, wanted
                time.sleep(0.05)
            while len(rig.children(AUDIO)) < 2:
                assert time.monotonic() < deadline, "no standby"
                time.sleep(0.05)
            while (told := noted(rig)) != wanted:
                assert time.monotonic() < deadline, (told, wanted)
                time.sleep(0.05)
            rig.children(AUDIO)[0].kill()
            assert rig.client.wait("/event/process/replaced")[0] == "audio"
            while connected(look) != wanted:
                assert time.monotonic() < deadline, connected(look)
                time.sleep(0.05)


def noted(rig: Rig) -> set[tuple[str, ...]]:
    """Return what the engine has noted last of its connections: which port is heard by which."""
    lines = rig.log.read_text().split("on JACK these are connected, also after a take-over: ")
    return {tuple(pair.split(" to ")) for pair in lines[-1].splitlines()[0].split(", ")} if lines[1:] else set()


def connected(look: jack.Client) -> set[tuple[str, str]]:
    """Return what hears which port of the engine's."""
    import jack

    found = set()
    for name in names_of(look, "^cuevox[^:]*:", is_output=True, is_audio=True):
        try:
            found |= {(name.split(":")[1], each.name) for each in look.get_all_connections(name)}
        except jack.JackError:
            return set()  # of a client that is just leaving
    return found
