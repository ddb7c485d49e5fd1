"""The same tiny model in PyTorch and in MLX, in two processes: the difference is printed and bounded. And MLX's voices.

On Linux mlx-audio's CPU build serves (extra ``mlx``); CUEVOX_MLX_PYTHON names another Python that has it.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from transformers import WhisperForConditionalGeneration

from engine.errors import VoiceError
from engine.voices.preset import complete_settings
from engine.voices.registry import backend
from tests.neural.native_pocket import RATE, WORDS, said, save_native
from tests.neural.tiny_whisper import TINY, save_whisper
from tests.signals import noise

PYTHON = os.environ.get("CUEVOX_MLX_PYTHON", sys.executable if find_spec("mlx_audio") else "")
FRAMES = 24

pytestmark = pytest.mark.skipif(not PYTHON, reason="there is no mlx-audio: pip install 'cuevox[mlx]'")


def apart(program: str, folder: Path) -> dict[str, float]:
    """Return how far the results in ``folder`` lie from those of a program on MLX, and print that."""
    command = [PYTHON, str(Path(__file__).with_name(program)), str(folder)]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=100).stdout)
    sys.stdout.write(f"MLX and PyTorch are apart by at most {told}\n")
    return told


@pytest.fixture(scope="module")
def pocket(tmp_path_factory):
    pytest.importorskip("pocket_tts", reason="the native pocket-tts package is not installed: cuevox[bench]")
    folder = tmp_path_factory.mktemp("native")
    return folder, save_native(folder)


def test_whisper_hears_the_same_on_mlx(tmp_path):
    folder = save_whisper(tmp_path)
    model = WhisperForConditionalGeneration.from_pretrained(folder, local_files_only=True).eval()
    torch.manual_seed(1)
    features = torch.randn(1, TINY["num_mel_bins"], 2 * TINY["max_source_positions"])
    tokens = torch.tensor([[3, 5, 7, 9]])
    with torch.inference_mode():
        made = model(input_features=features, decoder_input_ids=tokens)
    np.savez(
        folder / "there.npz",
        features=features,
        tokens=tokens,
        encoder=made.encoder_last_hidden_state,
        logits=made.logits,
    )
    told = apart("mlx_whisper.py", folder)
    assert told["encoder"] < 1e-4 and told["logits"] < 1e-5


def test_pocket_tts_says_the_same_on_mlx(pocket):
    folder, model = pocket
    tokens = torch.tensor([[WORDS.index(sign) for sign in "Hello there."]])
    latents, sound = said(model, tokens, FRAMES)
    np.savez(folder / "there.npz", tokens=tokens, latents=latents, sound=sound)
    told = apart("mlx_pocket.py", folder)
    assert told["latents"] < 1e-3 and told["sound"] < 1e-4 * told["loudest"]  # each frame builds on the one before


def test_a_voice_of_mlx_clones_repeats_itself_and_never_stands_in_for_another(pocket, tmp_path):
    folder, _ = pocket
    soundfile.write(tmp_path / "anna.wav", noise(2 * RATE, level=0.1), RATE)

    def voice(**settings):
        told = {"python": PYTHON, "model": str(folder), **settings}
        return backend("mlx").open(complete_settings("mlx", told))

    def sound(speaker, seed):
        return np.concatenate([chunk.audio for chunk in speaker.speak("hello", seed=seed)])

    anna = voice(sample=str(tmp_path / "anna.wav"))
    assert anna.sample_rate == RATE
    first = sound(anna, 1)
    np.testing.assert_array_equal(sound(anna, 1), first)
    assert not np.array_equal(sound(anna, 2), first)
    with pytest.raises(VoiceError, match=r"nobody\.wav"):
        sound(voice(sample=str(tmp_path / "nobody.wav")), 1)
    with pytest.raises(VoiceError, match="no voice 'bertha'"):
        voice(voice="bertha")
