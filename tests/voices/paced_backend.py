"""A voice that speaks one step each time the test lets it: through a pipe with a name, so that nothing is timed."""

import os
import sys
from types import MappingProxyType

import numpy as np

from engine.errors import VoiceError
from engine.voices import worker
from engine.voices.base import Abilities, Chunk, Text
from engine.voices.media import Stopped, never
from engine.voices.registry import BACKENDS

RATE = 16000
STEP_FRAMES = 1600
GO, DIE, FAIL = b"g", b"d", b"f"


def sound_of(text: str) -> np.ndarray:
    """Return what ``text`` sounds like: a step of another tone for each character."""
    tones = np.repeat([180.0 + 3.0 * (ord(c) % 64) for c in text], STEP_FRAMES)
    phase = 0.05 + 2 * np.pi * np.cumsum(tones) / RATE  # without a jump from one to the next
    sound = 0.2 * np.sin(phase)
    sound[-200:] *= np.linspace(1.0, 0.0, 200)
    return sound.astype(np.float32)


class PacedVoice:
    sample_rate, channels, timing = RATE, 1, "exact"  # no words: nothing has to be aligned

    def __init__(self, gate: str) -> None:
        self._gate = gate

    def speak(self, text, *, seed=0, stopped=never):
        sound = sound_of(text)
        gate = os.open(self._gate, os.O_RDONLY) if self._gate else -1
        try:
            for start in range(0, len(sound), STEP_FRAMES):
                told = os.read(gate, 1) if gate >= 0 else GO
                if told == DIE:
                    os._exit(3)
                if told == FAIL:
                    raise VoiceError("this voice was told to fail")
                if stopped():
                    raise Stopped
                yield Chunk(audio=sound[start : start + STEP_FRAMES, np.newaxis])
        finally:
            if gate >= 0:
                os.close(gate)


class PacedBackend:
    abilities = Abilities()
    settings = MappingProxyType({"gate": Text(kind="a pipe")})

    def version(self):
        return "1"

    def model(self, settings):
        return ""

    def batch(self, settings):
        return 1

    def fingerprint(self, settings):
        return ""

    def open(self, settings, report=None):
        return PacedVoice(settings["gate"])

    def memory(self):
        return {}


BACKEND = PacedBackend()

if __name__ == "__main__":  # a worker that has this backend, too
    BACKENDS["paced"] = "tests.voices.paced_backend"
    worker.main(sys.argv[1:])
