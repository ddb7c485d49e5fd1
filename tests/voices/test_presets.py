"""The voices that ship: different, equally loud, never clipped, words where the sound is."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from engine.mixer.offline import render_offline
from engine.story.model import Effect
from engine.voices import ceiling
from engine.voices.catalog import load_catalog
from engine.voices.preset import Preset
from engine.voices.recording import record
from engine.voices.registry import backend
from tests.voices.fake_voice import GAP_FRAMES, WORD_FRAMES, ToneVoice

RATE = 48000
LINES = ("Midnight, at the lighthouse on Grindle Rock.", "I wish to file a complaint!")


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("platformdirs.user_config_dir", lambda *a, **k: str(tmp_path_factory.mktemp("config")))
        return {id_: p for id_, p in load_catalog().presets.items() if p.backend == "espeak"}


@pytest.fixture(scope="module")
def recordings(presets):
    return {p.id: [record(backend(p.backend).open(p.settings), p, t, RATE) for t in LINES] for p in presets.values()}


def windows(audio: np.ndarray, frames: int) -> np.ndarray:
    return audio[: len(audio) // frames * frames, 0].reshape(-1, frames)


def active_rms_db(audio: np.ndarray) -> float:
    power = (windows(audio, RATE // 100) ** 2).mean(axis=1)
    return 10 * np.log10(power[power > 1e-4 * power.max()].mean())


def colour_db(audio: np.ndarray) -> np.ndarray:
    """Return the share of 32 bands between 60 Hz and 16 kHz in dB."""
    power = (np.abs(np.fft.rfft(windows(audio, 2048) * np.hanning(2048))) ** 2).mean(axis=0)
    edges = np.geomspace(60, 16000, 33)
    hz = np.fft.rfftfreq(2048, 1 / RATE)
    bands = [power[(hz >= low) & (hz < max(high, low + 24))].sum() for low, high in pairwise(edges)]
    return 10 * np.log10(np.array(bands) / np.sum(bands) + 1e-6)


def test_there_are_the_promised_voices(presets):
    promised = "narrator announcer old-radio robot giant child ghost whisper grandmother keeper telephone monster"
    assert set(promised.split()) <= set(presets)
    assert all(preset.about and preset.name for preset in presets.values())


def test_no_two_sound_alike(recordings):
    colours = {name: colour_db(takes[0].audio) for name, takes in recordings.items()}
    near = {(a, b): np.abs(colours[a] - colours[b]).mean() for a, b in combinations(colours, 2)}
    assert min(near.values()) > 2.5, min(near, key=near.get)


def test_all_are_about_equally_loud(recordings):
    loudness = {name: np.mean([active_rms_db(t.audio) for t in takes]) for name, takes in recordings.items()}
    assert max(loudness.values()) - min(loudness.values()) < 3.0, loudness
    assert all(-25 < level < -21 for level in loudness.values()), loudness


def test_none_comes_near_clipping(recordings):
    peaks = {name: max(np.abs(t.audio).max() for t in takes) for name, takes in recordings.items()}
    assert max(peaks.values()) <= 10 ** (-1 / 20) + 1e-6, peaks


def test_no_gain_relies_on_the_ceiling(presets, monkeypatch):
    """The ceiling is for odd lines; an ordinary one keeps its level."""
    monkeypatch.setattr(ceiling, "CEILING_DB", 60.0)
    for preset in presets.values():
        audio = record(backend(preset.backend).open(preset.settings), preset, LINES[1], RATE).audio
        assert np.abs(audio).max() < 10 ** (-0.5 / 20), preset.id


def test_every_word_lies_in_its_take(recordings):
    for takes in recordings.values():
        for take, text in zip(takes, LINES, strict=True):
            assert [w.text for w in take.words] == [t.strip(",.!") for t in text.split()]
            assert take.words[-1].end_frame <= len(take.audio)


PITCHED = [Effect(effect="pitchshift", params={"semitones": s}) for s in (-9.0, -4.0, 3.0, 9.0)]
LATE = [Effect(effect="gsm"), Effect(effect="resample"), Effect(effect="mp3")]


@pytest.mark.parametrize("effect", [*PITCHED, *LATE], ids=lambda e: f"{e.effect} {e.params}")
def test_words_stay_with_their_sound_through_effects_that_delay(effect):
    """Tones with pauses between: through the effect, each still begins and ends within 12 ms of where its word does."""
    preset = Preset(id="tone", name="Tone", backend="tone", settings={}, effects=(effect,))
    take = record(ToneVoice(), preset, "one two three four", RATE)
    assert len(take.words) == 4
    level = np.abs(take.audio[:, 0])
    near = round(0.012 * RATE)
    for word in take.words:
        inside = level[word.start_frame + near : word.end_frame - near]
        pause = level[word.end_frame + near : word.end_frame + round(GAP_FRAMES * RATE / 22050) - near]
        assert np.sqrt((inside**2).mean()) > 0.1
        assert np.sqrt((pause**2).mean()) < 0.25 * np.sqrt((inside**2).mean())
    plain = 4 * (WORD_FRAMES + GAP_FRAMES) * RATE // 22050
    assert plain <= len(take.audio) <= plain + 0.2 * RATE


def test_nothing_of_the_first_second_is_lost():
    tone = (0.3 * np.sin(2 * np.pi * 330 * np.arange(RATE) / RATE)).astype(np.float32)[:, np.newaxis]
    shifted = render_offline((PITCHED[1],), tone, RATE)
    loud = np.sqrt((windows(shifted, 480) ** 2).mean(axis=1))
    assert loud[:10].min() > 0.13 and loud[:-2].min() > 0.05


def test_a_tail_is_kept_to_its_end_and_no_longer():
    click = np.zeros((4800, 1), np.float32)
    click[0] = 0.9
    echo = Effect(effect="delay", params={"delay_seconds": 0.5, "feedback": 0.5, "mix": 0.5})
    out = render_offline((echo,), click, RATE)
    echoes = np.flatnonzero(np.abs(out[:, 0]) > 1e-4)
    assert set(np.unique(echoes // 24000)) == set(range(len(np.unique(echoes // 24000))))
    assert len(out) == echoes[-1] + 1 and np.abs(out[echoes[-1]]).max() < 2e-3


def test_an_endless_tail_is_faded_out_where_it_is_cut():
    tone = np.full((4800, 1), 0.5, np.float32)
    endless = Effect(effect="delay", params={"delay_seconds": 0.3, "feedback": 0.95, "mix": 0.5})
    out = render_offline((endless,), tone, RATE)
    assert 19 * RATE < len(out) <= 4800 + 20 * RATE
    assert np.abs(out[-480:]).max() < 0.01


def test_stereo_stays_stereo_and_bypassed_effects_are_silent():
    noise = np.random.default_rng(1).standard_normal((2000, 2)).astype(np.float32) * 0.1
    assert render_offline((Effect(effect="reverb"),), noise, RATE).shape[1] == 2
    np.testing.assert_array_equal(render_offline((Effect(effect="gsm", bypass=True),), noise, RATE), noise)
