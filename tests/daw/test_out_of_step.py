"""Instances of one host that are out of step with each other hear what they would in step, whoever comes first."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.daw.layout import Flag, Refusal
from engine.daw.link import DawLink
from engine.daw.notes import NoteSender
from engine.daw.server import Server
from engine.realtime.memory import Segment
from engine.realtime.records import HEARD, Kind
from engine.realtime.ring import ring_bytes
from tests.signals import RATE

BLOCK = 256
STANDS = -1.0
FADES = 3 * BLOCK
PATIENCE = 100
SKIPPED_FRAMES = 16384
"""What the plug-in leaves out of its stream when what it has asked for ahead is of no use."""


class Cycle(msgspec.Struct, frozen=True):
    """What a host asks of every instance, once. loop: start and end; equal: none."""

    frame: int
    frames: int
    playing: bool
    loop: tuple[int, int]

    @property
    def sound(self) -> NDArray[np.float32]:
        """What is heard in it: every frame is the number of its place, from 1 on."""
        if not self.playing:
            return np.full(self.frames, STANDS, np.float32)
        places = [self.frame]
        while len(places) <= self.frames:
            places.append(self.loop[0] if places[-1] + 1 == self.loop[1] > self.loop[0] else places[-1] + 1)
        return np.array(places[:-1], np.float32) + 1.0

    @property
    def next_frame(self) -> int:
        if not self.playing:
            return self.frame
        last = int(self.sound[-1]) - 1
        return self.loop[0] if last + 1 == self.loop[1] > self.loop[0] else last + 1


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("go"), st.integers(1, 5)),
        st.tuples(st.just("play"), st.just(0)),
        st.tuples(st.just("stop"), st.just(0)),
        st.tuples(st.just("locate"), st.integers(0, 5)),
        st.tuples(st.just("loop"), st.integers(0, 3)),
        st.tuples(st.just("unloop"), st.just(0)),
    ),
    min_size=4,
    max_size=12,
)


def cycles(moves: list[tuple[str, int]], sizes: random.Random) -> Iterator[Cycle]:
    """Return what a host with these moves does: a cycle or more for each; it never locates to one place twice."""
    frame, playing, loop = 0, False, (0, 0)
    for number, (move, value) in enumerate(moves, 1):
        match move:
            case "play" | "stop":
                playing = move == "play"
            case "locate":
                frame = 7000 * (value + 6 * number)
            case "loop":
                loop = (frame, frame + (512, 700, 1024, 3000)[value])
            case "unloop":
                loop = (0, 0)
        for _ in range(max(1, value if move == "go" else 1)):
            cycle = Cycle(frame, sizes.choice((BLOCK, BLOCK, 80, 176)), playing, loop)
            yield cycle
            frame = cycle.next_frame


class Desk:
    """A mixer that plays what it is told to, as ``Cycle.sound`` has it; its strip's is that below 0."""

    buses = strip_ids = strip_names = ("one",)
    latency_frames = strip_latency_frames = 0

    def __init__(self) -> None:
        self.frame, self.playing = 0, False
        self._records: NDArray[np.void] | None = None
        self._block = np.zeros((0, 2), np.float32)

    def render(self, out: NDArray[np.float32], unix_seconds: float, lost: bool) -> None:
        for record in () if self._records is None else self._records:
            self._obey(Kind(int(record["kind"])), float(record["value"]))
        self._records = None
        out[:] = STANDS
        if self.playing:
            out[:] = np.arange(self.frame + 1, self.frame + 1 + len(out), dtype=np.float32)[:, None]
            self.frame += len(out)
        self._block = -out

    def _obey(self, kind: Kind, value: float) -> None:
        match kind:
            case Kind.PLAY:
                self.playing = True
            case Kind.STOP | Kind.PANIC:
                self.playing = False
            case Kind.LOCATE:
                self.frame = int(value)

    def conduct(self, transport: NDArray[np.void]) -> None:
        self._records = transport.copy()

    def keep_time(self, tempo_bpm: float, beats_per_bar: int, begin_frame: int) -> None:
        """Keep none."""

    def live(self) -> None:
        """Live."""

    def strip_output(self, strip: int) -> NDArray[np.float32]:
        return self._block


