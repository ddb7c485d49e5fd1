"""Alignment: words where they are spoken, in clear speech and in noise, in long recordings; and what can't be."""

import json
import multiprocessing
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.speech.align.arpabet import arpabet
from engine.voices.backends.espeak import phonemes
from engine.voices.preset import Preset, complete_settings
from engine.voices.registry import backend
from engine.voices.resample import Resampler

ROOT = Path(__file__).parents[2]
TEXT = "The keeper lit the lamp, and then he went to bed. Nobody saw Zwolbrint again."
RATE = 16_000
extra = pytest.mark.extra


def spoken(text: str, **settings) -> tuple[np.ndarray, list[tuple[str, float]]]:
    """Return sound at 16 kHz that says ``text``, and when each word begins; another voice than the aligner's own."""
    voice = backend("espeak").open(complete_settings("espeak", {"rate_wpm": 140.0, **settings}))
    chunks = list(voice.speak(text))
    resampler = Resampler(voice.sample_rate, RATE, 1)
    audio = np.concatenate([resampler.feed(np.concatenate([c.audio for c in chunks])), resampler.finish()])[:, 0]
    return audio, [(w.text, w.start_frame / voice.sample_rate) for c in chunks for w in c.words]


def errors(spans, text: str, truth) -> np.ndarray:
    assert [text[s.text_start : s.text_end] for s in spans] == [word for word, _ in truth]
    assert all(a.end_seconds <= b.start_seconds + 1e-9 for a, b in pairwise(spans))
    return np.abs([s.start_seconds - start for s, (_, start) in zip(spans, truth, strict=True)])


@pytest.mark.parametrize(
    ("word", "sounds"),
    [("Hermione", "HH ER M AY ER N IY"), ("25", "T W EH N T IY F AY V"), ("colour", "K AH L ER"), ("...", "")],
)
def test_unknown_words_are_said_by_espeak(word, sounds):
    said = arpabet(phonemes(word, "en-us"))
    assert said.replace("AH", "ER") == sounds.replace("AH", "ER")


@extra
@pytest.mark.parametrize("snr_db", [None, 15.0])
def test_english_is_followed_in_noise_too(snr_db):
    from engine.speech.align.sphinx import force

    audio, truth = spoken(TEXT, language="en-us")
    if snr_db is not None:
        noise = np.random.default_rng(1).standard_normal(len(audio)).astype(np.float32)
        audio = audio + noise * np.sqrt((audio**2).mean() / 10 ** (snr_db / 10))
    spans = force(audio, TEXT)
    assert np.median(errors(spans, TEXT, truth)) < 0.03
    assert {s.source for s in spans} == {"pocketsphinx"}


@extra
def test_a_text_that_was_not_said_is_not_trusted():
    from engine.speech.align.aligner import Held, align

    audio, _ = spoken(TEXT, language="en-us")

    def trust(text: str) -> float:
        return float(np.mean([span.confidence for span in align(Held(audio), text, "en")]))

    other = "Please put seven yellow buckets under our uncle's window."
    assert trust(TEXT) > 1.5 * trust(other)


@extra
@pytest.mark.parametrize(
    ("language", "text"),
    [("de", "Der Leuchtturm steht am Ende der Mole, und niemand ist dort."), ("cmn", "你好，世界很大。")],
)
def test_any_language_of_espeak_is_warped(language, text):
    from engine.speech.align.warp import warp

    audio, truth = spoken(text, language=language, variant="f3")
    spans = warp(audio, text, language)
    assert np.median(errors(spans, text, truth)) < 0.03


