"""A tiny pocket_tts of the native package with random weights, saved as mlx-audio reads it, and what it says."""

import json
from pathlib import Path

import torch
import yaml
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

WORDS = ["<unk>", ".", "!", "...", "?", " ", *"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"]
RATE, FRAME_RATE, WIDTH = 2400, 100, 32
FLOW = {
    "dtype": "float32",
    "flow": {"dim": 16, "depth": 1},
    "transformer": {"hidden_scale": 2, "max_period": 10000, "d_model": WIDTH, "num_heads": 2, "num_layers": 2},
    "lookup_table": {"dim": WIDTH, "n_bins": len(WORDS), "tokenizer": "tokenizers", "tokenizer_path": ""},
}
CODEC = {
    "dtype": "float32",
    "sample_rate": RATE,
    "channels": 1,
    "frame_rate": FRAME_RATE,
    "seanet": {
        "dimension": WIDTH, "channels": 1, "n_filters": 4, "n_residual_layers": 1, "ratios": [4, 3], "kernel_size": 7,
        "residual_kernel_size": 3, "last_kernel_size": 3, "dilation_base": 2, "pad_mode": "constant", "compress": 2,
    },
    "transformer": {
        "d_model": WIDTH, "num_heads": 2, "num_layers": 2, "layer_scale": 0.01, "context": 250, "dim_feedforward": 64,
        "input_dimension": WIDTH, "output_dimensions": [WIDTH],
    },
    "quantizer": {"dimension": 8, "output_dimension": WIDTH},
}  # fmt: skip


def save_native(folder: Path):
    """Write the model into ``folder`` and return it, as the native package has it."""
    from pocket_tts import TTSModel

    torch.manual_seed(0)
    inner = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    inner.save(str(folder / "tokenizer.json"))
    FLOW["lookup_table"]["tokenizer_path"] = str(folder / "tokenizer.json")
    (folder / "native.yaml").write_text(yaml.safe_dump({"flow_lm": FLOW, "mimi": CODEC}))
    model = TTSModel.load_model(config=folder / "native.yaml", temp=0.0).eval()
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / "model.safetensors")
    there = {
        "model_type": "pocket_tts",
        "flow_lm": {**FLOW, "lookup_table": {**FLOW["lookup_table"], "tokenizer": "huggingface"}},
        "mimi": {**CODEC, "gelu": "erf"},
    }
    (folder / "config.json").write_text(json.dumps(there))
    return model


@torch.no_grad()
def said(model, tokens: torch.Tensor, frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return latents and sound of ``frames`` of a line, without chance."""
    from pocket_tts.modules.stateful_module import init_states

    state = init_states(model.flow_lm, batch_size=1, sequence_length=256)
    model._run_flow_lm_and_increment_step(model_state=state, text_tokens=tokens)
    latent, latents = torch.full((1, 1, model.flow_lm.ldim), float("nan")), []
    for _ in range(frames):
        latent, _ = model._run_flow_lm_and_increment_step(model_state=state, backbone_input_latents=latent)
        latents.append(latent)
    spoken = torch.cat(latents, dim=1)
    codec_state = init_states(model.mimi, batch_size=1, sequence_length=1024)
    sound = model.mimi.decode_from_latent(spoken * model.flow_lm.emb_std + model.flow_lm.emb_mean, codec_state)
    return spoken, sound