class Instance:
    """A plug-in in its slot, and what it has been answered. late: blocks of latency; 0 live: it asks ahead."""

    def __init__(self, link: DawLink, number: int, late: int, todo: list[Cycle], *, offline: bool) -> None:
        self.row, self._number, self.late, self.offline = link.slots[number].row, number, late, offline
        self.row["sample_rate"], self.row["latency_frames"], self.row["bus"] = RATE, late * BLOCK, self._bus(0)
        self.row["host"] = os.getpid()
        self.row["generation"] += 1
        self.todo, self.asked, self.stream = todo, 0, int(self.row["done"])
        self.news = self.news_at = 0
        self.begins: list[int] = []
        self.heard: list[tuple[NDArray[np.float32], Refusal]] = []
        self._slot, answer = link.slots[number], link.slots[number].answer

        def answered(done: int, refusal: int, now_ns: int, count: int = 1) -> None:
            for _ in range(0 if offline else count):
                self._hear(refusal)
            answer(done, refusal, now_ns, count)

        self._slot.answer = answered  # type: ignore[method-assign]

    @property
    def done(self) -> int:
        """How far what is in its ring is right, as the plug-in sees it: more than was asked for, but for news."""
        done = int(self.row["done"])
        return done if self.is_heard else min(done, self.news_at)

    @property
    def is_heard(self) -> bool:
        """Whether the engine has answered what was not to be foreseen."""
        return int(self.row["taken_requests"]) >= self.news

    @property
    def may_ask(self) -> bool:
        """Whether it has something to ask, and does not wait for an answer."""
        waits = self.offline and self.stream - self.late * BLOCK > self.done
        return self.asked < len(self.todo) and not waits

    def read(self) -> None:
        """Read what a bounce waits for no longer, behind what it has asked for by its latency; at its end, the rest."""
        behind = self.late * BLOCK if self.asked < len(self.todo) else 0
        while self.offline and (read := len(self.heard)) < self.asked:
            if self.begins[read] + self.todo[read].frames > min(self.done, self.stream - behind):
                break
            self._hear(int(self.row["refusal"]))

    def _hear(self, refusal: int) -> None:
        cycle, begin = self.todo[len(self.heard)], self.begins[len(self.heard)]
        places = np.arange(begin, begin + cycle.frames) % len(self._slot.ring)
        self.heard.append((self._slot.ring[places, 0].copy(), Refusal(refusal)))

    def _bus(self, number: int) -> int:
        return (self._number + number // 7) % 2

    def _jumps(self, number: int) -> bool:
        cycle, before = self.todo[number], self.todo[number - 1]
        return not number or (before.next_frame, before.playing) != (cycle.frame, cycle.playing)

    def _is_foreseen(self, number: int) -> bool:
        cycle, before = self.todo[number], self.todo[number - 1]
        told = before.frame + before.frames * before.playing, before.playing, before.loop
        goes_on = number > 0 and told == (cycle.frame, cycle.playing, cycle.loop)
        return goes_on and self._bus(number - 1) == self._bus(number)

    def ask(self) -> None:
        cycle = self.todo[self.asked]
        if not self._is_foreseen(self.asked):
            self.news_at = self.stream if self.is_heard else self.news_at
            self.news = int(self.row["asked_requests"]) + 1
        ahead = 0 if self.late or self.offline else BLOCK
        self.stream += SKIPPED_FRAMES if ahead and self._jumps(self.asked) else 0
        row = self.row["request"][int(self.row["asked_requests"]) % len(self.row["request"])]
        row["stream"], row["timeline_frame"], row["frames"] = self.stream, cycle.frame, cycle.frames
        row["bus"] = self._bus(self.asked)
        row["ahead_frames"], row["generation"], (row["loop_start"], row["loop_end"]) = (
            ahead, self.row["generation"], cycle.loop,
        )  # fmt: skip
        loops = Flag.LOOP if cycle.loop[0] < cycle.loop[1] else Flag(0)
        row["flags"] = int((Flag.PLAYING if cycle.playing else Flag(0)) | loops | (Flag.OFFLINE * self.offline))
        self.begins.append(self.stream)
        self.stream += cycle.frames
        self.asked += 1
        self.row["asked_requests"] += 1

    def check(self) -> None:
        """Hold every block to what it is in step.

        Live a standing one may be silent, when that is told; and where others have had more mixed before a jump, or
        another loop, whoever leaves that out goes over by a fade.
        """
        since_jump = 0
        for number, (sound, refusal) in enumerate(self.heard):
            cycle, sign = self.todo[number], -1.0 if self._bus(number) else 1.0
            changes = self._jumps(number) or (self.todo[number - 1].loop, self._bus(number - 1)) != (
                cycle.loop, self._bus(number),
            )  # fmt: skip
            since_jump = 0 if changes else since_jump + self.todo[number - 1].frames
            if not self.offline and not cycle.playing and refusal is Refusal.ELSEWHERE:
                assert not sound.any()
                continue
            assert refusal is Refusal.SERVED, (number, cycle)
            begin = 0 if self.offline else max(0, FADES - since_jump)
            np.testing.assert_array_equal(sound[begin:], sign * cycle.sound[begin:], f"block {number}, {cycle}")


class Run:
    """A host's instances, each up to its latency ahead of the slowest, in an order drawn by chance; bounces stall."""

    def __init__(self, link: DawLink, todo: list[Cycle], lates: list[int], seed: int, *, offline: bool) -> None:
        segment, self._turns, self._now = Segment.create(ring_bytes(HEARD, 64)), random.Random(seed), 10.0
        desk, self._offline = Desk(), offline
        self.server = Server(link, desk, desk.render, RATE, NoteSender(segment))
        self.instances = [Instance(link, n, late, todo, offline=offline) for n, late in enumerate(lates)]

    def play(self) -> None:
        patience = PATIENCE
        while any(len(each.heard) < len(each.todo) for each in self.instances):
            last = min(each.asked for each in self.instances)
            able = [each for each in self.instances if each.may_ask and each.asked <= last + max(1, each.late)]
            if able and self._turns.random() < 0.8:
                self._turns.choice(able).ask()
            progress = self._turns.random() < 0.5 and self.server.serve(self._now)
            progress = (not progress and self._turns.random() < 0.5 and self.server.mix_ahead()) or progress
            for each in self.instances:
                each.read()
            patience = PATIENCE if able or progress else patience - 1
            assert patience, "somebody waits for ever"
            are_there = all(each.heard for each in self.instances)
            stalls = self._offline and are_there and self._turns.random() < 0.02
            self._now += 0.7 if stalls else self._turns.choice((0.0, 0.001, 0.005))


LATES = st.lists(st.integers(0, 2), min_size=2, max_size=4)


def hold(moves: list[tuple[str, int]], lates: list[int], seed: int, *, offline: bool) -> None:
    link = DawLink(f"test-step-{os.getpid()}", RATE)
    try:
        run = Run(link, list(cycles(moves, random.Random(seed))), lates, seed, offline=offline)
        run.play()
        for instance in run.instances:
            instance.check()
    finally:
        link.close()


@pytest.mark.parametrize("offline", [False, True])
@settings(max_examples=50, derandomize=True, deadline=None)
@given(moves=MOVES, lates=LATES, seed=st.integers(0, 1 << 16))
@example(moves=[("loop", 0), ("play", 0), *[("go", 4)] * 3], lates=[1, 1], seed=0)
def test_each_hears_what_it_would_in_step(
    offline: bool, moves: list[tuple[str, int]], lates: list[int], seed: int
) -> None:
    hold(moves, lates, seed, offline=offline)


@pytest.mark.extra
@pytest.mark.parametrize("offline", [False, True])
@settings(max_examples=200, derandomize=True, deadline=None)
@given(moves=MOVES, lates=LATES, seed=st.integers(0, 1 << 16))
def test_each_does_so_in_many_runs(offline: bool, moves: list[tuple[str, int]], lates: list[int], seed: int) -> None:
    hold(moves, lates, seed, offline=offline)
