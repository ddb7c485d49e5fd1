"""Ports of strips on a real JACK server: they come with a strip, and go once it has rung out."""

from __future__ import annotations

import signal
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import DeviceError
from engine.output import jack_patch
from engine.output.jack_patch import Patch
from engine.output.jack_ports import JackPortsOutput
from tests.jack_recorder import JackRecorder
from tests.jack_server import JackServer, join, names_of, running_server

pytestmark = [pytest.mark.whole, pytest.mark.extra]

WAIT_SECONDS = 30.0


class Strips:
    """Each strip gives its own constant."""

    def __init__(self, *ids: str) -> None:
        self.strip_ids = ids
        self.blocks = 0
        self._frames = 0

    def render(self, out: NDArray[np.float32], unix_seconds: float, lost: bool) -> None:
        del unix_seconds, lost
        self.blocks += 1
        self._frames = len(out)
        out[:] = 0.5

    def strip_output(self, strip: int) -> NDArray[np.float32]:
        return np.full((self._frames, 2), 0.01 * (1 + strip), np.float32)


def until(server: JackServer, *names: str) -> None:
    wanted = {f"cuevox:{name}_{n}" for name in names for n in (1, 2)}
    deadline = time.monotonic() + WAIT_SECONDS
    with server.client("look") as look:
        while (there := set(names_of(look, "^cuevox:", is_output=True))) != wanted:
            assert time.monotonic() < deadline, there
            time.sleep(0.02)


def until_heard(server: JackServer, port: str, level: float) -> None:
    """Wait until a port plays ``level``, and nothing else from then on."""
    with JackRecorder(server) as recorder:
        recorder.connect([f"cuevox:{port}"])
        deadline = time.monotonic() + WAIT_SECONDS
        while not np.allclose(recorder.audio()[-1024:, 0], level) or recorder.frames < 1024:
            assert time.monotonic() < deadline, recorder.audio()[-1024::256, 0]
            recorder.wait_frames(256)


def test_ports_follow_strips_and_a_strip_that_left_is_heard_until_it_is_swept(jack_server: JackServer) -> None:
    strips = Strips("voice", "hall", "master")
    output = JackPortsOutput(48000, 256, strips)
    blocks_before: list[int] = []
    output.start(strips.render, lambda: blocks_before.append(strips.blocks))
    assert blocks_before == [0]
    try:
        until(jack_server, "voice", "hall", "master")
        until_heard(jack_server, "hall_1", 0.02)
        until_heard(jack_server, "master_2", 0.5)
        strips.strip_ids = ("voice", "hall", "master", "hall", "room")  # removed, and another one of that name
        until(jack_server, "voice", "hall", "master", "room")
        until_heard(jack_server, "hall_2", 0.02 + 0.04)
        strips.strip_ids = ("voice", "", "master", "hall", "")
        until(jack_server, "voice", "hall", "master")
        until_heard(jack_server, "hall_1", 0.04)
        strips.strip_ids = ("voice", "", "master")
        until(jack_server, "voice", "master")
    finally:
        output.stop()


def heard_by(server: JackServer, port: str) -> set[str]:
    with server.client("look") as look:
        return {each.name for each in look.get_all_connections(f"cuevox:{port}")}


def until_patched(output: JackPortsOutput, *, before: Patch | None = None) -> Patch:
    """Return the connections once they are others than before."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (news := output.patch.news() if output.patch else None) is None or news == before:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return news


def test_what_was_connected_by_hand_is_told_and_connected_again_by_who_takes_over(jack_server: JackServer) -> None:
    strips = Strips("voice", "hall", "master")
    output = JackPortsOutput(48000, 256, strips)
    output.start(strips.render)
    try:
        told = until_patched(output)
        while told != {"master_1": ("system:playback_1",), "master_2": ("system:playback_2",)}:
            told = until_patched(output, before=told)
        with jack_server.client("ear") as ear, jack_server.client("hand") as hand:
            left, right = (ear.inports.register(f"in_{n}") for n in (1, 2))
            ear.activate()
            for source, sink in (("voice_1", left.name), ("voice_1", right.name), ("hall_2", "system:playback_1")):
                join(hand, f"cuevox:{source}", sink)
            hand.disconnect("cuevox:master_2", "system:playback_2")
            wanted = {
                "hall_2": ("system:playback_1",),
                "master_1": ("system:playback_1",),
                "voice_1": ("ear:in_1", "ear:in_2"),
            }
            while told != wanted:
                told = until_patched(output, before=told)
            assert output.patch is not None and output.patch.news() is None, "it is told once"
    finally:
        output.stop()
    again = JackPortsOutput(48000, 256, strips, wanted)
    again.start(strips.render)
    try:
        assert heard_by(jack_server, "hall_2") == {"system:playback_1"}
        assert heard_by(jack_server, "master_1") == {"system:playback_1"} and not heard_by(jack_server, "master_2")
        assert not heard_by(jack_server, "voice_1")
        assert until_patched(again) == wanted, "what is not there yet is still to be connected"
        with jack_server.client("ear") as ear:
            for n in (1, 2):
                ear.inports.register(f"in_{n}")
            ear.activate()
            deadline = time.monotonic() + WAIT_SECONDS
            while heard_by(jack_server, "voice_1") != {"ear:in_1", "ear:in_2"}:
                assert time.monotonic() < deadline
                assert again.patch is not None and again.patch.news() in (None, wanted)
                time.sleep(0.02)
    finally:
        again.stop()


def test_a_change_that_a_late_server_tells_before_it_shows_it_is_seen_once_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It tells at once of what was cut, and shows it with its next cycle: that may be late on a busy machine."""
    strips, both = Strips("master"), {"master_1": ("system:playback_1",), "master_2": ("system:playback_2",)}
    for server in running_server(period=8192, sync=False):
        for key, value in server.env.items():
            monkeypatch.setenv(key, value)
        output = JackPortsOutput(48000, 8192, strips)
        output.start(strips.render)
        try:
            told = until_patched(output)
            while told != both:
                told = until_patched(output, before=told)
            patch = output.patch
            assert patch is not None
            with server.client("hand") as hand:
                for _ in range(2):
                    patch.news()
                hand.disconnect("cuevox:master_2", "system:playback_2")
                with server.standing_still():
                    assert output.repatched.wait(WAIT_SECONDS)
                    early = [patch.news() for _ in range(3)]
                deadline = time.monotonic() + WAIT_SECONDS
                while hand.get_all_connections("cuevox:master_2"):
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
                assert {"master_1": ("system:playback_1",)} in (*early, patch.news())
        finally:
            output.stop()


def refuse(*_: object) -> None:
    raise DeviceError("no JACK server is running")


def output_of_none(*_: object) -> None:
    """Render nothing."""


def test_a_server_that_goes_as_it_is_entered_is_a_device_that_cant_be_had(
    jack_server: JackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jack_patch, "JackPatch", refuse)
    output = JackPortsOutput(48000, 256, Strips("master"))
    with pytest.raises(DeviceError, match="as we entered"):
        output.start(output_of_none, lambda: jack_server.end(signal.SIGKILL))
    jack_server.start()


def test_a_server_that_takes_no_further_guest_is_played_on(
    jack_server: JackServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(jack_patch, "JackPatch", refuse)
    strips = Strips("voice", "master")
    output = JackPortsOutput(48000, 256, strips, {"voice_1": ("system:playback_1",)})
    output.start(strips.render)
    try:
        assert output.patch is None and "can't be looked at" in caplog.text
        assert heard_by(jack_server, "master_1") == {"system:playback_1"}
        until_heard(jack_server, "master_1", 0.5)
    finally:
        output.stop()
