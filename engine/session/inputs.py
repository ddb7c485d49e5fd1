"""Inputs: everything that makes a session change. A list of them, each with its frame, plays a show again."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.commands import Command, Turn
from engine.mixer.graph import Graph
from engine.plugins.facts import PluginFacts
from engine.plugins.states import States
from engine.session.library import Source
from engine.story.model import Story

Flow = Literal["began", "dry", "went_on"]


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """What all inputs share. soon: the first frame that an order could meet then; None: nobody asked."""

    soon: int | None = None


class Did(Base, frozen=True, kw_only=True):
    """A command was carried out. at_frame: when it was to sound."""

    command: Command
    at_frame: int | None = None


class Known(Base, frozen=True, kw_only=True):
    """The length of a source is known."""

    source: Source
    frames: int


class Shelved(Base, frozen=True, kw_only=True):
    """A source lies in the arena."""

    source: Source
    digest: str


class PutOff(Base, frozen=True, kw_only=True):
    """A source is made, but there is no memory for it yet."""

    source: Source


class Evicted(Base, frozen=True, kw_only=True):
    """A source made way for another."""

    source: Source


class Failed(Base, frozen=True, kw_only=True):
    """A source can't be made."""

    source: Source
    code: str
    text: str


class Heard(Base, frozen=True, kw_only=True):
    """So many reports of the audio process were heard."""

    count: int


class Published(Base, frozen=True, kw_only=True):
    """The timeline was compiled and handed over."""


class Adopted(Base, frozen=True, kw_only=True):
    """Another story is played. meanwhile: what was turned while its graph was built; keeps: in that story, too."""

    story: Story
    meanwhile: tuple[Turn, ...] = ()
    keeps: bool = True


class Swapped(Base, frozen=True, kw_only=True):
    """The mixer begins to go over to another graph."""

    graph: Graph


class Taken(Base, frozen=True, kw_only=True):
    """The mixer plays the last of so many graphs that waited."""

    count: int


class Swept(Base, frozen=True, kw_only=True):
    """Strips that have rung out were let go. places: theirs in the graph."""

    places: tuple[int, ...]


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """How far the timeline was looked at for cues that stand on it.

    frame: an engine frame; None: the timeline rested then. offset: the timeline frame less the engine frame there.
    furthest: the furthest timeline frame of this pass. settled: the timeline has not moved otherwise since.
    """

    frame: int | None
    offset: int
    furthest: int
    settled: bool


class Advanced(Base, frozen=True, kw_only=True):
    """What the waits of cues and the timeline had brought near was done. reached: before that."""

    reached: Reached | None = None


class Flowed(Base, frozen=True, kw_only=True):
    """How a player of a source that was still being made fared. frames: how many it had played when it ran dry."""

    player: int
    source: Source
    did: Flow
    frames: int = 0


class Equipped(Base, frozen=True, kw_only=True):
    """What is known of plug-ins has changed. plugins: by effect."""

    plugins: dict[str, PluginFacts]


class Learnt(Base, frozen=True, kw_only=True):
    """What plug-ins have made of themselves, by their places in the mix."""

    states: States


Input = (
    Did | Known | Shelved | PutOff | Evicted | Failed | Heard | Published | Adopted | Swapped | Taken | Swept
    | Advanced | Flowed | Equipped | Learnt
)  # fmt: skip
