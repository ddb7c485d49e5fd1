"""Long text in pieces: nothing lost, cut where one breathes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.speech.split import language_code, sentences, split
from tests.story.stories import few


def pieces(text: str, longest: int, language: str = "en") -> list[str]:
    return [text[piece.start : piece.end].strip() for piece in split(text, longest, language)]


def told(text: str, language: str = "en") -> list[str]:
    return [text[start:end].strip() for start, end in sentences(text, language)]


def test_abbreviations_numbers_and_quotes_do_not_end_a_sentence():
    text = 'Dr. Smith paid $3.50 at 10 a.m. on Jan. 5th. "Stop!" he said. No. 5 is alive.'
    assert told(text) == ["Dr. Smith paid $3.50 at 10 a.m. on Jan. 5th.", '"Stop!" he said.', "No. 5 is alive."]
    assert told("Das ist z. B. gut. Am 3. Mai kam er.", "de") == ["Das ist z. B. gut.", "Am 3. Mai kam er."]


def test_cjk_has_sentences_without_spaces():
    assert told("こんにちは。元気ですか？", "ja") == ["こんにちは。", "元気ですか？"]
    assert pieces("你好。你去哪里？我去学校。", 6, "cmn") == ["你好。", "你去哪里？", "我去学校。"]


def test_sentences_that_fit_stay_together():
    assert pieces("One. Two. Three is longer. Four.", 22) == ["One. Two.", "Three is longer. Four."]


def test_a_long_sentence_is_cut_at_clauses_then_between_words():
    text = "When the 1,000 lamps went out, the keeper, who was old, sang; nobody heard him."
    assert pieces(text, 40) == ["When the 1,000 lamps went out,", "the keeper, who was old, sang;", "nobody heard him."]
    assert pieces("one two three four five six", 11) == ["one two", "three four", "five six"]
    assert pieces("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]
    assert [p.cut for p in split(text + " So it was.", 40)] == [None, "clause", "clause"]


def test_tags_in_brackets_are_not_torn():
    text = "He left [laughs, and then. He sighs] at once. Then (it was late. Very) she did."
    for piece in pieces(text, 45):
        assert piece.count("[") == piece.count("]") and piece.count("(") == piece.count(")")


@pytest.mark.parametrize(
    ("language", "code"), [("en-gb", "en"), ("cmn", "zh"), ("English", "en"), ("", "en"), ("fr", "fr"), ("pt-br", "pt")]
)
def test_languages_become_codes(language, code):
    assert language_code(language) == code


@few(300)
@given(st.text(st.sampled_from("ab .,;!?[]()日。、1\n\"'—\ud800"), max_size=120), st.integers(1, 40))
def test_pieces_are_the_text_and_never_too_long(text, longest):
    made = split(text, longest)
    assert "".join(text[piece.start : piece.end] for piece in made) == text
    assert all(piece.end - piece.start <= longest for piece in made)
    assert made[0].cut is None and all(piece.cut for piece in made[1:])
