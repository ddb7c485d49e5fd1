"""Scripts: a line's text as a voice can speak it, and the way back from what was spoken."""

import pytest

from engine.errors import VoiceError
from engine.speech.lexicon import pronounced
from engine.speech.markup import read_markup
from engine.speech.script import Reading, Related, script_of
from engine.story.model import Pronunciation
from engine.voices.take import Word
from engine.voices.words import tokens

ANNA = Pronunciation(word="Anna", phonemes="an@", say="Ahna")
ABLE = Reading(phonemes=True, emphasis=True)


def passages(text: str, reading: Reading = ABLE, *entries: Pronunciation) -> list[tuple[float, str]]:
    return [(p.pause_seconds, p.text.strip()) for p in script_of(text, reading, entries).passages]


def test_pauses_part_a_line():
    script = script_of("[pause 1] One. [pause 0.5] [pause 0.25] Two. [pause 2]", ABLE)
    assert [(p.pause_seconds, p.text.strip()) for p in script.passages] == [(1.0, "One."), (0.75, "Two.")]
    assert script.tail_seconds == 2.0


def test_what_has_no_sound_keeps_its_pauses():
    assert passages("One [pause 1] … [pause 1] two") == [(0.0, "One"), (2.0, "two")]
    with pytest.raises(VoiceError, match="nothing to speak"):
        script_of("[pause 1] …", ABLE)


def test_a_long_line_comes_in_passages_with_a_breath_between():
    made = passages("First there was one. Then there were two, of course; then three.", Reading(longest=30))
    assert made == [(0.0, "First there was one."), (0.3, "Then there were two,"), (0.12, "of course; then three.")]


def test_the_dictionary_speaks_through_phonemes_or_another_spelling():
    (able,) = script_of("Anna, ANNA's and annab", ABLE, (ANNA,)).passages
    assert able.text == "Anna, ANNA's and annab"
    assert [(able.text[m.start : m.end], m.phonemes) for m in able.marks] == [("Anna", "an@"), ("ANNA's", "an@z")]
    (other,) = script_of("Anna, ANNA's and annab", Reading(), (ANNA,)).passages
    assert (other.text, other.marks) == ("Ahna, Ahna's and annab", ())


def test_markup_goes_before_the_dictionary():
    parts = pronounced(read_markup("[Anna](/x/) [Anna](Ann) Anna").parts, (ANNA,))
    assert [(p.phonemes, p.say) for p in parts if p.text == "Anna"] == [("x", ""), ("", "Ann"), ("an@", "Ahna")]


def test_what_a_voice_cant_do_is_noted():
    script = script_of("*Never* [Anna](/an@/), Bob", Reading(), (Pronunciation(word="bob", phonemes="b0b"),))
    assert script.passages[0].text == "Never Anna, Bob"
    assert [note.split(":")[0] for note in script.notes] == [
        "this voice knows no emphasis", "this voice reads no phonemes", "this voice reads no phonemes",
    ]  # fmt: skip


def heard(text: str, reading: Reading, *entries: Pronunciation) -> list[tuple[str, str]]:
    """Return the words of a line that a voice speaks word by word, and where each stands in the line."""
    found = []
    for passage in script_of(text, reading, entries).passages:
        spoken = [
            Word(text=passage.text[t.start : t.end], start_frame=i, end_frame=i + 1, text_start=t.start, text_end=t.end)
            for i, t in enumerate(tokens(passage.text))
        ]
        related = Related(passage)
        found += [*related.feed(spoken), *related.finish()]
    return [(word.text, text[word.text_start : word.text_end]) for word in found]


def test_words_are_those_of_the_line():
    text = "The [WWF](wild life fund) [pause 1] says *no*, [Anna](/an@/) &"
    pairs = [("The", "The"), ("WWF", "WWF"), ("says", "says"), ("no", "no"), ("Anna", "Anna"), ("&", "&")]
    assert heard(text, ABLE) == pairs
    assert heard(text, Reading()) == pairs
    assert heard("[un](/Vn/)believable", ABLE) == [("unbelievable", "un](/Vn/)believable")]
    assert heard("<speak>Fish &amp; chips</speak>", ABLE) == [("Fish", "Fish"), ("&", "&amp;"), ("chips", "chips")]


def test_a_phoneme_word_is_not_torn_by_a_cut():
    made = script_of("aaaa bbbb [cccc dddd eeee](/k/) ffff", Reading(phonemes=True, longest=12))
    assert [p.text.strip() for p in made.passages] == ["aaaa bbbb", "cccc dddd eeee", "ffff"]
