"""The chaser: keeps the timeline where another clock says that it is."""

from __future__ import annotations

from collections import deque
from typing import Literal

import msgspec

from bridge.port import EnginePort
from engine.commands import Command, Locate, Play, Stop
from engine.errors import EngineError
from engine.events import Dropped

LEAD_SECONDS = 0.05
"""A start is prepared so far ahead and lands on its exact frame."""

TOLERANCE_SECONDS = 0.02
"""The timeline runs on by itself within this; beyond it is moved, which one hears as a short fade."""

MOST_MOVES = 3
WITHIN_SECONDS = 10.0
"""A clock that asks for more moves than that in that time runs at another speed: it is not chased any more."""

SETTLE_SECONDS = 0.3
"""After a move nothing is compared for so long: what was ordered has to happen first."""


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """Where a clock is. seconds: its position in real time; beat: its song position in quarter notes; None: unknown.

    rate: of its timecode. running: whether it moves forwards. stands: where it rests is where the timeline is to rest.
    """

    state: Literal["stopped", "locking", "locked", "freewheel"]
    seconds: float | None = None
    beat: float | None = None
    tempo_bpm: float = 0.0
    rate: int = 3
    running: bool = False
    stands: bool = False


class Chaser:
    """Starts, stops and moves the timeline after a clock. Speech is never stretched: what drifts apart is moved.

    A clip that the clock is in the middle of is joined there, with the mixer's short fade.
    """

    def __init__(self, engine: EnginePort) -> None:
        self._engine = engine
        self._running = False
        self._stands: int | None = None
        self._moved_at = float("-inf")
        self._moves: deque[float] = deque(maxlen=MOST_MOVES)
        self.moves = 0
        """How often the timeline had to be put right while it ran."""

    def let_go(self) -> None:
        """Leave the timeline as it is: nothing is followed any more."""
        self._running = False
        self._stands = None

    def stand(self, followed: Followed) -> None:
        """Put a standing timeline where the clock stands."""
        frame = self._frame(followed)
        if frame is not None:
            self._stand(frame)

    def chase(self, followed: Followed, at: float) -> None:
        """Bring the timeline to where the clock is at a Unix time."""
        frame = self._frame(followed)
        if not followed.running or frame is None or followed.state == "locking":
            if self._running and followed.state == "stopped":
                self._running = False
                self._do(Stop())
            elif frame is not None and not self._running and followed.stands:
                self._stand(frame)
            return
        if not self._running:
            self._start(frame, at)
            self._moves.clear()
        elif at - self._moved_at > SETTLE_SECONDS and not self._free:
            self._compare(frame, at)

    def _start(self, frame: int, at: float) -> None:
        """Have the timeline run from where the clock will be in a moment."""
        rate = self._engine.sample_rate
        ahead = frame + round(LEAD_SECONDS * rate)
        when = self._engine.clock.frame_at(at + LEAD_SECONDS)
        try:
            with self._engine.together():
                self._engine.apply(Locate(timeline_frame=max(0, ahead)), when)
                self._engine.apply(Play(), when)
        except EngineError as error:
            self._refused(error)
        self._running, self._stands, self._moved_at = True, None, at

    def _compare(self, frame: int, at: float) -> None:
        state = self._engine.transport_state()
        error_seconds = (state.timeline_frame - frame) / self._engine.sample_rate
        if state.playing and abs(error_seconds) <= TOLERANCE_SECONDS + self._block_seconds:
            return
        if state.playing:
            self.moves += 1
            self._moves.append(at)
        self._start(frame, at)
        if self._free:
            text = "the clock runs at another speed than the story; the timeline runs by itself until it starts again"
            self._engine.tell(Dropped(what="sync", code="other_speed", text=text))

    @property
    def _free(self) -> bool:
        return len(self._moves) == MOST_MOVES and self._moves[-1] - self._moves[0] < WITHIN_SECONDS

    @property
    def _block_seconds(self) -> float:
        """How far behind itself the timeline's place may be told: it is told once a block."""
        return self._engine.block_frames / self._engine.sample_rate

    def _stand(self, frame: int) -> None:
        if frame != self._stands:
            self._stands = frame
            self._do(Locate(timeline_frame=max(0, frame)))

    def _frame(self, followed: Followed) -> int | None:
        if followed.seconds is not None:
            return round(followed.seconds * self._engine.sample_rate)
        if followed.beat is not None:
            return self._engine.frame_of_beat(followed.beat)
        return None

    def _do(self, command: Command) -> None:
        try:
            self._engine.apply(command)
        except EngineError as error:
            self._refused(error)

    def _refused(self, error: EngineError) -> None:
        self._engine.tell(Dropped(what="sync", code=error.code, text=str(error)))
