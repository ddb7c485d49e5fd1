"""A pocket_tts with random weights, saved as the hub's is: tiny for tests, at real size for figures."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModel,
    GradiumPhononTTSConfig,
    GradiumPhononTTSForConditionalGeneration,
    PocketTTSAudioTokenizerConfig,
    PocketTTSAudioTokenizerModel,
    PocketTTSConfig,
    PocketTTSFeatureExtractor,
    PocketTTSForConditionalGeneration,
    PocketTTSProcessor,
    PreTrainedTokenizerFast,
)

WORDS = ["<unk>", "<pad>", ".", "!", "?", ",", "...", *"abcdefghijklmnopqrstuvwxyz0123456789'"]
SPECIAL = {
    "audio_prompt_token": "<|audio_prompt|>",
    "audio_latent_token": "<|audio_latent|>",
    "audio_prompt_bos_token": "<|audio_prompt_bos|>",
    "audio_bos_token": "<|audio_bos|>",
}
TEMPLATE = (
    "{% for m in messages %}{% for c in m['content'] %}{% if c['type']=='audio' %}<|audio_prompt_bos|><|audio_prompt|>"
    "{% endif %}{% endfor %}{% for c in m['content'] %}{% if c['type']=='text' %}{{c['text']}}{% endif %}{% endfor %}"
    "{% endfor %}<|audio_bos|>"
)
TINY_CODEC = {
    "hidden_size": 16, "num_filters": 4, "upsampling_ratios": [4, 4], "num_hidden_layers": 1, "intermediate_size": 16,
    "num_attention_heads": 2, "num_key_value_heads": 2, "upsample_groups": 16, "latent_stride": 2, "latent_dim": 4,
}  # fmt: skip
TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "latent_dim": 4}
TINY_HEAD = {
    "hidden_size": 16, "num_hidden_layers": 1, "latent_dim": 4, "condition_dim": 32, "frequency_embedding_size": 8
}  # fmt: skip


PHONON_PROMPT_DIM = 6
"""Size of the latents of Phonon's own speakers."""


def save_pocket(folder: Path, *, real_size: bool = False, seed: int = 0) -> Path:
    """Write model, codec and processor into ``folder`` and return it."""
    torch.manual_seed(seed)
    tokenizer = _save_processor(folder, PocketTTSAudioTokenizerConfig(**({} if real_size else TINY_CODEC)))
    ids = {f"{name}_id": tokenizer.convert_tokens_to_ids(token) for name, token in SPECIAL.items()}
    shape = {} if real_size else {**TINY, "flow_head_config": TINY_HEAD, "vocab_size": len(tokenizer)}
    PocketTTSForConditionalGeneration(
        PocketTTSConfig(**shape, **ids, pad_token_id=tokenizer.pad_token_id)
    ).save_pretrained(folder)
    return folder


def save_phonon(folder: Path, *, seed: int = 0) -> Path:
    """Write a tiny Phonon with one speaker, ``alba``, into ``folder`` and return it."""
    torch.manual_seed(seed)
    tokenizer = _save_processor(folder, PocketTTSAudioTokenizerConfig(**TINY_CODEC))
    names = ("audio_prompt_token", "audio_latent_token", "audio_bos_token")
    ids = {f"{name}_id": tokenizer.convert_tokens_to_ids(SPECIAL[name]) for name in names}
    conditions = {"audio_prompt_dim": PHONON_PROMPT_DIM, "duration_delta": 0.1, "duration_delta_embedding_dim": 8}
    shape = {**TINY, "flow_head_config": TINY_HEAD, "vocab_size": len(tokenizer), **conditions}
    GradiumPhononTTSForConditionalGeneration(
        GradiumPhononTTSConfig(**shape, **ids, pad_token_id=tokenizer.pad_token_id)
    ).save_pretrained(folder)
    (folder / "voices").mkdir()
    save_file({"latents": torch.randn(1, PHONON_PROMPT_DIM, 9)}, folder / "voices" / "alba.safetensors")
    return folder


def _save_processor(folder: Path, codec_config: PocketTTSAudioTokenizerConfig) -> PreTrainedTokenizerFast:
    tokenizer = _tokenizer()
    codec = PocketTTSAudioTokenizerModel(codec_config)
    codec.save_pretrained(folder / "audio_tokenizer")
    codec = AutoModel.from_pretrained(folder / "audio_tokenizer", local_files_only=True)  # it has to know its path
    extractor = PocketTTSFeatureExtractor(
        sampling_rate=codec_config.sampling_rate,
        frame_size=codec_config.frame_size,
        pad_to_multiple_of=codec_config.frame_size,
    )
    processor = PocketTTSProcessor(extractor, tokenizer, audio_tokenizer=codec, chat_template=TEMPLATE)
    processor.save_pretrained(folder)
    return tokenizer


def _tokenizer() -> PreTrainedTokenizerFast:
    vocabulary = {word: number for number, word in enumerate([*WORDS, *SPECIAL.values()])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split("", "isolated")]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        unk_token="<unk>",
        pad_token="<pad>",
        padding_side="left",
        extra_special_tokens=SPECIAL,
    )
