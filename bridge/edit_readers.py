"""Readers of the history of edits."""

from __future__ import annotations

from bridge.port import EnginePort
from bridge.route import Path


def version(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read the story's version."""
    return (port.editing().version,)


def digest(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read the story's version and digest."""
    return port.editing().version, port.story_digest()


def history(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read version, name and client of what can be taken back, the newest first, over and over."""
    return tuple(part for step in reversed(port.editing().steps) for part in step)


def undone(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read version, name and client of what can be done again, the next one first."""
    return tuple(part for step in reversed(port.editing().undone) for part in step)
