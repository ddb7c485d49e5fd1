"""Plug-ins that stay plug-ins in a session, for people who have them: each with the state that it has in the story."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from engine.errors import ExportError
from engine.export.plan import Plan
from engine.plugins.facts import PluginFacts
from engine.plugins.prober import PluginFault, Prober
from engine.plugins.vst_preset import BadPreset, VstPreset, read_preset
from engine.story.model import Effect, Story


class KeptPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """An insert as another host loads it."""

    facts: PluginFacts
    preset: VstPreset
    bypass: bool


Place = tuple[str, int]
"""A strip's id, and the number of one of its inserts from 0 on."""


def keepable(story: Story) -> Iterator[tuple[Place, Effect, PluginFacts]]:
    """Iterate over the inserts that can be kept: sound VST3 plug-ins for stereo; one that is run twice can't."""
    for strip_id, strip in story.strips().items():
        for number, effect in enumerate(strip.inserts):
            facts = story.plugins.get(effect.effect)
            if facts is not None and not facts.fault and facts.format == "VST3" and facts.channels == 2:
                yield (strip_id, number), effect, facts


def keep_plugins(plan: Plan) -> Mapping[Place, KeptPlugin]:
    """Ask every plug-in, in a process of its own, for its state as the story has it; nothing where nobody asks for it.

    Raises ExportError for one that does not give it.
    """
    wanted = list(keepable(plan.story)) if plan.options.keep_plugins else []
    if not wanted:
        return {}
    kept: dict[Place, KeptPlugin] = {}
    with Prober() as prober:
        for place, effect, facts in wanted:
            params = {param.name: param for param in facts.params}
            turned = [(params[name].index, params[name].spec.to_norm(value)) for name, value in effect.params.items()]
            try:
                preset = read_preset(prober.preset(facts, effect.state, turned))
            except (PluginFault, BadPreset) as error:
                text = f"can't keep the plug-in {facts.name} of {place[0]}: {error}; without keep_plugins it is printed"
                raise ExportError(text) from error
            kept[place] = KeptPlugin(facts=facts, preset=preset, bypass=effect.bypass)
    return kept
