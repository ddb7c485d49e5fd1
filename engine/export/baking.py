"""Baking: a clip's gain and pan printed into a copy of its sound, for formats that have no such thing on a clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from engine.errors import MediaError
from engine.export.wav import WavWriter
from engine.units import db_to_gain, pan_gains

_BLOCK_FRAMES = 65536


def baked_name(name: str, gain_db: float, pan: float) -> str:
    """Return what a baked WAV is called: ``line.wav`` at -3 dB becomes ``line_-3dB.wav``."""
    parts = [f"{gain_db:+.4g}dB"] * bool(gain_db) + [f"pan{pan:+.3g}"] * bool(pan)
    return "_".join((Path(name).stem, *parts)) + ".wav"


def bake(wav: Path, target: Path, *, gain_db: float, pan: float) -> None:
    """Write ``wav`` to ``target`` in 32-bit float with gain and pan; panned sound becomes stereo."""
    left, right = (db_to_gain(gain_db) * gain for gain in pan_gains(pan))
    try:
        with soundfile.SoundFile(wav) as file:
            channels = 2 if pan else file.channels
            gains = np.array([left, right][:channels], np.float32)
            writer = WavWriter(target, sample_rate=file.samplerate, encoding="float32", channels=channels)
            try:
                while len(block := file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
                    writer.write(np.ascontiguousarray(block * gains))
                writer.finish(file.frames, sync=False)
            finally:
                writer.close()
    except soundfile.SoundFileError as error:
        raise MediaError(f"audio file {wav} can't be read: {error}") from error
