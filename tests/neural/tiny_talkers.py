"""More tiny random models, saved as the hub's are: FastSpeech2, Bark, Dia, VibeVoice. Each writes into a folder."""

import json
from pathlib import Path

import torch
import transformers as hf
from transformers.models.bark.generation_configuration_bark import (
    BarkCoarseGenerationConfig,
    BarkFineGenerationConfig,
    BarkGenerationConfig,
    BarkSemanticGenerationConfig,
)

from tests.neural.tiny_waveform import letters

SCRIPT = (
    "{% for m in messages %}{% for c in m['content'] %}{% if c['type']=='audio' %}<|vision_start|><|vision_pad|>"
    "<|vision_end|>{% else %}{{c['text']}}{% endif %}{% endfor %}{% endfor %}<|vision_start|>"
)


def save_fastspeech2(folder: Path) -> Path:
    """With a tokenizer of letters: the published one wants g2p_en, and data that g2p_en downloads."""
    torch.manual_seed(0)
    spectrogram = hf.FastSpeech2ConformerConfig(
        vocab_size=80, hidden_size=16, num_mel_bins=8, encoder_layers=1, decoder_layers=1, encoder_linear_units=16,
        decoder_linear_units=16, speech_decoder_postnet_layers=2, speech_decoder_postnet_units=8,
        duration_predictor_channels=8, energy_predictor_channels=8, pitch_predictor_channels=8,
        decoder_kernel_size=7, energy_embed_dropout=0.0,
    )  # fmt: skip
    vocoder = hf.FastSpeech2ConformerHifiGanConfig(
        model_in_dim=8, upsample_initial_channel=16, upsample_rates=[4, 4], upsample_kernel_sizes=[8, 8],
        resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1]],
    )  # fmt: skip
    config = hf.FastSpeech2ConformerWithHifiGanConfig(
        model_config=spectrogram.to_dict(), vocoder_config=vocoder.to_dict()
    )
    model = hf.FastSpeech2ConformerWithHifiGan(config)
    last = model.model.duration_predictor.linear
    torch.nn.init.constant_(last.bias, 1.5)  # each letter lasts a few frames
    model.save_pretrained(folder)
    letters(start=5).save_pretrained(folder)
    return folder


def save_bark(folder: Path) -> Path:
    """Its codec is Encodec, tiny too."""
    torch.manual_seed(0)
    inner = {"num_layers": 1, "num_heads": 2, "hidden_size": 16, "block_size": 128}
    codec = hf.EncodecConfig(
        hidden_size=8, num_filters=4, num_residual_layers=1, upsampling_ratios=[4, 2], codebook_size=16,
        codebook_dim=8, num_lstm_layers=1, target_bandwidths=[96.0], sampling_rate=24000,
    )  # fmt: skip
    config = hf.BarkConfig(
        semantic_config={"input_vocab_size": 160, "output_vocab_size": 40, **inner},
        coarse_acoustics_config={"input_vocab_size": 80, "output_vocab_size": 80, **inner},
        fine_acoustics_config={
            "input_vocab_size": 17, "output_vocab_size": 17, "n_codes_total": 4, "n_codes_given": 1, **inner
        },
        codec_config=codec.to_dict(),
    )  # fmt: skip
    model = hf.BarkModel(config)
    steps = {
        "semantic": BarkSemanticGenerationConfig(
            eos_token_id=30, max_new_tokens=12, do_sample=True, text_encoding_offset=60, text_pad_token=150,
            semantic_infer_token=151, semantic_vocab_size=30, max_input_semantic_length=32, semantic_rate_hz=49.9,
        ),
        "coarse": BarkCoarseGenerationConfig(
            do_sample=True, coarse_semantic_pad_token=78, coarse_rate_hz=75, n_coarse_codebooks=2,
            coarse_infer_token=79, max_coarse_input_length=16, max_coarse_history=32, sliding_window_len=16,
        ),
        "fine": BarkFineGenerationConfig(max_fine_history_length=32, max_fine_input_length=64, n_fine_codebooks=4),
    }  # fmt: skip
    manner = BarkGenerationConfig.from_sub_model_configs(*steps.values(), sample_rate=24000, codebook_size=16)
    model.save_pretrained(folder)
    (folder / "generation_config.json").write_text(json.dumps(manner.to_dict()))  # transformers can't save it
    hf.BarkProcessor(letters(start=5)).save_pretrained(folder)
    return folder


