"""The io process gives a sign of life only while all of its threads do."""

from __future__ import annotations

import threading

from engine.io.measuring import THREAD, Measuring
from engine.io.messages import Measured
from engine.io.pulse import Pulse
from engine.realtime.memory import Segment
from engine.realtime.tap import TAP_BYTES

WAIT_SECONDS = 60.0


class Heart:
    """Counts signs of life."""

    def __init__(self) -> None:
        self.beats = 0

    def beat(self) -> None:
        self.beats += 1


def test_a_sign_takes_one_of_each_thread() -> None:
    heart = Heart()
    pulse = Pulse(heart.beat)
    for thread in ("a", "b"):
        pulse.begin(thread)
    for _ in range(5):
        pulse.beat("a")
    assert heart.beats == 0
    pulse.beat("b")
    assert heart.beats == 1
    for _ in range(3):
        pulse.beat("a")
        pulse.beat("b")
    assert heart.beats == 4


def test_a_thread_that_begins_later_is_waited_for_from_then_on() -> None:
    heart = Heart()
    pulse = Pulse(heart.beat)
    pulse.begin("a")
    pulse.beat("a")
    assert heart.beats == 1
    pulse.begin("b")
    pulse.beat("a")
    pulse.beat("a")
    assert heart.beats == 1
    pulse.beat("b")
    assert heart.beats == 2


def test_loudness_that_hangs_is_missed() -> None:
    heart, pulse = Heart(), None
    told, release = threading.Event(), threading.Event()

    def tell(_: Measured) -> None:
        told.set()
        release.wait(WAIT_SECONDS)

    pulse = Pulse(heart.beat)
    pulse.begin("another")
    memory = Segment.create(TAP_BYTES)
    measuring = Measuring(memory, 48000, tell, pulse)
    pulse.beat("another")
    assert heart.beats == 1
    measuring.begin(anew=False)
    assert told.wait(WAIT_SECONDS)
    pulse.beat("another")  # loudness has given a sign when it began to work
    before = heart.beats
    for _ in range(5):
        pulse.beat("another")
    assert heart.beats == before
    pulse.beat(THREAD)
    assert heart.beats == before + 1
    release.set()
