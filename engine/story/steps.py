"""Steps: which edits the history is made of, besides those of the timeline, and what each is called."""

from __future__ import annotations

import re

from engine.commands import (
    AddBus,
    AddCueMessage,
    AddDuck,
    AddInsert,
    AddSend,
    AddTrack,
    ClearAutomation,
    Command,
    LoadMix,
    MoveInsert,
    RemoveBus,
    RemoveCueMessage,
    RemoveDuck,
    RemoveInsert,
    RemovePoint,
    RemoveSend,
    RemoveSnapshot,
    RemoveTempo,
    RemoveTrack,
    RenumberCue,
    SetClip,
    SetCue,
    SetDuckLookAhead,
    SetInsertState,
    SetPoint,
    SetSlot,
    SetTempo,
    StoreSnapshot,
    UseMix,
)
from engine.story.properties import property_target

Historic = (
    SetCue | SetSlot | SetClip | SetPoint | RemovePoint | ClearAutomation | AddCueMessage | RemoveCueMessage
    | StoreSnapshot | RemoveSnapshot | AddInsert | RemoveInsert | MoveInsert | SetInsertState | AddSend | RemoveSend
    | AddTrack | RemoveTrack | AddBus | RemoveBus | AddDuck | RemoveDuck | SetDuckLookAhead | LoadMix | UseMix
    | RenumberCue | SetTempo | RemoveTempo
)  # fmt: skip
"""Edits that are made elsewhere, and are steps too. Levels that are turned are played, not edited: they are none."""


_TURNED = frozenset({"clip", "cue", "cuelist", "bank", "index", "gain_db", "pan"})


def turned(command: Command | UseMix) -> tuple[object, ...] | None:
    """Return what a command turns, as a knob does, again and again; None: it does something else."""
    if not isinstance(command, SetClip | SetCue | SetSlot):
        return None
    kind, *given = property_target(command)
    return (kind, *given) if all(isinstance(each, tuple) and each[0] in _TURNED for each in given) else None


def describe(command: Command | UseMix) -> str:
    """Return a command in a few words: ``move clip k1``."""
    if isinstance(command, UseMix):
        return describe(LoadMix(mix=command.mix.id))
    words = re.sub(r"(?<!^)([A-Z])", r" \1", type(command).__name__).lower()
    for field in ("clip", "cue", "marker", "track", "strip", "bus", "snapshot", "mix"):
        value = getattr(command, field, None)
        if value:
            return f"{words} {value}"
    return words
