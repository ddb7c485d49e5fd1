"""Snapshots of the mix, stored in the story and recalled with a fade."""

from __future__ import annotations

from msgspec.structs import replace

from engine.commands import RecallSnapshot, RemoveSnapshot, StoreSnapshot, Turn
from engine.errors import BadRange, NotReady, UnknownThing
from engine.events import Event, SnapshotRecalled, SnapshotsChanged
from engine.mixer.effects import effect_specs
from engine.params import FADE_SECONDS
from engine.session.context import Context
from engine.session.desk import Desk
from engine.session.keeper import Keeper
from engine.session.orders import Records, together
from engine.story.edit import apply_edit
from engine.story.equip import insert_specs
from engine.story.lanes import Effects
from engine.story.snapshots import recall_turns, scenes_of


class Snapshots:
    """Stores and recalls. What is recalled goes to the journal turn by turn: what it meant then, it means later."""

    def __init__(self, context: Context, desk: Desk) -> None:
        self._context, self._desk = context, desk

    def edit(self, command: StoreSnapshot | RemoveSnapshot, keeper: Keeper) -> tuple[Event, ...]:
        """Keep the mix as it is now, or forget a snapshot."""
        if isinstance(command, StoreSnapshot) and command.scenes is None:
            command = replace(command, scenes=scenes_of(self._context.story, self._effects()))
        story = apply_edit(self._context.story, command)
        keeper.append(command)
        self._context.story = story
        return (SnapshotsChanged(),)

    def recall(self, command: RecallSnapshot, at_frame: int | None, keeper: Keeper) -> tuple[Event, ...]:
        """Let every knob glide to where the snapshot has it; what does not fit this mix any more is told."""
        FADE_SECONDS.check(command.fade_seconds, "fade")
        context = self._context
        story, left_out = context.story, []
        done: list[tuple[Turn, Records, Event]] = []
        for turn in recall_turns(story, command.snapshot, command.fade_seconds, self._effects()):
            try:
                records, event = self._desk.order(turn, at_frame)
                story = apply_edit(story, turn)
            except (UnknownThing, BadRange, NotReady) as error:
                left_out.append(str(error))
                continue
            done.append((turn, records, event))
        for turn, _, _ in done:
            keeper.append(turn)
        if done:
            context.turn(together(*(records for _, records, _ in done)))
        context.story = story
        events = (event for _, _, event in done)
        return (*events, SnapshotRecalled(snapshot=command.snapshot, left_out=tuple(left_out)))

    def _effects(self) -> Effects:
        return insert_specs(self._context.story, effect_specs())
