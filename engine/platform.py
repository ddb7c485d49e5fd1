"""What differs between operating systems: shared memory, children, priorities. No other file asks which one it is."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import secrets
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import IO, Any

import msgspec

from engine.errors import MemoryShort

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl
    import resource

CALLBACK_PRIORITY = 10
"""SCHED_FIFO priority of a callback thread that its driver did not already raise; JACK's own default."""

COMMAND_PRIORITY, LONE_PRIORITY = 5, 1
"""SCHED_RR priority of the thread that takes commands, with several cores and with one.

5 is what JACK gives its clients' callbacks: two that are level and meet on a core run on two from then on. A callback
that comes before commands stays on their core instead, each finds the other's work in the core's caches, and a trigger
takes 0.2 ms more. Where there is one core the callback comes first.
"""
HELD_PRIORITY = 1
"""SCHED_RR priority of a thread that may hold what a callback waits for: ordinary threads don't keep it from work."""

_PR_SET_PDEATHSIG = 1
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4
LARGE_PAGE_BYTES = 2 << 20
_MAP_NORESERVE = 0x4000  # Linux; in Python's mmap module from 3.13 on
_RESET_ON_FORK = 0x40000000


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the system gave what was asked for, and why (not)."""

    granted: bool
    reason: str


def open_shared() -> int:
    """Return a handle of nameless shared memory whose size is not settled yet.

    Linux: a memfd. Other POSIX: a POSIX segment unlinked at once. Windows: the number in the name of a mapping that
    lives as long as someone maps it.
    """
    return secrets.randbits(62) if sys.platform == "win32" else _anonymous_file()


def size_shared(handle: int, size_bytes: int) -> None:
    """Settle the size of shared memory, once; ``reserve_shared`` makes sure that it is there. Raises MemoryShort."""
    require_memory(size_bytes)
    if sys.platform != "win32":
        try:
            os.ftruncate(handle, size_bytes)
        except OSError as error:
            raise _short(size_bytes, error) from error


def require_memory(size_bytes: int) -> None:
    """Raise MemoryShort when the system hasn't got so much."""
    available = available_memory_bytes()
    if size_bytes > available:
        raise MemoryShort(f"can't reserve {size_bytes:,} bytes of shared memory; {available:,} are available")


def reserve_shared(handle: int, size_bytes: int) -> None:
    """Have the system give all of the memory now, without holding the interpreter.

    Raises MemoryShort when it can't: a full memory must be an error here, never a bus error in the callback.
    """
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(handle, 0, size_bytes)
        except OSError as error:
            raise _short(size_bytes, error) from error


def _short(size_bytes: int, error: OSError) -> MemoryShort:
    return MemoryShort(f"can't reserve {size_bytes:,} bytes of shared memory: {error.strerror}")


def _anonymous_file() -> int:
    if sys.platform != "linux":  # no memfd: a POSIX segment, through the standard library's own door to it
        import _posixshmem

        name = f"/cuevox-{secrets.token_hex(8)}"  # macOS allows 31 characters
        handle = _posixshmem.shm_open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode=0o600)
        _posixshmem.shm_unlink(name)
        return handle
    return os.memfd_create("cuevox", os.MFD_CLOEXEC)


def map_shared(handle: int, size_bytes: int) -> mmap.mmap:
    """Map shared memory of ``create_shared``, readable and writable by every process that maps it."""
    if sys.platform == "win32":
        return mmap.mmap(-1, size_bytes, tagname=f"Local\\cuevox-{handle:x}")
    return mmap.mmap(handle, size_bytes)


def close_shared(handle: int) -> None:
    """Give the handle back; mappings stay valid."""
    if sys.platform != "win32":
        os.close(handle)


def map_sparse(size_bytes: int) -> mmap.mmap:
    """Map private zeroed memory of which only the pages that are touched take room.

    Windows charges all of it against the page file.
    """
    if sys.platform == "win32":
        return mmap.mmap(-1, size_bytes)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | (_MAP_NORESERVE if sys.platform == "linux" else 0)
    return mmap.mmap(-1, size_bytes, flags=flags)


