"""The microphone: a capture begins at the exact frame, pre-roll and all, whatever the driver's moods."""

import errno
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from engine.errors import DeviceError
from engine.input.base import UNKNOWN
from engine.input.file import FileInput
from engine.input.ring import InputRing
from engine.io.lane_file import LaneFile
from engine.io.messages import Capture, Captured, EndCapture, Listen, Listening
from engine.io.microphone import Microphone
from tests.signals import RATE, noise

BEGAN = 1_700_000_000.25
BLOCK = 256


class Hand:
    """An input in our hands: what it gives, and when it says that was."""

    name = "hand"

    def __init__(self, sound, jitter=0.0):
        self.sound, self.place, self.gone = sound, 0, False
        self._chance, self._jitter = np.random.default_rng(5), jitter

    def start(self, hear):
        self.hear = hear

    def stop(self):
        self.gone = True

    def answers(self):
        return not self.gone

    def give(self, seconds, skip=0, told=UNKNOWN):
        """Give so much of the sound, of which ``skip`` frames get lost first."""
        self.place += skip
        for _ in range(round(seconds * RATE) // BLOCK):
            late = float(self._chance.uniform(-self._jitter, self._jitter))
            block = self.sound[self.place : self.place + BLOCK]
            self.hear(block, BEGAN + self.place / RATE + late, told if skip else 0)
            self.place, skip = self.place + BLOCK, 0


@pytest.fixture
def bench(tmp_path):
    sound = noise(8 * RATE, seed=9, channels=1).reshape(-1, 1)
    hand, told = Hand(sound, jitter=20e-6), []
    microphone = Microphone(RATE, told.append, lambda _ask, _rate: hand)
    microphone.ask(Listen(keep_seconds=3.0))
    microphone.look()
    yield SimpleNamespace(sound=sound, hand=hand, told=told, microphone=microphone, path=tmp_path / "c" / "a.whole.wav")
    microphone.close()


def capture(bench, since, pre=1.0, take=1):
    bench.microphone.ask(Capture(take=take, path=str(bench.path), since=BEGAN + since, pre_seconds=pre))
    bench.microphone.look()


def end(bench, until, **kept):
    bench.microphone.ask(EndCapture(take=1, until=BEGAN + until, **kept))
    bench.microphone.look()


def captured(bench):
    return next(told for told in bench.told if isinstance(told, Captured))


def test_it_begins_exactly_before_the_key_and_ends_exactly_at_it(bench):
    bench.hand.give(2.5)
    capture(bench, since=2.25)  # the key was down a while ago
    bench.hand.give(1.0)
    end(bench, until=4.0)  # and it will be up in a while
    bench.hand.give(1.0)
    bench.microphone.look()
    told = captured(bench)
    heard, rate = soundfile.read(bench.path, dtype="float32", always_2d=True)
    first = round(1.25 * RATE)
    assert rate == RATE and (heard == bench.sound[first : round(4.0 * RATE)]).all()
    assert (told.frames, told.pressed, told.lost, told.text) == (len(heard), RATE, 0, "")
    assert told.began == pytest.approx(BEGAN + 1.25, abs=2 / RATE)


def test_less_pre_roll_than_asked_for_where_less_was_heard(bench):
    bench.hand.give(0.5)
    capture(bench, since=0.25)
    end(bench, until=0.4)
    told = captured(bench)
    assert told.pressed == round(0.25 * RATE) and told.frames == round(0.4 * RATE)


@pytest.mark.parametrize("told", [UNKNOWN, 1000])
def test_what_the_driver_lost_is_silence_in_its_place(bench, told):
    bench.hand.give(1.0)
    capture(bench, since=0.9, pre=0.5)
    bench.hand.give(1.0, skip=1000, told=told)
    end(bench, until=1.8)
    told = captured(bench)
    heard = soundfile.read(bench.path, dtype="float32", always_2d=True)[0]
    place = bench.sound[: round(1.8 * RATE)].copy()
    hole = round(1.0 * RATE) // BLOCK * BLOCK
    place[hole : hole + 1000] = 0.0
    assert told.lost == 1000 and (heard == place[round(0.4 * RATE) :]).all()


def test_nothing_is_left_of_what_nobody_wants(bench):
    bench.hand.give(1.0)
    capture(bench, since=0.9)
    end(bench, until=1.0, kept=False)
    bench.hand.give(0.1)
    bench.microphone.look()
    assert not captured(bench).kept and not bench.path.exists()


def test_a_full_disk_ends_it_and_leaves_what_there_is(bench, monkeypatch):
    bench.hand.give(1.0)
    capture(bench, since=0.9, pre=0.5)
    size = bench.path.stat().st_size

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(LaneFile, "write", full)
    bench.hand.give(0.5)
    bench.microphone.look()
    assert "No space left" in captured(bench).text
    assert soundfile.info(bench.path).frames == captured(bench).frames and size > 44


def test_an_input_that_goes_ends_it(bench):
    bench.hand.give(1.0)
    capture(bench, since=0.9)
    bench.hand.gone = True
    bench.microphone.look()
    assert "gives no more sound" in captured(bench).text and captured(bench).frames > 0
    assert bench.told[-1].device == "" and bench.told[-1].text


def test_a_capture_waits_for_the_first_sound_and_says_where_there_is_none(bench, tmp_path):
    capture(bench, since=0.0)
    end(bench, until=0.5)
    bench.hand.give(1.0)
    bench.microphone.look()
    assert captured(bench).frames == RATE // 2

    def refuse(_ask, _rate):
        raise DeviceError("no input device fits 'x'; there is: none")

    told = []
    microphone = Microphone(RATE, told.append, refuse)
    microphone.ask(Listen(device="x"))
    microphone.ask(Capture(take=1, path=str(tmp_path / "b.wav"), since=0.0))
    microphone.look()
    assert told[0] == Listening(device="", text="no input device fits 'x'; there is: none")
    assert told[1].text == "no input is open"


def test_the_ring_keeps_the_last_seconds_and_tells_what_it_kept():
    ring, sound = InputRing(1000, 2, RATE), noise(2600, channels=2)
    for start in range(0, 2600, 130):
        ring.hear(sound[start : start + 130], BEGAN + start / RATE, 0)
    assert (ring.oldest, ring.written) == (1600, 2600)
    start, block = ring.read(0, 9999)
    assert start == 1600 and (block == sound[1600:]).all()
    assert ring.read(2000, 2100)[1].tolist() == sound[2000:2100].tolist()
    assert ring.frame_at(BEGAN + 2000 / RATE) == 2000


def test_a_file_is_an_input_at_its_own_pace(tmp_path):
    soundfile.write(tmp_path / "a.wav", sound := noise(4800).reshape(-1, 1), RATE, subtype="FLOAT")
    blocks, through = [], threading.Event()

    def hear(block, unix_seconds, lost):
        blocks.append((block.copy(), unix_seconds, lost, time.time()))
        if 480 * len(blocks) >= 6000:
            through.set()

    source = FileInput(tmp_path / "a.wav", RATE, (1,))
    source.start(hear)
    assert through.wait(20.0)
    source.stop()
    heard = np.concatenate([block for block, *_ in blocks])
    assert (heard[:4800] == sound).all() and not heard[4800:].any()
    began = blocks[0][1]
    for number, (block, unix_seconds, lost, heard_at) in enumerate(blocks):
        assert unix_seconds == pytest.approx(began + number * 0.01, abs=1e-6) and lost == 0
        assert heard_at >= unix_seconds + len(block) / RATE - 1e-3, "no sooner than it was spoken"