@extra
def test_a_pause_that_the_reference_has_not_is_found():
    from engine.speech.align.warp import warp

    audio, truth = spoken("the lamp went out at night", language="en-us", variant="f3")
    cut = round(truth[3][1] * RATE)
    longer = np.concatenate([audio[:cut], np.zeros(RATE // 2, np.float32), audio[cut:]])
    spans = warp(longer, "the lamp went out at night", "en")
    assert spans[3].start_seconds == pytest.approx(truth[3][1] + 0.5, abs=0.06)
    assert spans[2].end_seconds == pytest.approx(truth[3][1], abs=0.06)


class Watched:
    """A recording that knows how much of it was asked for at once."""

    def __init__(self, audio: np.ndarray) -> None:
        self.audio, self.seconds, self.longest = audio, len(audio) / RATE, 0.0

    def read(self, start: float, end: float) -> np.ndarray:
        self.longest = max(self.longest, end - start)
        return self.audio[round(start * RATE) : round(end * RATE)]


@pytest.fixture(scope="module")
def long_story():
    """Return more than a minute of sentences, what they say, and when each word begins."""
    sentences = [f"{start} {middle} {end}" for start in STARTS for middle in MIDDLES for end in ENDS]
    parts, truth, seconds = [], [], 0.0
    for sentence in sentences:
        audio, words = spoken(sentence, language="en-us", variant="f3")
        truth += [(word, seconds + start) for word, start in words]
        parts += [audio, np.zeros(RATE // 4, np.float32)]
        seconds += len(audio) / RATE + 0.25
    return Watched(np.concatenate(parts)), " ".join(sentences), truth


@extra
def test_a_long_recording_is_followed_in_pieces_by_several_processes(long_story):
    from engine.speech.align.aligner import align
    from engine.speech.align.hands import hands

    recording, text, truth = long_story
    with hands("en", 2) as begin:
        spans = list(align(recording, text, "en", begin=begin, ahead=4))
    assert recording.seconds > 60.0 and recording.longest < 40.0
    off = errors(spans, text, truth)
    assert np.median(off) < 0.03 and np.quantile(off, 0.95) < 0.12


@extra
def test_no_more_pieces_are_under_way_than_may_be(long_story):
    from engine.speech.align.aligner import align

    recording, text, _ = long_story
    under_way, most = 0, 0

    def begin(audio, said):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        return words

    def words():
        nonlocal under_way
        under_way -= 1
        return ()

    assert list(align(recording, text, "en", begin=begin, ahead=3)) == []
    assert (under_way, most) == (0, 4)


@extra
def test_a_process_that_aligns_and_dies_is_told(long_story):
    from engine.speech.align.aligner import align
    from engine.speech.align.hands import hands
    from engine.speech.align.heard import AlignError

    recording, text, _ = long_story
    with hands("en", 1) as begin, pytest.raises(AlignError, match="has ended before it was done"):
        for number, _span in enumerate(align(recording, text, "en", begin=begin, ahead=1)):
            if not number:
                multiprocessing.active_children()[0].kill()


STARTS = ("In the morning the old keeper", "After supper my younger sister", "Before the storm a stranger")
MIDDLES = ("carried a heavy wooden box", "looked for the missing key", "read the letter once more")
ENDS = ("down to the empty harbour.", "behind the kitchen door.", "beside the broken clock.")


@extra
def test_a_take_without_words_gets_them(tmp_path):
    from engine.speech.script import Reading, script_of
    from engine.voices.aligning import PassageAligner
    from engine.voices.recording import record

    inner = backend("espeak").open(complete_settings("espeak", {"language": "en-us", "rate_wpm": 140.0}))

    class Mute:
        sample_rate, channels, timing = inner.sample_rate, 1, "none"

        def speak(self, text, *, seed=0, stopped=lambda: False):
            return (type(c)(audio=c.audio) for c in list(inner.speak(text)))

    text = "The *keeper* lit [pause 0.5] the lamp."
    preset = Preset(id="m", name="", backend="espeak", settings={})
    script = script_of(text, Reading())
    made = record(Mute(), preset, text, 48000, script=script, times=PassageAligner("en"))
    known = record(inner, preset, text, 48000, script=script)
    assert [(w.text, w.text_start) for w in made.words] == [(w.text, w.text_start) for w in known.words]
    assert made.timing == "pocketsphinx" and all(0.0 < w.confidence <= 1.0 for w in made.words)
    assert max(abs(a.start_frame - b.start_frame) for a, b in zip(made.words, known.words, strict=True)) < 48000 * 0.1


@extra
def test_the_command_line_aligns_a_file(tmp_path):
    audio, truth = spoken(TEXT, language="en-us")
    soundfile.write(tmp_path / "a.wav", np.stack([audio, audio], axis=1), RATE)
    command = [sys.executable, "-m", "bridge.cli.main", "align", str(tmp_path / "a.wav"), "--json", "--text", TEXT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rows = json.loads(done.stdout)
    assert [row["word"] for row in rows] == [word for word, _ in truth]
    assert set(rows[0]) == {"word", "start", "end", "source", "confidence"}


@extra
def test_what_cant_be_aligned_says_why():
    from engine.speech.align.aligner import Held, align
    from engine.speech.align.heard import AlignError

    with pytest.raises(AlignError, match="does not speak 'xx'"):
        list(align(Held(np.zeros(RATE, np.float32)), "hello", "xx"))
    with pytest.raises(AlignError, match="no sound"):
        list(align(Held(np.zeros(RATE, np.float32)), "hallo", "de"))


@extra
@pytest.mark.parametrize("columns", [1, 3, 10, 40])
def test_what_sounds_lies_within_a_recording_however_short(columns: int) -> None:
    from engine.speech.align.features import sounding

    level = np.zeros(columns, np.float32)
    level[columns // 2] = 1.0
    found = sounding(level)
    assert columns // 2 in found
    assert 0 <= found.min() <= found.max() < columns


@extra
@pytest.mark.parametrize("rate_wpm", [120.0, 260.0])
def test_a_piece_is_found_in_slow_speech_and_where_the_recording_is_shorter_than_espeaks(rate_wpm):
    from engine.speech.align.rough import place

    text, following = TEXT.split(". ")[0] + ".", TEXT.split(". ")[1]
    audio, truth = spoken(f"{text} {following}", rate_wpm=rate_wpm)
    begin, end = place(audio, text, following, "en")
    after = next(start for word, start in truth if word == "Nobody")
    assert begin < 0.2 and after - 0.4 < end < after + 0.1
