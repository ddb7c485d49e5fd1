"""flite, where it is installed."""

import ctypes

import numpy as np
import pytest

from engine.errors import VoiceError
from engine.voices.backends import flite
from engine.voices.backends.flite import BACKEND
from engine.voices.preset import complete_settings
from tests.contracts.test_voice_contract import check_words

TEXT = 'Hello there, number 25 of "the people" - yes! 10:30'


@pytest.fixture
def voice():
    try:
        return BACKEND.open(complete_settings("flite", {}))
    except VoiceError as error:
        pytest.skip(str(error))


def test_it_times_each_word_of_the_text(voice):
    (chunk,) = voice.speak(TEXT)
    assert [w.text for w in chunk.words] == ["Hello", "there", "number", "25", "of", "the", "people", "yes", "10:30"]
    check_words(TEXT, list(chunk.words), len(chunk.audio))
    loud = np.flatnonzero(np.abs(chunk.audio[:, 0]) > 0.02)
    assert loud[0] < 0.1 * voice.sample_rate
    assert abs(chunk.words[-1].end_frame - loud[-1]) < 0.15 * voice.sample_rate


@pytest.mark.parametrize("text", ["", "...", "   "])
def test_nothing_to_speak_is_an_error(voice, text):
    with pytest.raises(VoiceError, match="nothing to speak"):
        voice.speak(text)


def test_letters_that_it_does_not_know_are_an_error_not_silence(voice):
    with pytest.raises(VoiceError, match="flite"):
        list(voice.speak("שלום"))


def test_where_it_is_not_installed_it_says_what_to_type(monkeypatch):
    def missing(name, **_):
        raise OSError(f"{name}: not found")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    with pytest.raises(VoiceError, match=r"flite is not installed.*apt-get install libflite1"):
        flite._Library()
