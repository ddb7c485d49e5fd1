"""What every backend on PyTorch has in common, without loading it: settings, identity, and how its voice is opened."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

import msgspec

from engine.errors import ModelMissing, VoiceError
from engine.platform import has_nvidia
from engine.voices.base import Abilities, Choice, Report, Setting, Settings, Text, Voice, unheard
from engine.voices.models.companions import whole
from engine.voices.models.place import is_folder, model_folder

DEVICES = frozenset({"auto", "cpu", "cuda", "mps"})
PRECISIONS = frozenset({"fp32", "bf16", "int8"})

COMMON: Mapping[str, Setting] = {
    "model": Text(kind="a model: its name, its hub id, or a folder"),
    "revision": Text(kind="a revision of the model: a commit of the hub"),
    "device": Choice(kind="device", default="auto", allowed=lambda: DEVICES),
    "precision": Choice(kind="precision", default="fp32", allowed=lambda: PRECISIONS),
}


class NeuralBackend(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the registry for models on PyTorch.

    name: what keys begin with. module: has ``open_voice(folder, settings, report) -> Voice``, which also gets what may
    stand behind a colon; it is imported only when a voice is opened. libraries: whose versions may change the sound.
    revision: changes when our own code does. lines: how many its voice speaks at once at most; graphics_lines: on a
    graphics device, where that is more. files: settings whose content shapes the sound.
    """

    name: str
    module: str
    settings: Mapping[str, Setting]
    libraries: tuple[str, ...] = ("torch", "transformers")
    revision: str = "1"
    lines: int = 1
    graphics_lines: int = 0
    files: tuple[str, ...] = ()
    abilities: Abilities = Abilities(chance=True)
    extra: str = "neural"

    def version(self) -> str:
        """Return the libraries' versions and ours."""
        return " ".join([*map(_version, self.libraries), self.revision])

    def model(self, settings: Settings) -> str:
        """Return model, revision, and where it has them device and precision: what is in memory together."""
        revision = f"@{settings['revision']}" if settings["revision"] else ""
        manner = [str(settings[name]) for name in ("device", "precision") if name in settings]
        return " ".join([self.name, f"{settings['model']}{revision}", *manner])

    def batch(self, settings: Settings) -> int:
        """Return how many lines are spoken at once at most."""
        device = settings.get("device", "cpu")
        graphics = device == "cuda" or (device == "auto" and has_nvidia())
        return max(self.lines, self.graphics_lines) if graphics else self.lines

    def fingerprint(self, settings: Settings) -> str:
        """Return what the sample and, where it is a folder of the user's, the model are."""
        parts = [_content(str(settings[name])) for name in self.files if settings[name]]
        model, revision = str(settings["model"]), str(settings["revision"])
        with contextlib.suppress(ModelMissing):  # then nothing is spoken either
            folder = model_folder(model, revision)
            parts.append(_listing(folder) if is_folder(model) else folder.name)
        return " ".join(parts)

    def open(self, settings: Settings, report: Report = unheard) -> Voice:
        """Return a voice. Raises VoiceError where libraries or the model are missing, saying what to type."""
        folder = whole(model_folder(str(settings["model"]), str(settings["revision"])))
        report(0.05, "loading the library")
        try:
            module, _, family = self.module.partition(":")
            opener = import_module(module)
        except ModuleNotFoundError as error:
            raise VoiceError(
                f"{self.name} needs {error.name}, which is not installed: pip install 'cuevox[{self.extra}]'"
            ) from error
        voice: Voice = opener.open_voice(folder, settings, report, *filter(None, [family]))
        report(1.0, "ready")
        return voice

    def memory(self) -> dict[str, int]:
        """Return what is taken on graphics devices."""
        if "device" not in self.settings:
            return {}
        memory: dict[str, int] = import_module("engine.voices.backends.torch_device").memory()
        return memory


@cache
def _version(library: str) -> str:
    try:
        return f"{library} {importlib.metadata.version(library)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{library} none"


def _content(path: str) -> str:
    try:
        stat = Path(path).stat()
    except OSError as error:
        raise VoiceError(f"the sample {path} can't be read: {error.strerror}") from error
    return content_hash(path, stat.st_mtime_ns, stat.st_size)


@cache
def content_hash(path: str, _mtime_ns: int, _size: int) -> str:
    """Return the SHA-256 of a file; remembered until the file changes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _listing(folder: Path) -> str:
    """Return what changes when any file of a folder is another: names, sizes, times."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    facts = [(str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()[:16]