def save_dia(folder: Path) -> Path:
    """Its codec is DAC, tiny too, in a folder of its own, as the processor wants it."""
    torch.manual_seed(0)
    encoder = {
        "hidden_size": 16, "num_hidden_layers": 1, "intermediate_size": 16, "num_attention_heads": 2,
        "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 256, "max_position_embeddings": 256,
    }  # fmt: skip
    decoder = {
        "hidden_size": 16, "num_hidden_layers": 1, "intermediate_size": 16, "num_attention_heads": 2,
        "num_key_value_heads": 2, "head_dim": 8, "cross_num_attention_heads": 2, "cross_head_dim": 8,
        "cross_num_key_value_heads": 2, "cross_hidden_size": 16, "max_position_embeddings": 256,
    }  # fmt: skip
    model = hf.DiaForConditionalGeneration(hf.DiaConfig(encoder_config=encoder, decoder_config=decoder))
    model.generation_config.update(max_new_tokens=24, do_sample=True, guidance_scale=3.0, max_length=None)
    model.save_pretrained(folder)
    codec = hf.DacConfig(
        encoder_hidden_size=4, downsampling_ratios=[2, 4], decoder_hidden_size=16, n_codebooks=9,
        codebook_size=1024, codebook_dim=2, upsampling_ratios=[4, 2], hidden_size=16, sampling_rate=44100,
    )  # fmt: skip
    hf.DacModel(codec).save_pretrained(folder / "codec")
    tokenizer = hf.DiaTokenizer()
    extractor = hf.DiaFeatureExtractor(sampling_rate=44100, hop_length=8)
    known = hf.DacModel.from_pretrained(folder / "codec")  # it has to know its path
    hf.DiaProcessor(extractor, tokenizer, audio_tokenizer=known).save_pretrained(folder)
    return folder


def save_vibevoice(folder: Path) -> Path:
    """Its noise scheduler comes with the package diffusers."""
    torch.manual_seed(0)
    tokenizer = letters(start=5)
    marks = ["<|vision_pad|>", "<|vision_start|>", "<|vision_end|>", "<|endoftext|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": marks})
    sound, begin, end, last = tokenizer.convert_tokens_to_ids(marks)
    codec = {"hidden_size": 8, "num_filters": 4, "downsampling_ratios": [2, 4], "depths": [1, 1, 1], "kernel_size": 3}
    config = hf.VibeVoiceConfig(
        text_config={
            "model_type": "qwen2", "vocab_size": len(tokenizer), "hidden_size": 16, "intermediate_size": 16,
            "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2,
        },
        audio_config={"model_type": "vibevoice_acoustic_tokenizer", **codec},
        semantic_model_config={"model_type": "vibevoice_acoustic_tokenizer_encoder", **codec},
        diffusion_head_config={"num_hidden_layers": 1, "intermediate_size": 16, "frequency_embedding_size": 8},
        pad_token_id=last, eos_token_id=last, audio_bos_token_id=begin, audio_eos_token_id=end, audio_token_id=sound,
    )  # fmt: skip
    model = hf.VibeVoiceForConditionalGeneration(config)
    torch.nn.init.zeros_(model.lm_head.weight)  # of equals the first is taken: sound, until it is long enough
    model.generation_config.update(max_new_tokens=8)
    model.save_pretrained(folder)
    extractor = hf.VibeVoiceAcousticTokenizerFeatureExtractor(sampling_rate=24000)
    hf.VibeVoiceProcessor(extractor, tokenizer, chat_template=SCRIPT).save_pretrained(folder)
    return folder
