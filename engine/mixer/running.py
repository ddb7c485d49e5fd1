"""Running effects: those on a take, while the take is still being made. The same sound as ``render_offline``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.mixer.effects import effect_spec
from engine.mixer.offline import LEAD_SECONDS, STAGE_END, TAIL_END, echo_seconds, end_of, idle_level, tail_steps
from engine.mixer.plugins import Planar, make_plugin, run_plugin
from engine.story.model import Effect

Audio = NDArray[np.float32]

_RESTING_SECONDS = 0.1


def can_run(effects: Sequence[Effect]) -> bool:
    """Return whether each of ``effects`` gives its sound at once: those that can run live do."""
    return all(effect_spec(effect.effect).live for effect in effects if not effect.bypass)


class RunningEffects:
    """Takes a line in part by part, (frames, channels), and gives as many frames back; ``finish`` gives the tail.

    Raises EffectFailed. Not for the audio process.
    """

    def __init__(self, effects: Sequence[Effect], sample_rate: int) -> None:
        self._stages = [_Stage(effect, sample_rate) for effect in effects if not effect.bypass]
        self._channels = 1

    def feed(self, audio: Audio) -> Audio:
        """Return ``audio`` through the effects."""
        if not len(audio):
            return audio
        planar = np.ascontiguousarray(audio.T)
        self._channels = planar.shape[0]
        for stage in self._stages:
            planar = stage.run(planar)
        return np.ascontiguousarray(planar.T)

    def finish(self) -> Audio:
        """Return what still sounds once there is no more."""
        planar = np.zeros((self._channels, 0), np.float32)
        for stage in self._stages:
            planar = np.concatenate([stage.run(planar), stage.tail(self._channels)], axis=1)
        return np.ascontiguousarray(planar[:, : end_of(planar, 0, TAIL_END)].T)


class _Stage:
    """One effect, which goes on from part to part."""

    def __init__(self, effect: Effect, sample_rate: int) -> None:
        self._effect, self._sample_rate = effect, sample_rate
        self._plugin = make_plugin(effect)
        self._most = round(LEAD_SECONDS * sample_rate)
        self._begun = False

    def run(self, planar: Planar) -> Planar:
        """Return the next frames. No piece is longer than the first: at a longer one Pedalboard forgets everything."""
        if not self._begun:
            self._begun = True
            self._piece(np.zeros((planar.shape[0], self._most), np.float32), reset=True)
        pieces = [self._piece(planar[:, at : at + self._most]) for at in range(0, planar.shape[1], self._most)]
        return np.concatenate(pieces, axis=1) if pieces else planar

    def tail(self, channels: int) -> Planar:
        """Return what sounds on after the end."""
        rate, resting = self._sample_rate, _RESTING_SECONDS + echo_seconds(self._effect)
        tail, quiet = np.zeros((channels, 0), np.float32), STAGE_END
        for attempt, seconds in enumerate(tail_steps(resting)):
            more = np.zeros((channels, round(seconds * rate) - tail.shape[1]), np.float32)
            tail = np.concatenate([tail, self.run(more)], axis=1)
            if attempt == 1:
                quiet = idle_level(self._effect, channels, rate)
            if np.abs(tail[:, -round(resting * rate) :]).max() <= quiet:
                break
        else:
            tail[:, -rate:] *= np.linspace(1.0, 0.0, rate, dtype=np.float32)
        return tail[:, : end_of(tail, 0, quiet)]

    def _piece(self, piece: Planar, *, reset: bool = False) -> Planar:
        return run_plugin(self._plugin, piece, float(self._sample_rate), self._most, reset=reset)
