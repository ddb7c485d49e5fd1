"""Trimming by hand: the line is what was asked for, to the frame, with the words in it; the ways before come back."""

import numpy as np
import pytest
import soundfile

from engine.capture.by_hand import trimmed, untrimmed
from engine.capture.kept import CAPTURES, Kept, read_kept, sound_file, whole_file
from engine.capture.work import cut_by_hand
from engine.errors import BadRange, NotReady
from engine.voices.take import Word

RATE = 48_000
TEXT = "Who, then, is there?"
SAID = (("Who,", 0, 0), ("then,", 5, 9600), ("is", 11, 19_200), ("there?", 14, 28_800))
WORDS = tuple(
    Word(text=text, start_frame=at, end_frame=at + 4800, text_start=start, text_end=start + len(text))
    for text, start, at in SAID
)
KEPT = Kept(name="a", sample_rate=RATE, frames=38_400, first=48_000, pressed=48_000, text=TEXT, words=WORDS)


def starts(kept):
    return [(kept.text[w.text_start : w.text_end], w.start_frame + kept.first) for w in kept.words]


def test_words_stay_where_they_are_said_and_those_that_are_cut_go():
    wider = trimmed(KEPT, 40_000, 96_000)
    assert (wider.first, wider.frames, wider.text) == (40_000, 56_000, TEXT) and starts(wider) == starts(KEPT)
    less = trimmed(wider, 48_000 + 9000, 48_000 + 25_000)
    assert less.text == "then, is" and starts(less) == starts(KEPT)[1:3]
    assert untrimmed(less) == wider and untrimmed(untrimmed(less)) == KEPT
    assert trimmed(KEPT, 0, 3000).words == () and trimmed(KEPT, 0, 3000).text == ""


def test_what_can_not_be_is_refused():
    for start, end in ((-1, 9600), (4800, 4800), (9600, 4800), (0, 100)):
        with pytest.raises(BadRange, match="begins at 0 or later"):
            trimmed(KEPT, start, end)
    with pytest.raises(NotReady, match="was not trimmed by hand"):
        untrimmed(KEPT)
    with pytest.raises(BadRange, match="is what the voice 'anna' said"):
        trimmed(Kept(name="b", sample_rate=RATE, frames=9, voice="anna"), 0, 9600)


def test_the_sound_is_cut_to_the_frame_without_a_click(tmp_path):
    folder = tmp_path / CAPTURES
    folder.mkdir()
    whole = np.linspace(0.5, 0.6, 2 * RATE, dtype=np.float32)
    soundfile.write(whole_file(folder, "a"), whole, RATE, subtype="FLOAT")
    done = cut_by_hand(folder, trimmed(KEPT, 10_000, 60_000))
    assert read_kept(folder, "a") == done
    sound, _ = soundfile.read(sound_file(folder, "a"), dtype="float32")
    assert len(sound) == 50_000 and np.array_equal(sound[100:-100], whole[10_100:59_900])
    assert sound[0] == sound[-1] == 0.0 and np.abs(np.diff(sound)).max() < 0.01
    cut_by_hand(folder, trimmed(KEPT, 0, 2 * RATE))
    assert np.array_equal(soundfile.read(sound_file(folder, "a"), dtype="float32")[0], whole)
    with pytest.raises(BadRange, match=r"lasts 2.000 s, pre-roll and all; 2.500 s is beyond"):
        cut_by_hand(folder, trimmed(KEPT, 0, 120_000))
