"""Racks: the chains of effects of all strips of one mixer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from engine.mixer.chain import Chain
from engine.mixer.graph import Graph, insert_word
from engine.mixer.handover import strip_places, waiting_params
from engine.mixer.hosted_insert import HostedInsert
from engine.mixer.pace import Pace, Unpaced
from engine.mixer.plugins import EffectFailed
from engine.mixer.watch import NO_WATCH, Watch

UNPACED = Unpaced()


class Rack:
    """chains: by the index of their strip. latencies: how late each strip's chain will be, once it plays.

    Built outside the callback; changed between blocks. before: the rack that this one will ``adopt``: effects that
    both have are not built. watch: hears of plug-ins by ``insert_word``. only: strips that get their effects.
    """

    def __init__(
        self,
        graph: Graph,
        sample_rate: int,
        max_block_frames: int,
        *,
        before: Rack | None = None,
        watch: Watch = NO_WATCH,
        only: Collection[int] | None = None,
    ) -> None:
        self._graph, self._sample_rate, self._max_block = graph, sample_rate, max_block_frames
        self.chains = chains = dict[int, Chain]()
        old = self._placed(before)
        for index, spec in enumerate(graph.strips):
            if spec.inserts and (only is None or index in only):
                kept = old[index].keys if index in old else ()
                own = Watch(partial(_tell_word, watch.loading, index), partial(_tell_word, watch.running, index))
                self.chains[index] = Chain(
                    spec.inserts, sample_rate, max_block_frames, spec.insert_keys, kept, graph.spec, own
                )
        self._pace = Pace(lambda frame: sum(chain.moving(frame) for chain in chains.values()))
        self.latencies = [0] * len(graph.strips)
        for index, chain in self.chains.items():
            self.latencies[index] = chain.latency_after(old.get(index))

    def _placed(self, before: Rack | None) -> dict[int, Chain]:
        """Return the chains of ``before`` by the places that their strips have here."""
        if before is None:
            return {}
        places = strip_places(before._graph, self._graph)
        return {int(places[i]): chain for i, chain in before.chains.items() if places[i] >= 0}

    def _chain(self, strip: int) -> Chain:
        """Return a strip's chain, an empty one if it has none."""
        if strip not in self.chains:
            self.chains[strip] = Chain((), self._sample_rate, self._max_block)
        return self.chains[strip]

    @property
    def faults(self) -> dict[str, str]:
        """Why plug-ins could not be loaded, by effect."""
        return {effect: text for chain in self.chains.values() for effect, text in chain.faults.items()}

    @property
    def hosted(self) -> dict[tuple[str, int], tuple[str, HostedInsert]]:
        """All plug-ins: effect and insert, by the id of their strip and their key. Any thread."""
        strips = self._graph.strips
        return {
            (strips[index].id, key): insert
            for index, chain in tuple(self.chains.items())
            for key, insert in chain.hosted.items()
        }

    def switch_off(self, effects: Collection[str]) -> None:
        """Never call these plug-ins again; what they delayed stays as late. Before the first block."""
        for index, chain in self.chains.items():
            spec = self._graph.strips[index]
            for key, insert in zip(spec.insert_keys, spec.inserts, strict=True):
                if insert.effect in effects:
                    chain.switch_off(key)

    def tidy(self) -> None:
        """Clear what inserts have put aside, for their next reset. Another thread, while blocks are mixed."""
        for chain in tuple(self.chains.values()):
            with contextlib.suppress(EffectFailed):  # its strip is told when it is heard
                chain.tidy()

    def take_apart(self, heir: Rack) -> Iterator[None]:
        """Let go of one effect after the other that ``heir`` has not adopted. Main thread."""
        places = strip_places(self._graph, heir._graph)
        for index, chain in self.chains.items():
            yield from chain.take_apart(heir.chains.get(int(places[index])))

    def reset(self, frame: int) -> Iterator[int]:
        """Cut every tail at ``frame``; yield the strips whose effects failed."""
        for strip, chain in self.chains.items():
            try:
                chain.reset(frame)
            except EffectFailed:
                yield strip

    def clear(self, frame: int) -> Iterator[int]:
        """Let every effect be as new, which takes milliseconds; yield the strips whose effects failed."""
        for strip, chain in self.chains.items():
            try:
                chain.clear(frame)
            except EffectFailed:
                yield strip

    def set_bypass(self, strip: int, insert: int, bypass: bool, frame: int, frames: int) -> None:
        """Fade an insert out or in. Raises EffectFailed. One that is not in this graph is of an older one."""
        chain = self.chains.get(strip)
        if chain is not None and insert in chain:
            chain.set_bypass(insert, bypass, frame, frames)

    def set_param(self, strip: int, insert: int, param: int, value: float, frame: int, frames: int) -> None:
        """Let a parameter of an insert glide to ``value``. Raises EffectFailed. See ``set_bypass``."""
        self._set_param(strip, insert, param, value, frame, frames, self._pace)

    def place(self, strip: int, insert: int, param: int, value: float, frame: int) -> None:
        """Have a parameter of an insert be at ``value`` from ``frame`` on, before anything is heard."""
        chain = self.chains.get(strip)
        if chain is not None and insert in chain:
            chain.place(insert, param, value, frame)

    def automate(self, strip: int, insert: int, param: int, value: float, frame: int, frames: int) -> None:
        """The same by the timeline, which waits for nobody. Raises EffectFailed."""
        self._set_param(strip, insert, param, value, frame, frames, UNPACED)

    def _set_param(
        self, strip: int, insert: int, param: int, value: float, frame: int, frames: int, pace: Pace
    ) -> None:
        chain = self.chains.get(strip)
        if chain is not None and insert in chain:
            chain.set_param(insert, param, value, frame, frames, pace)

    def let_listen(self, following: Rack, places: NDArray[np.int32]) -> int:
        """Let plug-ins that are new in ``following`` hear what they will be given; return how late they are.

        places: its strips' indexes, by ours.
        """
        new = {place: chain for place, chain in following.chains.items() if chain.hosts}
        for index, place in enumerate(places.tolist()):
            if place in new:
                self._chain(index).let_listen(new[place])
        return max((chain.new_latency for chain in new.values()), default=0)

    def adopt(self, other: Rack, places: NDArray[np.int32], waiting: NDArray[np.void], frame: int, frames: int) -> None:
        """Take over the effects of ``other``; the rest fades in, or rings out. places: our strips, by its own.

        waiting: scheduled records of its.
        """
        old = {int(places[index]): (index, chain) for index, chain in other.chains.items() if places[index] >= 0}
        for place in {*old, *self.chains}:
            index, chain = old.get(place, (-1, None))  # none of ours: nothing any more but what rings out
            self._chain(place).adopt(chain, frame, frames, waiting_params(waiting, index), self._pace)


def _tell_word(tell: Callable[[int], object], strip: int, key: int) -> None:
    tell(insert_word(strip, key))
