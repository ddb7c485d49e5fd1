"""Qwen3-TTS for the guest, in an environment of its own: pip install qwen-tts==0.1.1 (0.6B and 1.7B).

Settings: model (a folder, or a hub id that lies in its cache), revision, sample and sample_text (a clone; without the
text by the sample's timbre alone), or voice (a speaker of a CustomVoice model) and instruct. A line is made as a whole:
the package does not stream sound.
"""

import numpy as np
import torch
from qwen_tts import Qwen3TTSModel

REVISIONS = {
    "Qwen/Qwen3-TTS-12Hz-0.6B-Base": "5d83992436eae1d760afd27aff78a71d676296fc",
    "Qwen/Qwen3-TTS-12Hz-1.7B-Base": "fd4b254389122332181a7c3db7f27e918eec64e3",
    "Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice": "85e237c12c027371202489a0ec509ded67b5e4b5",
    "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice": "0c0e3051f131929182e2c023b9537f8b1c68adfe",
}
"""What is taken unless a revision is named."""


class Speaker:
    """One voice of one model."""

    def __init__(self, settings, report):
        self._settings = settings
        cuda = torch.cuda.is_available()
        report(0.2, "reading weights")
        revision = settings["revision"] or REVISIONS.get(settings["model"], "")
        self._model = Qwen3TTSModel.from_pretrained(
            settings["model"],
            device_map="cuda:0" if cuda else "cpu",
            dtype=torch.bfloat16 if cuda else torch.float32,
            **({"revision": revision} if revision else {}),
        )
        self.sample_rate = 24_000
        if not settings["sample"] and not settings["voice"]:
            raise ValueError("give a sample to clone, or a voice of a CustomVoice model")
        report(0.8, "hearing the voice")
        self._sample = self._heard() if settings["sample"] else None

    def _heard(self):
        """Return what the model makes of the sample, once for all lines."""
        text = self._settings["sample_text"]
        return self._model.create_voice_clone_prompt(
            ref_audio=self._settings["sample"], ref_text=text or None, x_vector_only_mode=not text
        )

    def speak(self, text, seed, stopped):
        """Yield the line as one piece of sound."""
        torch.manual_seed(seed)
        settings = self._settings
        language = settings["language"] or "Auto"
        if self._sample is not None:
            sounds, rate = self._model.generate_voice_clone(
                text=text, language=language, voice_clone_prompt=self._sample
            )
        else:
            sounds, rate = self._model.generate_custom_voice(
                text=text, language=language, speaker=settings["voice"], instruct=settings["instruct"] or None
            )
        if rate != self.sample_rate:
            raise ValueError(f"the model speaks at {rate} Hz, not at {self.sample_rate}")
        if not stopped():
            yield np.asarray(sounds[0], dtype="<f4").reshape(-1), ()
