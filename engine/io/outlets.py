"""Outlets: strips that are played on further sound devices, each by a process of its own that this one feeds."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from engine.io.messages import OutletGoing, Play, Played, Playing, Told
from engine.io.outlet_messages import OutletConfig, OutletState
from engine.platform import spawn
from engine.realtime.fades import Seam
from engine.realtime.memory import Segment
from engine.realtime.sound_ring import SOUND_RING_BYTES, SoundWriter

log = logging.getLogger(__name__)

MODULE = "engine.io.outlet_process"
TELL_SECONDS = 1.0
STOP_SECONDS = 2.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 8.0
"""How long there is none after one that ended; every time twice as long, until one has played."""


class Outlet:
    """One strip on one device: a ring, and a thread that keeps a process at its other end."""

    def __init__(self, played: Played, sample_rate: int, changed: Callable[[], None]) -> None:
        self.played = played
        self.state = OutletState(state="waiting", text="it starts")
        self._rate, self._changed = sample_rate, changed
        self._segment = Segment.create(SOUND_RING_BYTES)
        self._ring = SoundWriter(self._segment)
        self._end: int | None = None
        self._seam = Seam()
        self._lost = self._lost_before = 0
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._talking = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"outlet {played.strip}", daemon=True)
        self._thread.start()

    def put(self, start: int, sound: NDArray[np.float32], now_seconds: float) -> None:
        """Pass a block on, (frames, 2), that begins at engine frame ``start``; a gap before it is silence."""
        missing = start - self._end if self._end is not None else 0
        if 0 < missing <= self._rate:
            self._lost += missing
            self._ring.write(self._seam.silence(min(missing, self._rate // 10)), round(now_seconds * 1e9))
        elif missing:
            self._seam.silence(0)
        self._ring.write(self._seam.join(sound), round(now_seconds * 1e9))
        self._end = start + len(sound)

    def going(self) -> OutletGoing:
        """Return how it goes."""
        lost = self._lost_before + self.state.lost_frames + self._lost
        return OutletGoing(strip=self.played.strip, state=replace(self.state, lost_frames=lost))

    def close(self) -> None:
        """Fade out and stop; whoever calls does not wait."""
        with self._talking:
            self._stopping.set()
            if self._process is not None:
                _hang_up(self._process)

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            played = self._live()
            pause = FIRST_PAUSE_SECONDS if played else min(2.0 * pause, LONGEST_PAUSE_SECONDS)
            self._stopping.wait(pause)
        self._segment.close()

    def _live(self) -> bool:
        """Run one process to its end; return whether it has played."""
        config = OutletConfig(
            ring=(self._segment.handle, self._segment.size_bytes),
            sample_rate=self._rate,
            device=self.played.device,
            block_frames=self.played.block_frames,
            name=f"cuevox-{self.played.strip}",
        )
        parent = {"CUEVOX_PARENT_PID": str(os.getpid())}
        process = self._process = spawn([sys.executable, "-m", MODULE], (self._segment.handle,), env=parent)
        assert process.stdout is not None
        self._instruct(process, msgspec.json.encode(config) + b"\n")
        played, said = False, ""
        for line in process.stdout:
            self._hear(msgspec.json.decode(line, type=OutletState))
            said = self.state.text
            played = played or self.state.state == "playing"
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if not self._stopping.is_set():
            text = said or f"its process ended (exit code {code})"
            self._hear(OutletState(state="lost", text=text))
        return played

    def _instruct(self, process: subprocess.Popen[bytes], line: bytes) -> None:
        """Say what to play, unless it is to end by now; one that has ended already tells by that."""
        with self._talking:
            if self._stopping.is_set():
                _hang_up(process)
            elif process.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.write(line)
                    process.stdin.flush()

    def _hear(self, state: OutletState) -> None:
        before = self.state
        if before.state == "playing" and state.state != "playing":
            self._lost_before += before.lost_frames
        self.state = state
        if (before.state, before.text) != (state.state, state.text):
            if state.text:
                log.warning("output of %s: %s", self.played.strip, state.text)
            self._changed()


def _hang_up(process: subprocess.Popen[bytes]) -> None:
    """Tell a process to end, if there still is one."""
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


class Outlets:
    """Every strip that is played elsewhere. ``put`` belongs to one thread, ``play`` to another."""

    def __init__(self, sample_rate: int, tell: Callable[[Told], object]) -> None:
        self._rate, self._tell = sample_rate, tell
        self._outlets: tuple[Outlet, ...] = ()
        self._told_at = 0.0

    def play(self, ask: Play) -> None:
        """Play these from now on; those that are played already go on."""
        going = {outlet.played: outlet for outlet in self._outlets}
        self._outlets = tuple(
            going.pop(played) if played in going else Outlet(played, self._rate, self._soon) for played in ask.outputs
        )
        for gone in going.values():
            gone.close()
        self._soon()

    @property
    def any(self) -> bool:
        """Whether anything is played."""
        return bool(self._outlets)

    def put(self, start: int, lanes: NDArray[np.float32], now_seconds: float) -> None:
        """Take a packet of the feed, (lanes, frames, 2), and pass its lanes on."""
        for outlet in self._outlets:
            if outlet.played.lane < len(lanes):
                outlet.put(start, lanes[outlet.played.lane], now_seconds)

    def look(self, now_seconds: float) -> None:
        """Tell how it goes, once a second, and soon after something has changed."""
        if self._outlets and now_seconds - self._told_at >= TELL_SECONDS:
            self._told_at = now_seconds
            self._tell(Playing(outputs=tuple(outlet.going() for outlet in self._outlets)))

    def _soon(self) -> None:
        self._told_at = 0.0

    def close(self) -> None:
        """End them all."""
        self.play(Play(outputs=()))
