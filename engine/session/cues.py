"""The cue list: GO, stop, and which cue is next."""

from __future__ import annotations

from msgspec.structs import replace

from engine.errors import NotReady, UnknownThing
from engine.events import CueEnded, CueStarted, Event, PlayheadMoved, SlotState
from engine.session.context import Context
from engine.session.players import CueOwner
from engine.session.transport import Transport
from engine.story.model import Cue, PlaySection


class Cues:
    """Fires the story's cues and keeps the playhead: the cue that GO fires next."""

    def __init__(self, context: Context, transport: Transport) -> None:
        self._context = context
        self._transport = transport
        self.next_cue = self._first()
        self._playing: set[str] = set()

    def go(self, cue_id: str | None, at_frame: int | None, from_word: str | None = None) -> tuple[Event, ...]:
        """Fire one cue, or the next one of the list, from its start or a word on; the playhead moves behind it."""
        if cue_id is None and self.next_cue is None:
            raise NotReady("the cue list is at its end; fire a cue by its id, or locate the playhead")
        cue = self.cue(cue_id if cue_id is not None else str(self.next_cue))
        if isinstance(cue.target, PlaySection):
            self._transport.play_section(cue.target, at_frame)
        else:
            manner = cue.target.manner
            if from_word is not None:
                manner = replace(manner, from_word=from_word, to_word=None)
            sound = self._context.sound(cue.target, manner)
            self._context.play(CueOwner(cue=cue.id), sound, at_frame, cue.gain_db)
        return self._move_playhead(cue)

    def stop(self, cue_id: str, fade_seconds: float, at_frame: int | None) -> None:
        """Fade out what a cue plays; a section stops the timeline."""
        cue = self.cue(cue_id)
        if isinstance(cue.target, PlaySection):
            self._transport.stop(at_frame)
            return
        self._context.stop(self._context.players.of(CueOwner(cue=cue.id)), fade_seconds, at_frame)

    def cue(self, cue_id: str) -> Cue:
        """Return the cue; UnknownThing names those that exist."""
        cues = {c.id: c for c in self._context.story.cues}
        if cue_id not in cues:
            raise UnknownThing("cue", cue_id, cues)
        return cues[cue_id]

    def state(self, cue_id: str) -> SlotState:
        """Return how far a cue is."""
        cue = self.cue(cue_id)
        if cue_id in self._playing:
            return "playing"
        if isinstance(cue.target, PlaySection):
            return "ready"
        return self._context.library.shelf(self._context.target_source(cue.target)).state

    def started(self, owner: CueOwner, requested_frame: int, actual_frame: int) -> tuple[Event, ...]:
        """Note that a cue's player sounds."""
        self._playing.add(owner.cue)
        return (CueStarted(cue=owner.cue, requested_frame=requested_frame, actual_frame=actual_frame),)

    def ended(self, owner: CueOwner) -> tuple[Event, ...]:
        """Note that a cue's last player ended."""
        self._playing.discard(owner.cue)
        return (CueEnded(cue=owner.cue),)

    def rewind(self) -> tuple[Event, ...]:
        """Put the playhead on the first cue if the one it stands on is gone (another story)."""
        if self.next_cue in [c.id for c in self._context.story.cues]:
            return ()
        self.next_cue = self._first()
        return (PlayheadMoved(next_cue=self.next_cue),)

    def _first(self) -> str | None:
        cues = self._context.story.cues
        return cues[0].id if cues else None

    def _move_playhead(self, fired: Cue) -> tuple[Event, ...]:
        ids = [c.id for c in self._context.story.cues]
        after = ids.index(fired.id) + 1
        self.next_cue = ids[after] if after < len(ids) else None
        return (PlayheadMoved(next_cue=self.next_cue),)
