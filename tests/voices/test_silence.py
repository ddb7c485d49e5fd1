"""Trimming the edges of a line as a stream."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.voices.silence import EdgeTrimmer


def trimmed(audio: np.ndarray, cuts: list[int], lead: int = 10, tail: int = 20) -> tuple[np.ndarray, int | None]:
    trimmer = EdgeTrimmer(lead, tail)
    parts = [trimmer.feed(part) for part in np.split(audio, sorted(c % (len(audio) + 1) for c in cuts))]
    return np.concatenate([*parts, trimmer.finish()]), trimmer.cut_frames


def line(*pieces: tuple[int, float]) -> np.ndarray:
    return np.concatenate([np.full((n, 1), level, np.float32) for n, level in pieces])


def test_silence_before_and_after_goes_silence_inside_stays():
    audio = line((100, 0), (50, 0.5), (300, 0), (50, 0.5), (400, 0))
    out, cut = trimmed(audio, [])
    assert cut == 90
    np.testing.assert_array_equal(out, np.concatenate([audio[90:500], np.zeros((20, 1))]))


def test_a_line_that_starts_at_once_keeps_its_first_frame():
    out, cut = trimmed(line((50, 0.5)), [])
    assert (cut, len(out)) == (0, 70)


def test_silence_alone_leaves_nothing_but_the_tail():
    out, cut = trimmed(line((500, 0)), [100, 200])
    assert cut is None and len(out) == 20


@given(
    pieces=st.lists(st.tuples(st.integers(1, 40), st.sampled_from([0.0, 0.0002, 0.3, -0.3])), min_size=1, max_size=12),
    cuts=st.lists(st.integers(0, 500), max_size=12),
)
def test_cutting_the_stream_changes_nothing(pieces, cuts):
    audio = line(*pieces)
    whole, cut = trimmed(audio, [])
    parts, cut_in_parts = trimmed(audio, cuts)
    np.testing.assert_array_equal(whole, parts)
    assert cut == cut_in_parts
