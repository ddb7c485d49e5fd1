"""Reading one insert of a list, as stories and mix presets write it."""

from __future__ import annotations

from engine.plugins.facts import PREFIX
from engine.story.fields import Fields, Notes
from engine.story.model import Effect
from engine.story.nodes import Mapping, Node, Scalar
from engine.story.problems import Path

PLUGIN_KEYS = ("plugin", "params", "state", "bypass")


def read_insert(node: Node, path: Path, notes: Notes) -> Effect:
    """Return the effect at ``node``; what is wrong with it is noted."""
    if isinstance(node, Scalar) and not node.is_null:
        return Effect(effect=node.text)
    if isinstance(node, Mapping) and "plugin" in node.fields:
        return _read_plugin(Fields(node, path, notes, PLUGIN_KEYS))
    names = [key for key in node.fields if key != "bypass"] if isinstance(node, Mapping) else []
    if len(names) != 1:
        notes.add(node, path, "expected one effect: its name, or name: {parameter: value}, beside it bypass")
        notes.quiet.add(path)
        return Effect(effect="?")
    fields = Fields(node, path, notes, (*names, "bypass"))
    return Effect(effect=names[0], params=fields.all_numbers(names[0]), bypass=fields.switch("bypass"))


def _read_plugin(fields: Fields) -> Effect:
    """Return a plug-in: its name or path, and beside it parameters, state and bypass."""
    return Effect(
        effect=f"{PREFIX}{fields.text('plugin')}",
        params=fields.all_numbers("params"),
        state=fields.text("state"),
        bypass=fields.switch("bypass"),
    )
