"""Chains of effects: live inserts of one strip, on Pedalboard's channels-first arrays."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import pedalboard

from engine.mixer.effects import effect_spec
from engine.mixer.insert import GRID_FRAMES, Block, Insert
from engine.mixer.plugins import Plugin, effect_values, make_plugin, run_plugin
from engine.story.model import Effect


class Chain:
    """The inserts of one strip, warmed so that no block is ever their largest; all frames are engine frames.

    Built outside the callback; everything else but ``tidy`` is called inside it, between or during blocks.
    keys: what records call the inserts (default: their places). kept: keys of those that ``adopt`` takes over from
    the chain before; they are not built.
    """

    def __init__(
        self,
        effects: Iterable[Effect],
        sample_rate: int,
        max_block_frames: int,
        keys: Iterable[int] = (),
        kept: Collection[int] = (),
    ) -> None:
        self._sample_rate = float(sample_rate)
        self._max_block_frames = max_block_frames
        self._silence = np.zeros((2, max_block_frames), np.float32)
        self._effects = tuple(effects)
        self._keys = tuple(keys) or tuple(range(len(self._effects)))
        named = zip(self._keys, self._effects, strict=True)
        self._by_key = {key: self._insert(effect) for key, effect in named if key not in kept}
        self._inserts = tuple(self._by_key.values())
        self._resting = False
        """Whether nothing moves: known until something is turned."""
        self._board: Plugin | None = None
        self._on_board: list[Plugin] = []

    def _insert(self, effect: Effect) -> Insert:
        spec = effect_spec(effect.effect)
        plugins = (make_plugin(effect), make_plugin(effect), make_plugin(effect), make_plugin(effect))
        for plugin in plugins:
            self._clear(plugin)
        return Insert(spec, plugins, effect_values(effect, spec), effect.bypass, self._run, self._clear)

    def __len__(self) -> int:
        return len(self._inserts)

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    @property
    def keys(self) -> tuple[int, ...]:
        """The keys of its inserts, in order, without what is leaving."""
        return self._keys

    def adopt(self, before: Chain | None, frame: int, frames: int, waiting: Mapping[int, frozenset[int]]) -> None:
        """Take over what ``before`` has of this chain's inserts, as they sound; the others fade in, or ring out.

        waiting: by key, the parameters that a scheduled record will set.
        """
        for key, effect in zip(self._keys, self._effects, strict=True):
            if before is not None and key in before:
                insert = self._by_key[key] = before._by_key[key]
                values = effect_values(effect, effect_spec(effect.effect))
                insert.aim(values, effect.bypass, frame, frames, waiting.get(key, frozenset()))
            else:
                self._by_key[key].enter(frame, frames)
        mine = [self._by_key[key] for key in self._keys]
        order: list[Insert] = []
        for old in before._inserts if before is not None else ():
            if old in mine:
                while mine[0] is not old:
                    order.append(mine.pop(0))
                order.append(mine.pop(0))
            elif not old.gone(frame):
                if not old.leaving:
                    old.leave(frame, frames, self._sample_rate)
                order.append(old)
        self._inserts = (*order, *mine)
        self._resting = False

    def set_param(self, key: int, param: int, value: float, frame: int, frames: int) -> None:
        """Let a parameter (table order) of an insert glide to ``value``. Raises KeyError or IndexError."""
        self._resting = False
        self._by_key[key].set_param(param, value, frame, frames)

    def set_bypass(self, key: int, bypass: bool, frame: int, frames: int) -> None:
        """Fade an insert out of the chain or back into it. Raises KeyError."""
        self._resting = False
        self._by_key[key].set_bypass(bypass, frame, frames)

    def reset(self, frame: int) -> None:
        """Cut every tail at ``frame``. Raises EffectFailed."""
        self._resting = False
        for insert in self._inserts:
            insert.reset(frame)

    def tidy(self) -> None:
        """Make ready for the next reset. Main thread, while the callback goes on. Raises EffectFailed."""
        for insert in self._inserts:
            insert.tidy()

    def process(self, block: Block, frame: int) -> Block:
        """Return the chain's output for planar (2, n) ``block``. Raises EffectFailed."""
        if self._resting or self._comes_to_rest(frame):
            return block if self._board is None else self._run(self._board, block)
        if not any(insert.moving for insert in self._inserts):
            return self._process_each(block, frame)
        out = np.empty_like(block)
        begin = 0
        while begin < block.shape[1]:
            end = min(block.shape[1], begin + GRID_FRAMES - (frame + begin) % GRID_FRAMES)
            out[:, begin:end] = self._process_each(np.ascontiguousarray(block[:, begin:end]), frame + begin)
            begin = end
        return out

    def _process_each(self, block: Block, frame: int) -> Block:
        for insert in self._inserts:
            block = insert.process(block, frame)
        return block

    def _comes_to_rest(self, frame: int) -> bool:
        """Whether nothing moves any more; then all heard inserts become one native call."""
        if not all(insert.rests(frame) for insert in self._inserts):
            return False
        heard = [insert.main for insert in self._inserts if not (insert.leaving or insert.bypassed(frame))]
        if heard != self._on_board:
            self._on_board = heard
            self._board = _board(heard) if heard else None
        self._resting = True
        return True

    def _run(self, plugin: Plugin, block: Block) -> Block:
        return run_plugin(plugin, block, self._sample_rate, self._max_block_frames)

    def _clear(self, plugin: Plugin) -> None:
        """Let a plug-in forget every sound, and warm it again: a block larger than any since would clear it, too."""
        run_plugin(plugin, self._silence, self._sample_rate, self._max_block_frames, reset=True)


def _board(plugins: list[Plugin]) -> Plugin:
    """Return Pedalboard's own chain of ``plugins``: one native call for all of them."""
    board: Any = getattr(pedalboard, "Pedalboard")([])  # noqa: B009  its stubs do not export it
    # Empty, it learns that channels come first; from one or two frames of stereo it would guess that they don't.
    board.process(np.zeros((2, GRID_FRAMES), np.float32), 48000.0)
    for plugin in plugins:
        board.append(plugin)
    whole: Plugin = board
    return whole
