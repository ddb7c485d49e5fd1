"""Players: what sounds now, who asked for it, and how to stop it."""

from __future__ import annotations

import math
import pickle
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from engine.realtime.notes import Notes
from engine.realtime.records import PAGED, STREAMED, Kind, Shape
from engine.session.library import Loaded, Source
from engine.session.orders import Records, again, order, together
from engine.story.model import MAIN_LIST, FadeShape
from engine.units import db_to_gain

FIRST_LIVE_PLAYER = 1 << 32
"""Ids below belong to the clips of the compiled timeline."""
MOST_KNOWN = 256
"""How many orders that start a player are remembered."""
SPARE = 1 << 20
"""Ids that a session which is gone may have given out and not kept."""


class CueOwner(msgspec.Struct, frozen=True, kw_only=True):
    """A cue asked for it."""

    cue: str
    cuelist: str = MAIN_LIST


class SlotOwner(msgspec.Struct, frozen=True, kw_only=True):
    """A pad asked for it."""

    bank: str
    index: int


class JobOwner(msgspec.Struct, frozen=True, kw_only=True):
    """A ``/say`` asked for it."""

    job: str


class PrivateOwner(msgspec.Struct, frozen=True, kw_only=True):
    """The operator asked for it, or is told something."""

    what: Literal["prompt", "audition"]


Owner = CueOwner | SlotOwner | JobOwner | PrivateOwner


def owner_name(owner: Owner) -> str:
    """Return how an event names who asked for something."""
    match owner:
        case CueOwner(cue=cue):
            return f"cue {cue}"
        case SlotOwner(bank=bank, index=index):
            return f"slot {bank}/{index}"
        case JobOwner(job=job):
            return f"job {job}"
        case PrivateOwner(what=what):
            return what


class Sound(msgspec.Struct, frozen=True, kw_only=True):
    """What a player plays: a loaded source with a clip's trim, gain, pan and fades, on a strip (graph index).

    attack_frames: a short fade-in on top. rate: pitch and speed together, negative: backwards. loop_start_frames,
    loop_frames: a stretch of what is played that is played ``rounds`` times (0: for ever), blended at its seam over
    seam_frames.
    """

    source: Source
    loaded: Loaded
    strip: int
    trim_start_frames: int = 0
    length_frames: int | None = None
    gain_db: float = 0.0
    pan: float = 0.0
    fade_in_frames: int = 0
    fade_out_frames: int = 0
    fade_in_shape: FadeShape = "linear"
    fade_out_shape: FadeShape = "linear"
    attack_frames: int = 0
    rate: float = 1.0
    loop_start_frames: int = 0
    loop_frames: int = 0
    seam_frames: int = 0
    rounds: int = 1

    @property
    def frames(self) -> int:
        """How many frames of the source are played, each round counted once."""
        rest = max(0, self.loaded.frames - self.trim_start_frames)
        return rest if self.length_frames is None else min(rest, self.length_frames)

    @property
    def first(self) -> int:
        """Where it begins, as the mixer counts: a float of the arena, or a frame of what lies on the disk."""
        if self.loaded.paged:
            return self.trim_start_frames
        return self.loaded.offset + self.trim_start_frames * self.loaded.channels

    @property
    def sounding_frames(self) -> int | None:
        """How many frames will be heard; None: it loops for ever, or is still being made."""
        if self.loaded.making or (self.loop_frames and not self.rounds):
            return None
        played = self.frames + (self.rounds - 1) * self.loop_frames
        return played if abs(self.rate) == 1.0 else math.ceil(played / abs(self.rate))


