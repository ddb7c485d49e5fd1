"""A worker that listens, without a process: passages, times of an alignment, failures."""

import numpy as np
import pytest
import soundfile
from msgspec.structs import replace

from engine.errors import EngineError
from engine.render.cache import TakeCache
from engine.speech.align.heard import AlignError, Span
from engine.speech.transcript import HeardWord, Passage
from engine.voices import ears as ears_module
from engine.voices import registry, wire
from engine.voices.ears import better_timed
from engine.voices.preset import Preset, ears
from engine.voices.worker import Worker
from tests.signals import noise
from tests.voices.fake_listener import FakeListenerBackend

RATE = 16_000
PRESET = Preset(id="fake", name="fake", backend="fake", settings={"model": "fake"})


@pytest.fixture
def answers(monkeypatch, tmp_path):
    """Return ``work(*requests) -> answers``."""
    monkeypatch.setitem(registry.LISTENERS, "fake", "")
    monkeypatch.setattr(ears_module, "listener", {"fake": FakeListenerBackend()}.__getitem__)
    monkeypatch.setattr(ears_module, "align", no_alignment)
    soundfile.write(tmp_path / "said.wav", noise(5 * RATE), RATE)

    def work(*requests):
        told = []
        worker = Worker(told.append, TakeCache(tmp_path), None)
        for request in requests:
            worker.ask(request)
        worker._requests.put(None)
        worker.run()
        return told

    return work


def no_alignment(*_):
    raise AlignError("no aligner here")
    yield


def listen(path, language=""):
    return wire.Listen(job=1, path=str(path), preset=PRESET, language=language)


def test_a_recording_is_told_part_by_part_and_then_that_it_ends(answers, tmp_path):
    loading, loaded, *heard, end = answers(wire.Load(job=0, preset=PRESET), listen(tmp_path / "said.wav"))
    assert isinstance(loading, wire.Loading) and loaded.bytes["cpu"] > 0
    assert [each.passage.text for each in heard] == [f"word{n + 1}" for n in range(len(heard))]
    assert heard[-1].passage.heard_seconds == 5.0 and end == wire.Listened(job=1)


def test_what_can_t_be_read_and_languages_that_nobody_knows_are_failures(answers, tmp_path):
    (failed,) = answers(listen(tmp_path / "none.wav"))
    assert (failed.code, "none.wav" in failed.text) == ("bad_media", True)
    (failed,) = answers(listen(tmp_path / "said.wav", "tlh"))
    assert failed.code == "bad_range"


HEARD = Passage(
    text="one two",
    language="en",
    words=(
        HeardWord(text="one", start_seconds=10.3, end_seconds=10.5, confidence=0.9),
        HeardWord(text="two", start_seconds=10.5, end_seconds=10.9, confidence=0.8),
    ),
    heard_seconds=12.0,
    total_seconds=12.0,
)
SPANS = (
    Span(text_start=0, text_end=3, start_seconds=0.1, end_seconds=0.4, source="dtw"),
    Span(text_start=4, text_end=7, start_seconds=0.4, end_seconds=0.8, source="dtw"),
)


def timed(monkeypatch, spans):
    monkeypatch.setattr(ears_module, "align", lambda *_: iter(spans))
    return better_timed(HEARD, 10.0, np.zeros(2 * RATE, np.float32))


def test_an_alignment_that_agrees_times_the_words(monkeypatch):
    words = timed(monkeypatch, SPANS).words
    assert [(w.start_seconds, w.end_seconds, w.source, w.confidence) for w in words] == [
        (10.1, 10.4, "dtw", 0.9),
        (10.4, 10.8, "dtw", 0.8),
    ]


def test_one_that_lies_elsewhere_or_means_other_words_does_not(monkeypatch):
    far = tuple(replace(span, start_seconds=span.start_seconds + 1.2, end_seconds=2.0) for span in SPANS)
    assert timed(monkeypatch, far) == timed(monkeypatch, SPANS[:1]) == HEARD


def test_without_an_aligner_words_keep_their_times(monkeypatch):
    monkeypatch.setattr(ears_module, "align", no_alignment)
    assert better_timed(HEARD, 10.0, np.zeros(RATE, np.float32)) == HEARD


def test_what_listens_has_settings_that_are_checked():
    assert ears({"precision": "int8"}).settings["model"] == "whisper-small"
    for wrong in ({"precision": "int3"}, {"loudness": 3}):
        with pytest.raises(EngineError):
            ears(wrong)
