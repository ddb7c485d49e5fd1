"""The same class on every listener: a fake one here, Whisper with tiny random weights where PyTorch is."""

import importlib.util

import numpy as np
import pytest
import soundfile

from engine.errors import BadRange, MediaError
from engine.voices.media import Stopped
from tests.voices.fake_listener import FakeListener

RATE = 16_000
WHISPER = pytest.param(
    "whisper",
    marks=[pytest.mark.extra, pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="needs PyTorch")],
)


@pytest.fixture(scope="module", params=["fake", WHISPER])
def listener(request, tmp_path_factory):
    if request.param == "fake":
        return FakeListener()
    import torch

    from engine.voices.backends import whisper_listener
    from engine.voices.preset import ears
    from engine.voices.registry import listener
    from tests.neural.tiny_whisper import save_whisper

    torch.set_num_threads(1)
    whisper_listener.DOUBT["temperature"] = (0.0, 1.0)  # random weights are always in doubt
    folder = save_whisper(tmp_path_factory.mktemp("whisper"))
    return listener("whisper").open(ears({"model": str(folder)}).settings)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Five and a half seconds, the third and fourth of them silent."""
    path = tmp_path_factory.mktemp("sound") / "noise.wav"
    sound = np.random.default_rng(1).normal(0.0, 0.1, round(5.5 * RATE)).astype(np.float32)
    sound[2 * RATE : 4 * RATE] = 0.0
    soundfile.write(path, sound, RATE)
    return path


class TestListener:
    def test_passages_follow_each_other_to_the_end(self, listener, recording):
        passages = list(listener.listen(recording))
        assert len(passages) >= 3
        heard = [passage.heard_seconds for passage in passages]
        assert heard == sorted(set(heard)) and heard[-1] == pytest.approx(5.5, abs=0.001)
        assert all(passage.total_seconds == pytest.approx(5.5) for passage in passages)

    def test_words_lie_in_their_passage_in_order(self, listener, recording):
        start, words = 0.0, 0
        for passage in listener.listen(recording, language="en"):
            assert passage.language == "en"
            for word in passage.words:
                assert start - 0.001 <= word.start_seconds <= word.end_seconds <= passage.heard_seconds + 0.001
                assert word.text in passage.text and 0.0 <= word.confidence <= 1.0
                start, words = word.start_seconds, words + 1
        assert words

    def test_silence_says_nothing(self, listener, tmp_path):
        soundfile.write(tmp_path / "silence.wav", np.zeros(RATE, np.float32), RATE)
        assert [(p.text, p.words) for p in listener.listen(tmp_path / "silence.wav")] == [("", ())]

    def test_twice_is_the_same(self, listener, recording):
        assert list(listener.listen(recording)) == list(listener.listen(recording))

    def test_it_stops_when_told_to(self, listener, recording):
        asked = []

        def stopped():
            asked.append(None)
            return len(asked) >= 2

        with pytest.raises(Stopped):
            list(listener.listen(recording, stopped=stopped))
        assert len(asked) == 2 and list(listener.listen(recording))

    def test_an_unknown_language_is_refused_with_those_it_knows(self, listener, recording):
        with pytest.raises(BadRange, match=r"language 'tlh': this model hears de, en"):
            list(listener.listen(recording, language="tlh"))

    def test_what_is_no_sound_is_named(self, listener, tmp_path):
        (tmp_path / "text.wav").write_text("no sound")
        with pytest.raises(MediaError, match=r"text\.wav can't be read"):
            list(listener.listen(tmp_path / "text.wav"))
