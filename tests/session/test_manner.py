from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadRange, UnknownThing
from engine.session.library import Loaded
from engine.session.manner import in_manner
from engine.session.players import Sound
from engine.story.model import Line, Manner
from engine.voices.take import Word

RATE = 48000
SEAM, ATTACK = 240, 96
PLACES = (
    ("the", 1000, 3000), ("dragon", 4000, 9000), ("ate", 9000, 12000), ("the", 13000, 15000), ("cake", 15000, 20000),
)  # fmt: skip


def spoken(trim: int = 0, length: int | None = None, frames: int = 24000) -> Sound:
    words = tuple(Word(text=t, start_frame=s, end_frame=e, text_start=0, text_end=1) for t, s, e in PLACES)
    return Sound(
        source=Line(text="the dragon ate the cake", voice="narrator"),
        loaded=Loaded(offset=0, frames=frames, channels=1, digest="", words=words),
        strip=0, trim_start_frames=trim, length_frames=length, fade_in_frames=10, fade_out_frames=20,
    )  # fmt: skip


def manner(**fields: object) -> Manner:
    return Manner(**fields)  # type: ignore[arg-type]


def place(sound: Sound) -> tuple[int, int]:
    return sound.trim_start_frames, sound.frames


def test_without_a_manner_nothing_changes() -> None:
    assert in_manner(spoken(), Manner(), RATE) == spoken()


def test_from_a_word_on_it_starts_at_that_word_with_a_short_attack() -> None:
    sound = in_manner(spoken(), manner(from_word="dragon"), RATE)
    assert place(sound) == (4000, 20000)
    assert (sound.attack_frames, sound.fade_in_frames, sound.fade_out_frames) == (ATTACK, 0, 20)


def test_any_frame_can_be_the_first_also_backwards_and_looped() -> None:
    trimmed = spoken(trim=1000, length=20000)
    sound = in_manner(trimmed, manner(from_frame=5001), RATE)
    assert place(sound) == (6001, 14999)
    assert (sound.attack_frames, sound.fade_in_frames, sound.fade_out_frames) == (ATTACK, 0, 20)
    looped = in_manner(trimmed, manner(from_frame=5001, loop=True), RATE)
    assert (looped.trim_start_frames, looped.loop_start_frames, looped.loop_frames) == (6001, SEAM, 14999 - SEAM)
    backwards = in_manner(trimmed, manner(from_frame=5001, reverse=True), RATE)
    assert place(backwards) == (6001 - SEAM, 14999 + SEAM)
    assert in_manner(trimmed, manner(from_frame=19999), RATE).frames == 1


@pytest.mark.parametrize("frame", [20000, -1])
def test_a_start_outside_of_it_says_how_long_it_is(frame: int) -> None:
    with pytest.raises(BadRange, match=r"lasts 0\.417 s; it can't be started"):
        in_manner(spoken(trim=1000, length=20000), manner(from_frame=frame), RATE)


def test_one_word_rings_on_for_its_fade() -> None:
    sound = in_manner(spoken(), manner(from_word="the#2", to_word="the#2"), RATE)
    assert place(sound) == (13000, 2000 + SEAM)
    assert (sound.attack_frames, sound.fade_out_frames) == (ATTACK, SEAM)


def test_from_word_to_word() -> None:
    assert place(in_manner(spoken(), manner(from_word="dragon", to_word="the"), RATE)) == (4000, 11000 + SEAM)
    with pytest.raises(BadRange, match="'dragon#1' comes before 'ate'"):
        in_manner(spoken(), manner(from_word="ate", to_word="dragon#1"), RATE)


def test_words_outside_the_clips_trim_are_not_there() -> None:
    trimmed = spoken(trim=3500, length=10000)
    assert place(in_manner(trimmed, manner(from_word="dragon"), RATE)) == (4000, 9500)
    with pytest.raises(UnknownThing, match=r"there is: ate, dragon, the"):
        in_manner(trimmed, manner(from_word="cake"), RATE)


def test_a_looped_word_has_its_own_length_as_period() -> None:
    sound = in_manner(spoken(), manner(from_word="dragon", to_word="dragon", loop=True), RATE)
    assert (sound.loop_start_frames, sound.loop_frames, sound.seam_frames) == (SEAM, 5000, SEAM)
    assert sound.rounds == 0
    assert sound.sounding_frames is None


def test_a_loop_to_the_very_end_is_shorter_by_its_seam() -> None:
    sound = in_manner(spoken(frames=20000), manner(from_word="cake", to_word="cake", loop=True), RATE)
    assert place(sound) == (15000, 5000)
    assert (sound.loop_start_frames, sound.loop_frames) == (SEAM, 5000 - SEAM)


def test_a_stutter_goes_on_after_it() -> None:
    sound = in_manner(spoken(), manner(from_word="dragon", repeat=3), RATE)
    assert place(sound) == (4000, 20000)
    assert (sound.loop_frames, sound.rounds, sound.sounding_frames) == (5000, 3, 30000)


def test_backwards_the_fades_change_places() -> None:
    sound = in_manner(spoken(), manner(reverse=True), RATE)
    assert (sound.rate, sound.fade_in_frames, sound.fade_out_frames, sound.attack_frames) == (-1.0, 20, 10, 0)
    word = in_manner(spoken(), manner(from_word="dragon", to_word="dragon", reverse=True), RATE)
    assert place(word) == (4000 - SEAM, 5000 + SEAM)
    assert (word.attack_frames, word.fade_out_frames) == (ATTACK, SEAM)


def test_semitones_are_a_rate_and_have_bounds() -> None:
    sound = in_manner(spoken(), manner(semitones=12.0), RATE)
    assert (sound.rate, sound.sounding_frames) == (2.0, 12000)
    with pytest.raises(BadRange, match="semitones: 25 is outside -24 to 24"):
        in_manner(spoken(), manner(semitones=25.0), RATE)


@given(
    st.integers(1, 5), st.integers(1, 5), st.booleans(), st.booleans(), st.integers(1, 9), st.floats(-24, 24),
    st.integers(0, 20000), st.integers(1, 24000),
)  # fmt: skip
def test_whatever_is_asked_lies_inside_the_clip_and_its_loop_inside_that(
    start: int, end: int, closed: bool, reverse: bool, repeat: int, semitones: float, trim: int, length: int
) -> None:
    sound = spoken(trim=trim, length=length)
    wanted = manner(
        from_word=f"#{start}", to_word=f"#{end}" if closed else None, reverse=reverse, repeat=repeat,
        semitones=semitones,
    )  # fmt: skip
    try:
        narrow = in_manner(sound, wanted, RATE)
    except (UnknownThing, BadRange):
        return
    first, frames = place(narrow)
    assert trim <= first
    assert first + frames <= trim + sound.frames
    assert narrow.seam_frames <= narrow.loop_start_frames
    assert narrow.loop_start_frames + narrow.loop_frames <= frames
    assert frames > 0
