"""Sound from the network through the whole engine: a tone that comes over UDP leaves the bus as that tone."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.io.network import vban
from tests.jack_recorder import JackRecorder
from tests.jack_server import JackServer
from tests.whole.rig import Rig, running, write_story

pytestmark = [pytest.mark.whole, pytest.mark.extra, pytest.mark.timeout(300)]

RATE = 48_000
STORY = """\
kind: story
version: 1
title: Talkback
tracks:
  - {id: talk}
buses:
  - {id: hall}
master: {limiter_db: off}
"""
WAIT_SECONDS = 60.0


class Sender:
    """Sends a tone of 1 kHz in VBAN until closed, as fast as the server's time goes: a slow machine slows that down."""

    def __init__(self, server: JackServer, port: int) -> None:
        self._port = port
        self._cycles, self._ending = threading.Semaphore(0), threading.Event()
        self._clock = server.client("clock")
        self._clock.set_process_callback(lambda _: self._cycles.release())
        self._thread = threading.Thread(target=self._run, args=(server.period,), daemon=True)
        self._thread.start()
        self._clock.activate()

    def close(self) -> None:
        self._ending.set()
        self._cycles.release()
        self._thread.join()
        self._clock.deactivate()
        self._clock.close()

    def _run(self, frames: int) -> None:
        number = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while self._cycles.acquire() and not self._ending.is_set():
                mono = 0.25 * np.sin(2 * np.pi * 1000 / RATE * np.arange(frames * number, frames * (number + 1)))
                block = np.repeat(mono.astype(np.float32)[:, np.newaxis], 2, axis=1)
                out.sendto(vban.pack(b"Talk", RATE, number, block, vban.Format.FLOAT32), ("127.0.0.1", self._port))
                number += 1


@pytest.fixture
def port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


@pytest.fixture
def sender(jack_server: JackServer, port: int) -> Iterator[Sender]:
    sender = Sender(jack_server, port)
    yield sender
    sender.close()


def status(rig: Rig, state: str) -> list[object]:
    """Wait for a state; return the whole status."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        told = rig.client.ask("/receivers")
        if told and told[4] == state:
            return told
        assert time.monotonic() < deadline, (told, rig.log.read_text())
        time.sleep(0.05)


def purest_db(recorder: JackRecorder) -> float:
    """Return the purest half second of what was heard: beside 1 kHz, in dB."""
    heard = recorder.audio()[:, 0].astype(np.float64)
    near = np.abs(np.fft.rfftfreq(RATE // 2, 1 / RATE) - 1000.0) < 20.0
    purest = 0.0
    for begin in range(0, len(heard) - RATE // 2, RATE // 4):
        power = np.abs(np.fft.rfft(heard[begin : begin + RATE // 2] * np.kaiser(RATE // 2, 20.0))) ** 2
        if power[near].sum() > 1.0:
            purest = min(purest, 10 * np.log10(power[~near].sum() / power[near].sum()))
    return purest


def until_heard(recorder: JackRecorder, is_heard: Callable[[], bool]) -> None:
    """Record on until it is; a machine that stalls may take longer."""
    for _ in range(20):
        recorder.wait_frames(RATE)
        if is_heard():
            return
    raise AssertionError("not heard")


def test_a_tone_from_the_network_is_heard(tmp_path: Path, jack_server: JackServer, port: int, sender: Sender) -> None:
    env = {**jack_server.env, "CUEVOX_RECEIVE": f"Talk vban talk:{port}"}
    with running(write_story(tmp_path, STORY), "--device", "JACK", env=env) as rig:
        rig.wait_ready()
        rig.client.send("/subscribe", "/event/receive")
        rig.client.wait("/subscribed")
        told = status(rig, "playing")
        assert told[:4] == ["Talk", "vban", "talk", port] and told[5] == "127.0.0.1"
        with JackRecorder(jack_server) as recorder:
            recorder.listen_to("cuevox")
            until_heard(recorder, lambda: purest_db(recorder) < -60.0)
            rig.child("engine.io.io_process").kill()
            rig.child("engine.realtime.audio_process")
            recorder.wait_frames(RATE)  # the other one is there by then, or what was heard before has ended
            until_heard(recorder, lambda: np.abs(recorder.audio()[-RATE // 2 :]).max() > 0.2)
            heard = recorder.audio()[:, 0]
            begun = int(np.argmax(heard != 0.0))  # within the tone
            assert np.abs(np.diff(heard[begun:])).max() < 0.1, "nothing clicks"
            rig.client.send("/receive/stop", "Talk")
            while rig.client.wait("/event/receive", "Talk")[2] != "stopped":
                pass
            recorder.wait_frames(RATE // 2)
            assert not recorder.audio()[-RATE // 8 :].any()
        assert rig.stop() == 0


def test_what_a_strip_sends_another_receives(tmp_path: Path, jack_server: JackServer, port: int) -> None:
    story = STORY.replace("{id: talk}", "{id: talk}\n  - {id: tones, clips: [{id: tone, audio: tone.wav, start: 900}]}")
    story += "cues:\n  - {id: 1, clip: tone}\n"
    with running(write_story(tmp_path, story), "--device", "JACK", env=jack_server.env) as rig:
        rig.wait_ready()
        rig.client.send("/strip/tones/gain", -60.0)
        rig.client.send("/receive/start", "Loop", "reastream", "talk", port)
        rig.client.send("/stream/start", "Loop", "reastream", "tones", "127.0.0.1", port)
        status(rig, "playing")
        with JackRecorder(jack_server) as recorder:
            recorder.listen_to("cuevox")
            for _ in range(10):  # a slow machine may lose one
                rig.client.send("/cue/1/go")
                recorder.wait_frames(2 * RATE)
                if np.abs(recorder.audio()).max() > 0.0004:
                    break
            else:
                raise AssertionError("not louder than -60 dB, which it is by itself")
        assert rig.stop() == 0
