"""Voices of mlx-audio for the guest, on Apple silicon: pip install 'cuevox[mlx]', or mlx-audio elsewhere.

Settings: model (a folder, or a hub id that lies in its cache), revision, sample and sample_text (a clone), or voice;
language and instruct. What a model does not take is refused: a clone that can't be made is never another voice. Sound
comes in parts from models that stream, else as a whole.
"""

import inspect

import mlx.core as mx
import numpy as np
from mlx_audio.tts.utils import load

PART_SECONDS = 0.4
NAMES = {
    "sample": "ref_audio",
    "sample_text": "ref_text",
    "voice": "voice",
    "instruct": "instruct",
    "language": "lang_code",
}
"""Our settings as mlx-audio calls them."""


class Speaker:
    """One voice of one model."""

    def __init__(self, settings, report):
        report(0.2, "reading weights")
        revision = {"revision": settings["revision"]} if settings["revision"] else {}
        self._model = load(settings["model"], **revision)
        self.sample_rate = int(self._model.sample_rate)
        self._manner = self._asked(settings)
        self._refuse_stand_in(settings["voice"])

    def _asked(self, settings):
        """Return how to ask the model for what the settings say. Raises ValueError for what it does not take."""
        takes = inspect.signature(self._model.generate).parameters
        asked = {name: settings[name] for name in NAMES if settings[name]}
        lacking = [name for name in asked if NAMES[name] not in takes]
        if lacking:
            able = [name for name, theirs in NAMES.items() if theirs in takes]
            raise ValueError(f"this model takes no {' and no '.join(lacking)}; it takes {', '.join(able) or 'none'}")
        manner = {NAMES[name]: value for name, value in asked.items()}
        if "stream" in takes:
            manner |= {"stream": True, "streaming_interval": PART_SECONDS}
        return {name: value for name, value in manner.items() if name in takes}

    def _refuse_stand_in(self, voice):
        """Raise ValueError where the model would take its usual voice for one that it does not know."""
        resolve = getattr(self._model, "_resolve_audio_prompt", None)
        if not voice or resolve is None:
            return
        usual = resolve("a voice that nobody has", None, False)
        if resolve(voice, None, False) == usual and voice.lower() != usual:
            raise ValueError(f"this model has no voice {voice!r}")

    def speak(self, text, seed, stopped):
        """Yield the line as it is made."""
        mx.random.seed(seed)
        for made in self._model.generate(text=text, **self._manner):
            if stopped():
                return
            if made.sample_rate != self.sample_rate:
                raise ValueError(f"the model speaks at {made.sample_rate} Hz, not at {self.sample_rate}")
            yield np.asarray(made.audio, dtype="<f4").reshape(-1), ()
