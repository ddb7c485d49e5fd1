"""The clip arena: blocks never overlap, nothing leaks, a freed block waits for its epoch."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.errors import MemoryShort
from engine.realtime.arena import ALIGN_FLOATS, ArenaAllocator

SIZE = 64 * ALIGN_FLOATS


def blocks(floats: int) -> int:
    return -(-floats // ALIGN_FLOATS) * ALIGN_FLOATS


class ArenaMachine(RuleBasedStateMachine):
    """Allocates, frees and acknowledges in any order, with a ring that is sometimes full."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []
        self.ring_full = False
        self.live: dict[int, int] = {}
        self.unasked: dict[int, int] = {}
        self.leaving: dict[int, tuple[int, int]] = {}
        self.arena = ArenaAllocator(SIZE, self.ask)

    def ask(self, epoch: int) -> bool:
        if not self.ring_full:
            self.asked.append(epoch)
            self.leaving.update({offset: (floats, epoch) for offset, floats in self.unasked.items()})
            self.unasked.clear()
        return not self.ring_full

    def taken(self) -> dict[int, int]:
        return {**self.live, **self.unasked, **{offset: floats for offset, (floats, _) in self.leaving.items()}}

    @rule(floats=st.integers(1, SIZE // 3))
    def allocate(self, floats: int) -> None:
        try:
            offset = self.arena.allocate(floats)
        except MemoryShort:
            return
        assert 0 <= offset <= SIZE - floats
        assert offset % ALIGN_FLOATS == 0
        for start, length in self.taken().items():
            assert offset + floats <= start or start + length <= offset
        self.live[offset] = floats

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def free(self, data: st.DataObject) -> None:
        offset = data.draw(st.sampled_from(sorted(self.live)))
        self.unasked[offset] = self.live.pop(offset)
        self.arena.free(offset)

    @rule(full=st.booleans())
    def fill_ring(self, full: bool) -> None:
        self.ring_full = full
        self.arena.poll()

    @precondition(lambda self: self.asked)
    @rule()
    def acknowledge(self) -> None:
        epoch = self.asked.pop(0)
        self.arena.acknowledge(epoch)
        self.leaving = {offset: block for offset, block in self.leaving.items() if block[1] > epoch}

    @invariant()
    def nothing_is_lost(self) -> None:
        assert self.arena.used_floats == sum(map(blocks, self.taken().values()))

    def teardown(self) -> None:
        self.ring_full = False
        for offset in list(self.live):
            self.free_now(offset)
        self.arena.poll()
        while self.asked:
            self.acknowledge()
        assert self.arena.used_floats == 0
        assert self.arena.allocate(SIZE) == 0  # the gaps have joined again

    def free_now(self, offset: int) -> None:
        self.unasked[offset] = self.live.pop(offset)
        self.arena.free(offset)


TestArena = ArenaMachine.TestCase
TestArena.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_freed_block_is_not_given_out_before_its_epoch() -> None:
    asked: list[int] = []
    arena = ArenaAllocator(SIZE, lambda epoch: not asked.append(epoch))
    offset = arena.allocate(SIZE)
    arena.free(offset)
    with pytest.raises(MemoryShort):
        arena.allocate(1)
    arena.acknowledge(asked[0])
    assert arena.allocate(SIZE) == offset


def test_a_block_freed_after_the_epoch_was_asked_for_waits_for_the_next() -> None:
    asked: list[int] = []
    arena = ArenaAllocator(SIZE, lambda epoch: not asked.append(epoch))
    first, second = arena.allocate(SIZE // 2), arena.allocate(SIZE // 2)
    arena.free(first)
    arena.free(second)
    arena.acknowledge(asked[0])
    assert arena.allocate(SIZE // 2) == first
    with pytest.raises(MemoryShort, match="longest gap is 0"):
        arena.allocate(1)


def test_freeing_what_was_not_allocated_is_an_error() -> None:
    arena = ArenaAllocator(SIZE, lambda _: True)
    with pytest.raises(KeyError):
        arena.free(ALIGN_FLOATS)
