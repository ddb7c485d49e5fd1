"""The models that have a short name: where they come from, what they may be used for. A table."""

from __future__ import annotations

import msgspec


class KnownModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model of the hub. megabytes: about, on disk. commercial: whether the licence of its weights allows that.

    revision: the commit that is pulled; empty where we know of none, then the first pull pins what it finds.
    """

    name: str
    repo: str
    backend: str
    licence: str
    languages: str
    megabytes: int
    commercial: bool = True
    gated: bool = False
    revision: str = ""
    about: str = ""


def _table(*models: KnownModel) -> dict[str, KnownModel]:
    return {model.name: model for model in models}


KNOWN = _table(
    KnownModel(
        name="pocket-tts", repo="eustlb/pocket-tts", backend="pocket", licence="CC-BY-4.0",
        languages="en fr de pt it es", megabytes=450, about="clones from a sample, streams on a CPU",
    ),
    KnownModel(
        name="phonon-31m-en", repo="gradium/phonon-31m-en", backend="pocket", licence="Apache-2.0",
        languages="en", megabytes=200, about="small and quick, fixed speakers",
    ),
    KnownModel(
        name="mms-tts-eng", repo="facebook/mms-tts-eng", backend="vits", licence="CC-BY-NC-4.0",
        languages="en", megabytes=150, commercial=False, about="one of 1100 languages; exact word times",
        revision="c71de0fe7204c83f1c10820a7d696d0b450048ba",
    ),
    KnownModel(
        name="csm-1b", repo="sesame/csm-1b", backend="csm", licence="Apache-2.0",
        languages="en", megabytes=7000, gated=True, about="conversational, for a graphics card",
    ),
    KnownModel(
        name="dia-1.6b", repo="nari-labs/Dia-1.6B-0626", backend="dia", licence="Apache-2.0",
        languages="en", megabytes=6500, about="dialogue, for a graphics card",
    ),
    KnownModel(
        name="speecht5", repo="microsoft/speecht5_tts", backend="speecht5", licence="MIT",
        languages="en", megabytes=600, about="needs its vocoder beside it",
        revision="30fcde30f19b87502b8435427b5f5068e401d5f6",
    ),
    KnownModel(
        name="speecht5-vocoder", repo="microsoft/speecht5_hifigan", backend="speecht5", licence="MIT",
        languages="", megabytes=60, about="what speecht5 sounds through",
    ),
    KnownModel(
        name="fastspeech2", repo="espnet/fastspeech2_conformer_with_hifigan", backend="fastspeech2",
        licence="Apache-2.0", languages="en", megabytes=300, about="with its vocoder; wants g2p_en",
    ),
    KnownModel(
        name="vibevoice-1.5b", repo="vibevoice/VibeVoice-1.5B-hf", backend="vibevoice", licence="MIT",
        languages="en zh", megabytes=5500, about="clones from a sample, for a graphics card",
    ),
    KnownModel(
        name="bark", repo="suno/bark", backend="bark", licence="MIT",
        languages="13 languages", megabytes=5000, about="sounds and moods, slow",
        revision="70a8a7d34168586dc5d028fa9666aceade177992",
    ),
    KnownModel(
        name="piper-en-joe", repo="csukuangfj/vits-piper-en_US-joe-medium", backend="sherpa", licence="CC0",
        languages="en", megabytes=80, about="quick on any machine; one of Piper's many voices",
    ),
    KnownModel(
        name="kokoro-en", repo="csukuangfj/kokoro-en-v0_19", backend="sherpa", licence="Apache-2.0",
        languages="en", megabytes=350, about="11 speakers, natural",
    ),
    KnownModel(
        name="kitten-nano-en", repo="csukuangfj/kitten-nano-en-v0_1-fp16", backend="sherpa", licence="Apache-2.0",
        languages="en", megabytes=40, about="8 speakers, the smallest",
    ),
    KnownModel(
        name="whisper-tiny", repo="openai/whisper-tiny", backend="whisper", licence="Apache-2.0",
        languages="99 languages", megabytes=160, about="hears; quick, and often wrong",
        revision="169d4a4341b33bc18d8881c4b69c2e104e1cc0af",
    ),
    KnownModel(
        name="whisper-base", repo="openai/whisper-base", backend="whisper", licence="Apache-2.0",
        languages="99 languages", megabytes=300, about="hears",
        revision="e37978b90ca9030d5170a5c07aadb050351a65bb",
    ),
    KnownModel(
        name="whisper-small", repo="openai/whisper-small", backend="whisper", licence="Apache-2.0",
        languages="99 languages", megabytes=980, about="hears; what cuevox transcribe takes unless told otherwise",
        revision="973afd24965f72e36ca33b3055d56a652f456b4d",
    ),
    KnownModel(
        name="whisper-large-v3-turbo", repo="openai/whisper-large-v3-turbo", backend="whisper", licence="MIT",
        languages="99 languages", megabytes=1630, about="hears best, for a graphics card",
        revision="41f01f3fe87f28c78e2fbf8b568835947dd65ed9",
    ),
)  # fmt: skip
"""Licences and sizes are what the models' pages said when this was written; a pull shows what they say then."""
