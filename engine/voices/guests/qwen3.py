"""Qwen3-TTS for the guest, in an environment of its own: pip install qwen-tts==0.1.1 (0.6B and 1.7B).

Settings: model (a folder, or a hub id that lies in its cache), revision, sample and sample_text (a clone), or voice
(a speaker of a CustomVoice model) and instruct. A line is made as a whole: the package does not stream sound.
"""

import numpy as np
import torch
from qwen_tts import Qwen3TTSModel


class Speaker:
    """One voice of one model."""

    def __init__(self, settings, report):
        self._settings = settings
        cuda = torch.cuda.is_available()
        report(0.2, "reading weights")
        self._model = Qwen3TTSModel.from_pretrained(
            settings["model"],
            device_map="cuda:0" if cuda else "cpu",
            dtype=torch.bfloat16 if cuda else torch.float32,
            **({"revision": settings["revision"]} if settings["revision"] else {}),
        )
        self.sample_rate = 24_000

    def speak(self, text, seed, stopped):
        """Yield the line as one piece of sound."""
        torch.manual_seed(seed)
        settings = self._settings
        language = settings["language"] or "Auto"
        if settings["sample"]:
            sounds, rate = self._model.generate_voice_clone(
                text=text, language=language, ref_audio=settings["sample"], ref_text=settings["sample_text"]
            )
        elif settings["voice"]:
            sounds, rate = self._model.generate_custom_voice(
                text=text, language=language, speaker=settings["voice"], instruct=settings["instruct"]
            )
        else:
            raise ValueError("give a sample to clone, or a voice of a CustomVoice model")
        if rate != self.sample_rate:
            raise ValueError(f"the model speaks at {rate} Hz, not at {self.sample_rate}")
        if not stopped():
            yield np.asarray(sounds[0], dtype="<f4").reshape(-1), ()
