"""A sound file as aligners hear it, read piece by piece."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from engine.errors import MediaError
from engine.speech.align.heard import Audio, at_rate


class FileRecording:
    """Fits the aligner's ``Recording``. Raises MediaError for what can't be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            info = soundfile.info(path)
        except (OSError, soundfile.LibsndfileError) as error:
            raise MediaError(f"{path} can't be read: {error}") from error
        self.sample_rate, self.frames = int(info.samplerate), int(info.frames)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.frames / self.sample_rate

    def read(self, start_seconds: float, end_seconds: float) -> Audio:
        """Return a part of it, mono at 16 kHz."""
        start, end = (min(self.frames, round(s * self.sample_rate)) for s in (start_seconds, end_seconds))
        try:
            audio = soundfile.read(self._path, start=start, stop=end, dtype="float32", always_2d=True)[0]
        except (OSError, soundfile.LibsndfileError) as error:
            raise MediaError(f"{self._path} can't be read: {error}") from error
        return at_rate(np.asarray(audio, np.float32), self.sample_rate)
