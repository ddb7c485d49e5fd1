"""The engine's processes as the system sees them: who they are, their memory, descriptors and shared mappings."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import msgspec
import psutil

AUDIO, CONTROL, WORKER = "engine.realtime.audio_process", "bridge.cli.control_process", "engine.voices.worker"
IO = "engine.io.io_process"
MODULES = {AUDIO: "audio", CONTROL: "control", WORKER: "workers", IO: "io"}
SUPERVISOR, STANDBY, OTHERS = "supervisor", "standby", "others"
ROLES = (SUPERVISOR, "audio", STANDBY, "control", "workers", "io")
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


class Block(msgspec.Struct, frozen=True):
    """Shared memory without a name in any folder, by what tells it apart from others."""

    device: str
    inode: int


class Mapped(msgspec.Struct, frozen=True, kw_only=True):
    """The shared memory without a name that a process holds: mapped parts, and MB of each block mapped or open."""

    parts: int = 0
    blocks: dict[Block, float] = {}


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

    def by_role(self) -> dict[str, list[psutil.Process]]:
        """Return the processes of each role; of the audio processes the oldest plays."""
        found: dict[str, list[tuple[float, int, psutil.Process]]] = defaultdict(list)
        for process in self.all():
            try:
                role = self._role(process.pid, process.cmdline())
                found[role].append((process.create_time(), process.pid, process))
            except psutil.Error:
                continue
        roles = {role: [process for *_, process in sorted(each, key=lambda f: f[:2])] for role, each in found.items()}
        if len(audio := roles.get("audio", [])) > 1:
            roles["audio"], roles[STANDBY] = audio[:1], audio[1:]
        return roles

    def memory(self) -> dict[str, Memory]:
        """Return what the processes of each role take together."""
        return {
            role: sum((_memory(process.pid) for process in processes), Memory())
            for role, processes in self.by_role().items()
        }

    def grown_up(self) -> dict[str, list[int]]:
        """Return the process ids of each role that are older than YOUNG_SECONDS; a role without any is missing."""
        now, grown = time.time(), defaultdict(list)
        for role, processes in self.by_role().items():
            for process in processes:
                try:
                    if now - process.create_time() > YOUNG_SECONDS:
                        grown[role].append(process.pid)
                except psutil.Error:
                    continue
        return dict(grown)

    def mapped(self) -> dict[int, Mapped]:
        """Return the shared memory without a name that each process holds, by process id."""
        return {process.pid: mapped(process.pid) for process in self.all()}

    def settled(self) -> bool:
        """Whether nobody has just been started."""
        try:
            return time.time() - max(process.create_time() for process in self.all()) > YOUNG_SECONDS
        except psutil.Error:
            return False

    def has_realtime(self) -> bool:
        """Whether an audio process has a thread under SCHED_FIFO: the callback's."""
        tids = (thread.id for process in self.running(AUDIO) for thread in process.threads())
        return any(_policy(tid) == os.SCHED_FIFO for tid in tids)

    def _role(self, pid: int, words: list[str]) -> str:
        if pid == self._supervisor.pid:
            return SUPERVISOR
        return next((role for module, role in MODULES.items() if module in words), OTHERS)


def _policy(tid: int) -> int:
    try:
        return os.sched_getscheduler(tid)
    except OSError:
        return os.SCHED_OTHER


def descriptors(pid: int) -> int:
    """Return how many descriptors a process has open; 0 when it is gone."""
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return 0


def mapped(pid: int) -> Mapped:
    """Return the shared memory without a name that a process maps or has open; nothing when it is gone."""
    try:
        parts = shared_parts(Path(f"/proc/{pid}/maps").read_text())
    except OSError:
        return Mapped()
    blocks: dict[Block, float] = defaultdict(float)
    for block, mb in parts:
        blocks[block] = max(blocks[block], mb)
    for block, mb in _open_blocks(pid):
        blocks[block] = max(blocks[block], mb)
    return Mapped(parts=len(parts), blocks=dict(blocks))


def all_blocks(held: Iterable[Mapped]) -> dict[Block, float]:
    """Return every block that anybody holds, once, with its MB."""
    found: dict[Block, float] = {}
    for each in held:
        found |= each.blocks
    return found


def shared_parts(maps: str) -> list[tuple[Block, float]]:
    """Return every shared mapping without a name in any folder that ``/proc/PID/maps`` tells of, and its MB."""
    found = []
    for line in maps.splitlines():
        span, rights, _, device, inode, *path = line.split(maxsplit=5)
        if rights.endswith("s") and path and is_nameless(path[0]):
            first, last = (int(end, 16) for end in span.split("-"))
            found.append((Block(device, int(inode)), (last - first) / (1 << 20)))
    return found


def is_nameless(path: str) -> bool:
    """Whether what the system calls a file is memory that no folder has: a memfd, shared anonymous, or unlinked."""
    return path.startswith(("/memfd:", "/SYSV")) or (
        path.startswith(("/dev/zero", "/dev/shm/")) and path.endswith("(deleted)")
    )


def holders(blocks: set[Block]) -> int:
    """Return how many of these any process that we may look at still holds."""
    held: set[Block] = set()
    for process in psutil.pids():
        held |= blocks & set(mapped(process).blocks)
    return len(held)


def _open_blocks(pid: int) -> list[tuple[Block, float]]:
    found = []
    try:
        links = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return []
    for link in links:
        try:
            if is_nameless(str(link.readlink())):
                facts = link.stat()
                device = f"{os.major(facts.st_dev):02x}:{os.minor(facts.st_dev):02x}"
                found.append((Block(device, facts.st_ino), facts.st_size / (1 << 20)))
        except OSError:
            continue
    return found


def _memory(pid: int) -> Memory:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return Memory()
    kb = {words[0]: int(words[1]) for words in (line.split() for line in lines[1:])}
    shared = kb.get("Pss_Shmem:", 0)
    return Memory(own=(kb.get("Pss:", 0) - shared) / 1024, shared=shared / 1024)
