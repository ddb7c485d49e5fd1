"""Sharing: the chains of a run know nothing of each other, so another thread may take its share of them.

Effects work without the interpreter's lock. It pays where blocks are long: a bounce's, never a device's.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor

from engine.mixer.chain import Chain
from engine.mixer.insert import Block
from engine.mixer.plugins import EffectFailed

LONG_FRAMES = 2048
"""From so many frames on a chain takes longer than it takes to wake a thread."""

Chained = tuple[int, Chain, Block]
"""A strip, its chain, and the planar block that goes through it."""


def pass_through(chain: Chain, block: Block, frame: int) -> bool:
    """Put a block through a chain, in its place; silence and False where an effect fails."""
    try:
        block[:] = chain.process(block, frame)
    except EffectFailed:
        block[:] = 0.0
        return False
    return True


def pass_all_through(chained: Sequence[Chained], frame: int, helper: Executor) -> list[int]:
    """Put each block through its chain, in this thread and one of ``helper``'s; return the strips that failed.

    Plug-ins of others stay in this thread: some want to be called by one only.
    """
    free: list[Chained] = []
    bound: list[Chained] = []
    for each in chained:
        (free if each[1].is_free else bound).append(each)
    failed: list[int] = []

    def work() -> None:
        while free:
            try:
                strip, chain, block = free.pop()
            except IndexError:
                return  # the other thread was quicker
            if not pass_through(chain, block, frame):
                failed.append(strip)

    helps = helper.submit(work)
    for strip, chain, block in bound:
        if not pass_through(chain, block, frame):
            failed.append(strip)
    work()
    if not helps.cancel():
        helps.result()
    return sorted(failed)
