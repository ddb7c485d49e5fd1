"""The markup of lines, and the subset of SSML: what is markup, what is text, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.speech.markup import read_markup, shown
from engine.speech.parts import MarkupError, Pause, Said
from tests.story.stories import few


def told(text: str) -> list:
    """Return what is said, each with what is special about it, and the pauses in seconds."""
    parts = []
    for part in read_markup(text).parts:
        if isinstance(part, Pause):
            parts.append(part.seconds)
        else:
            marks = [m for m in (part.say, f"/{part.phonemes}/" * bool(part.phonemes), "!" * part.emphasis) if m]
            parts.append((part.text, *marks) if marks else part.text)
    return parts


def test_pauses_in_seconds_and_milliseconds():
    assert told("Wait [pause 1.5] for [pause 250 ms] it[pause].") == ["Wait ", 1.5, " for ", 0.25, " it", 0.5, "."]


def test_emphasis_phonemes_and_other_words():
    assert told("I *never* met [Hermione](/h3:maI@ni/) of the [WWF](wildlife fund).") == [
        "I ", ("never", "!"), " met ", ("Hermione", "/h3:maI@ni/"), " of the ", ("WWF", "wildlife fund"), "."
    ]  # fmt: skip
    assert told("*so [Anna](/an@/) said*") == [("so ", "!"), ("Anna", "/an@/", "!"), (" said", "!")]


@pytest.mark.parametrize(
    "text",
    ["2*3*4", "5 * 6 * 7", "**", "a* b*", "[laughs] ok", "[sic]", "see [1] (p. 3)", "C++ [x] *", "x < y", "f(x)[0]"],
)
def test_what_is_no_markup_is_text(text):
    assert told(text) == [text]
    assert shown(text) == text


def test_signs_behind_a_backslash_are_text():
    assert "".join(told(r"\*no\* \[pause 1] \\")) == r"*no* [pause 1] \ ".rstrip()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[pause 61]", "0 to 60 s"),
        ("[pause soon]", r"\[pause 0.5\]"),
        ("[puase 1]", r"\[pause 0.5\]"),
        ("[break 1s]", r"\[pause 0.5\]"),
        ("[Anna](/an@)", "two slashes"),
    ],
)
def test_wrong_markup_is_refused_with_what_is_right(text, says):
    with pytest.raises(MarkupError, match=says):
        read_markup(text)
    assert shown(text) == text


def test_ssml():
    text = (
        '<speak version="1.1" xml:lang="en">Fish &amp; <emphasis>chips é</emphasis><break time="250ms"/>'
        '<sub alias="wildlife fund">WWF</sub><prosody rate="50%" pitch="+2st" volume="-6dB">no</prosody></speak>'
    )
    assert told(text) == ["Fish ", "&", " ", ("chips é", "!"), 0.25, ("WWF", "wildlife fund"), "no"]
    tone = read_markup(text).parts[-1].tone
    assert (tone.speed, tone.pitch_semitones, tone.gain_db) == (0.5, 2.0, -6.0)
    assert "xml:lang" in read_markup(text).notes[0]
    assert shown(text) == "Fish & chips é WWFno"
    for part in read_markup(text).parts:
        if isinstance(part, Said) and part.is_literal:
            assert text[part.start : part.end] == part.text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<speak><audio src='x'/></speak>", "<audio> of SSML is not read; there is: speak"),
        ("<speak><break length='1'/></speak>", "has strength, time"),
        ("<speak><phoneme alphabet='ipa' ph='x'>y</phoneme></speak>", "there is: espeak"),
        ("<speak><prosody rate='9'>y</prosody></speak>", "0.25 to 4"),
        ("<speak><break time='1h'/></speak>", "500ms or 1.5s"),
        ("<speak>open", "can't be read"),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]><speak>&a;</speak>", None),
        ("<speak><!-- c --><sub alias='x'><s>y</s></sub></speak>", "holds text only"),
    ],
)
def test_ssml_that_is_not_read_is_refused_by_name(text, says):
    if says is None:  # it does not begin with <speak: text, spoken as it stands
        assert told(text) == [text]
        return
    with pytest.raises(MarkupError, match=says):
        read_markup(text)


@few(300)
@given(st.text(st.sampled_from("ab *[]()/\\é日.<>&pause 1"), max_size=40))
def test_each_part_stands_where_it_says(text):
    try:
        parts = read_markup(text).parts
    except MarkupError:
        return
    place = 0
    for part in parts:
        if isinstance(part, Said):
            assert place <= part.start < part.end <= len(text)
            assert text[part.start : part.end] == part.text
            place = part.end
    if not any(sign in text for sign in "*[\\"):
        assert shown(text) == text
