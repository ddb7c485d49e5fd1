"""The sound of a profile: its samples as WAV files, and all of them as one."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence

import numpy as np
import soundfile

from engine.errors import MediaError
from engine.store.kept_profile import KeptSample
from engine.store.samples import Sample
from engine.voices.resample import Resampler

GAP_SECONDS = 0.25
"""Between samples, where the model hears them as one."""


def wav_facts(sound: bytes, name: str) -> tuple[int, int]:
    """Return frames and rate of a WAV file. Raises MediaError."""
    try:
        info = soundfile.info(io.BytesIO(sound))
    except soundfile.LibsndfileError as error:
        raise MediaError(f"{name} is no sound: {error}") from error
    return info.frames, info.samplerate


def kept_sample(number: int, sample: Sample, name: str, text: str) -> KeptSample:
    """Return what is kept of a sample. name: of the file that it was."""
    return KeptSample(
        number=number,
        name=name,
        text=text,
        sha256=hashlib.sha256(wav_bytes(sample.audio, sample.sample_rate)).hexdigest(),
        frames=len(sample.audio),
        sample_rate=sample.sample_rate,
        findings=sample.findings,
    )


def wav_bytes(audio: np.ndarray, rate: int) -> bytes:
    """Return ``audio`` as a WAV file of 24 bits."""
    file = io.BytesIO()
    soundfile.write(file, audio, rate, subtype="PCM_24", format="WAV")
    return file.getvalue()


def joined(sounds: Sequence[bytes]) -> bytes:
    """Return all samples as one, at the first one's rate."""
    parts: list[np.ndarray] = []
    rate = 0
    for sound in sounds:
        audio, own = soundfile.read(io.BytesIO(sound), dtype="float32", always_2d=True)
        rate = rate or own
        if own != rate:
            resampler = Resampler(own, rate, 1)
            audio = np.concatenate([resampler.feed(audio), resampler.finish()])
        parts += [audio, np.zeros((round(GAP_SECONDS * rate), 1), np.float32)]
    return wav_bytes(np.concatenate(parts[:-1]), rate)
