"""Cues that send, and a MIDI file on the timeline, through the whole engine: what JACK and UDP hear, and when."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from bridge.osc.codec import parse
from tests.jack_recorder import JackRecorder
from tests.jack_server import JackServer
from tests.whole.rig import Rig, running

pytestmark = [pytest.mark.whole, pytest.mark.timeout(300)]

RATE = 48_000
STORY = """\
kind: story
version: 1
title: Sends
tempo: 120
tracks:
  - {{id: clicks, clips: [{{id: click, audio: click.wav, start: 0, mute: true}}]}}
slots:
  - {{bank: a, index: 1, clip: click, mode: layer}}
midi:
  - {{file: pads.mid, bank: a, start: 0.5}}
cues:
  - {{id: 1, group: [2, 3]}}
  - {{id: 2, clip: click, pre_wait: 0.2}}
  - id: 3
    pre_wait: 0.2
    send:
      - {{note: 60, velocity: 90, duration: 0.1, port: Desk}}
      - {{note: 61, after: 0.0333, duration: 0.05, port: Desk}}
      - {{osc: /desk/go, to: "127.0.0.1:{port}", args: [7, 0.5, go]}}
  - {{id: 4, at: 1.5, send: [{{program: 5, port: Desk}}]}}
{more}
master: {{limiter_db: off}}
"""
PROGRAMS = 60
"""Cues on the timeline, a tenth of a second apart: what a control process that is killed must not lose."""


class Desk:
    """A JACK client that hears MIDI, and when."""

    def __init__(self, server: JackServer) -> None:
        self.client = server.client("Desk")
        self._in = self.client.midi_inports.register("in")
        self.heard: list[tuple[int, bytes]] = []
        self.client.set_process_callback(self._process)
        self.client.activate()

    def _process(self, _: int) -> None:
        start = self.client.last_frame_time
        self.heard += [(start + offset, bytes(data)) for offset, data in self._in.incoming_midi_events()]


def until(true: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def desk(jack_server: JackServer) -> Iterator[Desk]:
    desk = Desk(jack_server)
    yield desk
    desk.client.deactivate()
    desk.client.close()


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(30.0)
        yield receiver


@pytest.fixture
def rig(tmp_path: Path, jack_server: JackServer, desk: Desk, receiver: socket.socket) -> Iterator[Rig]:
    click = np.zeros(480, np.float32)
    click[0] = 0.5
    soundfile.write(tmp_path / "click.wav", click, RATE, subtype="FLOAT")
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(mido.MidiTrack(
        mido.Message(kind, note=36, velocity=127, time=ticks)
        for kind, ticks in (("note_on", 0), ("note_off", 240), ("note_on", 240), ("note_off", 10), ("note_on", 111))
    ))  # fmt: skip
    file.save(tmp_path / "pads.mid")
    story = tmp_path / "story.yaml"
    more = "\n".join(
        f"  - {{id: p{n}, at: {2.0 + n / 10:.1f}, send: [{{program: {n}, channel: 2, port: Desk}}]}}"
        for n in range(PROGRAMS)
    )
    story.write_text(STORY.format(port=receiver.getsockname()[1], more=more))
    env = {**jack_server.env, "CUEVOX_SURFACES_DIR": str(tmp_path / "surfaces")}
    with running(story, "--device", "JACK", "--midi", "jack", env={**os.environ, **env}) as rig:
        rig.wait_ready()
        yield rig


def test_what_is_sent_is_heard_with_the_sound_and_a_file_presses_to_the_frame(
    rig: Rig, jack_server: JackServer, desk: Desk, receiver: socket.socket
) -> None:
    rig.client.send("/subscribe", "/event/cue/*")
    rig.client.wait("/subscribed")
    with JackRecorder(jack_server) as recorder:
        recorder.listen_to("cuevox")
        rig.client.send("/cue/1/go")
        until(lambda: len(desk.heard) >= 4)
        (bundle,) = parse(receiver.recv(4096))
        assert (bundle.messages[0].address, bundle.messages[0].args) == ("/desk/go", (7, 0.5, "go"))
        frames, messages = zip(*desk.heard[:4], strict=True)
        assert messages == (b"\x90\x3c\x5a", b"\x90\x3d\x64", b"\x90\x3d\x00", b"\x90\x3c\x00")
        places = list(zip(frames, (0, 1598, 3998, 4800), strict=True))
        on_time = [frame - place for frame, place in places if frame % jack_server.period]
        assert set(on_time) <= {on_time[0] if on_time else 0}, "to the frame; what is late is at a cycle's beginning"
        assert rig.client.wait("/event/cue/sent", "3")[1] == "note 60 velocity 90 ch 1"
        rig.client.send("/transport/play")
        until(lambda: len(desk.heard) >= 5)
        assert desk.heard[4][1] == b"\xc0\x05", "the cue that stands at 1.5 s"
        recorder.wait_frames(RATE // 2)
        heard = recorder.audio()[:, 0]
    onsets = np.flatnonzero(np.abs(heard) > 0.2)
    assert len(onsets) == 4, "the cue's click, and three of the file"
    assert np.diff(onsets[1:]).tolist() == [24_000, 6050], "one beat; 121 ticks of 480"


@pytest.mark.extra
def test_cues_on_the_timeline_outlive_the_control_process(rig: Rig, desk: Desk) -> None:
    def programs() -> list[tuple[int, int]]:
        return [(frame, data[1]) for frame, data in desk.heard if data[0] == 0xC1]

    rig.client.send("/transport/play")
    until(lambda: len(programs()) >= 5)
    rig.child("bridge.cli.control_process").kill()
    until(lambda: len(programs()) >= PROGRAMS)
    assert [program for _, program in programs()] == list(range(PROGRAMS)), "none twice, none lost"
