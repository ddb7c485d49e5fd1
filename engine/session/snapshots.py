"""Snapshots of the mix, stored in the story and recalled with a fade."""

from __future__ import annotations

from engine.commands import RecallSnapshot, RemoveSnapshot, StoreSnapshot
from engine.errors import BadRange, UnknownThing
from engine.events import Event, SnapshotRecalled, SnapshotsChanged
from engine.params import FADE_SECONDS
from engine.session.context import Context
from engine.session.desk import Desk
from engine.session.keeper import Keeper
from engine.session.orders import together
from engine.story.edit import apply_edit
from engine.story.snapshots import recall_turns


class Snapshots:
    """Stores and recalls; each is one edit."""

    def __init__(self, context: Context, desk: Desk) -> None:
        self._context, self._desk = context, desk

    def edit(self, command: StoreSnapshot | RemoveSnapshot, keeper: Keeper) -> tuple[Event, ...]:
        """Keep the mix as it is now, or forget a snapshot."""
        story = apply_edit(self._context.story, command)
        keeper.append(command)
        self._context.story = story
        return (SnapshotsChanged(),)

    def recall(self, command: RecallSnapshot, at_frame: int | None, keeper: Keeper) -> tuple[Event, ...]:
        """Let every knob glide to where the snapshot has it; what does not fit this mix any more is told."""
        FADE_SECONDS.check(command.fade_seconds, "fade")
        context = self._context
        orders, events, left_out = [], [], []
        for turn in recall_turns(context.story, command.snapshot, command.fade_seconds):
            try:
                records, event = self._desk.order(turn, at_frame)
            except (UnknownThing, BadRange) as error:
                left_out.append(str(error))
                continue
            orders.append(records)
            events.append(event)
        story = apply_edit(context.story, command)
        keeper.append(command)
        if orders:
            context.turn(together(*orders))
        context.story = story
        return (*events, SnapshotRecalled(snapshot=command.snapshot, left_out=tuple(left_out)))
