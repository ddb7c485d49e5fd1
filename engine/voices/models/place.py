"""Where a model lies on disk: a folder of the user's, or what was pulled from the hub. Asks no network."""

from __future__ import annotations

from pathlib import Path

from engine.errors import VoiceError


def is_folder(model: str) -> bool:
    """Return whether ``model`` is a path, not a name or a hub id."""
    return model.startswith((".", "/", "~")) or Path(model).is_absolute()


def model_folder(model: str, revision: str) -> Path:
    """Return the folder of ``model``. Raises VoiceError that says how to get it."""
    if is_folder(model):
        folder = Path(model).expanduser()
        if not folder.is_dir():
            raise VoiceError(f"the model {model} is no folder")
        return folder
    raise VoiceError(f"the model {model} {revision} is not on this machine")
