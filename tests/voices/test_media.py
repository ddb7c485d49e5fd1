"""Audio files for the arena: exact lengths, any rate, memory that does not grow, clear refusals."""

import os

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import MediaError
from engine.voices.media import BLOCK_FRAMES, Facts, Stopped, load, probe
from engine.voices.resample import Resampler, resampled_frames


def tone(frames: int, rate: int, channels: int = 1) -> np.ndarray:
    time = np.arange(frames) / rate
    return np.stack([0.4 * np.sin(2 * np.pi * 300 * (c + 1) * time) for c in range(channels)], axis=1).astype(
        np.float32
    )


@given(
    frames=st.integers(0, 3000),
    rates=st.tuples(*[st.sampled_from([8000, 22050, 44100, 48000, 96000])] * 2),
    cuts=st.lists(st.integers(0, 3000), max_size=6),
    channels=st.sampled_from([1, 2]),
)
@settings(deadline=None)
def test_a_resampled_stream_is_exact_however_it_is_cut(frames, rates, cuts, channels):
    audio = np.random.default_rng(frames).standard_normal((frames, channels)).astype(np.float32)
    stream, whole = Resampler(*rates, channels), Resampler(*rates, channels)
    parts = [stream.feed(part) for part in np.split(audio, sorted(c % (frames + 1) for c in cuts))]
    out = np.concatenate([*parts, stream.finish()])
    assert out.shape == (resampled_frames(frames, *rates), channels) and out.dtype == np.float32
    assert len(out) == int(frames * rates[1] / rates[0] + 0.5)
    np.testing.assert_array_equal(out, np.concatenate([whole.feed(audio), whole.finish()]))


def test_resampling_moves_nothing():
    out = Resampler(22050, 48000, 1)
    got = np.concatenate([out.feed(tone(22050, 22050)), out.finish()])
    np.testing.assert_allclose(got[500:-500], tone(48000, 48000)[500:-500], atol=2e-4)


@pytest.mark.parametrize(("extension", "channels"), [("wav", 1), ("flac", 2), ("ogg", 2), ("aiff", 1), ("mp3", 1)])
def test_a_file_lies_in_the_arena_at_the_projects_rate(tmp_path, extension, channels):
    path = tmp_path / f"tone.{extension}"
    soundfile.write(path, tone(44100, 44100, channels), 44100)
    arena = np.full(2 * 48000 + 100, 9.0, np.float32)
    facts = probe(path, 48000)
    assert load(path, 48000, arena[: facts.frames * facts.channels]) == facts
    assert facts.channels == channels and abs(facts.frames - 48000) < (2500 if extension == "mp3" else 1)
    assert (arena[facts.frames * channels :] == 9.0).all()
    if extension != "mp3":
        got = arena[: facts.frames * channels].reshape(-1, channels)
        np.testing.assert_allclose(got[500:-500], tone(48000, 48000, channels)[500:-500], atol=0.03)


def test_a_long_file_comes_in_blocks_and_can_be_stopped(tmp_path):
    path = tmp_path / "long.wav"
    frames = 3 * BLOCK_FRAMES + 17
    soundfile.write(path, tone(frames, 48000), 48000, subtype="FLOAT")
    arena = np.zeros(frames, np.float32)
    assert load(path, 48000, arena) == Facts(frames=frames, channels=1)
    np.testing.assert_array_equal(arena, tone(frames, 48000)[:, 0])

    arena[:] = 0.0
    answers = iter([False, True])
    with pytest.raises(Stopped):
        load(path, 48000, arena, lambda: next(answers))
    assert not arena[BLOCK_FRAMES:].any()


def wav(path, audio, rate=48000):
    soundfile.write(path, audio, rate, subtype="FLOAT")
    return path


def test_what_cannot_be_used_is_told(tmp_path):
    into = np.zeros(1000, np.float32)
    bad = np.zeros((100, 1), np.float32)
    bad[50] = np.nan
    (tmp_path / "noise.wav").write_bytes(b"RIFF but nothing more")
    for path, says in [
        (tmp_path / "none.wav", "none.wav can't be opened: No such file"),
        (tmp_path, "can't be opened: Is a directory"),
        (tmp_path / "noise.wav", "noise.wav can't be read: "),
        (wav(tmp_path / "six.wav", np.zeros((100, 6))), "six.wav has 6 channels; clips are mono or stereo"),
        (wav(tmp_path / "empty.wav", np.zeros((0, 1))), "empty.wav is empty"),
        (wav(tmp_path / "long.wav", np.zeros((501, 2))), "needs 1,002 floats; 1,000 are reserved"),
        (wav(tmp_path / "nan.wav", bad), "nan.wav holds samples that are no numbers"),
    ]:
        with pytest.raises(MediaError, match=says):
            load(path, 48000, into)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_told(tmp_path):
    path = wav(tmp_path / "secret.wav", np.zeros((10, 1)))
    path.chmod(0)
    with pytest.raises(MediaError, match="can't be opened: Permission denied"):
        probe(path, 48000)
