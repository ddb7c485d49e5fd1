"""Voices in a Python of the user's: models whose packages don't go together with ours. See ``guests/guest.py``.

MLX is one of them; its packages may also lie beside ours.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from engine.voices.backends.neural import content_hash
from engine.voices.base import Abilities, Report, Setting, Settings, Text, Voice, unheard

GUESTS = Path(__file__).parents[1] / "guests"

SETTINGS: Mapping[str, Setting] = {
    "python": Text(kind="the Python of another environment", file=True),
    "speaker": Text(kind="qwen3, or a file with a class Speaker", default="qwen3"),
    "model": Text(kind="a model, as its speaker calls it"),
    "revision": Text(kind="a revision of the model"),
    "language": Text(kind="a language, as the model calls it"),
    "voice": Text(kind="a voice of the model"),
    "instruct": Text(kind="how it is to be spoken"),
    "sample": Text(kind="an audio file of the voice to clone", file=True),
    "sample_text": Text(kind="what is said in the sample"),
}
FILES = ("sample",)


MLX_SETTINGS: Mapping[str, Setting] = {
    **{name: spec for name, spec in SETTINGS.items() if name != "speaker"},
    "python": Text(kind="the Python that has mlx-audio, if it is not this one", default=sys.executable, file=True),
    "model": Text(kind="a model: a folder, or its hub id"),
}


class InterpreterBackend:
    """A row of the registry. speaker: the only one it has, "": what the settings say."""

    abilities = Abilities(instruct="instruct", chance=True)

    def __init__(self, name: str, settings: Mapping[str, Setting], speaker: str = "") -> None:
        self.settings = settings
        self._name, self._speaker = name, speaker

    def version(self) -> str:
        """Return ours; the model's is in its settings."""
        return "1"

    def model(self, settings: Settings) -> str:
        """Return everything that the guest loads with: one guest is one voice."""
        told = " ".join(f"{name}={value}" for name, value in sorted(settings.items()))
        name = self._speaker or settings["speaker"]
        return f"{self._name} {name} {settings['model']} {hashlib.sha256(told.encode()).hexdigest()[:8]}"

    def batch(self, settings: Settings) -> int:  # noqa: ARG002
        """Return 1."""
        return 1

    def fingerprint(self, settings: Settings) -> str:
        """Return what speaker and sample are, by content."""
        paths = [self._file(settings), *(Path(str(settings[name])) for name in FILES if settings[name])]
        stats = [(str(path), path.stat()) for path in paths if path.is_file()]
        return " ".join(content_hash(path, stat.st_mtime_ns, stat.st_size) for path, stat in stats)

    def open(self, settings: Settings, report: Report = unheard) -> Voice:
        """Return a voice. Raises VoiceError with the guest's own words."""
        module = import_module("engine.voices.backends.interpreter_voice")
        voice: Voice = module.InterpreterVoice(settings, self._file(settings), report)
        return voice

    def memory(self) -> dict[str, int]:
        """Return what the guests of this process take beside it."""
        memory: dict[str, int] = import_module("engine.voices.backends.interpreter_voice").memory()
        return memory

    def _file(self, settings: Settings) -> Path:
        """Return the file of a shipped speaker, or the one that is named."""
        name = self._speaker or str(settings["speaker"])
        return GUESTS / f"{name}.py" if name.isidentifier() else Path(name).expanduser()


BACKEND = InterpreterBackend("python", SETTINGS)
MLX = InterpreterBackend("mlx", MLX_SETTINGS, "mlx_voice")