def prefer_large_pages(mapping: mmap.mmap, start_byte: int, size_bytes: int) -> None:
    """Have this part of a sparse mapping come in pages of ``LARGE_PAGE_BYTES``: far fewer faults, where Linux can."""
    if sys.platform == "linux" and size_bytes > 0:
        with contextlib.suppress(OSError):  # a kernel without them
            mapping.madvise(mmap.MADV_HUGEPAGE, start_byte, size_bytes)


def forget_pages(mapping: mmap.mmap, start_byte: int, size_bytes: int) -> None:
    """Give whole pages of a sparse mapping back to the system; what was in them is lost. No effect on Windows."""
    if sys.platform != "win32" and size_bytes > 0:
        advice = mmap.MADV_DONTNEED if sys.platform == "linux" else mmap.MADV_FREE
        mapping.madvise(advice, start_byte, size_bytes)


def link_name(name: str) -> str:
    """Return what the system calls the named memory of a link, as bridge/plugin/platform.hpp has it."""
    return f"Local\\cuevox-daw-{name}" if sys.platform == "win32" else f"/{name}-{os.getuid()}"


def open_named(name: str) -> int:
    """Return a handle of named shared memory, made if it is not there; ours alone until it is closed.

    Raises BlockingIOError when another process has it. -1 on Windows, where the name is all that is needed.
    """
    if sys.platform == "win32":
        return -1
    import _posixshmem  # type: ignore[import-not-found]

    handle: int = _posixshmem.shm_open(name, os.O_RDWR | os.O_CREAT, mode=0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise
    return handle


def map_named(name: str, handle: int, size_bytes: int) -> mmap.mmap:
    """Map the named memory of ``open_named``; zeroed where it is new."""
    if sys.platform == "win32":
        return mmap.mmap(-1, size_bytes, tagname=name)
    return mmap.mmap(handle, size_bytes)


def unlink_named(name: str) -> None:
    """Take the name away; who has mapped the memory keeps it."""
    if sys.platform != "win32":
        import _posixshmem

        with contextlib.suppress(FileNotFoundError):
            _posixshmem.shm_unlink(name)


_FUTEX = (
    {"x86_64": 202, "aarch64": 98, "riscv64": 98, "armv7l": 240}.get(os.uname().machine)
    if (sys.platform == "linux")
    else None
)
_FUTEX_WAIT, _FUTEX_WAKE = 0, 1
_LOOK_SECONDS = 0.0005
"""How often a word is looked at where the system can't wait on it."""


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def wait_on_word(address: int, seen: int, seconds: float) -> None:
    """Sleep until the 32-bit word at ``address`` is no longer ``seen`` and somebody has said so, or for ``seconds``.

    May return early. Without the interpreter's lock.
    """
    if _libc is None or _FUTEX is None:
        time.sleep(min(seconds, _LOOK_SECONDS))
        return
    wait = _Timespec(int(seconds), int(seconds % 1.0 * 1e9))
    word = ctypes.c_void_p(address)
    _libc.syscall(_FUTEX, word, _FUTEX_WAIT, ctypes.c_uint32(seen), ctypes.byref(wait), None, 0)


def wake_word(address: int) -> None:
    """Wake who sleeps on the 32-bit word at ``address``, in whatever process."""
    if _libc is not None and _FUTEX is not None:
        _libc.syscall(_FUTEX, ctypes.c_void_p(address), _FUTEX_WAKE, 1, None, None, 0)


def lock_file(file: IO[bytes]) -> bool:
    """Lock an open file for this process until it is closed; False: another process has it. Who dies lets go."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        raise
    return True


def wait_for_file(file: IO[bytes]) -> None:
    """Lock an open file for this process until it is closed, once nobody else has it. Raises OSError.

    For what is done in milliseconds: Windows gives up after ten seconds.
    """
    if sys.platform == "win32":
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX)


def share_file(file: IO[bytes]) -> None:
    """Have nobody get ``lock_file`` of a file while this process has it open; others may share it.

    Windows: an open file can't be moved or removed there anyway.
    """
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)


def available_memory_bytes() -> int:
    """Return how much memory can be had now without swapping; the control group's limit counts, where there is one."""
    limits = [_meminfo_bytes(), _cgroup_bytes()]
    return min((limit for limit in limits if limit is not None), default=sys.maxsize)


def _meminfo_bytes() -> int | None:
    with contextlib.suppress(OSError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _cgroup_bytes() -> int | None:
    folder = Path("/sys/fs/cgroup")
    try:
        return int((folder / "memory.max").read_text()) - int((folder / "memory.current").read_text())
    except (OSError, ValueError):  # no cgroup v2, or "max"
        return None


def process_lives(pid: int) -> bool:
    """Return whether there is such a process; on Windows always True."""
    if sys.platform != "win32":
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
    return True


def process_mark(pid: int) -> str:
    """Return what tells a process from a later one of its number; empty: there is none, or this system does not say."""
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]  # when it began
    return ""


def user_plugin_folders() -> dict[str, Path]:
    """Return where DAWs look for a user's plug-ins, by the suffix of the format."""
    home = Path.home()
    if sys.platform == "darwin":
        return {f".{kind.lower()}": home / "Library/Audio/Plug-Ins" / kind for kind in ("VST3", "CLAP", "LV2")}
    if sys.platform == "win32":
        common = Path(os.environ.get("LOCALAPPDATA", home / "AppData/Local")) / "Programs/Common"
        roaming = Path(os.environ.get("APPDATA", home / "AppData/Roaming"))
        return {".vst3": common / "VST3", ".clap": common / "CLAP", ".lv2": roaming / "LV2"}
    return {suffix: home / suffix for suffix in (".vst3", ".clap", ".lv2")}


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spare_cores() -> int:
    """Return how many cores arithmetic may take beside the audio process: all but one, at least one."""
    return max(1, cores() - 1)


def has_nvidia() -> bool:
    """Return whether this machine shows a graphics device of NVIDIA's; without loading anything, so only on Linux."""
    return Path("/dev/nvidiactl").exists()


def resident_bytes() -> int:
    """Return how much memory this process takes now; 0 where the system does not tell."""
    return process_bytes(os.getpid())


def process_bytes(pid: int) -> int:
    """Return how much memory a process takes now; 0 where the system does not tell."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * mmap.PAGESIZE
    if sys.platform == "darwin":
        with contextlib.suppress(OSError, ValueError):
            told = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=False)
            return int(told.stdout) * 1024
    return 0


def give_back_memory() -> None:
    """Return to the system what this process has freed and keeps for later; only glibc can be told to."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


def lock_memory() -> Grant:
    """Lock this process's memory against paging, if the system grants it; what is mapped later, once it is touched."""
    if sys.platform == "win32":
        return Grant(granted=False, reason="not available on Windows")
    libc = ctypes.CDLL(None, use_errno=True)
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if libc.mlockall(_MCL_CURRENT) == 0:
        if limit == resource.RLIM_INFINITY or os.geteuid() == 0:  # else later allocations could fail
            later = _MCL_ONFAULT if sys.platform == "linux" else 0
            libc.mlockall(_MCL_FUTURE | later)
        return Grant(granted=True, reason="mlockall")
    return Grant(granted=False, reason=f"{os.strerror(ctypes.get_errno())} (RLIMIT_MEMLOCK is {limit} bytes)")


def raise_priority() -> Grant:
    """Give the calling thread real-time scheduling, unless its driver already did."""
    if sys.platform != "linux":
        return Grant(granted=True, reason="set by the audio driver")
    policy = os.sched_getscheduler(0) & ~_RESET_ON_FORK
    if policy in (os.SCHED_FIFO, os.SCHED_RR):
        return Grant(granted=True, reason="SCHED_FIFO by the audio driver")
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(CALLBACK_PRIORITY))
    except OSError as error:
        limit = resource.getrlimit(resource.RLIMIT_RTPRIO)[0]
        return Grant(granted=False, reason=f"SCHED_FIFO: {error.strerror} (RLIMIT_RTPRIO is {limit})")
    return Grant(granted=True, reason=f"SCHED_FIFO {CALLBACK_PRIORITY}")


