"""Changing strips of a story, wherever they belong."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from engine.errors import UnknownThing
from engine.story.model import MASTER, Story, Strip


def with_strip(story: Story, strip: str, change: Callable[[Strip], Strip]) -> Story:
    """Return the story with ``change`` made to one strip; raises UnknownThing naming the strips there are."""
    if strip == MASTER:
        return replace(story, master=replace(story.master, strip=change(story.master.strip)))
    for i, track in enumerate(story.tracks):
        if track.id == strip:
            changed = replace(track, strip=change(track.strip))
            return replace(story, tracks=(*story.tracks[:i], changed, *story.tracks[i + 1 :]))
    for i, bus in enumerate(story.buses):
        if bus.id == strip:
            turned = replace(bus, strip=change(bus.strip))
            return replace(story, buses=(*story.buses[:i], turned, *story.buses[i + 1 :]))
    raise UnknownThing("strip", strip, story.strips())


def with_strips(story: Story, change: Callable[[str, Strip], Strip]) -> Story:
    """Return the story with ``change`` made to each of its strips; it is given their ids."""
    return replace(
        story,
        tracks=tuple(replace(track, strip=change(track.id, track.strip)) for track in story.tracks),
        buses=tuple(replace(bus, strip=change(bus.id, bus.strip)) for bus in story.buses),
        master=replace(story.master, strip=change(MASTER, story.master.strip)),
    )
