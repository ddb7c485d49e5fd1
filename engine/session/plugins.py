"""Plug-ins: what the session asks of those who know which there are. The control process has the real ones."""

from __future__ import annotations

from typing import Protocol

from engine.plugins.facts import PluginFacts, missing


class Plugins(Protocol):
    """Finds plug-ins and tries them. Nothing blocks; PluginChanged events tell what came of it."""

    def find(self, name: str) -> PluginFacts:
        """Return what is known of a plug-in, by name or path, without trying anything."""
        ...

    def retry(self, name: str) -> None:
        """Begin to try a plug-in anew and let it into the sound again. Raises Busy."""
        ...

    def scan(self) -> None:
        """Begin to try every plug-in that has not been tried. Raises Busy."""
        ...


class NoPlugins:
    """For sessions without plug-ins."""

    def find(self, name: str) -> PluginFacts:
        """Know none."""
        return missing(name)

    def retry(self, name: str) -> None:
        """Do nothing."""

    def scan(self) -> None:
        """Do nothing."""