def prefer_this_thread(priority: int | None = None) -> Grant:
    """Let the calling thread run before ordinary ones, where the system grants it; children do not inherit it.

    priority: SCHED_RR's. None: before everything but callbacks, for whoever passes live commands on.
    """
    if sys.platform != "linux":
        return Grant(granted=False, reason="not available here")
    if priority is None:
        priority = COMMAND_PRIORITY if cores() > 1 else LONE_PRIORITY
    try:
        os.sched_setscheduler(0, os.SCHED_RR | _RESET_ON_FORK, os.sched_param(priority))
    except OSError as error:
        limit = resource.getrlimit(resource.RLIMIT_RTPRIO)[0]
        return Grant(granted=False, reason=f"SCHED_RR: {error.strerror} (RLIMIT_RTPRIO is {limit})")
    return Grant(granted=True, reason=f"SCHED_RR {priority}")


class ThreadMeter:
    """What the system tells of the thread that asks: for one that asks often, at some 5 µs a time."""

    def __init__(self) -> None:
        self._thread = 0
        self._waits: FileIO | None = None

    def cpu_ns(self) -> int:
        """Return how long the calling thread has run."""
        return time.thread_time_ns()

    def waits(self) -> tuple[int, int]:
        """Return how long it was ready and did not run, in ns, and how often it went to sleep. Both 0 off Linux."""
        if sys.platform != "linux":
            return 0, 0
        if self._thread != (thread := threading.get_ident()):
            self._thread, self._waits = thread, _thread_waits()
        ready_ns = int(os.pread(self._waits.fileno(), 64, 0).split()[1]) if self._waits is not None else 0
        return ready_ns, resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw


def _thread_waits() -> FileIO | None:
    """Open what the kernel tells of the calling thread's waits for a processor; some kernels do not."""
    try:
        return FileIO("/proc/thread-self/schedstat")  # proc(5): time run, time waited, times run
    except OSError:
        return None


def lower_priority(nice: int = 19) -> None:
    """Make this process yield to others (voice workers); no effect where the system has no nice value."""
    if sys.platform != "win32":
        os.nice(nice)


def die_with_parent(parent_pid: int, *, at_once: bool = False) -> None:
    """Have the system send SIGTERM to this process when its parent dies; exit at once if it has died already.

    at_once: SIGKILL, which ends it even where it hangs.

    Linux only; elsewhere the end of the pipe from the parent is the signal. Linux ties this to the parent's *thread*
    that started the child: start children from a thread that lives as long as they should.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL if at_once else signal.SIGTERM)
        if os.getppid() != parent_pid:
            raise SystemExit(f"parent {parent_pid} is gone")


@contextlib.contextmanager
def silent_stderr() -> Iterator[None]:
    """Let nobody hear what C libraries have to say on standard error meanwhile."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def wait_readable(fd: int, seconds: float) -> bool:
    """Return whether there is something to read within ``seconds``; on Windows always True, and reading waits."""
    return sys.platform == "win32" or bool(select.select([fd], [], [], seconds)[0])


def spawn_options(handles: Iterable[int] = ()) -> dict[str, Any]:
    """Return the ``subprocess`` options that pass shared memory on and keep Ctrl-C from reaching the child.

    The child leads a session of its own, so that only the supervisor hears the terminal.
    """
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"pass_fds": tuple(handles), "start_new_session": True}


def spawn(
    argv: Sequence[str],
    handles: Iterable[int] = (),
    *,
    env: Mapping[str, str] | None = None,
    stderr: IO[Any] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child process with pipes on its standard input and output; ``env`` is added to this process's own."""
    return subprocess.Popen(
        list(argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env={**os.environ, **(env or {})},
        **spawn_options(handles),
    )
