"""A Qwen3-TTS with tiny random weights, made by the real package: ``python tiny_qwen.py FOLDER base|custom_voice``.

For the Python of an environment that has qwen-tts.
"""

import json
import sys
from pathlib import Path

import torch
from qwen_tts.core import Qwen3TTSTokenizerV2Config, Qwen3TTSTokenizerV2Model
from qwen_tts.core.models import Qwen3TTSConfig, Qwen3TTSForConditionalGeneration, Qwen3TTSProcessor
from transformers import EncodecFeatureExtractor, Qwen2TokenizerFast
from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode

CODES, GROUPS, WIDTH, FRAMES = 64, 4, 32, 12
SPECIAL = ["<|im_start|>", "<|im_end|>", "<|tts_pad|>", "<|tts_bos|>", "<|tts_eos|>", "assistant"]
HEADS = {"num_attention_heads": 2, "num_key_value_heads": 1, "num_hidden_layers": 1, "intermediate_size": 32}

SPEAKER = {
    "enc_dim": WIDTH, "enc_channels": [8, 8, 8, 8, 24], "enc_attention_channels": 8, "enc_res2net_scale": 2,
    "enc_se_channels": 8,
}  # fmt: skip


def main(folder, kind):
    """Write model, processor and codec into ``folder``."""
    torch.manual_seed(0)
    letters = {sign: number for number, sign in enumerate(bytes_to_unicode().values())}
    (folder / "vocab.json").write_text(json.dumps(letters))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = Qwen2TokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"))
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL})
    Qwen3TTSProcessor(tokenizer).save_pretrained(folder)
    model = Qwen3TTSForConditionalGeneration(config(tokenizer, kind))
    model.save_pretrained(folder)
    told = json.loads((folder / "config.json").read_text())
    told["speaker_encoder_config"] = SPEAKER  # as published; what transformers adds, the package does not read
    (folder / "config.json").write_text(json.dumps(told))
    (folder / "generation_config.json").write_text(json.dumps({"max_new_tokens": FRAMES}))
    save_codec(folder / "speech_tokenizer")


def config(tokenizer, kind):
    """Return the shape of the model."""
    ids = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in ("im_start", "im_end")}
    ids |= {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in ("tts_pad", "tts_bos", "tts_eos")}
    names = ("eos_token", "think", "nothink", "think_bos", "think_eos", "pad", "bos")
    codec = {f"codec_{name}_id": CODES + number for number, name in enumerate(names)}
    rope = {"rope_type": "default", "mrope_section": [4, 2, 2], "interleaved": True}
    talker = {
        **HEADS, **codec, "vocab_size": CODES + 1024, "hidden_size": WIDTH, "rope_scaling": rope,
        "text_hidden_size": WIDTH, "text_vocab_size": len(tokenizer), "num_code_groups": GROUPS,
        "code_predictor_config": {
            **HEADS, "vocab_size": CODES, "hidden_size": WIDTH, "head_dim": 16, "num_code_groups": GROUPS,
        },
        "spk_id": {"anna": CODES + 20}, "spk_is_dialect": {"anna": False}, "codec_language_id": {"english": CODES + 21},
    }  # fmt: skip
    return Qwen3TTSConfig(
        talker_config=talker,
        speaker_encoder_config=SPEAKER,
        tokenizer_type="qwen3_tts_tokenizer_12hz",
        tts_model_size="tiny",
        tts_model_type=kind,
        **{f"{name}_token_id": id_ for name, id_ in ids.items()},
    )


def save_codec(folder):
    """Write the codec."""
    encoder = {
        **HEADS, "num_key_value_heads": 2, "hidden_size": 16, "num_filters": 4, "head_dim": 8, "codebook_size": CODES,
        "codebook_dim": 8, "num_quantizers": GROUPS, "num_semantic_quantizers": 1,
        "vector_quantization_hidden_dimension": 8, "upsample_groups": 16,
    }  # fmt: skip
    decoder = {
        **HEADS, "num_key_value_heads": 2, "hidden_size": 16, "latent_dim": 16, "head_dim": 8, "codebook_size": CODES,
        "codebook_dim": 16, "num_quantizers": GROUPS, "decoder_dim": 32,
    }  # fmt: skip
    shape = Qwen3TTSTokenizerV2Config(
        encoder_config=encoder, decoder_config=decoder, encoder_valid_num_quantizers=GROUPS
    )
    codec = Qwen3TTSTokenizerV2Model(shape)
    for name, part in codec.state_dict().items():
        if "embedding_sum" in name or "embed_sum" in name:  # fresh codebooks are empty, and all codes would sound alike
            part.normal_()
    codec.save_pretrained(folder)
    EncodecFeatureExtractor(feature_size=1, sampling_rate=24_000, padding_value=0.0).save_pretrained(folder)


main(Path(sys.argv[1]), sys.argv[2])