class Starts:
    """Makes the orders that start players; what was started before is not worked out again."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Sound, bytes]] = {}

    def order(self, player: int, sound: Sound, at_frame: int | None, extra_gain_db: float) -> Records:
        """Return the order that starts ``player`` on ``sound``."""
        known = self._known.get(id(sound))
        if known is None or known[0] is not sound:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            known = self._known[id(sound)] = (sound, start_order(0, sound, None, 0.0).tobytes())
        return again(known[1], at_frame, player=player, gain=db_to_gain(sound.gain_db + extra_gain_db))


def start_order(player: int, sound: Sound, at_frame: int | None, extra_gain_db: float) -> Records:
    """Return the order that starts ``player`` on ``sound``."""
    making = sound.loaded.making
    return order(
        Kind.START_PLAYER,
        at_frame,
        player=player,
        serial=player,
        strip=sound.strip,
        flags=STREAMED if making else PAGED if sound.loaded.paged else 0,
        value=float(sound.loaded.header if making else sound.loaded.offset if sound.loaded.paged else 0),
        offset=sound.loaded.offset if making else sound.first,
        length=sound.frames,
        channels=sound.loaded.channels,
        gain=db_to_gain(sound.gain_db + extra_gain_db),
        pan=sound.pan,
        fade_in_frames=sound.fade_in_frames,
        fade_out_frames=sound.fade_out_frames,
        fade_in_shape=Shape[sound.fade_in_shape.upper()],
        fade_out_shape=Shape[sound.fade_out_shape.upper()],
        attack_frames=sound.attack_frames,
        rate=sound.rate,
        index=sound.rounds,
        loop_start=sound.trim_start_frames if making else sound.loop_start_frames,
        loop_frames=sound.loop_frames,
        loop_fade_frames=sound.seam_frames,
    )


class Sounding(msgspec.Struct, frozen=True, kw_only=True):
    """A live player: its owner and what it plays. note: the semitones by which its owner was asked to play it.

    start_frame: the engine frame for which it was asked; None: at once.
    """

    owner: Owner
    source: Source
    note: float | None = None
    start_frame: int | None = None


class Players:
    """The live players of the session, by id. notes: where they are kept for a session that goes on after this one."""

    def __init__(self, notes: Notes | None = None) -> None:
        self._notes = notes or Notes()
        self._next = FIRST_LIVE_PLAYER
        self._sounding: dict[int, Sounding] = {}
        self._owned: dict[Owner, dict[int, None]] = {}
        self._to_come: set[int] = set()
        """Those that begin later, and have not been heard to begin."""

    def new(self) -> int:
        """Return the id of a new player."""
        self._next += 1
        return self._next - 1

    def add(
        self,
        player: int,
        owner: Owner,
        source: Source,
        note: float | None = None,
        start_frame: int | None = None,
        *,
        to_come: bool = False,
    ) -> None:
        """Count ``player`` as sounding: its start has been handed to the mixer. to_come: it begins later."""
        self._count(player, Sounding(owner=owner, source=source, note=note, start_frame=start_frame))
        if to_come:
            self._to_come.add(player)
        self._notes.set(f"player/{player}", pickle.dumps(self._sounding[player]))

    def recall(self, sounding: Mapping[int, Sounding], soon: int) -> None:
        """Take over the players of a session that is gone. soon: the next frame for which anything can be asked."""
        for player, item in sounding.items():
            self._count(player, item)
            if item.start_frame is not None and item.start_frame > soon:
                self._to_come.add(player)
        self._next = max((self._next, *(player + 1 + SPARE for player in sounding)))

    def _count(self, player: int, sounding: Sounding) -> None:
        self._sounding[player] = sounding
        self._owned.setdefault(sounding.owner, {})[player] = None

    def stop(self, players: Iterable[int], fade_frames: int, at_frame: int | None) -> Records | None:
        """Return the orders that fade these players out, or None when there is none.

        Those that would only begin at that frame, or later, are taken back at once: nothing is heard of them.
        """
        orders = [
            order(Kind.STOP_PLAYER, None if self.waits(p, at_frame) else at_frame, player=p, ramp_frames=fade_frames)
            for p in players
        ]
        return together(*orders) if orders else None

    def begun(self, player: int) -> None:
        """Hear that ``player`` sounds."""
        self._to_come.discard(player)

    def is_to_come(self, *owners: Owner) -> bool:
        """Return whether these owners have players, and none that has begun."""
        players = self.of(*owners)
        return bool(players) and self._to_come.issuperset(players)

    def waits(self, player: int, at_frame: int | None) -> bool:
        """Return whether ``player`` was asked for at an engine frame that comes no sooner than ``at_frame``."""
        sounding = self._sounding.get(player)
        if sounding is None or sounding.start_frame is None or at_frame is None:
            return False
        return sounding.start_frame >= at_frame

    def of(self, *owners: Owner) -> list[int]:
        """Return the players of these owners, oldest first."""
        return sorted(player for owner in owners for player in self._owned.get(owner, ()))

    def of_note(self, owner: Owner, note: float | None) -> list[int]:
        """Return the players of this owner that play ``note`` (None: that were asked for without one)."""
        return [player for player in self.of(owner) if self._sounding[player].note == note]

    def all(self) -> tuple[int, ...]:
        """Return every live player."""
        return tuple(self._sounding)

    def owner(self, player: int) -> Owner | None:
        """Return who asked for ``player``."""
        sounding = self._sounding.get(player)
        return sounding.owner if sounding else None

    def ended(self, player: int) -> Owner | None:
        """Forget ``player``; return its owner when that was the owner's last one."""
        sounding = self._sounding.pop(player, None)
        self._to_come.discard(player)
        self._notes.forget(f"player/{player}")
        if sounding is None:
            return None
        others = self._owned[sounding.owner]
        del others[player]
        if others:
            return None
        del self._owned[sounding.owner]
        return sounding.owner

    def source(self, player: int) -> Source | None:
        """Return what ``player`` plays."""
        sounding = self._sounding.get(player)
        return sounding.source if sounding else None

    def of_source(self, source: Source) -> list[int]:
        """Return the players of ``source``, oldest first."""
        return [p for p, s in self._sounding.items() if s.source == source]

    def sources(self) -> set[Source]:
        """Return what is sounding: its memory must stay."""
        return {s.source for s in self._sounding.values()}
