"""From windows of sound to words: pure."""

import numpy as np
import pytest

from engine.speech.align.aligner import Held
from engine.speech.align.heard import RATE
from engine.speech.heard_words import LONGEST_SECONDS, Piece, words_of
from engine.speech.transcript import HeardWord, Passage, whole
from engine.speech.windows import Windows, is_silent
from tests.signals import noise


def piece(*texts, starts=(), at=(0.0, 2.0)):
    return Piece(texts=texts, starts=starts, probabilities=(0.5,) * len(texts), start_seconds=at[0], end_seconds=at[1])


def test_a_word_sounds_from_its_first_token_until_the_one_behind_its_last():
    text, words = words_of(
        [piece(" Hel", " Hello", " Hello there", " Hello there.", starts=(0.1, 0.3, 0.6, 1.0))], 30.0
    )
    assert text == "Hello there."
    assert [(w.text, w.start_seconds, w.end_seconds, w.confidence) for w in words] == [
        ("Hello", 0.1, 0.6, 0.5),
        ("there", 0.6, 1.0, 0.5),
    ]


def test_without_times_the_characters_share_the_segment():
    _, words = words_of([piece(" ab", " ab cd", at=(1.0, 2.2))], 30.0)
    assert [(w.start_seconds, w.end_seconds) for w in words] == [(1.0, 1.6), (1.6, 2.2)]


def test_words_stay_in_order_and_in_the_window_and_are_not_endless():
    pieces = [
        piece(" a", " a b", starts=(3.0, 1.0), at=(0.0, 9.0)),
        piece(" c", starts=(8.0,), at=(8.0, 40.0)),
        piece(),
    ]
    text, words = words_of(pieces, 9.5)
    assert text == "a b c"
    times = [time for word in words for time in (word.start_seconds, word.end_seconds)]
    assert times == sorted(times) and times[-1] <= 9.5
    assert max(w.end_seconds - w.start_seconds for w in words) <= LONGEST_SECONDS


def test_ideographs_are_words_of_their_own():
    assert [w.text for w in words_of([piece("你", "你好", "你好。", starts=(0.0, 0.2, 0.4))], 2.0)[1]] == ["你", "好"]


def test_windows_are_cut_where_it_is_quiet_and_leave_nothing_out():
    sound = noise(7 * RATE)
    quiet = round(1.8 * RATE)
    sound[quiet - 2000 : quiet + 2000] *= 0.001
    parts = list(Windows(Held(sound), 2.0))
    assert parts[1][0] == pytest.approx(1.8, abs=0.1)
    assert all(len(audio) <= 2 * RATE for _, audio in parts)
    np.testing.assert_array_equal(np.concatenate([audio for _, audio in parts]), sound)


def test_only_what_sounds_is_listened_to():
    assert is_silent(np.zeros(0, np.float32)) and is_silent(np.full(RATE, 1e-4, np.float32))
    assert not is_silent(np.concatenate([np.zeros(RATE), np.full(RATE // 50, 0.01)]).astype(np.float32))


def test_a_transcript_is_its_passages_and_speaks_what_most_of_it_speaks():
    def passage(text, language, end):
        words = tuple(HeardWord(text=w, start_seconds=end - 1, end_seconds=end) for w in text.split())
        return Passage(text=text, language=language, words=words, heard_seconds=end, total_seconds=3.0)

    made = whole([passage("Guten Tag.", "de", 1.0), passage("", "de", 2.0), passage("Hello.", "en", 3.0)])
    assert (made.text, made.language, made.seconds) == ("Guten Tag. Hello.", "de", 3.0)
    assert [w.text for w in made.words] == ["Guten", "Tag.", "Hello."]
    assert whole([]).text == "" and whole([passage("", "", 3.0)]).language == ""
