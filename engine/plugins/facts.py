"""What is known of a plug-in: its file, its parameters with their ranges, or why it can't be used. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from engine.params import ParamSpec

PREFIX = "plugin:"
"""An insert whose effect begins so is a plug-in; what follows is its name, or its path."""

MOST_LATENCY_FRAMES = 96_000
"""A plug-in that is later than this can't be an insert."""


class PluginParam(msgspec.Struct, frozen=True, kw_only=True):
    """One knob. index: its place among the plug-in's own parameters. choices: what its whole numbers mean."""

    name: str
    index: int
    spec: ParamSpec
    choices: tuple[str, ...] = ()


class PluginFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One plug-in.

    path: its file or bundle, empty when there is none of that name. inner: its name in a file that holds several.
    channels: 2, or 1 for one that is run twice. latency_frames: as it is loaded, at 48 kHz; what an insert has is
    read from the instance. fault: why it is not to be loaded; nothing when it is sound.
    """

    name: str
    path: str = ""
    vendor: str = ""
    version: str = ""
    format: str = "VST3"
    inner: str = ""
    channels: int = 2
    latency_frames: int = 0
    params: tuple[PluginParam, ...] = ()
    fault: str = ""

    @property
    def specs(self) -> dict[str, ParamSpec]:
        """Ranges by name."""
        return {param.name: param.spec for param in self.params}


Lookup = Callable[[str], PluginFacts]
"""Finds a plug-in by name or path; one that there isn't has a fault."""


def is_plugin(effect: str) -> bool:
    """Whether an insert's effect is a plug-in."""
    return effect.startswith(PREFIX)


def plugin_name(effect: str) -> str:
    """Return the name or path in an insert's effect."""
    return effect.removeprefix(PREFIX)


def missing(name: str) -> PluginFacts:
    """Return what is known of a plug-in that nobody has looked for."""
    return PluginFacts(name=name, fault="there is no such plug-in here")


def known_specs(plugins: Iterable[tuple[str, PluginFacts]]) -> dict[str, dict[str, ParamSpec]]:
    """Return the ranges of those that have been tried, by effect."""
    return {effect: facts.specs for effect, facts in plugins if facts.params or not facts.fault}
