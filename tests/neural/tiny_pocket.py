"""A pocket_tts with random weights, saved as the hub's is: tiny for tests, at real size for figures."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModel,
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


def save_pocket(folder: Path, *, real_size: bool = False, seed: int = 0) -> Path:
    """Write model, codec and processor into ``folder`` and return it."""
    torch.manual_seed(seed)
    tokenizer = _tokenizer()
    codec_config = PocketTTSAudioTokenizerConfig(**({} if real_size else TINY_CODEC))
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
    ids = {f"{name}_id": tokenizer.convert_tokens_to_ids(token) for name, token in SPECIAL.items()}
    shape = {} if real_size else {**TINY, "flow_head_config": TINY_HEAD, "vocab_size": len(tokenizer)}
    PocketTTSForConditionalGeneration(
        PocketTTSConfig(**shape, **ids, pad_token_id=tokenizer.pad_token_id)
    ).save_pretrained(folder)
    return folder


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
