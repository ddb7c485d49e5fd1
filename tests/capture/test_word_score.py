"""The score: words begin where the captured ones did, or as near as the limits allow; and so does their sound."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.capture.pairs import pairs
from engine.capture.resay import resay
from engine.capture.score import FASTEST, SLOWEST, placed, residual, score
from engine.voices.take import Word
from tests.signals import RATE


def words(*times, texts="abcdefghijklmnop"):
    """Return words by (start, end)."""
    return tuple(
        Word(text=text, start_frame=start, end_frame=end, text_start=2 * n, text_end=2 * n + 1)
        for n, ((start, end), text) in enumerate(zip(times, texts, strict=False))
    )


@st.composite
def speech(draw, texts=8):
    place, found = draw(st.integers(0, 5000)), []
    for _ in range(draw(st.integers(1, texts))):
        length = draw(st.integers(500, 20_000))
        found.append((place, place + length))
        place += length + draw(st.sampled_from([0, 0, 100, 9000]))
    return words(*found, texts=[draw(st.sampled_from("abcd")) for _ in found])


@given(speech(), speech())
def test_nothing_overlaps_nothing_is_left_out_and_limits_hold(captured, spoken):
    found = pairs(captured, spoken)
    pieces = score(found, spoken)
    assert len(pieces) == len(found)
    for before, after in pairwise(pieces):
        assert before.place + before.frames <= after.place
        assert before.end <= after.start
    for piece in pieces:
        assert SLOWEST * 0.99 <= piece.speed <= FASTEST * 1.01
        assert piece.place >= 0
    if pieces:
        assert pieces[0].start == spoken[0].start_frame and pieces[-1].end == spoken[-1].end_frame
        moved = placed(pieces, spoken)
        assert [w.text for w in moved] == [w.text for w in spoken]
        assert all(a.start_frame <= b.start_frame for a, b in pairwise(moved))
    off = residual(pieces, len(captured), RATE)
    assert off.words + off.left == len(captured)


@given(speech())
def test_the_same_speech_stays_as_it_is(spoken):
    pieces = score(pairs(spoken, spoken), spoken)
    assert placed(pieces, spoken) == spoken
    assert residual(pieces, len(spoken), RATE).most_ms == 0.0


def test_a_word_that_can_not_be_that_short_moves_the_next_until_a_pause():
    captured = words((0, 1000), (1000, 5000), (20_000, 24_000))
    spoken = words((0, 8000), (8000, 12_000), (12_000, 16_000))
    first, second, third = score(pairs(captured, spoken), spoken)
    assert first.frames == round(8000 / FASTEST) == 5000 and second.said == 5000
    assert third.said == third.wanted == 20_000
    assert residual((first, second, third), 3, RATE).most_ms == pytest.approx(4000 * 1000 / RATE, abs=0.01)


def test_words_that_only_one_says_go_with_the_one_before():
    captured = words((0, 4000), (4000, 8000), texts="ab")
    spoken = words((0, 3000), (3000, 5000), (5000, 9000), texts="axb")
    first, second = score(pairs(captured, spoken), spoken)
    assert (first.start, first.end) == (0, 5000) and second.said == second.wanted


def test_pairs_see_through_case_and_punctuation():
    left = words((0, 1), (1, 2), (2, 3), texts=["Who's", "THERE?", "one"])
    right = words((0, 1), (1, 2), (2, 3), (3, 4), texts=["whos", "there", "oh", "One."])
    assert [(a.text, b.text) for a, b in pairs(left, right)] == [
        ("Who's", "whos"),
        ("THERE?", "there"),
        ("one", "One."),
    ]


CLICK = np.concatenate([np.hanning(48), np.zeros(48)]).astype(np.float32)


@pytest.mark.parametrize("pace", [1.0, 0.8, 1.35])
def test_each_words_sound_is_where_the_score_says(pace):
    """A known signal in each word: a burst in its middle, which must come out where that middle is placed."""
    spoken = words(*[(4000 + 12_000 * n, 4000 + 12_000 * n + (12_000 if n % 2 else 9000)) for n in range(6)])
    audio = np.zeros((90_000, 1), np.float32)
    for word in spoken:
        middle = (word.start_frame + word.end_frame) // 2
        audio[middle - 24 : middle + 72, 0] += CLICK
    captured = words(*[(round(w.start_frame / pace) + 777, round(w.end_frame / pace) + 777) for w in spoken])
    pieces = score(pairs(captured, spoken), spoken)
    out = resay(audio, pieces, RATE, 0)[:, 0]
    assert residual(pieces, 6, RATE).most_ms < 0.1
    for word in placed(pieces, spoken):
        part = np.abs(out[word.start_frame : word.end_frame])
        peak = word.start_frame + int(part.argmax())
        assert abs(peak - (word.start_frame + word.end_frame) / 2) <= (1 if pace == 1.0 else 0.005 * RATE)


def test_speech_in_one_breath_is_heard_as_it_was():
    """Where nothing is stretched the cuts are not heard: fades of neighbours make up what was there."""
    tone = (0.5 * np.sin(2 * np.pi * 210 * np.arange(48_000) / RATE)).astype(np.float32)[:, np.newaxis]
    spoken = words((2000, 12_000), (12_000, 25_000), (25_000, 40_000))
    out = resay(tone, score(pairs(spoken, spoken), spoken), RATE, 0)
    assert np.abs(out[3000:39_000] - tone[3000:39_000]).max() < 1e-6
