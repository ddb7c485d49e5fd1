"""Qwen3-TTS for the guest, 0.6B and 1.7B, in an environment of its own: ``PACKAGES`` says what belongs there.

Settings: model (a folder, or a hub id that lies in its cache), revision, sample and sample_text (a clone; without the
text by the sample's timbre alone), or voice (a speaker of a CustomVoice model) and instruct. With an NVIDIA card and
faster-qwen3-tts a line comes in parts, as it is made; else as a whole: qwen-tts does not stream sound.
"""

import importlib.metadata
import sys
from pathlib import Path

import numpy as np
import torch

PACKAGES = ("qwen-tts==0.1.1", "torch==2.11.0", "torchaudio==2.11.0")
FAST_PACKAGES = ("faster-qwen3-tts==0.5.4",)
"""Instead of them, for an NVIDIA card; it brings a qwen-tts of its own."""

REVISIONS = {
    "Qwen/Qwen3-TTS-12Hz-0.6B-Base": "5d83992436eae1d760afd27aff78a71d676296fc",
    "Qwen/Qwen3-TTS-12Hz-1.7B-Base": "fd4b254389122332181a7c3db7f27e918eec64e3",
    "Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice": "85e237c12c027371202489a0ec509ded67b5e4b5",
    "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice": "0c0e3051f131929182e2c023b9537f8b1c68adfe",
}
"""What is taken unless a revision is named."""

STEPS_PER_PART = 4
"""Of 80 ms each."""


class Speaker:
    """One voice of one model."""

    sample_rate = 24_000

    def __init__(self, settings, report):
        if not settings["sample"] and not settings["voice"]:
            raise ValueError("give a sample to clone, or a voice of a CustomVoice model")
        report(0.2, "reading weights")
        folder = _folder(settings["model"], settings["revision"])
        kind = Fast if torch.cuda.is_available() and _has("faster-qwen3-tts") else Plain
        self._model = kind(folder, settings, report)

    def memory(self):
        """Return what PyTorch holds on graphics devices."""
        taken = {f"cuda:{n}": torch.cuda.memory_reserved(n) for n in range(torch.cuda.device_count())}
        return {device: size for device, size in taken.items() if size}

    def speak(self, text, seed, stopped):
        """Yield the line's sound, in one part or several."""
        torch.manual_seed(seed)
        for sound, rate in self._model.speak(text):
            if rate != self.sample_rate:
                raise ValueError(f"the model speaks at {rate} Hz, not at {self.sample_rate}")
            if stopped():
                return
            yield np.asarray(sound, dtype="<f4").reshape(-1), ()


class Plain:
    """With qwen-tts: a line is one part."""

    def __init__(self, folder, settings, report):
        from qwen_tts import Qwen3TTSModel

        _tell_of_others(PACKAGES)
        cuda = torch.cuda.is_available()
        self._model = Qwen3TTSModel.from_pretrained(
            folder, device_map="cuda:0" if cuda else "cpu", dtype=torch.bfloat16 if cuda else torch.float32
        )
        self._settings = settings
        report(0.8, "hearing the voice")
        self._sample = self._heard() if settings["sample"] else None

    def _heard(self):
        """Return what the model makes of the sample, once for all lines."""
        text = self._settings["sample_text"]
        return self._model.create_voice_clone_prompt(
            ref_audio=self._settings["sample"], ref_text=text or None, x_vector_only_mode=not text
        )

    def speak(self, text):
        """Yield sound and its rate."""
        settings = self._settings
        said = {"text": text, "language": settings["language"] or "Auto"}
        if self._sample is not None:
            sounds, rate = self._model.generate_voice_clone(**said, voice_clone_prompt=self._sample)
        else:
            sounds, rate = self._model.generate_custom_voice(
                **said, speaker=settings["voice"], instruct=settings["instruct"] or None
            )
        yield sounds[0], rate


class Fast:
    """With faster-qwen3-tts: parts as they are made. It remembers the sample by itself."""

    def __init__(self, folder, settings, report):
        from faster_qwen3_tts import FasterQwen3TTS

        _tell_of_others(FAST_PACKAGES)
        self._model = FasterQwen3TTS.from_pretrained(folder, device="cuda", dtype=torch.bfloat16)
        self._settings = settings
        report(0.9, "ready to record its steps")

    def speak(self, text):
        """Yield sound and its rate, part by part."""
        settings = self._settings
        said = {"text": text, "language": settings["language"] or "Auto", "chunk_size": STEPS_PER_PART}
        if settings["sample"]:
            heard = settings["sample_text"]
            parts = self._model.generate_voice_clone_streaming(
                **said, ref_audio=settings["sample"], ref_text=heard, xvec_only=not heard
            )
        else:
            parts = self._model.generate_custom_voice_streaming(
                **said, speaker=settings["voice"], instruct=settings["instruct"] or None
            )
        for sound, rate, _ in parts:
            yield sound, rate


def _folder(model, revision):
    """Return the folder of a model: itself, or where the hub's cache has the commit."""
    revision = revision or REVISIONS.get(model)
    if Path(model).is_dir():
        return model
    from huggingface_hub import snapshot_download

    try:
        return snapshot_download(model, revision=revision, local_files_only=True)
    except OSError as error:
        at = f" --revision {revision}" if revision else ""
        raise ValueError(f"{model} is not in the hub's cache; to get it: hf download {model}{at}") from error


def _has(package):
    try:
        return bool(importlib.metadata.version(package))
    except importlib.metadata.PackageNotFoundError:
        return False


def _tell_of_others(packages):
    """Say in the log where another version is installed than was tried."""
    for name, _, wanted in (package.partition("==") for package in packages):
        if _has(name) and (there := importlib.metadata.version(name).partition("+")[0]) != wanted:
            print(f"{name} {there} is installed here; {wanted} is what belongs there", file=sys.stderr)  # noqa: T201
