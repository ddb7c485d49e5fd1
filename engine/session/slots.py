"""The slots: pads with a mode and a choke group."""

from __future__ import annotations

import math

from engine.errors import BadRange, Busy, UnknownThing
from engine.events import Event, SlotChanged, SlotState
from engine.session.context import DECLICK_SECONDS, Context
from engine.session.orders import Records
from engine.session.players import SlotOwner
from engine.session.transport import Transport
from engine.story.model import PlaySection, Slot

RELEASE_SECONDS = 0.02
"""The fade of a gate slot that is let go."""


class Slots:
    """Plays the story's slots.

    oneshot: plays to its end, a press while it sounds is refused as busy. gate: sounds as long as it is held.
    toggle: on, off. retrigger: starts again from the top with a 5 ms fade of the old player. layer: adds a player.
    """

    def __init__(self, context: Context, transport: Transport) -> None:
        self._context = context
        self._transport = transport

    def trigger(self, bank: str, index: int, velocity: float, at_frame: int | None) -> None:
        """Press a pad. velocity: 0 < v <= 1; gain is 40·log10(velocity) dB, the curve of General MIDI."""
        slot = self.slot(bank, index)
        if not 0.0 < velocity <= 1.0:
            raise BadRange(f"velocity: {velocity:g} is outside 0 (not included) to 1")
        owner = SlotOwner(bank=slot.bank, index=slot.index)
        playing = self._context.players.of(owner)
        if slot.mode == "oneshot" and playing:
            raise Busy(f"slot {bank}/{index} is sounding; a oneshot plays to its end (use mode retrigger or layer)")
        if slot.mode == "toggle" and playing:
            self._context.stop(playing, RELEASE_SECONDS, at_frame)
            return
        if isinstance(slot.target, PlaySection):
            self._transport.play_section(slot.target, at_frame)
            return
        sound = self._context.sound(slot.target)
        stops = self._stops_for(slot, playing if slot.mode in ("retrigger", "gate") else [], at_frame)
        self._context.play(owner, sound, at_frame, slot.gain_db + 40.0 * math.log10(velocity), first=stops)

    def release(self, bank: str, index: int, at_frame: int | None) -> None:
        """Let a pad go: a gate slot fades out, every other mode plays on."""
        slot = self.slot(bank, index)
        if slot.mode == "gate":
            playing = self._context.players.of(SlotOwner(bank=bank, index=index))
            self._context.stop(playing, RELEASE_SECONDS, at_frame)

    def stop(self, bank: str, index: int, fade_seconds: float, at_frame: int | None) -> None:
        """Fade out what a slot plays."""
        self.slot(bank, index)
        self._context.stop(self._context.players.of(SlotOwner(bank=bank, index=index)), fade_seconds, at_frame)

    def slot(self, bank: str, index: int) -> Slot:
        """Return the slot; UnknownThing names those that exist."""
        slots = self._context.index.slots
        if (bank, index) not in slots:
            raise UnknownThing("slot", f"{bank}/{index}", [f"{b}/{i}" for b, i in slots])
        return slots[bank, index]

    def state(self, bank: str, index: int) -> SlotState:
        """Return how far a slot is."""
        slot = self.slot(bank, index)
        if self._context.players.of(SlotOwner(bank=bank, index=index)):
            return "playing"
        if isinstance(slot.target, PlaySection):
            return "ready"
        return self._context.library.shelf(self._context.target_source(slot.target)).state

    def changed(self, owner: SlotOwner) -> tuple[Event, ...]:
        """Return the event that tells a slot's state; none when the story no longer has it."""
        if (owner.bank, owner.index) not in self._context.index.slots:
            return ()
        state = self.state(owner.bank, owner.index)
        return (SlotChanged(bank=owner.bank, index=owner.index, state=state),)

    def _stops_for(self, slot: Slot, own: list[int], at_frame: int | None) -> Records | None:
        """Return the stop orders of the slot's own old players and of its choke group."""
        group = [SlotOwner(bank=s.bank, index=s.index) for s in self._context.index.choked_by(slot)]
        players = [*own, *self._context.players.of(*group)]
        return self._context.players.stop(players, self._context.frames(DECLICK_SECONDS), at_frame)
