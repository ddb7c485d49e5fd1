"""The slots: pads with a mode and a choke group."""

from __future__ import annotations

from msgspec.structs import replace

from engine.commands import TriggerSlot
from engine.errors import BadRange, Busy, UnknownThing
from engine.events import Event, SlotChanged, SlotState
from engine.params import SEMITONES
from engine.session.cold import Cold
from engine.session.context import DECLICK_SECONDS, Context
from engine.session.manner import begun_at, words_of
from engine.session.orders import Records
from engine.session.players import SlotOwner, Sound
from engine.session.sections import Sections
from engine.session.transport import Transport
from engine.story.model import Manner, PlayClip, PlaySection, Slot, SpeakLine
from engine.story.slot_takes import share
from engine.story.velocity import velocity_db
from engine.story.words import numbered

RELEASE_SECONDS = 0.02
"""The fade of a gate slot that is let go."""


class Slots:
    """Plays the story's slots.

    oneshot: plays to its end, a press while it sounds is refused as busy. gate: sounds as long as it is held.
    toggle: on, off. retrigger: starts again from the top, blending over 5 ms. layer: adds a player. Notes of a slot
    that is played from a keyboard have that mode each for itself; a choke group cuts whole slots. A section that the
    timeline plays for a slot counts as its player; there is but one timeline, so that ``layer`` begins it again.
    """

    def __init__(self, context: Context, transport: Transport, sections: Sections, cold: Cold) -> None:
        self._context, self._cold = context, cold
        self._transport, self._sections = transport, sections

    def trigger(self, press: TriggerSlot, at_frame: int | None) -> tuple[Event, ...]:
        """Press a pad, or a note of it: at its frame, or at the slot's next beat or bar while the timeline runs.

        Return the event of one that waits and does not sound already.
        """
        slot = self.slot(press.bank, press.index)
        if not 0.0 < press.velocity <= 1.0:
            raise BadRange(f"velocity: {press.velocity:g} is outside 0 (not included) to 1")
        owner = SlotOwner(bank=slot.bank, index=slot.index)
        playing = [] if slot.mode == "layer" else self._context.players.of_note(owner, press.semitones)
        section = self._sections.state(owner) is not None
        if slot.mode == "oneshot" and (playing or section):
            name = f"slot {slot.bank}/{slot.index}"
            raise Busy(f"{name} is sounding; a oneshot plays to its end (use mode retrigger or layer)")
        at_frame = self._quantised(slot, at_frame)
        if slot.mode == "toggle" and (playing or section):
            self._stop(owner, playing, RELEASE_SECONDS, at_frame)
            return ()
        if isinstance(slot.target, PlaySection):
            self._play_section(slot, slot.target, press, at_frame)
            return ()
        sound = self._sound(slot, self._take_by(slot, slot.target, press.velocity), press)
        if sound is None:
            return ()
        again = playing if slot.mode in ("retrigger", "gate") else []
        if again and any(not self._context.players.waits(player, at_frame) for player in again):
            sound = replace(sound, attack_frames=self._context.frames(DECLICK_SECONDS))
        stops = self._stops_for(slot, again, at_frame)
        gain_db = slot.gain_db + (0.0 if slot.velocity_word else velocity_db(slot.velocity, press.velocity))
        for other in self._choked_by(slot):
            self._sections.stop(other, at_frame)
        self._context.play(owner, sound, at_frame, gain_db, first=stops, note=press.semitones)
        return self.changed(owner) if self._context.players.is_to_come(owner) else ()

    def _play_section(self, slot: Slot, section: PlaySection, press: TriggerSlot, at_frame: int | None) -> None:
        if (press.word, press.from_word, press.from_frame) != (None, None, None):
            raise BadRange(f"slot {slot.bank}/{slot.index} starts at its beginning only: it plays a section")
        owner = SlotOwner(bank=slot.bank, index=slot.index)
        others = self._choked_by(slot)
        self._sections.play(section, owner, at_frame, cuts=self._context.players.of(*others))
        for other in others:
            self._sections.take_back(other, at_frame)

    def release(self, bank: str, index: int, note: float | None, at_frame: int | None) -> None:
        """Let a pad or a note go: a gate slot fades out, every other mode plays on."""
        slot = self.slot(bank, index)
        if slot.mode == "gate":
            owner = SlotOwner(bank=bank, index=index)
            self._stop(owner, self._context.players.of_note(owner, note), RELEASE_SECONDS, at_frame)

    def stop(self, bank: str, index: int, fade_seconds: float, at_frame: int | None) -> None:
        """Fade out what a slot plays, or take back what waits; a section ends while the timeline is inside it.

        So it does where the timeline was started by hand, but not where it plays the section of another pad or cue, nor
        where the slot only waits.
        """
        slot, owner = self.slot(bank, index), SlotOwner(bank=bank, index=index)
        if isinstance(slot.target, PlaySection) and self._is_inside_by_hand(owner, slot.target):
            self._transport.stop(at_frame)
        self._stop(owner, self._context.players.of(owner), fade_seconds, at_frame)

    def slot(self, bank: str, index: int) -> Slot:
        """Return the slot; UnknownThing names those that exist."""
        slots = self._context.index.slots
        slot = slots.get((bank, index))
        if slot is None:
            raise UnknownThing("slot", f"{bank}/{index}", [f"{b}/{i}" for b, i in slots])
        return slot

    def state(self, bank: str, index: int) -> SlotState:
        """Return how far a slot is. waiting: it was pressed, and begins later.

        One of a section plays while the timeline is inside because of its press, and is else as far as the clips are
        that would sound.
        """
        slot, owner = self.slot(bank, index), SlotOwner(bank=bank, index=index)
        if self._context.players.of(owner):
            return "waiting" if self._context.players.is_to_come(owner) else "playing"
        section = self._sections.state(owner)
        if section is not None:
            return section
        if isinstance(slot.target, PlaySection):
            return self._sections.readiness(slot.target)
        takes = (t for t in self._context.index.targets[bank, index] if not isinstance(t, PlaySection))
        states = [self._context.library.shelf(self._context.target_source(take)).state for take in takes]
        return next((state for state in states if state != "ready"), "ready")

    def with_sections(self) -> list[tuple[str, int]]:
        """Return the slots that play a section: bank and index."""
        return [key for key, slot in self._context.index.slots.items() if isinstance(slot.target, PlaySection)]

    def words(self, bank: str, index: int) -> tuple[tuple[str, int], ...]:
        """Return the words of a slot as they are named, and where each starts; none while its take is not there."""
        self.slot(bank, index)
        target = self._context.index.targets[bank, index][0]
        if isinstance(target, PlaySection) or not self._context.is_loaded(target):
            return ()
        words = words_of(self._context.sound(target, Manner(speed=target.manner.speed)))
        return tuple(zip(numbered([w.text for w in words]), (w.start_frame for w in words), strict=True))

    def changed(self, owner: SlotOwner) -> tuple[Event, ...]:
        """Return the event that tells a slot's state; none when the story no longer has it."""
        if (owner.bank, owner.index) not in self._context.index.slots:
            return ()
        state = self.state(owner.bank, owner.index)
        return (SlotChanged(bank=owner.bank, index=owner.index, state=state),)

    def _stop(self, owner: SlotOwner, players: list[int], fade_seconds: float, at_frame: int | None) -> None:
        """Fade out players of a slot; its section ends at once."""
        self._sections.stop(owner, at_frame)
        self._context.stop(players, fade_seconds, at_frame)

    def _is_inside_by_hand(self, owner: SlotOwner, section: PlaySection) -> bool:
        sections = self._sections
        return sections.owner is None and sections.state(owner) is None and self._transport.is_inside(section)

    def _choked_by(self, slot: Slot) -> list[SlotOwner]:
        return [SlotOwner(bank=s.bank, index=s.index) for s in self._context.index.choked_by(slot)]

    def _quantised(self, slot: Slot, at_frame: int | None) -> int | None:
        if slot.quantise == "none" or not self._transport.playing:
            return at_frame
        beats = slot.grid_beats if slot.quantise == "grid" else 1.0
        asked = self._context.soon() if at_frame is None else at_frame
        return self._transport.next_place(asked, bars=slot.quantise == "bar", beats=beats)

    def _sound(self, slot: Slot, target: PlayClip | SpeakLine, press: TriggerSlot) -> Sound | None:
        manner = target.manner
        if press.semitones is not None:
            pitch = manner.semitones + press.semitones
            manner = replace(manner, semitones=SEMITONES.check(pitch, "semitones, the slot's own included"))
        if press.word is not None:
            to_word = press.word if press.to_word is None else press.to_word
            manner = replace(manner, from_word=press.word, to_word=to_word, from_frame=0)
        elif press.from_word is not None or press.from_frame is not None:
            manner = begun_at(manner, press.from_word, press.from_frame)
        elif slot.velocity_word:
            manner = begun_at(manner, self._word_by(target, press.velocity), None)
        return self._cold.sound(slot, target, manner)

    def _take_by(self, slot: Slot, target: PlayClip | SpeakLine, velocity: float) -> PlayClip | SpeakLine:
        """Return the take of a slot that a velocity picks: the hardest press the last one."""
        if not slot.velocity_take:
            return target
        takes = self._context.index.targets[slot.bank, slot.index]
        take = takes[share(len(takes), velocity)]
        return target if isinstance(take, PlaySection) else take

    def _word_by(self, target: PlayClip | SpeakLine, velocity: float) -> str | None:
        """Return the word that a velocity picks: the hardest press the last one. None: it has no words, or none yet."""
        if not self._context.is_loaded(target):
            return None
        count = len(words_of(self._context.sound(target, Manner(speed=target.manner.speed))))
        return f"#{1 + share(count, velocity)}" if count else None

    def _stops_for(self, slot: Slot, own: list[int], at_frame: int | None) -> Records | None:
        """Return the stop orders of the slot's own old players and of its choke group; None: nobody has to stop."""
        if slot.choke is None and not own:
            return None
        players = [*own, *self._context.players.of(*self._choked_by(slot))]
        return self._context.players.stop(players, self._context.frames(DECLICK_SECONDS), at_frame)
