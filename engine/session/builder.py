"""The builder: commands that give the mix other strips, inserts and sends. They edit the story."""

from __future__ import annotations

from collections.abc import Callable

from engine.commands import (
    AddBus,
    AddDuck,
    AddInsert,
    AddSend,
    AddTrack,
    LoadMix,
    MoveInsert,
    Rebuild,
    RemoveBus,
    RemoveDuck,
    RemoveInsert,
    RemoveSend,
    RemoveTrack,
    SetDuckLookAhead,
    SetInsertState,
    UseMix,
)
from engine.errors import NotReady, UnknownThing
from engine.events import Event, InsertsChanged, MixChanged
from engine.mixer.regraph import regraph
from engine.plugins.facts import is_plugin, plugin_name
from engine.realtime.status import check_strips
from engine.session.context import Context
from engine.session.inputs import Equipped
from engine.session.keeper import Keeper
from engine.session.plugins import Plugins
from engine.session.voices import Voices
from engine.story.edit import apply_edit
from engine.story.equip import equip
from engine.story.mix import Mix
from engine.story.model import Strip

Mixes = Callable[[str], Mix]
"""Finds a mix preset by its id; raises UnknownThing naming those there are."""


def no_mixes(name: str) -> Mix:
    """Know no preset."""
    raise UnknownThing("mix", name, ())


class Builder:
    """Turns an edit into the new story and graph, a journal line and an event; the mixer follows while it plays."""

    def __init__(self, context: Context, mixes: Mixes, voices: Voices, plugins: Plugins) -> None:
        self._context, self._mixes, self._voices, self._plugins = context, mixes, voices, plugins

    def apply(self, command: Rebuild | LoadMix, keeper: Keeper) -> tuple[Event, ...]:
        """Carry out one edit; any error leaves everything as it was."""
        context = self._context
        edit = UseMix(mix=self._mixes(command.mix)) if isinstance(command, LoadMix) else command
        if isinstance(edit, AddTrack) and edit.voice is not None:
            self._voices.state(edit.voice)  # UnknownThing: there is none
        if isinstance(edit, AddInsert) and is_plugin(edit.effect):
            self._check_plugin(edit.effect)
        story = equip(apply_edit(context.story, edit), self._plugins.find)
        if found := {e: facts for e, facts in story.plugins.items() if e not in context.story.plugins}:
            context.wrote(Equipped(plugins=found))  # who plays this again need not have them
        graph = regraph(context.graph, context.story, story)
        check_strips(len(graph.strips))
        keeper.append(edit)
        before = context.story.strips()
        context.adopt(story, graph)
        changed = [
            name for name, strip in story.strips().items() if name not in before or _differs(strip, before[name])
        ]
        return (MixChanged(what=describe(edit)), *(InsertsChanged(strip=name) for name in changed))

    def _check_plugin(self, effect: str) -> None:
        """Raise NotReady for a plug-in that can't be used."""
        facts = self._context.story.plugins.get(effect) or self._plugins.find(plugin_name(effect))
        if facts.fault:
            raise NotReady(f"plug-in {plugin_name(effect)!r}: {facts.fault}")


def _differs(strip: Strip, before: Strip) -> bool:
    return [effect.effect for effect in strip.inserts] != [effect.effect for effect in before.inserts]


def describe(edit: Rebuild) -> str:
    """Return the edit in words."""
    match edit:
        case AddInsert(strip=strip, effect=effect):
            return f"{effect} added to {strip}"
        case RemoveInsert(strip=strip, insert=insert):
            return f"insert {insert} removed from {strip}"
        case MoveInsert(strip=strip, insert=insert, position=position):
            return f"insert {insert} of {strip} moved to {position}"
        case SetInsertState(strip=strip, insert=insert):
            return f"insert {insert} of {strip} has another state"
        case AddSend(strip=strip, bus=bus):
            return f"send from {strip} to {bus} added"
        case RemoveSend(strip=strip, bus=bus):
            return f"send from {strip} to {bus} removed"
        case AddTrack(track=track):
            return f"track {track} added"
        case RemoveTrack(track=track):
            return f"track {track} removed"
        case AddBus(bus=bus):
            return f"bus {bus} added"
        case RemoveBus(bus=bus):
            return f"bus {bus} removed"
        case AddDuck(strip=strip, by=by):
            return f"{strip} ducked by {by}"
        case RemoveDuck(strip=strip, by=by):
            return f"{strip} ducked by {by} no more"
        case SetDuckLookAhead(strip=strip, look_ahead_ms=look_ahead_ms):
            return f"{strip} ducked {look_ahead_ms:g} ms ahead"
        case UseMix(mix=mix):
            return f"mix {mix.id} loaded"
