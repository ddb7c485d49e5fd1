"""An audio file from any frame on: the same samples as from the front, at any rate, in every format."""

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.voices.file_reader import SEGMENT_FRAMES, FileReader
from engine.voices.resample import Resampler

FORMATS = ["wav", "flac", "ogg", "mp3", "aiff"]
RATES = [22050, 44100, 48000, 96000]
KEYS = [(kind, rate) for kind in FORMATS for rate in (RATES if kind == "wav" else RATES[1:3])]


def noise(frames, channels=2):
    time = np.arange(frames)[:, None] / 48000
    sweep = 0.3 * np.sin(2 * np.pi * (200 + 40 * time) * time * np.arange(1, channels + 1))
    return (sweep + 0.05 * np.random.default_rng(3).standard_normal((frames, channels))).astype(np.float32)


def written(path, audio, rate):
    with soundfile.SoundFile(path, "w", rate, audio.shape[1]) as file:
        for start in range(0, len(audio), 4096):  # libsndfile's Vorbis encoder takes no more on its stack
            file.write(audio[start : start + 4096])
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    return {(kind, rate): written(folder / f"{rate}.{kind}", noise(3 * rate + 77), rate) for kind, rate in KEYS}


@pytest.fixture(scope="module")
def wholes(files):
    found = {}
    for key, path in files.items():
        with FileReader(path, 48000) as file:
            found[key] = np.empty((file.frames, file.channels), np.float32)
            file.read(0, found[key])
    return found


@given(
    key=st.sampled_from(KEYS),
    places=st.lists(st.integers(-500, 150_000), min_size=2, max_size=3),
    frames=st.integers(0, 40_000),
)
@settings(deadline=None, max_examples=25, derandomize=True)
def test_a_frame_is_the_same_wherever_reading_began(files, wholes, key, places, frames):
    whole = wholes[key]
    with FileReader(files[key], 48000) as file:
        for place in (*places, places[-1] + frames):
            out = np.full((frames, file.channels), 9.0, np.float32)
            file.read(place, out)
            early = min(frames, max(0, -place))
            late = max(early, min(frames, len(whole) - place))
            assert not out[:early].any() and not out[late:].any()
            np.testing.assert_array_equal(out[early:late], whole[place + early : place + late])


def test_the_segments_cannot_be_heard(files, wholes):
    for rate in RATES:
        audio, _ = soundfile.read(files["wav", rate], dtype="float32", always_2d=True)
        stream = Resampler(rate, 48000, 2)
        whole = np.concatenate([stream.feed(audio), stream.finish()])
        got = wholes["wav", rate]
        assert got.shape == whole.shape and len(got) > 2 * SEGMENT_FRAMES
        np.testing.assert_allclose(got, whole, atol=1e-6)


def test_the_plain_case_is_the_file_itself(files, wholes):
    audio, _ = soundfile.read(files["wav", 48000], dtype="float32", always_2d=True)
    np.testing.assert_array_equal(wholes["wav", 48000], audio)


@pytest.mark.parametrize("kind", ["mp3", "ogg"])
def test_a_soft_sound_is_the_same_wherever_reading_began(tmp_path, kind):
    """An MP3's frames are small then, and each leans on many before it."""
    time = np.arange(10 * 44100)[:, None] / 44100
    path = written(tmp_path / f"soft.{kind}", 0.25 * np.sin(2 * np.pi * np.array([441.0, 440.0]) * time), 44100)
    whole, _ = soundfile.read(path, dtype="float32", always_2d=True)
    with FileReader(path, 44100) as file:
        parts = [np.empty((5000, 2), np.float32) for _ in range(20)]
        for number, part in enumerate(parts):
            file.read(5000 * number, part)
        np.testing.assert_array_equal(np.concatenate(parts), whole[:100_000])
        for place in (30_000, 300_001, 131_071, 0, 200_000):
            file.read(place, parts[0])
            np.testing.assert_array_equal(parts[0], whole[place : place + 5000])


def test_odd_rates_are_exact_in_length(tmp_path):
    path = written(tmp_path / "odd.wav", noise(20_011, 1), 44_101)
    with FileReader(path, 48_000) as file:
        assert (file.frames, file.channels) == (round(20_011 * 48_000 / 44_101), 1)
        out = np.empty((file.frames + 10, 1), np.float32)
        file.read(0, out)
        assert not out[file.frames :].any() and np.abs(out[: file.frames]).max() > 0.3
