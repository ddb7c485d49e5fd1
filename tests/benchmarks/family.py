"""The engine's processes as the system sees them: who they are, what memory each has, how many descriptors."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from pathlib import Path

import msgspec
import psutil

AUDIO, CONTROL, WORKER = "engine.realtime.audio_process", "bridge.cli.control_process", "engine.voices.worker"
ROLES = {AUDIO: "audio", CONTROL: "control", WORKER: "workers", "engine.io.io_process": "io"}
SUPERVISOR, OTHERS = "supervisor", "others"
YOUNG_SECONDS = 8.0
"""A process that is younger is still getting ready."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What a process takes, MB; pages that several map count once in all.

    own: heap, stacks and code. shared: what it has touched so far of the memory that is reserved in full at start.
    """

    own: float = 0.0
    shared: float = 0.0

    def __add__(self, other: Memory) -> Memory:
        return Memory(own=self.own + other.own, shared=self.shared + other.shared)


class Family:
    """A supervisor and all its children, by what they run."""

    def __init__(self, pid: int) -> None:
        self._supervisor = psutil.Process(pid)

    def all(self) -> list[psutil.Process]:
        return [self._supervisor, *self._supervisor.children(recursive=True)]

    def running(self, module: str) -> list[psutil.Process]:
        """Return those that run ``module``, oldest first."""
        found = []
        for process in self.all():
            try:
                if module in process.cmdline():
                    found.append((process.create_time(), process.pid, process))
            except psutil.Error:
                continue
        return [process for *_, process in sorted(found, key=lambda f: f[:2])]

    def kill(self, module: str) -> bool:
        """Kill the oldest that runs ``module``."""
        found = self.running(module)
        if found:
            found[0].kill()
        return bool(found)

    def memory(self) -> dict[str, Memory]:
        """Return what the processes of each role take together."""
        taken: dict[str, Memory] = defaultdict(Memory)
        for process in self.all():
            taken[self._role(process)] += _memory(process.pid)
        return dict(taken)

    def settled(self) -> bool:
        """Whether nobody has just been started."""
        try:
            return time.time() - max(process.create_time() for process in self.all()) > YOUNG_SECONDS
        except psutil.Error:
            return False

    def fds(self) -> int:
        """Return the descriptors of the supervisor, which outlives all others."""
        return self._supervisor.num_fds()

    def control_fds(self) -> int:
        return sum(_fds(process) for process in self.running(CONTROL))

    def has_realtime(self) -> bool:
        """Whether an audio process has a thread under SCHED_FIFO: the callback's."""
        tids = (thread.id for process in self.running(AUDIO) for thread in process.threads())
        return any(_policy(tid) == os.SCHED_FIFO for tid in tids)

    def _role(self, process: psutil.Process) -> str:
        if process.pid == self._supervisor.pid:
            return SUPERVISOR
        try:
            words = process.cmdline()
        except psutil.Error:
            return OTHERS
        return next((role for module, role in ROLES.items() if module in words), OTHERS)


def _policy(tid: int) -> int:
    try:
        return os.sched_getscheduler(tid)
    except OSError:
        return os.SCHED_OTHER


def _fds(process: psutil.Process) -> int:
    try:
        return process.num_fds()
    except psutil.Error:
        return 0


def _memory(pid: int) -> Memory:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return Memory()
    kb = {words[0]: int(words[1]) for words in (line.split() for line in lines[1:])}
    shared = kb.get("Pss_Shmem:", 0)
    return Memory(own=(kb.get("Pss:", 0) - shared) / 1024, shared=shared / 1024)
