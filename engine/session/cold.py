"""Cold: what is done when something is to sound whose take is not there yet. Always told."""

from __future__ import annotations

from typing import NamedTuple, get_args

from engine.errors import UnknownThing
from engine.events import PlayedCold
from engine.mixer.graph import Graph
from engine.session.context import Context
from engine.session.index import Index, SlotKey
from engine.session.library import Source, describe
from engine.session.players import SlotOwner, Sound
from engine.story.model import ColdPolicy, Manner, PlayClip, PlaySection, Slot, SpeakLine

KeptCold = tuple[dict[SlotOwner, Source], dict[SlotOwner, ColdPolicy]]
"""What a session keeps of this for one that goes on after it."""


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
        self._lasts: dict[SlotOwner, Source] = {}
        """The take that each slot played last, or had until it got another one."""
        self._takes: dict[SlotOwner, tuple[Source, ...]] = {}
        """The takes that are there of what each slot plays."""
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
        self.follow()

    def forget(self, *, keeps: bool) -> None:
        """Do as the story says, which has come anew. keeps: it is another version of the one before; the takes stay."""
        self._policies.clear()
        self._played.clear()
        if not keeps:
            self._lasts.clear()
            self._takes.clear()
        self.follow()

    @property
    def kept(self) -> KeptCold:
        """What a session that goes on after this one has to know."""
        return dict(self._lasts), dict(self._policies)

    def recall(self, kept: KeptCold) -> None:
        """Go on where a session that is gone was."""
        self._lasts, self._policies = kept
        self._played.clear()
        self.follow()

    def follow(self) -> None:
        """Note the takes that slots have and have had; to be called when the story has changed, or a take has come."""
        context = self._context
        for key, slot in context.index.slots.items():
            if self.policy(slot) != "last":
                continue
            targets = (target for target in context.index.targets[key] if not isinstance(target, PlaySection))
            sources = tuple(context.target_source(target) for target in targets)
            owner = SlotOwner(bank=slot.bank, index=slot.index)
            before = self._there(self._takes.get(owner, ()))
            if before and not set(before) & set(sources) and self._lasts.get(owner) not in before:
                self._lasts[owner] = before[0]
            self._takes[owner] = self._there(sources)

    def sources(self) -> set[Source]:
        """Return what has to stay because it may be played in place of what is not there."""
        return set(self._lasts.values())

    def sound(self, slot: Slot, target: PlayClip | SpeakLine, manner: Manner) -> Sound | None:
        """Return what a press of ``slot`` plays, by its policy; None: nothing.

        The take of before is played as this press asks. Raises NotReady for what has to be whole before it sounds, and
        isn't, UnknownThing for a word that is not in what is played.
        """
        context = self._context
        sound = self._as_before(slot, target, manner)
        if sound is not None:
            return sound
        owner, policy = SlotOwner(bank=slot.bank, index=slot.index), self.policy(slot)
        if context.is_loaded(target):
            sound = context.sound(target, manner)
            if policy == "last":
                self._lasts[owner] = sound.source
            else:
                played = Played(slot, target, manner, context.index, context.graph, sound)
                self._played[slot.bank, slot.index] = played
            return sound
        what, source = f"slot {slot.bank}/{slot.index}", context.target_source(target)
        if policy == "wait":
            return context.sound(target, manner)
        context.library.hasten(source)
        last = self._lasts.get(owner) if policy == "last" else None
        if last is None or not self._there((last,)):
            self._tell(what, "skip", source, "is not there yet; nothing is played")
            return None
        sound = context.sound(target, manner, last)
        self._tell(what, "last", source, "is not there yet; the take before it is played")
        return sound

    def _there(self, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        """Return those that lie in memory."""
        return tuple(source for source in sources if self._context.library.shelf(source).loaded is not None)

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
