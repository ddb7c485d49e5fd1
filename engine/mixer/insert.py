"""One insert of a chain: an effect whose parameters and bypass move without a step, whatever plug-in is behind it.

Plug-ins take a new parameter as a step at the next block. So a moving insert runs as *twins*: two instances hear the
same input, and within each cell of its grid (engine/mixer/pace.py) the output fades from one to the other. An instance
gets its next parameters at the edge where nothing of it is heard. Effects that smooth by themselves are set directly at
the edges.

To clear a plug-in takes it milliseconds, so each twin has a clean spare: forgetting is a swap, and ``tidy`` clears what
was swapped out, outside the callback.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.mixer.effects import EffectSpec
from engine.mixer.pace import WARM_FRAMES, Pace, Way, next_edge
from engine.mixer.plugins import Caller, Goal, Plugin
from engine.mixer.ramps import Glide, blend, cross, fill, glide, new_ramps

HOLD_FRAMES = 48000
"""How long twins stay awake after a move: the next turn of the knob acts at once."""
SILENT = 1e-5
"""A tail below this is over (-100 dBFS)."""
LONGEST_GAP_SECONDS = 5.1
"""How long an effect with a long memory may be silent between two echoes."""

BYPASS = -1
"""Stands for the bypass among the numbers of parameters."""

Block = NDArray[np.float32]


class Insert:
    """One effect in a chain. All frames are engine frames. Called inside the callback, but for ``tidy``.

    latency_frames: by which an insert delays; none of our own does.
    plugins: twins and their spares, all clean. caller: runs and clears them.
    """

    latency_frames = 0

    def __init__(
        self,
        spec: EffectSpec,
        plugins: tuple[Plugin, Plugin, Plugin, Plugin],
        values: Sequence[float],
        bypass: bool,
        caller: Caller,
    ) -> None:
        self._params = tuple(spec.params.values())
        self._values = tuple((param.attribute, param.spec.from_norm) for param in self._params)
        self._memory = spec.memory
        self._twins, self._spares = list(plugins[:2]), list(plugins[2:])
        self._soiled = [False, False]
        self._caller = caller
        self._knobs = [Glide(param.spec.to_norm(v)) for param, v in zip(self._params, values, strict=True)]
        self._bypass = new_ramps([float(bypass)])
        self._bypass_to, self._bypass_end = bypass, 0
        self._moved: set[int] = set()
        self._way, self._grid_frames = Way.FINE, Way.FINE.grid_frames
        self._wakes: int | None = None
        """When the twin wakes that is to move with the other one; it may have to wait for its turn."""
        self._settled = [True, True]
        self._heard = 0
        self._fading = False
        self._fades_from = 0
        self._starts = 0
        self._awake_until = 0
        self.leaving = False
        """Whether it is on its way out of the chain."""
        self._fed: NDArray[np.void] | None = None
        self._quiet_frames = 0
        self._longest_gap = 0

    @property
    def main(self) -> Plugin:
        """The instance that is heard at rest."""
        return self._twins[0]

    @property
    def moving(self) -> bool:
        """Whether parameters move: then no block may go beyond ``edge``."""
        return bool(self._moved)

    def edge(self, frame: int) -> int:
        """Return the first frame after ``frame`` at which something is turned."""
        edge = next_edge(frame + 1, self._grid_frames)
        return edge if self._wakes is None or self._wakes <= frame else min(edge, self._wakes)

    def bypassed(self, frame: int) -> bool:
        """Whether nothing of the effect is heard from ``frame`` on."""
        return self._bypass_to and frame >= self._bypass_end

    def rests(self, frame: int) -> bool:
        """Whether the main instance, or nothing at all, stands for this insert from ``frame`` on."""
        if self._fed is not None:
            return self.gone(frame)
        if self._memory == "long":
            return False
        return self.bypassed(frame) or not (self._moved or frame < max(self._awake_until, self._bypass_end))

    def set_bypass(self, bypass: bool, frame: int, frames: int) -> None:
        """Fade the effect out or in within ``frames``; it comes back without what it sounded like before.

        One with long memory has listened meanwhile: from an empty delay line sound would begin with a step.
        """
        if bypass == self._bypass_to and frame >= self._bypass_end:
            return
        if not bypass and self.bypassed(frame) and self._memory != "long":
            self.reset(frame)
        glide(self._bypass, 0, float(bypass), frame, frames)
        self._bypass_to, self._bypass_end = bypass, frame + frames

    def set_param(self, index: int, value: float, frame: int, frames: int, pace: Pace) -> None:
        """Let parameter ``index`` go to ``value`` within ``frames``, from the next edge of the grid on.

        Where it rests there already, nothing moves: to wake the twin costs as much as the effect for a second.
        """
        param, knob = self._params[index], self._knobs[index]
        value = min(param.spec.high, max(param.spec.low, value))
        position = param.spec.to_norm(value)
        if index not in self._moved and knob.end == position:
            return
        if self.bypassed(frame):
            self.place(index, value, frame)
            return
        if not self._moved:
            self._way = pace.way(frame)
            self._grid_frames = self._way.grid_frames
            self._wake(frame, pace)
        start = max(frame, self._starts) if self._memory == "short" else frame
        grid_frames, steps = self._grid_frames, self._way is Way.STEP
        knob.to(position, next_edge(start, grid_frames), grid_frames if steps else max(grid_frames, frames))
        self._moved.add(index)
        self._settled = [False, False]

    def place(self, index: int, value: float, frame: int) -> None:
        """Have parameter ``index`` be at ``value`` from ``frame`` on, while nothing is heard of it."""
        param = self._params[index]
        value = min(param.spec.high, max(param.spec.low, value))
        self._knobs[index].to(param.spec.to_norm(value), frame, 0)
        for twin in self._twins:
            setattr(twin, param.attribute, value)

    def _wake(self, frame: int, pace: Pace) -> None:
        """Let the twin listen, now or when it is its turn, until it can be heard."""
        if self._memory != "short" or frame < self._awake_until:
            return
        wakes = pace.wake_frame(frame, self._way)
        self._starts = wakes + WARM_FRAMES
        if wakes == frame:
            self._renew(1, frame)
        else:
            self._wakes = wakes

    def enter(self, frame: int, frames: int) -> None:
        """Come into a chain that sounds already: get more and more within ``frames``."""
        self._fed = new_ramps([0.0])
        glide(self._fed, 0, 1.0, frame, frames)

    def leave(self, frame: int, frames: int, sample_rate: float) -> None:
        """Go out of the chain: get less and less within ``frames``, then nothing, and ring out."""
        self._fed = new_ramps([1.0]) if self._fed is None else self._fed
        glide(self._fed, 0, 0.0, frame, frames)
        self.leaving = True
        self._longest_gap = round((LONGEST_GAP_SECONDS if self._memory == "long" else 0.25) * sample_rate)

    def gone(self, frame: int) -> bool:
        """Whether it has left and rung out."""
        return self.leaving and (self._quiet_frames > self._longest_gap or self.bypassed(frame))

    def aim(self, goal: Goal, frame: int, frames: int, waiting: frozenset[int], pace: Pace) -> bool:
        """Go to where another graph wants it, unless it is on its way there; ``waiting`` parameters will be told.

        Return whether it has anywhere to go.
        """
        return aim(self, [knob.end for knob in self._knobs], self._bypass_to, goal, frame, frames, waiting, pace)

    def reset(self, frame: int) -> None:
        """Forget every sound that came before ``frame``."""
        self._wakes = None
        for twin in range(len(self._twins)):
            self._renew(twin, frame)

    def clear(self, frame: int) -> None:
        """Be as new from ``frame`` on, which takes milliseconds. Raises EffectFailed."""
        self._wakes = None
        for twin in self._twins:
            self._turn(twin, frame)
            self._caller.clear(twin)

    def tidy(self) -> None:
        """Clear the spares that were in use. Main thread."""
        for twin, soiled in enumerate(self._soiled):
            if soiled:
                self._caller.clear(self._spares[twin])
                self._soiled[twin] = False

    def take_apart(self) -> Iterator[None]:
        """Let go of one plug-in after the other. Main thread, once it is heard no more."""
        for plugins in (self._twins, self._spares):
            while plugins:
                plugins.pop()
                yield

    def _renew(self, twin: int, frame: int) -> None:
        """Put the clean spare in a twin's place; without one (twice within a moment) clear the twin where it is."""
        if self._soiled[twin]:
            self._caller.clear(self._twins[twin])
            return
        fresh, self._spares[twin] = self._spares[twin], self._twins[twin]
        self._turn(fresh, frame)
        self._twins[twin] = fresh
        self._soiled[twin] = True

    def _turn(self, plugin: Plugin, frame: int) -> None:
        """Set a plug-in's parameters to where the knobs are."""
        for (attribute, value), knob in zip(self._values, self._knobs, strict=True):
            setattr(plugin, attribute, value(knob.at(frame)))

    def process(self, block: Block, frame: int) -> Block:
        """Return the insert's output for planar ``block``; while ``moving`` it must not go beyond ``edge``."""
        if self._fed is None or self.gone(frame):
            return block if self.leaving else self._process(block, frame)
        return self._process_part(self._fed, block, frame)

    def _process_part(self, fed: NDArray[np.void], block: Block, frame: int) -> Block:
        """Return what passes by, and what comes out of the effect for the rest."""
        level = np.empty(block.shape[1])
        fill(fed, 0, frame, level)
        share = block * level.astype(np.float32)
        wet = self._process(share, frame)
        if self.leaving:
            sounds = bool(level[-1]) or np.abs(wet).max() > SILENT
            self._quiet_frames = 0 if sounds else self._quiet_frames + block.shape[1]
        elif level[0] == 1.0:
            self._fed = None
        out: Block = (block - share) + wet
        return out

    def _process(self, block: Block, frame: int) -> Block:
        if self.bypassed(frame):
            if self._memory == "long":
                self._wet(block, frame)
            return block
        if self._moved:
            if self._wakes is not None and frame >= self._wakes:
                self._wakes = None
                self._renew(1, frame)
            if frame % self._grid_frames == 0:
                self._pass_edge(frame)
        wet = self._wet(block, frame)
        if frame >= self._bypass_end:
            return wet
        return blend(self._bypass, frame, wet, block)

    def _wet(self, block: Block, frame: int) -> Block:
        run, heard = self._caller.run, self._heard
        wet = run(self._twins[heard], block)
        if self._fading:
            return cross(wet, run(self._twins[1 - heard], block), frame - self._fades_from, self._grid_frames)
        listens = self._memory == "short" and self._wakes is None and (self._moved or frame < self._awake_until)
        if listens or self._memory == "long":
            run(self._twins[1 - heard], block)
        return wet

    def _pass_edge(self, frame: int) -> None:
        if self._fading:
            self._heard, self._fading = 1 - self._heard, False
        if frame < self._starts:
            return
        if self._memory == "smooth":
            self._settled[0] = self._set(0, frame)
        if self._settled[self._heard] and self._heard == 0:
            self._come_to_rest(frame)
        elif self._memory != "smooth":
            arriving = 1 - self._heard
            self._settled[arriving] = self._set(arriving, frame + self._grid_frames)
            self._fading, self._fades_from = True, frame

    def _set(self, twin: int, frame: int) -> bool:
        """Give a twin the values of ``frame``; True if they are where they are going to."""
        arrived, plugin = True, self._twins[twin]
        for index in self._moved:
            knob, (attribute, value) = self._knobs[index], self._values[index]
            setattr(plugin, attribute, value(knob.at(frame)))
            arrived = arrived and knob.arrived(frame)
        return arrived

    def _come_to_rest(self, frame: int) -> None:
        self._set(1, frame)
        self._moved.clear()
        if self._memory == "short" and self._way is not Way.STEP:
            self._awake_until = frame + HOLD_FRAMES


class Movable(Protocol):
    """What has knobs and a bypass."""

    def set_param(self, index: int, value: float, frame: int, frames: int, pace: Pace) -> None:
        """Let a parameter go to a value."""

    def set_bypass(self, bypass: bool, frame: int, frames: int) -> None:
        """Take it out of the sound, or let it in again."""


def aim(
    insert: Movable,
    ends: list[float],
    bypass: bool,
    goal: Goal,
    frame: int,
    frames: int,
    waiting: frozenset[int],
    pace: Pace,
) -> bool:
    """Let an insert whose knobs go to ``ends`` go to where a graph wants it: see ``Insert.aim``.

    Values that are NaN stay as they are.
    """
    goes = False
    if ends != goal.positions:
        for index, value in enumerate(goal.values):
            known = index in waiting or math.isnan(value)
            if not known and ends[index] != goal.positions[index]:
                insert.set_param(index, value, frame, frames, pace)
                goes = True
    if BYPASS not in waiting and goal.bypass != bypass:
        insert.set_bypass(goal.bypass, frame, frames)
        goes = True
    return goes
