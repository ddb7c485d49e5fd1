"""Reading a voice preset from YAML: every problem with its line, all at once."""

from __future__ import annotations

from pathlib import Path

from engine.errors import EngineError
from engine.mixer.effects import effect_spec
from engine.params import ParamSpec
from engine.story.fields import Fields, Notes
from engine.story.model import Effect
from engine.story.nodes import Mapping, Node, Scalar
from engine.story.problems import Path as NodePath
from engine.voices.base import Settings, SettingValue, Text
from engine.voices.preset import PRESET_GAIN, Preset
from engine.voices.registry import BACKENDS, backend

KIND = "voice"
VERSION = 1
PRESET_KEYS = ("kind", "version", "name", "about", "backend", "settings", "gain_db", "effects", "language")


class PresetReader:
    """Reads one preset; ``notes`` holds what was wrong, and then ``preset`` is of no use.

    folder: where its relative paths start.
    """

    def __init__(self, root: Node, preset_id: str, folder: Path) -> None:
        self.notes = Notes()
        self._id, self._folder = preset_id, folder
        self.preset = self._preset(Fields(root, (), self.notes, PRESET_KEYS))

    def _preset(self, top: Fields) -> Preset:
        if top.required("kind", KIND) != KIND:
            top.complain("kind", KIND)
        if top.whole("version", VERSION) != VERSION:
            top.complain("version", f"{VERSION}, the one that this Cuevox reads")
        backend_name = top.choice("backend", tuple(BACKENDS), next(iter(BACKENDS)))
        return Preset(
            id=self._id,
            name=top.text("name", self._id),
            about=top.text("about"),
            language=top.text("language"),
            backend=backend_name,
            settings=self._settings(top, backend_name),
            gain_db=self._gain(top),
            effects=tuple(self._effect(node, path) for node, path in top.items("effects")),
        )

    def _gain(self, top: Fields) -> float:
        gain_db = top.number("gain_db")
        try:
            return PRESET_GAIN.check(gain_db, "gain_db")
        except EngineError as error:
            self.notes.add(top.child("gain_db") or top.node, ("gain_db",), str(error))
            return 0.0

    def _settings(self, top: Fields, backend_name: str) -> Settings:
        table = backend(backend_name).settings
        fields = top.inner("settings", tuple(table))
        settings: Settings = {}
        for name, spec in table.items():
            value: SettingValue
            if isinstance(spec, ParamSpec):
                value = fields.number(name, spec.default)
            else:
                value = fields.text(name, spec.default)
            if isinstance(spec, Text) and spec.file and value:
                value = str(self._folder / Path(str(value)).expanduser())
            try:
                settings[name] = spec.check(value, name)
            except EngineError as error:
                self.notes.add(fields.child(name) or fields.node, (*fields.path, name), str(error))
        return settings

    def _effect(self, node: Node, path: NodePath) -> Effect:
        effect = self._insert(node, path)
        if effect is None:
            return Effect(effect="gain")
        try:
            spec = effect_spec(effect.effect)
            for name, value in effect.params.items():
                spec.param_index(name, effect.effect)
                spec.params[name].spec.check(value, name)
        except EngineError as error:
            self.notes.add(node, path, str(error))
        return effect

    def _insert(self, node: Node, path: NodePath) -> Effect | None:
        """Return what a story would read there, None where it is no effect."""
        if isinstance(node, Scalar) and not node.is_null:
            return Effect(effect=node.text)
        names = [key for key in node.fields if key != "bypass"] if isinstance(node, Mapping) else []
        if len(names) != 1:
            self.notes.add(node, path, "expected one effect: its name, or name: {parameter: value}, beside it bypass")
            return None
        fields = Fields(node, path, self.notes, (*names, "bypass"))
        return Effect(effect=names[0], params=fields.all_numbers(names[0]), bypass=fields.switch("bypass"))
