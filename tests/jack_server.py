"""A private JACK server with the dummy backend: a sound card for tests that is the same everywhere."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import tempfile
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import jack

START_SECONDS = 20.0
CLIENT_TIMEOUT_MS = 3000
"""Sync mode waits this long for a stalled client instead of dropping its block; a killed one costs ten times that."""


class JackServer:
    """A ``jackd`` of its own name; ``env`` leads clients to it.

    JACK keeps a list of at most eight servers, and one that was killed stays in it until a server of the same name
    starts. Names are therefore few and used again; a locked file says which is taken.

    sync: a slow machine delays, it never drops; without it the server keeps its pace, as on a real sound card.
    """

    def __init__(
        self,
        sample_rate: int = 48000,
        period: int = 256,
        realtime: bool = False,
        sync: bool = True,
        outputs: int = 2,
    ) -> None:
        self.name, self._lock = _a_free_name()
        weakref.finalize(self, os.close, self._lock)
        self.sample_rate = sample_rate
        self.period = period
        self._outputs = outputs
        self.env = {
            "JACK_DEFAULT_SERVER": self.name,
            "JACK_NO_AUDIO_RESERVATION": "1",
            "JACK_NO_START_SERVER": "1",
        }
        self._modes = ["-R" if realtime else "-r", *(["-S", "-t", str(CLIENT_TIMEOUT_MS)] if sync else [])]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["jackd", "-n", self.name, *self._modes, "-d", "dummy", "-r", str(self.sample_rate)]
        command += ["-p", str(self.period), "-P", str(self._outputs)]
        if shutil.which("setpriv"):
            command = ["setpriv", "--pdeathsig", "TERM", *command]  # it ends with whoever started it
        with _alone(), tempfile.TemporaryFile("w+") as said:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **self.env},
                stdout=said,
                stderr=said,
                start_new_session=True,
                pass_fds=[self._lock],  # the name is taken until the server has ended, whatever becomes of us
            )
            deadline = time.monotonic() + START_SECONDS
            while not _answers(self.name):
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self.stop()
                    said.seek(0)
                    raise RuntimeError(f"jackd did not start: {command}\n{said.read()}")
                time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.kill(self._process.pid, signal.SIGKILL)
                self._process.wait()
            self._process = None

    def end(self, how: signal.Signals) -> None:
        """Have it end by a signal; after a kill, start it again, or its place in JACK's list stays taken."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Have it do nothing meanwhile, as on a machine that stalls."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def client(self, name: str) -> jack.Client:
        """Open a client of this server in this process."""
        import jack  # loads libjack, which need not be there

        return jack.Client(name, no_start_server=True, servername=self.name)


def names_of(client: jack.Client, pattern: str, **which: bool) -> list[str]:
    """Return the names of ports; asked again where one leaves while they are listed."""
    import jack

    while True:
        try:
            return [port.name for port in client.get_ports(pattern, **which)]
        except jack.JackError:  # named, and gone when it is looked up
            continue


def join(client: jack.Client, source: str, to: str) -> None:
    """Connect two ports as soon as that can be: a client names its ports some time before it has them connected."""
    import jack

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return client.connect(source, to)
        except jack.JackError as error:
            if getattr(error, "code", 0) == errno.EEXIST:
                return None
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _a_free_name() -> tuple[str, int]:
    """A name that nobody on this machine uses, and the lock that keeps it so for as long as it is open."""
    import fcntl  # POSIX has it

    folder = _folder()
    with _alone():
        for number in range(1, 9):
            name = f"cuevox-{os.getuid()}-{number}"
            lock = os.open(folder / name, os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not _answers(name):
                    return name, lock
            except BlockingIOError:
                pass
            os.close(lock)
    raise RuntimeError(f"eight test servers of JACK run already: {folder}")


def _folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"cuevox-jack-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    return folder


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Look for servers, or start one, while no other test does: two that make JACK's list of servers spoil it."""
    import fcntl  # POSIX has it

    with (_folder() / "starting").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _answers(name: str) -> bool:
    import jack

    try:
        jack.Client("probe", no_start_server=True, servername=name).close()
    except jack.JackOpenError:
        return False
    return True


def running_server(**options: object) -> Iterator[JackServer]:
    if shutil.which("jackd") is None:
        pytest.skip("needs jackd (Debian: apt install jackd2)")
    pytest.importorskip("jack", reason="needs JACK-Client and libjack", exc_type=(ImportError, OSError))
    server = JackServer(**options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def jack_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[JackServer]:
    """A running server, 48 kHz, 256 frames, which this process's environment points to."""
    for server in running_server():
        for key, value in server.env.items():
            monkeypatch.setenv(key, value)
        yield server
