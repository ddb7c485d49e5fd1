"""A section that was asked for: a stretch of the timeline, whose it is, and how far it is."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from engine.session.players import Owner


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A section that was asked for. start_frame, end_frame: on the timeline (None: it runs on); else engine frames.

    frame: for which it was asked, or goes on (None: at once). cuts: the players that end when it begins. sent: the
    mixer has it, and begins it at ``sure_frame`` or before. begun_frame: when it began, or went on; None: not yet.
    held_frame: since when it is held. stop_frame: when it is to be stopped before its end.
    """

    owner: Owner
    start_frame: int
    end_frame: int | None
    frame: int | None
    cuts: tuple[int, ...] = ()
    sent: bool = False
    begun_frame: int | None = None
    held_frame: int | None = None
    stop_frame: int | None = None
    sure_frame: int = 0

    def held(self, at_frame: int) -> Section:
        """Return it, held from a frame on if it is not held already."""
        return self if self.held_frame is not None else replace(self, held_frame=at_frame)

    def resumed(self, at_frame: int) -> Section:
        """Return it, no longer held: what was still to come comes as much later."""
        if self.held_frame is None:
            return self
        waited = at_frame - self.held_frame
        stop_frame = None if self.stop_frame is None else self.stop_frame + waited
        frame = self.frame
        if self.begun_frame is not None:
            frame = at_frame
        elif frame is not None and not self.sent:
            frame += waited
        return replace(self, frame=frame, stop_frame=stop_frame, begun_frame=None, held_frame=None)

    def begins(self, playing: bool, timeline_frame: int, frame: int) -> bool:
        """Return whether a report of the transport is that of its beginning."""
        return self.sent and playing and timeline_frame == self.start_frame and frame >= (self.frame or 0)
