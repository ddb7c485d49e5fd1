"""A run: a cue that was fired and is not over."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.story.model import Cue, Manner

RunState = Literal["waiting", "playing", "over"]


class Run(msgspec.Struct, kw_only=True, eq=False):
    """A cue that was fired. All frames are engine frames.

    start_frame: where its sound begins; exact: the mixer is told that frame, else "at once". sounding_frames: how long,
    None: not known, or for ever. follow_frame: when the next cue is fired. over: only what follows is still to come.
    sent: how many of its messages were given out.
    """

    cuelist: str
    cue: Cue
    start_frame: int
    exact: bool
    manner: Manner | None = None
    state: RunState = "waiting"
    sounding_frames: int | None = None
    follow_frame: int | None = None
    player: int | None = None
    members: tuple[Run, ...] = ()
    paused_frame: int | None = None
    followed: bool = False
    sent: int = 0
    making: bool = False
    """Whether its take, or how long a cue of its group sounds, was not known when it began: that is seen at its end."""
    after: Run | None = None
    """The run that it follows, as long as that matters."""
    faded: bool = False
    """Whether it, or what it follows the end of, was silenced in the middle when it was held: a fade-out was heard."""

    @property
    def end_frame(self) -> int | None:
        """The first frame after its sound, None: not known."""
        return None if self.sounding_frames is None else self.start_frame + self.sounding_frames
