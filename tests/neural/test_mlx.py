"""The same tiny model in PyTorch and in MLX, in two processes: the difference is printed and bounded.

CUEVOX_MLX_PYTHON names a Python with mlx-audio (on Linux: ``pip install 'mlx[cpu]==0.32.4' mlx-audio==0.6.2``, in an
environment of its own, since it wants another transformers).
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import WhisperForConditionalGeneration

from tests.neural.tiny_whisper import TINY, save_whisper

PYTHON = os.environ.get("CUEVOX_MLX_PYTHON", "")


@pytest.mark.skipif(not PYTHON, reason="CUEVOX_MLX_PYTHON names no Python with mlx-audio")
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
    command = [PYTHON, str(Path(__file__).with_name("mlx_whisper.py")), str(folder)]
    apart = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=100).stdout)
    sys.stdout.write(f"MLX and PyTorch are apart by at most {apart}\n")
    assert apart["encoder"] < 1e-4 and apart["logits"] < 1e-5
