"""The same class on every family of models: what a voice keeps to, on tiny random models loaded from disk."""

import numpy as np
import pytest
import torch

from engine.errors import VoiceError
from engine.voices.base import Chunk
from engine.voices.media import Stopped
from engine.voices.preset import complete_settings
from engine.voices.registry import backend
from tests.contracts.test_voice_contract import check_words
from tests.neural import tiny_talkers as talkers
from tests.neural import tiny_waveform as tiny
from tests.neural.tiny_pocket import save_phonon, save_pocket

FAMILIES = {
    "pocket": save_pocket,
    "phonon": save_phonon,
    "vits": tiny.save_vits,
    "csm": tiny.save_csm,
    "speecht5": tiny.save_speecht5,
    "transformers": tiny.save_vits,
    "fastspeech2": talkers.save_fastspeech2,
    "bark": talkers.save_bark,
    "dia": talkers.save_dia,
    "vibevoice": talkers.save_vibevoice,
}
TEXT = "hello there, how are you"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    torch.set_num_threads(1)
    return {family: save(tmp_path_factory.mktemp(family)) for family, save in FAMILIES.items()}


SPOKEN_BY = {"phonon": "pocket"}
"""Families that have no backend of their own."""


def opened(family, folders, **settings):
    name = SPOKEN_BY.get(family, family)
    return backend(name).open(complete_settings(name, {"model": str(folders[family]), **settings}))


@pytest.fixture(params=FAMILIES)
def voice(request, folders):
    return opened(request.param, folders)


def spoken(voice, text=TEXT, **manner):
    chunks = list(voice.speak(text, **manner))
    return np.concatenate([c.audio for c in chunks]), [w for c in chunks for w in c.words]


class TestModelVoice:
    def test_chunks_are_float32_frames_by_channels(self, voice):
        chunks = list(voice.speak(TEXT, seed=1))
        assert chunks and voice.sample_rate > 0
        for chunk in chunks:
            assert isinstance(chunk, Chunk) and chunk.audio.dtype == np.float32
            assert chunk.audio.ndim == 2 and chunk.audio.shape[1] == voice.channels
            assert np.isfinite(chunk.audio).all()
        assert sum(len(chunk.audio) for chunk in chunks) > 0

    def test_the_same_seed_is_the_same_sound_whatever_was_drawn_meanwhile(self, voice):
        first, _ = spoken(voice, seed=5)
        torch.rand(7)
        np.testing.assert_array_equal(spoken(voice, seed=5)[0], first)

    def test_words_lie_in_text_and_sound_or_there_are_none(self, voice):
        audio, words = spoken(voice)
        assert words or voice.timing == "none" or len(words) == 0
        check_words(TEXT, words, len(audio))

    def test_it_stops_within_a_step(self, voice):
        asked = []

        def stopped():
            asked.append(None)
            return len(asked) >= 2

        with pytest.raises(Stopped):
            list(voice.speak(TEXT, stopped=stopped))
        assert len(asked) == 2
        assert len(spoken(voice, "go on")[0])

    def test_a_closed_line_leaves_the_voice_ready(self, voice):
        line = voice.speak(TEXT)
        next(line)
        line.close()
        assert len(spoken(voice, "go on")[0])

    def test_nothing_to_speak_is_an_error_that_shows_the_text(self, voice):
        with pytest.raises(VoiceError, match=r"nothing to speak in '\.\.\.'"):
            voice.speak("...")


def test_vits_times_each_word_exactly(folders):
    voice = opened("vits", folders)
    audio, words = spoken(voice, "Hello there - how are you?")
    assert [word.text for word in words] == ["Hello", "there", "how", "are", "you"]
    check_words("Hello there - how are you?", words, len(audio))
    frames = sum(durations(voice)) * int(np.prod(voice.speaker.model.config.upsample_rates))
    assert frames == len(audio) and words[-1].end_frame == len(audio)


def durations(voice):
    return torch.ceil(torch.exp(voice._durations[-1]) / voice.speaker.model.speaking_rate).flatten().int().tolist()


def test_vits_speaks_faster_when_told_to(folders):
    slow, fast = (spoken(opened("vits", folders, speed=speed))[0] for speed in (0.5, 2.0))
    assert len(slow) > 1.5 * len(fast)


def test_a_text_that_the_tokenizer_rewrites_has_no_exact_words(folders):
    voice = opened("vits", folders)
    voice.speaker.tokenizer.prepare_for_tokenization = lambda text, **_: ("something else", {})
    assert voice._words("hello", np.zeros(99)) == ()


def test_csm_streams_what_its_codec_decodes_at_once(folders):
    voice = opened("csm", folders)
    chunks = list(voice.speak("hi", seed=3))
    assert len(chunks) > 2
    torch.manual_seed(3)
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(3)
        (whole,) = voice._model.generate(**voice._inputs("hi"), output_audio=True)
    streamed = np.concatenate([chunk.audio for chunk in chunks])[:, 0]
    np.testing.assert_allclose(streamed[: len(whole)], whole.numpy(), atol=1e-4 * float(whole.abs().max()))


def test_what_is_wrong_is_said(folders, tmp_path):
    for family, settings, told in (
        ("vits", {"precision": "int8"}, "precision int8 is for pocket"),
        ("vits", {"speaker": 3}, "speaker 3: the model has 1"),
        ("vits", {"model": str(tmp_path)}, "failed"),
        ("speecht5", {"speaker": str(tmp_path / "x.npy")}, "No such file"),
    ):
        with pytest.raises(VoiceError, match=told):
            spoken(opened(family, {family: folders[family]}, **settings))
