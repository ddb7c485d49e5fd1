"""Tiny random models of other families, saved as the hub's are. Each writes into a folder and returns it."""

import json
from pathlib import Path

import torch
import transformers as hf
from tokenizers import Tokenizer, models, pre_tokenizers

LETTERS = "_abcdefghijklmnopqrstuvwxyz -'"


def save_vits(folder: Path) -> Path:
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {letter: number for number, letter in enumerate(LETTERS)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    tokenizer = hf.VitsTokenizer(
        str(folder / "vocab.json"), language="eng", add_blank=True, normalize=True, phonemize=False, is_uroman=False,
        pad_token="_", unk_token="_",
    )  # fmt: skip
    config = hf.VitsConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, ffn_dim=32,
        flow_size=16, spectrogram_bins=9, upsample_initial_channel=32, upsample_rates=[8, 8, 4],
        upsample_kernel_sizes=[16, 16, 8], resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1]],
        prior_encoder_num_flows=2, prior_encoder_num_wavenet_layers=1, posterior_encoder_num_wavenet_layers=1,
        duration_predictor_num_flows=2, depth_separable_num_layers=1, duration_predictor_filter_channels=16,
    )  # fmt: skip
    hf.VitsModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_csm(folder: Path) -> Path:
    torch.manual_seed(0)
    mimi = {
        "model_type": "mimi", "hidden_size": 16, "num_filters": 4, "upsampling_ratios": [8, 4], "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 16, "codebook_size": 16,
        "codebook_dim": 8, "vector_quantization_hidden_dimension": 8, "num_quantizers": 4, "num_semantic_quantizers": 1,
        "upsample_groups": 16, "frame_rate": 375.0,
    }  # fmt: skip
    depth = {
        "num_codebooks": 4, "backbone_hidden_size": 32, "vocab_size": 11, "hidden_size": 16, "intermediate_size": 16,
        "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8,
    }  # fmt: skip
    config = hf.CsmConfig(
        num_codebooks=4, vocab_size=11, text_vocab_size=64, hidden_size=32, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, head_dim=16, codebook_pad_token_id=9, codebook_eos_token_id=10,
        bos_token_id=1, eos_token_id=None, pad_token_id=2, audio_token_id=3, audio_eos_token_id=4, codec_config=mimi,
        depth_decoder_config=depth,
    )  # fmt: skip
    model = hf.CsmForConditionalGeneration(config)
    model.generation_config.max_new_tokens = 12
    model.generation_config.do_sample = True
    model.generation_config.depth_decoder_do_sample = True
    model.save_pretrained(folder)
    letters(start=5).save_pretrained(folder)
    return folder


def save_speecht5(folder: Path) -> Path:
    torch.manual_seed(0)
    config = hf.SpeechT5Config(
        vocab_size=60, hidden_size=16, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=16,
        decoder_layers=1, decoder_attention_heads=2, decoder_ffn_dim=16, speech_decoder_prenet_units=16,
        speech_decoder_postnet_units=16, speech_decoder_postnet_layers=2, num_mel_bins=8, speaker_embedding_dim=4,
    )  # fmt: skip
    model = hf.SpeechT5ForTextToSpeech(config)
    model.save_pretrained(folder)
    vocoder = hf.SpeechT5HifiGanConfig(
        model_in_dim=8, upsample_initial_channel=16, upsample_rates=[4, 4], upsample_kernel_sizes=[8, 8],
        resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1]],
    )  # fmt: skip
    hf.SpeechT5HifiGan(vocoder).save_pretrained(folder / "vocoder")
    letters(start=5).save_pretrained(folder)
    return folder


def letters(start: int) -> hf.PreTrainedTokenizerFast:
    signs = [f"<{number}>" for number in range(start)] + list(dict.fromkeys(LETTERS + "[]0123456789.,!?ABCDEFG"))
    inner = Tokenizer(models.WordLevel({sign: n for n, sign in enumerate(signs)}, unk_token="<0>"))
    inner.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    return hf.PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<0>", pad_token="<2>", bos_token="<1>")
