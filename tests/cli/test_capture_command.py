"""`cuevox capture` and what becomes of captures in a story's file, without an engine."""

import json

import numpy as np
import pytest
import soundfile

from engine.capture.kept import CAPTURES, Kept, write_kept
from engine.voices.take import Word
from tests.cli.shell import cuevox

pytestmark = pytest.mark.extra

RATE = 48_000
STORY = "kind: story\nversion: 1\ntitle: Dub\ntracks:\n  - {id: a, voice: narrator}  # hers\n"


def test_a_capture_is_listed_put_on_a_track_and_found(tmp_path):
    (tmp_path / CAPTURES).mkdir()
    (tmp_path / "story.yaml").write_text(STORY)
    soundfile.write(tmp_path / CAPTURES / "line.wav", np.full(RATE, 0.1, np.float32), RATE)
    word = Word(text="Nobody", start_frame=12_000, end_frame=30_000, text_start=0, text_end=6)
    write_kept(tmp_path / CAPTURES, Kept(name="line", sample_rate=RATE, frames=RATE, text="Nobody.", words=(word,)))
    assert cuevox(tmp_path, "capture", "list").stdout == "line\t1.00\t1\t\tNobody.\n"
    done = cuevox(tmp_path, "edit", "story.yaml", "/capture/place", "line", "a", "2.5", "k")
    assert (done.returncode, done.stdout) == (0, "clip k\n"), done.stderr
    assert "# hers" in (tmp_path / "story.yaml").read_text()
    found = json.loads(cuevox(tmp_path, "find", "story.yaml", "nobody", "--json").stdout)
    assert found == [{"clip": "k", "word": "Nobody.", "seconds": 0.25}]
    refused = cuevox(tmp_path, "edit", "story.yaml", "/capture/place", "lime", "a")
    assert refused.returncode and "no capture named 'lime'; there is: line" in refused.stderr
