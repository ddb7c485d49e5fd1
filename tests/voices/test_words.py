"""Word times from a synthesiser's events: split, merged and missing ones."""

from hypothesis import given
from hypothesis import strategies as st

from engine.voices.words import SHORTEST_WORD_FRAMES, WordClock, tokens


def words_of(text: str) -> list[str]:
    return [text[t.start : t.end] for t in tokens(text)]


def test_punctuation_around_a_word_is_not_part_of_it():
    assert words_of("“Well,” (she) said: 'no'!") == ["Well", "she", "said", "no"]


def test_dashes_and_dots_part_words_hyphens_and_apostrophes_do_not():
    assert words_of("wait—what well-known don't so...on a--b") == [
        "wait",
        "what",
        "well-known",
        "don't",
        "so",
        "on",
        "a",
        "b",
    ]


def test_ideographs_are_words_by_themselves():
    assert words_of("一二 OK三") == ["一", "二", "OK", "三"]


def test_indic_vowel_signs_belong_to_their_word():
    assert words_of("हिन्दी की") == ["हिन्दी", "की"]


def test_a_number_with_two_events_starts_with_the_first():
    clock = WordClock("25 minutes")
    ended = [*clock.hear(0, 0), *clock.hear(1, 5000), *clock.hear(3, 9000), *clock.finish(15000)]
    assert [(w.text, w.start_frame, w.end_frame) for w in ended] == [("25", 0, 9000), ("minutes", 9000, 15000)]


def test_merged_words_share_their_time_by_letters():
    clock = WordClock("of a end")
    ended = [*clock.hear(0, 1000), *clock.hear(5, 6000), *clock.finish(9000)]
    assert [w.text for w in ended] == ["of", "a", "end"]
    assert [w.start_frame for w in ended] == [1000, 1000 + 64 + (5000 - 128) * 2 // 3, 6000]


def test_merged_words_begin_with_a_phoneme_where_those_are_told():
    clock = WordClock("from the end")
    clock.hear(0, 1000)
    for frame in (1300, 2000, 2500, 3000, 4100, 4900):  # f r V m, D @
        clock.sound(frame)
    ended = [*clock.hear(9, 6000), *clock.finish(9000)]
    assert [(w.text, w.start_frame) for w in ended] == [("from", 1000), ("the", 4100), ("end", 6000)]


def test_a_word_ends_where_a_pause_begins():
    clock = WordClock("stop, go")
    clock.hear(0, 0)
    clock.silence(4000)
    ended = [*clock.hear(6, 9000), *clock.finish(12000)]
    assert [(w.start_frame, w.end_frame) for w in ended] == [(0, 4000), (9000, 12000)]


def test_a_pause_inside_a_word_does_not_end_it():
    clock = WordClock("25 go")
    clock.hear(0, 0)
    clock.silence(4000)
    clock.sound(5000)
    ended = [*clock.hear(3, 9000), *clock.finish(12000)]
    assert ended[0].end_frame == 9000


def test_an_event_in_the_space_after_a_sign_belongs_to_the_sign():
    clock = WordClock("😀 go")
    ended = [*clock.hear(0, 0), *clock.hear(1, 5000), *clock.hear(2, 9000), *clock.finish(12000)]
    assert [(w.text, w.start_frame) for w in ended] == [("😀", 0), ("go", 9000)]


def test_an_event_on_punctuation_belongs_to_the_word_after_it():
    clock = WordClock("so -- okay")
    ended = [*clock.hear(0, 0), *clock.hear(3, 5000), *clock.finish(9000)]
    assert [(w.text, w.start_frame) for w in ended] == [("so", 0), ("okay", 5000)]


def test_a_sign_without_an_event_is_no_word():
    clock = WordClock("a < b")
    ended = [*clock.hear(0, 0), *clock.hear(4, 5000), *clock.finish(9000)]
    assert [w.text for w in ended] == ["a", "b"]


def test_words_that_got_no_time_still_have_an_end():
    clock = WordClock("a b c")
    assert not clock.hear(0, 100)
    ended = clock.finish(100)
    assert [w.end_frame - w.start_frame for w in ended] == [SHORTEST_WORD_FRAMES] * 3


EVENTS = st.lists(
    st.tuples(st.sampled_from(["hear", "silence", "sound"]), st.integers(0, 50), st.integers(0, 4000)), max_size=30
)


@given(text=st.text(st.sampled_from("ab1 .,—<é\u0301一"), max_size=40), events=EVENTS, tail=st.integers(0, 3000))
def test_whatever_the_events_each_word_comes_once_in_order(text, events, tail):
    clock = WordClock(text)
    frame, ended = 0, []
    for kind, position, step in events:
        frame += step
        if kind == "hear":
            ended += clock.hear(position, frame)
        elif kind == "silence":
            clock.silence(frame)
        else:
            clock.sound(frame)
    ended += clock.finish(frame + tail)
    certain = [(t.start, t.end) for t in tokens(text) if t.certain]
    places = [(w.text_start, w.text_end) for w in ended]
    assert [place for place in places if place in certain] == certain
    assert places == sorted(set(places))
    edges = [edge for w in ended for edge in (w.start_frame, w.end_frame)]
    assert edges == sorted(edges)
    assert all(w.end_frame - w.start_frame >= SHORTEST_WORD_FRAMES for w in ended)
