"""pocket_tts on MLX, for a Python that has mlx-audio: ``python mlx_pocket.py FOLDER`` compares with what lies there."""

import json
import sys
from pathlib import Path

import mlx.core as mx
import numpy as np
from mlx_audio.tts.utils import load


def main(folder):
    """Print how far latents and sound lie from those of PyTorch, as JSON."""
    model = load(folder)
    model.temp = 0.0
    there = np.load(folder / "there.npz")
    state = model.init_state()
    model._run_flow_lm(state, text_tokens=mx.array(there["tokens"].astype(np.int32)))
    latent, latents = mx.full((1, 1, model.flow_lm.ldim), float("nan")), []
    for _ in range(there["latents"].shape[1]):
        latent, _ = model._run_flow_lm(state, backbone_input_latents=latent)
        latents.append(latent)
    said = mx.concatenate(latents, axis=1)
    decoded = (said * model.flow_lm.emb_std + model.flow_lm.emb_mean).transpose(0, 2, 1)
    sound = model.mimi.decode_from_latent(model.mimi.quantizer(decoded))
    pairs = {"latents": (said, there["latents"]), "sound": (sound, there["sound"])}
    apart = {name: float(np.abs(np.array(here) - other).max()) for name, (here, other) in pairs.items()}
    sys.stdout.write(json.dumps({**apart, "loudest": float(np.abs(there["sound"]).max())}))


main(Path(sys.argv[1]))
