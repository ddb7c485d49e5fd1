"""Words as a server has them, laid onto the words of the text."""

import pytest

from engine.voices.server_words import SHARED_CONFIDENCE, ToldWord, server_spans


def told(*words):
    return [ToldWord(text=text, start_seconds=start, end_seconds=end) for text, start, end in words]


def spans(text, *words):
    return [
        (text[s.text_start : s.text_end], s.start_seconds, s.end_seconds, s.confidence)
        for s in server_spans(text, told(*words))
    ]


def test_words_find_their_places_past_marks_and_case():
    found = spans(
        "“Well,” he said…", ("“", 0.0, 0.0), ("well", 0.1, 0.4), (",", 0.4, 0.5), ("he", 0.5, 0.6), ("said", 0.6, 1.0)
    )
    assert found == [("Well", 0.1, 0.4, 1.0), ("he", 0.5, 0.6, 1.0), ("said", 0.6, 1.0, 1.0)]


def test_what_is_spelt_otherwise_shares_its_time_and_is_less_sure():
    found = spans(
        "the 25 of us", ("the", 0.0, 0.2), ("twenty", 0.2, 0.5), ("five", 0.5, 0.8), ("of", 0.8, 0.9), ("us", 0.9, 1.2)
    )
    assert found[1] == ("25", 0.2, 0.8, SHARED_CONFIDENCE) and found[2][3] == 1.0
    joined = spans("of the end", ("of the", 0.0, 0.5), ("end", 0.5, 1.0))
    assert joined == [
        ("of", 0.0, 0.2, SHARED_CONFIDENCE),
        ("the", pytest.approx(0.2), 0.5, SHARED_CONFIDENCE),
        ("end", 0.5, 1.0, 1.0),
    ]


def test_signs_may_stay_unspoken_but_words_may_not():
    assert [s[0] for s in spans("salt & pepper", ("salt", 0.0, 0.5), ("pepper", 0.5, 1.0))] == ["salt", "pepper"]
    assert spans("salt and pepper", ("salt", 0.0, 0.5), ("pepper", 0.5, 1.0)) == []
    assert spans("salt") == []


@pytest.mark.parametrize("times", [(-1.0, 0.5), (0.5, 0.2), (float("nan"), 1.0), (0.0, float("inf"))])
def test_times_that_can_t_be_are_none(times):
    assert spans("salt", ("salt", *times)) == []
