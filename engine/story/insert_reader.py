"""Reading one insert of a list, as stories and mix presets write it."""

from __future__ import annotations

from engine.story.fields import Fields, Notes
from engine.story.model import Effect
from engine.story.nodes import Mapping, Node, Scalar
from engine.story.problems import Path


def read_insert(node: Node, path: Path, notes: Notes) -> Effect:
    """Return the effect at ``node``; what is wrong with it is noted."""
    if isinstance(node, Scalar) and not node.is_null:
        return Effect(effect=node.text)
    names = [key for key in node.fields if key != "bypass"] if isinstance(node, Mapping) else []
    if len(names) != 1:
        notes.add(node, path, "expected one effect: its name, or name: {parameter: value}, beside it bypass")
        notes.quiet.add(path)
        return Effect(effect="?")
    fields = Fields(node, path, notes, (*names, "bypass"))
    return Effect(effect=names[0], params=fields.all_numbers(names[0]), bypass=fields.switch("bypass"))
