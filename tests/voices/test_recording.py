"""A recording: at the project's rate to the frame, words scaled once, level as the preset says."""

import numpy as np
import pytest

from engine.errors import VoiceError
from engine.speech.script import Reading, script_of
from engine.voices.base import Chunk
from engine.voices.ceiling import Ceiling
from engine.voices.media import Stopped
from engine.voices.preset import Preset
from engine.voices.recording import record
from tests.contracts.test_voice_contract import check_words
from tests.voices.fake_voice import GAP_FRAMES, WORD_FRAMES, ToneVoice

PLAIN = Preset(id="tone", name="Tone", backend="tone", settings={})
TEXT = "one two three"


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000])
def test_length_and_words_are_exact_at_any_rate(rate):
    made = record(ToneVoice(), PLAIN, TEXT, rate)
    assert len(made.audio) == round(3 * (WORD_FRAMES + GAP_FRAMES) * rate / 22050)
    for number, word in enumerate(made.words):
        start = number * (WORD_FRAMES + GAP_FRAMES) / 22050
        assert abs(word.start_frame - start * rate) <= 0.5
        assert abs(word.end_frame - (start + WORD_FRAMES / 22050) * rate) <= 0.5
    check_words(TEXT, list(made.words), len(made.audio))


def test_words_stay_apart_at_a_rate_where_they_would_fall_together():
    class Hasty(ToneVoice):
        def speak(self, text, **manner):
            for chunk in super().speak(text, **manner):
                word = chunk.words[0]
                yield Chunk(audio=chunk.audio[:2], words=(type(word)(
                    text=word.text, start_frame=word.text_start // 2, end_frame=word.text_start // 2 + 1,
                    text_start=word.text_start, text_end=word.text_end,
                ),))  # fmt: skip

    made = record(Hasty(), PLAIN, "a b c d e f g h", 22050)
    check_words("a b c d e f g h", list(made.words), len(made.audio))


def test_gain_is_what_the_preset_says():
    plain, half = (
        record(ToneVoice(), Preset(id="t", name="", backend="t", settings={}, gain_db=g), TEXT, 48000)
        for g in (0.0, -6.0)
    )
    np.testing.assert_allclose(half.audio, plain.audio * 10 ** (-6 / 20), atol=1e-7)


def test_a_take_is_lowered_from_its_first_peak_that_would_be_too_loud():
    loud = record(ToneVoice(), Preset(id="t", name="", backend="t", settings={}, gain_db=30.0), TEXT, 48000)
    plain = record(ToneVoice(), PLAIN, TEXT, 48000)
    assert np.abs(loud.audio).max() == pytest.approx(10 ** (-1 / 20), rel=1e-6)
    lowered = loud.audio[2400:] / np.abs(loud.audio[2400:]).max()
    np.testing.assert_allclose(lowered, plain.audio[2400:] / np.abs(plain.audio[2400:]).max(), atol=1e-6)


@pytest.mark.parametrize("cuts", [(1,), (7, 239, 240, 241), (5000,)])
def test_the_ceiling_is_the_same_however_the_line_comes(cuts):
    noise = np.random.default_rng(5).normal(0, 0.3, (30_000, 2)).astype(np.float32)
    noise[:9000] *= 0.1
    whole = Ceiling(3.0, 48000)
    expected = np.concatenate([whole.feed(noise), whole.finish()])
    cut, parts, at, step = Ceiling(3.0, 48000), [], 0, 0
    while at < len(noise):
        size = cuts[step % len(cuts)] if len(cuts) > 1 or cuts[0] > 1 or at < 300 else 9999
        parts.append(cut.feed(noise[at : at + size]))
        at, step = at + size, step + 1
    np.testing.assert_array_equal(np.concatenate([*parts, cut.finish()]), expected)
    assert np.abs(expected).max() <= 10 ** (-1 / 20) * (1 + 1e-6)
    np.testing.assert_array_equal(expected[:8000], noise[:8000] * np.float32(10 ** (3 / 20)))


def test_stopping_asks_for_no_more_sound():
    voice, asked = ToneVoice(), []

    def stopped() -> bool:
        asked.append(voice.spoken)
        return voice.spoken == 2

    with pytest.raises(Stopped):
        record(voice, PLAIN, "one two three four five", 48000, stopped=stopped)
    assert voice.spoken == 2


def test_who_listens_hears_each_part_as_it_is_made():
    heard = []
    made = record(ToneVoice(), PLAIN, TEXT, 48000, hear=heard.append)
    assert len(heard) == 5 and len(heard[0])
    np.testing.assert_array_equal(np.concatenate(heard), made.audio)


def test_sound_that_is_no_number_is_refused():
    class Broken(ToneVoice):
        def speak(self, text, **manner):
            for chunk in super().speak(text, **manner):
                chunk.audio[5] = np.nan
                yield chunk

    with pytest.raises(VoiceError, match="voice 'tone' gave sound that is no number for 'one two three'"):
        record(Broken(), PLAIN, TEXT, 22050)


def test_a_take_tells_what_was_recorded():
    made = record(ToneVoice(), PLAIN, TEXT, 48000)
    take = made.take("d" * 40, TEXT, "tone", 48000)
    assert (take.frames, take.channels, take.words) == (len(made.audio), 1, made.words)
    assert take.peak == pytest.approx(0.3, abs=0.02)


def test_all_of_the_sound_is_there_before_words_are_looked_for():
    class Untimed(ToneVoice):
        timing = "none"

        def speak(self, text, **manner):
            return (Chunk(audio=chunk.audio) for chunk in super().speak(text, **manner))

    said = []

    class Times:
        def words(self, audio, sample_rate, text):
            said.append(f"words of {text.strip()}")
            return ()

    heard = []
    script = script_of("one two. [pause 0.1] three.", Reading())
    made = record(
        Untimed(), PLAIN, "one two. three.", 48000, script=script, times=Times(),
        hear=heard.append, hear_end=lambda: said.append("end"),
    )  # fmt: skip
    assert said == ["end", "words of one two.", "words of three."]
    assert sum(map(len, heard)) == len(made.audio) and np.concatenate(heard).shape == made.audio.shape
