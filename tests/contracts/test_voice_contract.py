"""What every voice keeps to: the embedded one and the fake that other tests use."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import VoiceError
from engine.voices.base import Chunk, Voice
from engine.voices.preset import complete_settings
from engine.voices.registry import backend
from tests.voices.fake_voice import ToneVoice

VOICES = {
    "espeak": lambda: backend("espeak").open(complete_settings("espeak", {})),
    "espeak whisper": lambda: backend("espeak").open(complete_settings("espeak", {"variant": "whisper"})),
    "tone": ToneVoice,
}

TEXTS = {
    "Hello there, friend.": ["Hello", "there", "friend"],
    "25 of the 1,000 people": ["25", "of", "the", "1,000", "people"],
    "of the in the to the. It is what it is": ["of", "the", "in", "the", "to", "the", "It", "is", "what", "it", "is"],
    'He said: "don\'t" -- okay... yes…no': ["He", "said", "don't", "okay", "yes", "no"],
    "well-known wait—what and/or C++": ["well-known", "wait", "what", "and/or", "C++"],
    "e.g. the <b>bold</b> one": ["e.g", "the", "<b>bold</b>", "one"],
    "<speak>x</speak> [[h@lo]] &amp; done": ["<speak>x</speak>", "h@lo", "&amp", "done"],
    "cafe\u0301 nai\u0308ve E\u0301te\u0301": ["cafe\u0301", "nai\u0308ve", "E\u0301te\u0301"],
    "שלום hello עולם": ["שלום", "hello", "עולם"],
    "smile 😀 now 👍🏽 please": ["smile", "😀", "now", "👍🏽", "please"],
    "a\u200bb zero\u00a0nbsp\ttab\nline": ["a\u200bb", "zero", "nbsp", "tab", "line"],
    "$25.50 at 10:30, 5% me@x.org": ["$25.50", "at", "10:30", "5%", "me@x.org"],
    "one\x00two \x0150P three \ud800 four \ue001": ["one\x00two", "50P", "three", "four"],
    "X": ["X"],
}

SPEAKABLE = st.text(st.sampled_from("abc dE1,'\"-.—…:;!?()é0\n<>&"), max_size=60)


def spoken(voice: Voice, text: str) -> tuple[np.ndarray, list]:
    chunks = list(voice.speak(text))
    return np.concatenate([c.audio for c in chunks]), [w for c in chunks for w in c.words]


@pytest.fixture(params=VOICES)
def voice(request):
    return VOICES[request.param]()


class TestVoice:
    def test_chunks_are_float32_frames_by_channels(self, voice):
        for chunk in voice.speak("One, two. Three!"):
            assert isinstance(chunk, Chunk)
            assert chunk.audio.dtype == np.float32
            assert chunk.audio.ndim == 2 and chunk.audio.shape[1] == voice.channels

    @pytest.mark.parametrize("text", TEXTS)
    def test_every_word_has_its_place_in_text_and_time(self, voice, text):
        audio, words = spoken(voice, text)
        assert [w.text for w in words] == TEXTS[text]
        check_words(text, words, len(audio))

    @settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(text=SPEAKABLE)
    def test_each_letter_and_digit_lies_in_one_word(self, voice, text):
        if not any(c.isalnum() for c in text):
            return
        audio, words = spoken(voice, text)
        check_words(text, words, len(audio))
        covered = [i for w in words for i in range(w.text_start, w.text_end)]
        assert len(covered) == len(set(covered))
        assert {i for i, c in enumerate(text) if c.isalnum()} <= set(covered)

    def test_words_come_with_or_after_their_sound(self, voice):
        heard = 0
        for chunk in voice.speak("One, two, three. Four, five, six. Seven, eight, nine."):
            heard += len(chunk.audio)
            assert all(word.start_frame < heard for word in chunk.words)

    def test_sound_begins_at_once(self, voice):
        for text in ("Please.", "Ah", "for sure", "25"):
            audio, words = spoken(voice, text)
            first = int(np.argmax(np.abs(audio[:, 0]) > 0.001))
            assert first <= 0.005 * voice.sample_rate
            assert words[0].start_frame == 0

    def test_sound_is_neither_clipped_nor_faint(self, voice):
        audio, _ = spoken(voice, "Attention! Please queue in order of size.")
        assert 0.02 < np.abs(audio).max() < 1.0

    @pytest.mark.parametrize("text", ["", "   \n\t", "...", "— , —", '"?!"', "\x00\x01", "\ue000"])
    def test_nothing_to_speak_is_an_error_that_shows_the_text(self, voice, text):
        with pytest.raises(VoiceError, match="nothing to speak"):
            voice.speak(text)

    def test_a_closed_line_leaves_the_voice_ready(self, voice):
        line = voice.speak("This line is called off. " * 40)
        next(line)
        line.close()
        assert list(line) == []
        assert [w.text for w in spoken(voice, "Go on")[1]] == ["Go", "on"]

    def test_two_lines_begun_at_once_do_not_mix(self, voice):
        first, second = voice.speak("One two three four."), voice.speak("Five six.")
        begun = [next(first), next(second)]
        second_words = [w.text for c in (begun[1], *second) for w in c.words]
        first_words = [w.text for c in (begun[0], *first) for w in c.words]
        assert (first_words, second_words) == (["One", "two", "three", "four"], ["Five", "six"])


def check_words(text: str, words: list, frames: int) -> None:
    """Fail unless the words lie in order, none empty, inside text and sound, each naming its own piece of the text."""
    frame = character = 0
    for word in words:
        assert frame <= word.start_frame < word.end_frame <= frames
        assert character <= word.text_start < word.text_end <= len(text)
        assert word.text == text[word.text_start : word.text_end]
        frame, character = word.end_frame, word.text_end
