"""Whisper on MLX, for a Python that has mlx-audio: ``python mlx_whisper.py FOLDER`` compares with what lies there."""

import json
import sys
from pathlib import Path

import mlx.core as mx
import numpy as np
from mlx_audio.stt.models.whisper.whisper import Model, ModelDimensions


def main(folder):
    """Print how far encoder and logits lie from those of PyTorch, as JSON."""
    model = Model(ModelDimensions.from_dict(json.loads((folder / "config.json").read_text())), dtype=mx.float32)
    weights = model.sanitize(mx.load(str(folder / "model.safetensors")))
    model.load_weights(list(weights.items()), strict=False)
    there = np.load(folder / "there.npz")
    heard = model.embed_audio(mx.array(there["features"].transpose(0, 2, 1)))
    logits = model.logits(mx.array(there["tokens"]), heard)
    pairs = {"encoder": (heard, there["encoder"]), "logits": (logits, there["logits"])}
    apart = {name: float(np.abs(np.array(here) - other).max()) for name, (here, other) in pairs.items()}
    sys.stdout.write(json.dumps(apart))


main(Path(sys.argv[1]))
