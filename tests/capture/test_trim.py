"""Trimming: a line is all that was said of it, and nothing that was said to somebody else before."""

import numpy as np
import pytest

from engine.capture.trim import LEAD_SECONDS, TAIL_SECONDS, trim
from tests.signals import RATE, noise

LEAD, TAIL = round(LEAD_SECONDS * RATE), round(TAIL_SECONDS * RATE)
HOP = RATE // 100


def room(seconds, *spoken, hum=0.001):
    """Return a quiet room in which somebody speaks: (from, to) in seconds."""
    audio = noise(round(seconds * RATE), seed=2, level=hum)
    for start, end in spoken:
        first, last = round(start * RATE), round(end * RATE)
        audio[first:last] += noise(last - first, seed=3, level=0.4)
    return audio[:, np.newaxis]


def seconds(found):
    return tuple(frame / RATE for frame in found)


def test_the_line_is_what_was_said_after_the_key():
    start, end = trim(room(4.0, (1.5, 2.0), (2.4, 3.0)), RATE, pressed=RATE)
    assert abs(start - (1.5 * RATE - LEAD)) <= HOP and abs(end - (3.0 * RATE + TAIL)) <= HOP


@pytest.mark.parametrize(("before", "begins"), [((0.7, 1.2), 0.7), ((0.2, 0.6), 1.05)])
def test_what_goes_on_into_it_was_begun_before_the_key(before, begins):
    """A phrase of which the key caught the middle, and talk that had ended long before."""
    start, _ = trim(room(4.0, before, (1.05 if begins == 1.05 else 1.4, 2.0)), RATE, pressed=RATE)
    assert abs(start - (begins * RATE - LEAD)) <= HOP


def test_a_short_pause_within_the_phrase_does_not_end_it():
    start, _ = trim(room(3.0, (0.5, 0.8), (0.95, 1.6)), RATE, pressed=RATE)
    assert abs(start - (0.5 * RATE - LEAD)) <= HOP


def test_silence_is_no_line():
    assert trim(np.zeros((RATE, 1), np.float32), RATE) is None
    assert trim(np.zeros((0, 1), np.float32), RATE) is None
    assert trim(room(2.0, (0.1, 0.4)), RATE, pressed=RATE) is None


def test_nothing_is_read_before_the_beginning_or_behind_the_end():
    assert trim(room(1.0, (0.0, 1.0), hum=0.0), RATE) == (0, RATE)
