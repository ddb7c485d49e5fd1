"""A backend that keeps a model: it takes memory, works in steps, and fails in whatever way its settings say."""

import os
import sys
import time
from types import MappingProxyType

import numpy as np

from engine.errors import VoiceError
from engine.params import ParamSpec
from engine.voices import worker
from engine.voices.base import Abilities, Chunk, Text
from engine.voices.media import Stopped, never
from engine.voices.registry import BACKENDS

STEP_FRAMES = 1600
RATE = 16000


class ModelVoice:
    """Each step is a tone of its seed's pitch; ``mischief`` is what goes wrong in the middle of a line."""

    sample_rate = RATE
    channels = 1
    timing = "exact"  # that tells no words: nobody tries to align tones

    def __init__(self, settings, weights):
        self._settings, self._weights = settings, weights

    def speak(self, text, *, seed=0, stopped=never):
        if not text.strip():
            raise VoiceError(f"there is nothing to speak in {text!r}")
        return self._stream(text, seed, stopped)

    def _stream(self, text, seed, stopped):
        for _ in range(len(text)):
            mischief = self._settings["mischief"] if text != "Ready." else ""
            if mischief == "die":
                os._exit(3)
            while mischief in ("hang", "stubborn"):
                time.sleep(0.01)  # a native call that never returns; "stubborn" shows life, but does not stop
                if mischief == "stubborn":
                    stopped()
            if stopped():
                raise Stopped
            time.sleep(self._settings["step_seconds"])
            yield Chunk(audio=self._step(seed))

    def _step(self, seed):
        tone = 0.2 * np.sin(2 * np.pi * (200 + 10 * seed) * np.arange(STEP_FRAMES) / RATE)
        return tone.astype(np.float32)[:, np.newaxis]

    def speak_all(self, texts, *, seeds, stopped=never):
        for step in range(max(map(len, texts))):
            if stopped():
                raise Stopped
            time.sleep(self._settings["step_seconds"])
            for index, text in enumerate(texts):
                if step < len(text):
                    yield index, Chunk(audio=self._step(seeds[index]))


class ModelBackend:
    settings = MappingProxyType(
        {
            "model": Text(kind="a model", default="m"),
            "mischief": Text(kind="what goes wrong"),
            "step_seconds": ParamSpec(low=0.0, high=1.0, default=0.0, unit="s"),
            "megabytes": ParamSpec(low=0.0, high=4000.0, default=1.0, unit="MB"),
            "lines": ParamSpec(low=1.0, high=64.0, default=1.0),
        }
    )
    taken = 0
    abilities = Abilities(chance=True)

    def version(self):
        return "1"

    def model(self, settings):
        return f"steps {settings['model']}"

    def batch(self, settings):
        return int(settings["lines"])

    def fingerprint(self, settings):
        return ""

    def open(self, settings, report=lambda *_: None):
        report(0.5, "reading weights")
        if settings["mischief"] == "no model":
            raise VoiceError("there are no such weights")
        if settings["mischief"] == "die loading":
            os._exit(4)
        ModelBackend.taken = int(settings["megabytes"] * 1e6)
        return ModelVoice(settings, None)

    def memory(self):
        return {"gpu": ModelBackend.taken}


BACKEND = ModelBackend()

if __name__ == "__main__":  # a worker that has this backend, too
    from tests.voices import model_backend

    BACKENDS["steps"] = model_backend.__name__
    worker.main(sys.argv[1:])
