"""The catalog: every voice preset by its id; shipped ones, then the user's own, then those of given folders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec
import platformdirs

from engine.errors import StoryError, UnknownThing, VoiceError
from engine.story.nodes import compose
from engine.story.problems import story_error
from engine.voices.preset import Preset
from engine.voices.preset_file import PresetReader

_ID = re.compile(r"[a-z0-9_-]+")


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """Voice presets by id, and the file that each came from."""

    presets: dict[str, Preset]
    origins: dict[str, str] = {}

    def get(self, voice: str) -> Preset:
        """Return the preset ``voice``; UnknownThing names all there are."""
        if voice not in self.presets:
            raise UnknownThing("voice", voice, self.presets)
        return self.presets[voice]


def user_folder() -> Path:
    """Return where the user's own presets lie."""
    return Path(platformdirs.user_config_dir("cuevox", appauthor=False)) / "voices"


def load_catalog(extra_dirs: Iterable[Path] = (), speak_with: str = "") -> Catalog:
    """Read all presets; of two with the same id the later folder's counts.

    speak_with: the id of a preset whose backend and settings speak for all others; they keep their effects and gain.
    Raises UnknownThing when there is none, VoiceError that lists every problem of every file, with its line and what is
    allowed.
    """
    folders: list[Traversable] = [files("presets") / "voices"]
    folders += [folder for folder in (user_folder(), *extra_dirs) if folder.is_dir()]
    presets: dict[str, Preset] = {}
    origins: dict[str, str] = {}
    problems: list[str] = []
    for file in (file for folder in folders for file in _preset_files(folder)):
        try:
            preset = _read(file)
        except VoiceError as error:
            problems.append(str(error))
        else:
            presets[preset.id], origins[preset.id] = preset, str(file)
    if problems:
        raise VoiceError("\n".join(problems))
    catalog = Catalog(presets=presets, origins=origins)
    return _spoken_by(catalog, catalog.get(speak_with)) if speak_with else catalog


def _spoken_by(catalog: Catalog, speaker: Preset) -> Catalog:
    presets = {
        id_: msgspec.structs.replace(preset, backend=speaker.backend, settings=speaker.settings)
        for id_, preset in catalog.presets.items()
    }
    return Catalog(presets=presets, origins=catalog.origins)


def _preset_files(folder: Traversable) -> list[Traversable]:
    found = [entry for entry in folder.iterdir() if entry.name.endswith((".yaml", ".yml")) and entry.is_file()]
    return sorted(found, key=lambda entry: entry.name)


def _read(file: Traversable) -> Preset:
    preset_id = file.name.rpartition(".")[0]
    if not _ID.fullmatch(preset_id):
        raise VoiceError(f"{file}: the file's name is the voice's id: use a-z, 0-9, _ and -")
    return read_preset(_text(file), preset_id, str(file))


def _text(file: Traversable) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise VoiceError(f"{file} can't be read: {error}") from error


def read_preset(text: str, preset_id: str, name: str) -> Preset:
    """Return the preset in ``text``; VoiceError lists every problem, naming the file ``name`` and the line."""
    if not text.strip():
        raise VoiceError(f"{name}: the file is empty; a preset begins with kind: voice")
    try:
        reader = PresetReader(compose(text, name), preset_id, Path(name).parent)
        if reader.notes.problems:
            raise story_error(name, reader.notes.problems)
    except StoryError as error:
        raise VoiceError(str(error)) from error
    return reader.preset
