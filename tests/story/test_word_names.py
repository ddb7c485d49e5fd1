from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadRange, UnknownThing
from engine.story.words import find_word, numbered, word_fault

WORDS = ["The", "Dragon", "saw", "the", "dragon’s", "dragon", "forty-one"]


@pytest.mark.parametrize(
    ("reference", "index"),
    [("the", 0), ("THE#2", 3), ("dragon", 1), ("dragon#2", 5), ("dragon's", 4), ("#3", 2), ("forty-one,", 6)],
)
def test_a_word_is_found_by_its_text_or_number(reference: str, index: int) -> None:
    assert find_word(WORDS, reference, "line 'x'") == index


def test_the_search_starts_after_a_word_unless_the_reference_counts() -> None:
    assert find_word(WORDS, "the", "line", after=1) == 3
    assert find_word(WORDS, "the#1", "line", after=1) == 0


@pytest.mark.parametrize("reference", ["knight", "the#3", "#8"])
def test_an_unknown_word_names_those_that_there_are(reference: str) -> None:
    with pytest.raises(UnknownThing, match=r"no word of line 'x' named .*Dragon, The, dragon#2"):
        find_word(WORDS, reference, "line 'x'")


@pytest.mark.parametrize("reference", ["", "#", "#0", "a#b", "...", "#1#2"])
def test_a_reference_that_names_nothing_is_refused(reference: str) -> None:
    assert word_fault(reference)
    with pytest.raises(BadRange, match="names no word"):
        find_word(WORDS, reference, "line")


@given(st.lists(st.from_regex(r"[A-Za-z][a-z'-]{0,6}[a-z]", fullmatch=True), min_size=1, max_size=12))
def test_every_word_is_found_by_the_name_it_is_listed_under(words: list[str]) -> None:
    for index, name in enumerate(numbered(words)):
        assert find_word(words, name, "line") == index
