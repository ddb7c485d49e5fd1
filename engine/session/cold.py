"""Cold: what is done when something is to sound whose take is not there yet. Always told."""

from __future__ import annotations

from typing import NamedTuple, get_args

from msgspec.structs import replace

from engine.errors import UnknownThing
from engine.events import PlayedCold
from engine.mixer.graph import Graph
from engine.session.context import Context
from engine.session.index import Index, SlotKey
from engine.session.library import Source, describe
from engine.session.players import SlotOwner, Sound
from engine.story.model import ColdPolicy, Manner, PlayClip, Slot, SpeakLine


class Played(NamedTuple):
    """What a press of a slot played, and what that depended on besides the memory that it lies in."""

    slot: Slot
    target: PlayClip | SpeakLine
    manner: Manner
    looked_up: Index
    graph: Graph
    sound: Sound


class Cold:
    """Knows what each slot does, and its last take, for those that would rather play that than wait."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lasts: dict[SlotOwner, Sound] = {}
        self._policies: dict[SlotOwner, ColdPolicy] = {}
        self._played: dict[SlotKey, Played] = {}

    def policy(self, slot: Slot) -> ColdPolicy:
        """Return what ``slot`` does: what was said last, or what the story says."""
        return self._policies.get(SlotOwner(bank=slot.bank, index=slot.index), slot.cold)

    def set_policy(self, slot: Slot, policy: ColdPolicy) -> None:
        """Have ``slot`` do something else until ``forget``. Raises UnknownThing."""
        if policy not in get_args(ColdPolicy):
            raise UnknownThing("cold policy", policy, get_args(ColdPolicy))
        self._policies[SlotOwner(bank=slot.bank, index=slot.index)] = policy
        self._played.clear()

    def forget(self) -> None:
        """Do as the story says: another one comes."""
        self._policies.clear()
        self._played.clear()

    @property
    def kept(self) -> tuple[dict[SlotOwner, Sound], dict[SlotOwner, ColdPolicy]]:
        """What a session that goes on after this one has to know."""
        return dict(self._lasts), dict(self._policies)

    def recall(self, kept: tuple[dict[SlotOwner, Sound], dict[SlotOwner, ColdPolicy]]) -> None:
        """Go on where a session that is gone was."""
        self._lasts, self._policies = kept
        self._played.clear()

    def sources(self) -> set[Source]:
        """Return what has to stay because it may be played in place of what is not there."""
        return {sound.source for sound in self._lasts.values()}

    def sound(self, slot: Slot, target: PlayClip | SpeakLine, manner: Manner) -> Sound | None:
        """Return what a press of ``slot`` plays, by its policy; None: nothing.

        Raises NotReady for what has to be whole before it sounds, and isn't.
        """
        context = self._context
        sound = self._as_before(slot, target, manner)
        if sound is not None:
            return sound
        owner, policy = SlotOwner(bank=slot.bank, index=slot.index), self.policy(slot)
        if context.is_loaded(target):
            sound = context.sound(target, manner)
            if policy == "last":
                self._lasts[owner] = sound
            else:
                played = Played(slot, target, manner, context.index, context.graph, sound)
                self._played[slot.bank, slot.index] = played
            return sound
        what, source = f"slot {slot.bank}/{slot.index}", context.target_source(target)
        if policy == "wait":
            return context.sound(target, manner)
        context.library.hasten(source)
        last = self._lasts.get(owner) if policy == "last" else None
        if last is None or context.library.shelf(last.source).loaded is None:
            self._tell(what, "skip", source, "is not there yet; nothing is played")
            return None
        self._tell(what, "last", source, "is not there yet; the take before it is played")
        return replace(last, loaded=context.library.use(last.source))

    def _as_before(self, slot: Slot, target: PlayClip | SpeakLine, manner: Manner) -> Sound | None:
        """Return what the last press played, if this one is like it and nothing has changed since: most are."""
        played = self._played.get((slot.bank, slot.index))
        if played is None or played.slot is not slot:
            return None
        if played.target is not target or played.manner is not manner:
            return None
        context, sound = self._context, played.sound
        same = played.looked_up is context.index and played.graph is context.graph
        return sound if same and context.library.still(sound.source, sound.loaded) else None

    def _tell(self, what: str, did: ColdPolicy, source: Source, text: str) -> None:
        self._context.notes.append(PlayedCold(what=what, did=did, text=f"{describe(source)} {text}"))
