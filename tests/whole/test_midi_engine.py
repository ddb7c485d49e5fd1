"""MIDI through the whole engine: a device on real JACK, the real `cuevox run`, an independent recorder."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.jack_recorder import JackRecorder
from tests.jack_server import JackServer
from tests.whole.rig import WAIT_SECONDS, Rig, running, write_story

pytestmark = [pytest.mark.whole, pytest.mark.timeout(300)]


class Device:
    """Pads with lights, as a JACK client that knows nothing of us."""

    def __init__(self, server: JackServer) -> None:
        self.shown: list[bytes] = []
        self._presses: deque[bytes] = deque()
        self._client = server.client("LPX MIDI")
        self._out = self._client.midi_outports.register("out")
        self._in = self._client.midi_inports.register("in")
        self._client.set_process_callback(self._process)
        self._client.activate()

    def _process(self, frames: int) -> None:
        self.shown += (bytes(data) for _, data in self._in.incoming_midi_events())
        self._out.clear_buffer()
        while self._presses:
            self._out.write_midi_event(0, self._presses.popleft())

    def press(self, note: int, velocity: int = 127) -> None:
        self._presses.append(bytes((0x90, note, velocity)))

    def close(self) -> None:
        self._client.deactivate()
        self._client.close()


@pytest.fixture
def device(jack_server: JackServer) -> Iterator[Device]:
    device = Device(jack_server)
    yield device
    device.close()


@pytest.fixture
def rig(tmp_path: Path, jack_server: JackServer, device: Device) -> Iterator[Rig]:
    env = {**jack_server.env, "CUEVOX_SURFACES_DIR": str(tmp_path / "surfaces")}
    story = write_story(tmp_path)
    click = np.zeros(20 * 48000, np.float32)  # it plays for so long that its light is seen, however the machine stalls
    click[0] = 0.5
    soundfile.write(tmp_path / "click.wav", click, 48000, subtype="FLOAT")
    with running(story, "--device", "JACK", "--midi", "jack", env={**os.environ, **env}) as rig:
        rig.wait_ready()
        yield rig


def until(shown: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not shown():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_pad_is_heard_lit_and_monitored(rig: Rig, jack_server: JackServer, device: Device) -> None:
    client = rig.client
    ports = client.ask("/midi/ports", answer="/midi/ports/end")
    assert ports[0] >= 2
    client.send("/subscribe", "/event/midi/*")
    client.wait("/subscribed")
    with JackRecorder(jack_server) as recorder:
        recorder.listen_to("cuevox")
        until(lambda: device.shown)  # its ports are connected: first the one that is heard
        device.press(81)
        assert client.wait("/event/midi/heard")[2] == "/slot/a/1/trigger 1"
        while np.abs(recorder.audio()[:, 0]).max() < 0.3:
            recorder.wait_frames(2400)
        recorder.wait_frames(9600)
        heard = recorder.audio()[:, 0]
    assert np.count_nonzero(np.abs(heard) > 0.3) == 1, "the click of the slot"
    until(lambda: any(m[:2] == b"\x92\x51" for m in device.shown))  # it pulses while it plays
    assert device.shown[0] == bytes.fromhex("F0 00 20 29 02 0C 0E 01 F7")
    assert client.ask("/req", 1, "/midi/learn", "/strip/clicks/gain", answer="/reply/midi/learn") == [1, "ok"]
    device.press(99, 20)
    assert client.wait("/event/midi/learned")[1:] == ["note 99 ch 1", "/strip/clicks/gain"]
