"""Mix presets on disk: those that ship with Cuevox, the user's own, and those beside the story."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path as FilePath
from typing import cast

import platformdirs

from engine.errors import StoryError, UnknownThing
from engine.story.fields import Fields, Notes
from engine.story.insert_reader import read_insert
from engine.story.mix import Mix, MixRule
from engine.story.model import Bus, Effect, Send, Strip
from engine.story.nodes import Node, compose
from engine.story.problems import Path, story_error

KIND, VERSION = "mix", 1
MIX_KEYS = ("kind", "version", "name", "about", "tracks", "buses", "master")
RULE_KEYS = ("match", "inserts", "sends", "gain_db", "pan")
BUS_KEYS = ("id", "name", "inserts", "sends", "gain_db", "pan")
MASTER_KEYS = ("inserts", "limiter_db")


def mix_folders(story_folder: FilePath | None = None) -> tuple[Traversable, ...]:
    """Return where presets lie; of two with the same id the later folder's counts."""
    user = FilePath(platformdirs.user_config_dir("cuevox", appauthor=False)) / "mixes"
    beside = [] if story_folder is None else [story_folder / "mixes"]
    return (files("presets") / "mixes", *(folder for folder in (user, *beside) if folder.is_dir()))


def mix_names(folders: Iterable[Traversable]) -> tuple[str, ...]:
    """Return the ids of all presets."""
    return tuple(sorted({f.name.removesuffix(".yaml") for d in folders for f in d.iterdir() if _is_preset(f)}))


def load_mix(name: str, folders: Iterable[Traversable]) -> Mix:
    """Return the preset ``name``. Raises UnknownThing, or StoryError that lists every problem with its line."""
    folders = tuple(folders)
    if name not in (known := mix_names(folders)):
        raise UnknownThing("mix", name, known)
    file = next(f for d in reversed(folders) for f in d.iterdir() if f.name == f"{name}.yaml")
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoryError(f"{file} can't be read: {error}") from error
    return read_mix(text, name, str(file))


def read_mix(text: str, mix_id: str, file: str) -> Mix:
    """Return the preset in ``text``; StoryError lists every problem, naming ``file`` and the line."""
    reader = _MixReader(compose(text, file), mix_id)
    if reader.notes.problems:
        raise story_error(file, reader.notes.problems)
    return reader.mix


def _is_preset(file: Traversable) -> bool:
    return file.name.endswith(".yaml") and file.is_file()


class _MixReader:
    def __init__(self, root: Node, mix_id: str) -> None:
        self.notes = Notes()
        self.mix = self._mix(Fields(root, (), self.notes, MIX_KEYS), mix_id)

    def _mix(self, top: Fields, mix_id: str) -> Mix:
        if top.required("kind", KIND) != KIND:
            top.complain("kind", KIND)
        if top.whole("version", VERSION) != VERSION:
            top.complain("version", f"{VERSION}, the one that this Cuevox reads")
        master = top.inner("master", MASTER_KEYS)
        return Mix(
            id=mix_id,
            name=top.text("name", mix_id),
            about=top.text("about"),
            tracks=tuple(self._rule(node, path) for node, path in top.items("tracks")),
            buses=tuple(self._bus(node, path) for node, path in top.items("buses")),
            master_inserts=self._inserts(master),
            limiter_db=master.number("limiter_db") if "limiter_db" in master else None,
        )

    def _rule(self, node: Node, path: Path) -> MixRule:
        fields = Fields(node, path, self.notes, RULE_KEYS)
        match = fields.words("match") if "match" in fields else ("*",)
        if not match:
            fields.complain("match", "a track's id or several, * for anything")
        return MixRule(
            match=match,
            inserts=self._inserts(fields),
            sends=fields.all_numbers("sends"),
            gain_db=fields.number("gain_db") if "gain_db" in fields else None,
            pan=fields.number("pan") if "pan" in fields else None,
        )

    def _bus(self, node: Node, path: Path) -> Bus:
        fields = Fields(node, path, self.notes, BUS_KEYS)
        strip = Strip(
            gain_db=fields.number("gain_db"),
            pan=fields.number("pan"),
            inserts=self._inserts(fields) or (),
            sends=tuple(Send(to=bus, gain_db=level) for bus, level in fields.all_numbers("sends").items()),
        )
        bus_id = fields.required("id", f"bus-{cast(int, path[-1]) + 1}")
        return Bus(id=bus_id, name=fields.text("name"), strip=strip)

    def _inserts(self, fields: Fields) -> tuple[Effect, ...] | None:
        if "inserts" not in fields:
            return None
        return tuple(read_insert(node, path, self.notes) for node, path in fields.items("inserts"))
