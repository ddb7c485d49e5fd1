"""A Whisper with random weights, saved as the hub's is: tiny for tests, at real size for figures."""

from pathlib import Path

import torch
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)
from transformers.convert_slow_tokenizer import bytes_to_unicode

WINDOW_SECONDS = 2
TINY = {
    "d_model": 16, "encoder_layers": 1, "decoder_layers": 2, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "num_mel_bins": 16,
    "max_source_positions": 50 * WINDOW_SECONDS, "max_target_positions": 8,
}  # fmt: skip
SMALL = {
    "d_model": 768, "encoder_layers": 12, "decoder_layers": 12, "encoder_attention_heads": 12,
    "decoder_attention_heads": 12, "encoder_ffn_dim": 3072, "decoder_ffn_dim": 3072, "num_mel_bins": 80,
    "max_source_positions": 1500, "max_target_positions": 448,
}  # fmt: skip
"""whisper-small's."""

SMALL_WORDS = 50_001
"""So many tokens more than letters it has."""

SURE = 40.0
"""Embeddings are so much larger where the likeliest token is to be nearly certain."""

LANGUAGES = ("en", "de")
SYLLABLES = [one + other for one in "bcdfghjklmnpqrstvwxz" for other in "aeiou"]


def save_whisper(
    folder: Path,
    shape: dict[str, int] = TINY,
    *,
    words_timed: bool = True,
    words: int = 0,
    steady_tokens: int = 0,
    seed: int = 0,
) -> Path:
    """Write model and processor into ``folder`` and return it.

    words_timed: it says which heads tell the time. words: tokens beside letters. steady_tokens: in each window it hears
    so many, is sure of them and never hears it again, where random weights doubt everything and hardly get on.
    """
    torch.manual_seed(seed)
    seconds = shape["max_source_positions"] // 50
    letters = {sign: number for number, sign in enumerate(bytes_to_unicode().values())}
    letters |= {_word(number): len(letters) + number for number in range(words)}
    specials = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES), "<|translate|>",
                "<|transcribe|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]  # fmt: skip
    times = [f"<|{step * 0.02:.2f}|>" for step in range(50 * seconds + 1)]
    tokenizer = WhisperTokenizer(vocab=letters, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": specials})
    tokenizer.add_tokens(times)
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in specials}
    extractor = WhisperFeatureExtractor(feature_size=shape["num_mel_bins"], chunk_length=seconds)
    WhisperProcessor(extractor, tokenizer).save_pretrained(folder)
    end, start = ids["<|endoftext|>"], ids["<|startoftranscript|>"]
    ends = {"eos_token_id": end, "pad_token_id": end, "bos_token_id": end, "decoder_start_token_id": start}
    model = WhisperForConditionalGeneration(WhisperConfig(vocab_size=len(tokenizer), **shape, **ends))
    later = range(tokenizer.convert_tokens_to_ids(times[1]), len(tokenizer))
    if steady_tokens:
        model.get_input_embeddings().weight.data *= SURE
    model.generation_config = GenerationConfig(
        **ends,
        max_length=steady_tokens or shape["max_target_positions"],
        is_multilingual=True,
        lang_to_id={f"<|{code}|>": ids[f"<|{code}|>"] for code in LANGUAGES},
        task_to_id={task: ids[f"<|{task}|>"] for task in ("translate", "transcribe")},
        no_timestamps_token_id=ids["<|notimestamps|>"],
        prev_sot_token_id=ids["<|startofprev|>"],
        suppress_tokens=[*range(32), *range(127, 256), *((end, *later) if steady_tokens else ())],
        **({"no_repeat_ngram_size": 1} if steady_tokens else {}),
        **({"alignment_heads": [[1, 0], [1, 1]]} if words_timed else {}),
    )
    model.save_pretrained(folder)
    return folder


def _word(number: int) -> str:
    """Return a token of three syllables, each number's another, with the space before it as the tokenizer has it."""
    return "Ġ" + "".join(SYLLABLES[number // len(SYLLABLES) ** place % len(SYLLABLES)] for place in range(3))
