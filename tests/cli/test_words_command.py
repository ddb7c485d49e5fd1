"""`cuevox words`: the words of a take with their times, sources and confidence, as text and as a picture."""

import json

import numpy as np
import pytest
from PIL import Image
from shell import world
from typer.testing import CliRunner

from bridge.cli.main import app
from engine.errors import EngineError
from engine.render.cache import TakeCache
from engine.voices.take import Take, Word

RATE, DIGEST = 48_000, "3f9a" * 10


def word(text, start, end, place, **facts):
    return Word(text=text, start_frame=start, end_frame=end, text_start=place, text_end=place + len(text), **facts)


@pytest.fixture
def run(tmp_path, monkeypatch):
    for name, value in world(tmp_path).items():
        monkeypatch.setenv(name, value)
    words = (word("Good", 4_800, 24_000, 0), word("night", 24_000, 48_000, 5, source="dtw", confidence=0.05))
    facts = {"text": "Good night.", "voice": "narrator", "sample_rate": RATE, "frames": RATE, "channels": 1}
    take = Take(digest=DIGEST, words=words, **facts)
    TakeCache(tmp_path / "cache" / "takes").put(take, np.full((RATE, 1), 0.5, np.float32))
    return lambda *arguments: CliRunner().invoke(app, ["words", *arguments])


def test_words_are_told_with_what_timed_them_and_how_surely(run):
    rows = json.loads(run("3f9a", "--json").stdout)
    assert rows == [
        {"word": "Good", "start": 0.1, "end": 0.5, "source": "exact", "confidence": 1.0},
        {"word": "night", "start": 0.5, "end": 1.0, "source": "dtw", "confidence": 0.05},
    ]
    assert run(f"{DIGEST}.wav").stdout.splitlines()[-1].split() == ["night", "0.5", "1.0", "dtw", "0.05"]


def test_a_picture_shows_where_each_word_lies_and_which_is_unsure(run, tmp_path):
    assert run("3f9a", "--picture", str(tmp_path / "words.png")).exit_code == 0
    picture = np.asarray(Image.open(tmp_path / "words.png").convert("RGB"), np.int32)
    row = picture[40]  # below the names, above the waveform
    left, right = (row[round(row.shape[0] * part)] for part in (0.3, 0.75))
    assert left[2] > left[0] and right[0] > right[2]
    assert (row[5] == picture[0, 0]).all()


def test_what_is_not_there_or_can_t_be_written_is_named(run, tmp_path):
    for arguments, said in ((("beef",), "no take named 'beef'"), (("3f9a", "--picture", str(tmp_path)), "the picture")):
        error = run(*arguments).exception
        assert isinstance(error, EngineError) and said in str(error)
    assert not list(tmp_path.parent.glob("*.part"))
