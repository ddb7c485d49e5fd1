"""One third-party plug-in in a chain: what ``Insert`` is for the effects of our own, with latency.

A plug-in runs all the time, bypassed or not, so that it comes back where it would be. What passes it by, bypassed, is
as late as what goes through it: the mixer's latency does not change with a switch. Its parameters step at the edges of
their grid; most plug-ins smooth them. A clean spare stands by for when everything is to be forgotten, since
clearing may mean loading anew, which only the main thread may.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

import numpy as np

from engine.mixer.effects import EffectSpec
from engine.mixer.hosting import HostedPlugin
from engine.mixer.insert import SILENT, Block, aim
from engine.mixer.pace import GRID_FRAMES, Pace, Way, next_edge
from engine.mixer.plugins import Goal
from engine.mixer.ramps import Glide, blend, fill, glide, new_ramps

QUIET_SECONDS = 2.0
"""How long a plug-in that has left must be silent until it is gone."""


class HostedInsert:
    """One plug-in, or nothing in its place. Called inside the callback, but for ``tidy``.

    plugins: the one that is heard and its spare, equally late; none: it can't be used, and what comes in goes out.
    named: parameters that the story tells. run: passes a planar (2, n) block through.
    """

    def __init__(
        self,
        spec: EffectSpec,
        plugins: tuple[HostedPlugin, HostedPlugin] | None,
        named: Collection[str],
        bypass: bool,
        run: Callable[[HostedPlugin, Block], Block],
    ) -> None:
        self._params = tuple(spec.params.values())
        self._indexes = tuple(int(param.attribute) for param in self._params)
        self.main: HostedPlugin | None = None if plugins is None else plugins[0]
        self._spare: HostedPlugin | None = None if plugins is None else plugins[1]
        self._run = run
        self._knobs = [Glide(0.0 if self.main is None else self.main.raw(i)) for i in self._indexes]
        self._turned = {place for place, name in enumerate(spec.params) if name in named}
        self._moved: set[int] = set()
        self._grid_frames, self._steps = GRID_FRAMES, False
        self._bypass = new_ramps([float(bypass)])
        self._level = new_ramps([1.0])
        self._fed = new_ramps([1.0])
        self._soiled = False
        self._seen = self._own = ""
        self.longest_read_seconds = 0.0
        """For how long the callback may have waited while the plug-in told its state."""
        self._off = False
        self._quiet_frames = 0
        self._longest_gap = 0
        self.leaving = False
        """Whether it is on its way out of the chain."""
        self.latency_frames = 0 if self.main is None else self.main.latency_frames
        self._late = np.zeros((2, self.latency_frames), np.float32)

    @property
    def moving(self) -> bool:
        """Whether parameters move: then no block may go beyond ``edge``."""
        return bool(self._moved)

    def edge(self, frame: int) -> int:
        """Return the first frame after ``frame`` at which something is turned."""
        return next_edge(frame + 1, self._grid_frames)

    def bypassed(self, frame: int) -> bool:
        """Whether nothing of it is heard from ``frame`` on."""
        return self.main is None or bool(self._bypass["end"][0] == 1.0 and frame >= _end(self._bypass))

    def rests(self, frame: int) -> bool:
        """Whether nothing is to be run in its place."""
        return self.main is None or self.gone(frame)

    def switch_off(self) -> None:
        """Never call the plug-in again: it has ended a process."""
        self._off = True

    def set_bypass(self, bypass: bool, frame: int, frames: int) -> None:
        """Fade it out or in within ``frames``."""
        if float(bypass) == self._bypass["end"][0] and frame >= _end(self._bypass):
            return
        glide(self._bypass, 0, float(bypass), frame, frames)

    def set_param(self, index: int, value: float, frame: int, frames: int, pace: Pace) -> None:
        """Let parameter ``index`` go to ``value`` within ``frames``, from the next edge of the grid on."""
        if self.main is None:
            return
        norm = self._params[index].spec.to_norm(value)
        if index in self._turned and index not in self._moved and self._knobs[index].end == norm:
            return
        if not self._moved:
            way = pace.way(frame)
            self._grid_frames, self._steps = way.grid_frames, way is Way.STEP
        start, grid_frames = next_edge(frame, self._grid_frames), self._grid_frames
        self._knobs[index].to(norm, start, grid_frames if self._steps else max(grid_frames, frames))
        self._turned.add(index)
        self._moved.add(index)

    def place(self, index: int, value: float, frame: int) -> None:
        """Have parameter ``index`` be at ``value`` from ``frame`` on, while nothing is heard of it."""
        if self.main is None:
            return
        norm = self._params[index].spec.to_norm(value)
        self._knobs[index].to(norm, frame, 0)
        self._turned.add(index)
        self.main.turn(self._indexes[index], norm)

    def enter(self, frame: int, frames: int) -> None:
        """Come into a chain that sounds already, having listened to it."""
        self._level["begin"] = self._level["end"] = 0.0
        glide(self._level, 0, 1.0, frame, frames)

    def leave(self, frame: int, frames: int, sample_rate: float) -> None:
        """Go out of the chain: ring out, or, being late, fade."""
        glide(self._level if self.latency_frames else self._fed, 0, 0.0, frame, frames)
        self.leaving = True
        self._longest_gap = round(QUIET_SECONDS * sample_rate)

    def gone(self, frame: int) -> bool:
        """Whether it has left and rung out."""
        if not self.leaving:
            return False
        if self.latency_frames:
            return frame >= _end(self._level)
        return self._off or self._quiet_frames > self._longest_gap or self.bypassed(frame)

    def aim(self, goal: Goal, frame: int, frames: int, waiting: frozenset[int], pace: Pace) -> bool:
        """Go to where another graph wants it; ``waiting`` parameters will be told, those that are NaN stay.

        Return whether it has anywhere to go.
        """
        bypass = bool(self._bypass["end"][0])
        return aim(self, [knob.end for knob in self._knobs], bypass, goal, frame, frames, waiting, pace)

    def reset(self, frame: int) -> None:
        """Forget every sound that came before ``frame``; twice within a moment there is no clean spare yet."""
        if self.main is None or self._spare is None or self._soiled or self._off:
            return
        fresh, self._spare = self._spare, self.main
        self.main = fresh
        self._soiled = True
        self._late[:] = 0.0
        for index in self._turned:
            fresh.turn(self._indexes[index], self._knobs[index].at(frame))

    def clear(self, frame: int) -> None:
        """Be as new, as far as that goes in the callback."""
        self.reset(frame)

    def tidy(self) -> None:
        """Clear the spare that was in use. Main thread. Raises EffectFailed."""
        if self._soiled and self._spare is not None:
            self._spare.clear()
            self._soiled = False

    def state(self) -> str:
        """Return what the plug-in has made of itself, as stories hold it; nothing while its parameters tell it all.

        The spare is made the same then: what was learnt outlives a panic. Main thread. Raises EffectFailed,
        PluginRefused.
        """
        if self._soiled or self._off or self.leaving:
            return self._own
        self._soiled = True  # from here on no reset takes the spare
        try:
            if self.main is not None and self._spare is not None:
                self._look(self.main, self._spare)
        finally:
            self._soiled = False
        return self._own

    def _look(self, main: HostedPlugin, spare: HostedPlugin) -> None:
        begun = time.perf_counter()
        state = main.state()
        self.longest_read_seconds = max(self.longest_read_seconds, time.perf_counter() - begun)
        if state == self._seen:
            return
        spare.follow(main)
        spare.clear()
        if self._own or spare.state() != state:
            spare.restore(state)
            self._own = state
        self._seen = state

    def restore(self, state: str) -> None:
        """Take a state while nothing is played; what was turned stays. Raises EffectFailed, PluginRefused."""
        for plugin in (self.main, self._spare):
            if plugin is not None:
                plugin.restore(state)
                for index in self._turned:
                    plugin.turn(self._indexes[index], self._knobs[index].end)
        for index, number in enumerate(self._indexes):
            if self.main is not None and index not in self._turned:
                self._knobs[index].to(self.main.raw(number), 0, 0)
        self._own = self._seen = state

    def process(self, block: Block, frame: int) -> Block:
        """Return the output for planar ``block``; while ``moving`` it must not go beyond ``edge``."""
        if self.main is None or self.gone(frame):
            return block
        if self._moved and frame % self._grid_frames == 0:
            self._pass_edge(frame)
        if self.leaving and not self.latency_frames:
            return self._ring_out(block, frame)
        out = self._heard(block, frame)
        return blend(self._level, frame, block, out) if frame < _end(self._level) else out

    def _heard(self, block: Block, frame: int) -> Block:
        """Return what is heard of the plug-in and of what passes it by, equally late."""
        dry = self._delayed(block) if self.latency_frames else block
        if self._off or self.main is None:
            return dry
        wet = self._run(self.main, block)
        if frame < _end(self._bypass):
            return blend(self._bypass, frame, wet, dry)
        return dry if self._bypass["end"][0] == 1.0 else wet

    def _ring_out(self, block: Block, frame: int) -> Block:
        level = np.empty(block.shape[1])
        fill(self._fed, 0, frame, level)
        share = block * level.astype(np.float32)
        wet = self._heard(share, frame)
        sounds = bool(level[-1]) or np.abs(wet).max() > SILENT
        self._quiet_frames = 0 if sounds else self._quiet_frames + block.shape[1]
        out: Block = (block - share) + wet
        return out

    def _delayed(self, block: Block) -> Block:
        """Return ``block`` as late as the plug-in."""
        whole = np.concatenate([self._late, block], axis=1)
        self._late = whole[:, block.shape[1] :]
        return np.ascontiguousarray(whole[:, : block.shape[1]])

    def _pass_edge(self, frame: int) -> None:
        for index in tuple(self._moved):
            if self.main is not None and not self._off:
                self.main.turn(self._indexes[index], self._knobs[index].at(frame))
            if self._knobs[index].arrived(frame):
                self._moved.discard(index)


def _end(ramp: np.ndarray) -> int:
    return int(ramp["start_frame"][0] + ramp["frames"][0])
