"""A rig: the audio process alone, on a JACK server, filled with players; its callback times seen from outside."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import msgspec
import numpy as np
from jack_clients import Stalls
from msgspec.structs import replace
from numpy.typing import NDArray
from report import quantile

from engine.mixer.effects import EFFECTS
from engine.mixer.graph import Graph, compile_graph
from engine.realtime.records import RECORD, Kind, records
from engine.realtime.shared import EngineMemory, MemoryConfig
from engine.story.model import Bus, Duck, Effect, Master, Send, Story, Strip, Track
from engine.units import gain_to_db
from tests.jack_server import JackServer
from tests.realtime.live_engine import LiveEngine

RATE = 48000
CHAIN = ("highpass", "compressor", "peak")
TRACKS = 8
CLIP_SECONDS = 90
KEYS = 2
"""Tracks that duck the others."""
THRESHOLD_DB = -60.0
"""Just below the keys' noise."""
SLOWEST, FASTEST = 0.5, 1.5
"""Between these lie the speeds of varispeed players."""
AT_ONCE = 512
"""Records handed over in one piece: half of what a block takes."""
LOOK_SECONDS = 0.0006
ANSWER_SECONDS = 5.0
VARISPEED = "rate" in (RECORD.names or ())
"""Whether players of this engine have a speed."""


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """Callback times of a stretch of blocks. longest_us: of all blocks so far, also of those that nobody saw."""

    us: list[float]
    blocks: int
    underflows: int
    longest_us: float

    def quantile(self, share: float) -> float:
        return quantile(self.us, share)

    @property
    def seen_percent(self) -> float:
        """How many of the blocks were seen."""
        return 100 * len(self.us) / max(1, self.blocks)


def graph(*, chains: bool) -> Graph:
    """Return eight tracks, with ``chains`` three effects on each, a send to a reverb and a limiter; six are ducked.

    Every strip is metered in any case. The ducks never rest while players sound.
    """
    missing = set(CHAIN) - set(EFFECTS)
    assert not missing, missing
    strip = Strip(
        inserts=tuple(Effect(effect=name) for name in CHAIN) if chains else (),
        sends=(Send(to="room", gain_db=-12.0),) if chains else (),
    )
    duck = Duck(by=tuple(f"t{n}" for n in range(KEYS)), threshold_db=THRESHOLD_DB, hold_ms=0.0)
    ducked = replace(strip, duck=duck if chains else None)
    room = Bus(id="room", strip=Strip(inserts=(Effect(effect="reverb", params={"dry_level": 0.0}),)))
    return compile_graph(
        Story(
            title="Rig",
            sample_rate=RATE,
            tracks=tuple(Track(id=f"t{n}", strip=strip if n < KEYS else ducked) for n in range(TRACKS)),
            buses=(room,) if chains else (),
            master=Master(limiter_db=-1.0 if chains else None),
        )
    )


def noise() -> NDArray[np.float32]:
    """Return the mono clip that all players play, from different places: quiet, so that thousands add up to a mix."""
    return (np.random.default_rng(0).standard_normal(CLIP_SECONDS * RATE) * 1e-4).astype(np.float32)


def clip_frames(seconds: float, *, speed: bool = False) -> int:
    """Return how much of the clip a player takes in ``seconds``, the fastest one with ``speed``."""
    return round(seconds * RATE * (FASTEST if speed else 1.0))


def starts(count: int, *, offset: int, frames: int, speed: bool = False, fade_frames: int = 240) -> NDArray[Any]:
    """Return START_PLAYER records of players that begin at different places of the clip at ``offset``."""
    block = records(count)
    number = np.arange(count)
    block["kind"], block["player"], block["serial"] = Kind.START_PLAYER, 1 + number, 1 + number
    block["strip"], block["channels"], block["length"] = number % TRACKS, 1, frames
    block["offset"] = offset + (number * 9973) % (CLIP_SECONDS * RATE - frames)
    block["gain"], block["pan"] = 0.5, np.linspace(-1.0, 1.0, count)
    block["fade_in_frames"] = block["fade_out_frames"] = fade_frames
    if speed:
        block["rate"] = np.linspace(SLOWEST, FASTEST, count)
    return block


class Rig:
    """The process, on ``server``; use it as a context manager."""

    def __init__(self, server: JackServer, graph: Graph, *, max_players: int) -> None:
        os.environ.update(server.env)
        self._memory = EngineMemory.create(MemoryConfig(arena_bytes=(CLIP_SECONDS * RATE + RATE) * 4, reports=65536))
        self._engine = LiveEngine(
            graph, device="system", memory=self._memory, block_frames=server.period, max_players=max_players
        )

    def __enter__(self) -> Rig:
        try:
            self._engine.__enter__()
            if "ready" not in self._engine.answer:
                raise RuntimeError(f"the audio process did not start: {self._engine.answer}")
            self.offset = self._engine.load(noise())
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._engine.__exit__()
        finally:
            self._memory.close()

    @property
    def players(self) -> int:
        """How many sound now."""
        return self._engine.link.status().active_players

    @property
    def reduction_db(self) -> float:
        """By how much the strip that is ducked most is down now."""
        return gain_to_db(float(self._engine.link.status().reduction.min()))

    def push(self, block: NDArray[Any]) -> None:
        """Hand records over as one piece. Raises RuntimeError when there is no room."""
        if self._engine.link.push(block) < len(block):
            raise RuntimeError("the ring of commands is full")

    def add(self, block: NDArray[Any]) -> None:
        """Hand over as many records as need be, a piece at a time, and wait until they are taken."""
        wanted = self.players + len(block)
        for begin in range(0, len(block), AT_ONCE):
            self.push(block[begin : begin + AT_ONCE])
            time.sleep(0.02)
        deadline = time.monotonic() + ANSWER_SECONDS
        while self.players < wanted:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.players} of {wanted} players sound")
            self._engine.link.reports()
            time.sleep(0.01)

    def silence(self) -> None:
        """End every player."""
        stop = records(1)
        stop["kind"], stop["ramp_frames"] = Kind.STOP_PLAYER, 240
        self.push(stop)
        while self.players:
            self._engine.link.reports()
            time.sleep(0.01)

    def watch(self, seconds: float, every: Callable[[float], None] = lambda _: None) -> Times:
        """Look at each block's callback time for ``seconds``; ``every`` is called with the time at each look."""
        link, times = self._engine.link, []
        first = last = link.status()
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            every(now)
            status = link.status()
            if status.callbacks != last.callbacks:
                times.append(status.callback_ns / 1e3)
                last = status
                link.reports()
            time.sleep(LOOK_SECONDS)
        return Times(
            us=times,
            blocks=last.callbacks - first.callbacks,
            underflows=last.underflows - first.underflows,
            longest_us=last.callback_max_ns / 1e3,
        )


def unshared(times: Times, stalls: Stalls) -> int:
    """Return the underflows that the bare client did not share."""
    return max(0, times.underflows - stalls.late)
