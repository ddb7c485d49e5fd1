"""Chains of effects: live inserts of one strip, on Pedalboard's channels-first arrays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pedalboard

from engine.mixer.effects import EffectSpec, effect_spec
from engine.mixer.hosted_insert import HostedInsert
from engine.mixer.hosting import HostedPlugin, PluginRefused, load_hosted
from engine.mixer.insert import Block, Insert
from engine.mixer.pace import GRID_FRAMES, Pace
from engine.mixer.plugins import Caller, Plugin, effect_values, goal_of, make_plugin
from engine.mixer.watch import NO_WATCH, NOTHING, Watch
from engine.plugins.facts import PluginFacts
from engine.story.model import Effect

AnyInsert = Insert | HostedInsert


class Chain:
    """The inserts of one strip, warmed so that no block is ever their largest; all frames are engine frames.

    Built outside the callback; everything else but ``tidy`` is called inside it, between or during blocks.
    keys: what records call the inserts (default: their places). kept: keys of those that ``adopt`` takes over from
    the chain before; they are not built. spec: finds an effect's row. watch: hears of plug-ins.
    """

    def __init__(
        self,
        effects: Iterable[Effect],
        sample_rate: int,
        max_block_frames: int,
        keys: Iterable[int] = (),
        kept: Collection[int] = (),
        spec: Callable[[str], EffectSpec] = effect_spec,
        watch: Watch = NO_WATCH,
    ) -> None:
        self._sample_rate = float(sample_rate)
        self._max_block_frames = max_block_frames
        self._caller = Caller(self._sample_rate, max_block_frames)
        self._effects = tuple(effects)
        self._keys = tuple(keys) or tuple(range(len(self._effects)))
        self._spec, self._watch = spec, watch
        self._goals = [goal_of(effect, spec(effect.effect)) for effect in self._effects]
        self.faults: dict[str, str] = {}
        """Why plug-ins could not be loaded, by effect; they are left out of the sound."""
        named = zip(self._keys, self._effects, strict=True)
        self._by_key = {key: self._insert(key, effect) for key, effect in named if key not in kept}
        self._inserts = tuple(self._by_key.values())
        self._resting = False
        """Whether nothing moves: known until something is turned."""
        self._board: Plugin | None = None
        self._on_board: list[Plugin] = []
        self._listeners: tuple[tuple[int, AnyInsert], ...] = ()

    def _insert(self, key: int, effect: Effect) -> AnyInsert:
        spec = self._spec(effect.effect)
        if spec.plugin is not None:
            return self._hosted(key, effect, spec, spec.plugin)
        plugins = (make_plugin(effect), make_plugin(effect), make_plugin(effect), make_plugin(effect))
        for plugin in plugins:
            self._caller.clear(plugin)
        return Insert(spec, plugins, effect_values(effect, spec), effect.bypass, self._caller)

    def _hosted(self, key: int, effect: Effect, spec: EffectSpec, facts: PluginFacts) -> HostedInsert:
        """Build a plug-in and its spare; one that can't be had is a fault, and stays out of the sound."""
        told = {name: value for name, value in effect.params.items() if name in spec.params}
        raws = [(int(spec.params[n].attribute), spec.params[n].spec.to_norm(v)) for n, v in told.items()]
        plugins = None
        if not facts.fault:
            self._watch.loading(key)
            try:
                first, spare = (
                    load_hosted(facts, self._sample_rate, self._max_block_frames, effect.state, raws) for _ in range(2)
                )
                plugins = first, spare
            except PluginRefused as error:
                self.faults[effect.effect] = str(error)
            self._watch.loading(NOTHING)
        return HostedInsert(spec, plugins, told, effect.bypass, partial(_run_hosted, self._caller, self._watch, key))

    def __len__(self) -> int:
        return len(self._inserts)

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    @property
    def keys(self) -> tuple[int, ...]:
        """The keys of its inserts, in order, without what is leaving."""
        return self._keys

    @property
    def hosted(self) -> dict[int, tuple[str, HostedInsert]]:
        """Its plug-ins: effect and insert, by key. Any thread."""
        found = ((key, effect.effect, self._by_key.get(key)) for key, effect in zip(self._keys, self._effects))  # noqa: B905  of one length
        return {key: (effect, insert) for key, effect, insert in found if isinstance(insert, HostedInsert)}

    @property
    def hosts(self) -> bool:
        """Whether plug-ins were built for it."""
        return any(isinstance(insert, HostedInsert) for insert in self._by_key.values())

    @property
    def is_free(self) -> bool:
        """Whether any thread may call it: there is no plug-in in it, nor one that listens."""
        return not (self.hosts or self._listeners or any(isinstance(insert, HostedInsert) for insert in self._inserts))

    @property
    def new_latency(self) -> int:
        """By how much what was built for it delays."""
        return sum(insert.latency_frames for insert in self._by_key.values())

    def latency_after(self, before: Chain | None) -> int:
        """Return by how much it will delay once it has adopted ``before``'s inserts."""
        kept = [] if before is None else [before._by_key[key] for key in self._keys if key in before]
        return sum(insert.latency_frames for insert in (*self._by_key.values(), *kept))

    def let_listen(self, following: Chain) -> None:
        """From now on let the plug-ins that ``following`` adds hear what they will be given, unheard themselves."""
        place, listeners = 0, []
        for key in following._keys:
            if key in self:
                place = self._inserts.index(self._by_key[key]) + 1
            elif isinstance(insert := following._by_key[key], HostedInsert):
                listeners.append((place, insert))
        self._listeners = tuple(listeners)
        self._resting = False

    def switch_off(self, key: int) -> None:
        """Never call that insert again, if it is a plug-in."""
        insert = self._by_key.get(key)
        if isinstance(insert, HostedInsert):
            insert.switch_off()

    def moving(self, frame: int) -> int:
        """Return how many of its inserts move at ``frame`` and are heard."""
        if self._resting:
            return 0
        return sum(insert.moving and not insert.bypassed(frame) for insert in self._inserts)

    def adopt(
        self, before: Chain | None, frame: int, frames: int, waiting: Mapping[int, frozenset[int]], pace: Pace
    ) -> None:
        """Take over what ``before`` has of this chain's inserts, as they sound; the others fade in, or ring out.

        waiting: by key, the parameters that a scheduled record will set.
        """
        rests = before is not None and before._resting
        if before is not None:
            self._board, self._on_board = before._board, before._on_board
        for key, goal in zip(self._keys, self._goals, strict=True):
            if before is not None and key in before:
                insert = self._by_key[key] = before._by_key[key]
                rests = not insert.aim(goal, frame, frames, waiting.get(key, frozenset()), pace) and rests
            else:
                self._by_key[key].enter(frame, frames)
        mine = [self._by_key[key] for key in self._keys]
        order: list[AnyInsert] = []
        for old in before._inserts if before is not None else ():
            if old in mine:
                while mine[0] is not old:
                    order.append(mine.pop(0))
                order.append(mine.pop(0))
            elif not old.gone(frame):
                if not old.leaving:
                    old.leave(frame, frames, self._sample_rate)
                    rests = False
                order.append(old)
        self._inserts = (*order, *mine)
        self._resting = rests and before is not None and self._inserts == before._inserts

    def set_param(self, key: int, param: int, value: float, frame: int, frames: int, pace: Pace) -> None:
        """Let a parameter (table order) of an insert glide to ``value``. Raises KeyError or IndexError."""
        self._resting = False
        self._by_key[key].set_param(param, value, frame, frames, pace)

    def place(self, key: int, param: int, value: float, frame: int) -> None:
        """Have a parameter of an insert be at ``value``, before anything is heard. Raises KeyError or IndexError."""
        self._by_key[key].place(param, value, frame)

    def set_bypass(self, key: int, bypass: bool, frame: int, frames: int) -> None:
        """Fade an insert out of the chain or back into it. Raises KeyError."""
        self._resting = False
        self._by_key[key].set_bypass(bypass, frame, frames)

    def reset(self, frame: int) -> None:
        """Cut every tail at ``frame``. Raises EffectFailed."""
        self._resting = False
        for insert in self._inserts:
            insert.reset(frame)

    def clear(self, frame: int) -> None:
        """Let every insert be as new at ``frame``, which takes milliseconds. Raises EffectFailed."""
        self._resting = False
        for insert in self._inserts:
            insert.clear(frame)

    def tidy(self) -> None:
        """Make ready for the next reset. Main thread, while the callback goes on. Raises EffectFailed."""
        for insert in self._inserts:
            insert.tidy()

    def take_apart(self, heir: Chain | None) -> Iterator[None]:
        """Let go of one built-in effect after the other that ``heir`` has not taken over. Main thread."""
        kept: set[AnyInsert] = set() if heir is None else {*heir._inserts, *heir._by_key.values()}
        for insert in {*self._inserts, *self._by_key.values()} - kept:
            if isinstance(insert, Insert):
                yield from insert.take_apart()

    def process(self, block: Block, frame: int) -> Block:
        """Return the chain's output for planar (2, n) ``block``. Raises EffectFailed."""
        if self._resting or self._comes_to_rest(frame):
            return block if self._board is None else self._caller.run(self._board, block)
        last = frame + block.shape[1]
        edge = self._edge(frame, last)
        if edge == last:
            return self._process_each(block, frame)
        out = np.empty_like(block)
        begin = frame
        while begin < last:
            part = slice(begin - frame, edge - frame)
            out[:, part] = self._process_each(np.ascontiguousarray(block[:, part]), begin)
            begin, edge = edge, self._edge(edge, last)
        return out

    def _edge(self, frame: int, last: int) -> int:
        """Return the next frame at which a moving insert is turned, or ``last``."""
        edges = [insert.edge(frame) for insert in self._inserts if insert.moving]
        return min(last, *edges) if edges else last

    def _process_each(self, block: Block, frame: int) -> Block:
        for place, insert in enumerate(self._inserts):
            if self._listeners:
                self._listen(place, block, frame)
            block = insert.process(block, frame)
        if self._listeners:
            self._listen(len(self._inserts), block, frame)
        return block

    def _listen(self, place: int, block: Block, frame: int) -> None:
        heard = block
        for where, insert in self._listeners:
            if where == place:
                heard = insert.process(heard, frame)

    def _comes_to_rest(self, frame: int) -> bool:
        """Whether nothing moves any more; then all heard inserts become one native call."""
        if self._listeners or not all(insert.rests(frame) for insert in self._inserts):
            return False
        heard: list[Plugin] = [
            insert.main
            for insert in self._inserts
            if insert.main is not None and not (insert.leaving or insert.bypassed(frame))
        ]
        if heard != self._on_board:
            self._on_board = heard
            self._board = _board(heard) if heard else None
        self._resting = True
        return True


def _run_hosted(caller: Caller, watch: Watch, key: int, plugin: HostedPlugin, block: Block) -> Block:
    watch.running(key)
    try:
        return caller.run(plugin, block)
    finally:
        watch.running(NOTHING)


def _board(plugins: list[Plugin]) -> Plugin:
    """Return Pedalboard's own chain of ``plugins``: one native call for all of them."""
    board: Any = getattr(pedalboard, "Pedalboard")([])  # noqa: B009  its stubs do not export it
    # Empty, it learns that channels come first; from one or two frames of stereo it would guess that they don't.
    board.process(np.zeros((2, GRID_FRAMES), np.float32), 48000.0)
    for plugin in plugins:
        board.append(plugin)
    whole: Plugin = board
    return whole
