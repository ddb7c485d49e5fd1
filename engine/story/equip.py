"""What is known of the plug-ins that a story names, put beside it. Pure: who asks knows where to look."""

from __future__ import annotations

from msgspec.structs import replace

from engine.params import ParamSpec
from engine.plugins.facts import Lookup, is_plugin, known_specs, plugin_name
from engine.story.model import Story


def plugin_effects(story: Story) -> tuple[str, ...]:
    """Return the effects that are plug-ins, each once."""
    strips = story.strips().values()
    return tuple(dict.fromkeys(e.effect for strip in strips for e in strip.inserts if is_plugin(e.effect)))


def equip(story: Story, find: Lookup) -> Story:
    """Return the story with what ``find`` knows of its plug-ins; what is known already stays."""
    wanted = plugin_effects(story)
    plugins = {e: story.plugins[e] if e in story.plugins else find(plugin_name(e)) for e in wanted}
    return story if plugins == story.plugins else replace(story, plugins=plugins)


def insert_specs(story: Story, effects: dict[str, dict[str, ParamSpec]]) -> dict[str, dict[str, ParamSpec]]:
    """Return the ranges of what the story's inserts can be told: ``effects`` and its plug-ins."""
    return effects | known_specs(story.plugins.items())
