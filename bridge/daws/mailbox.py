"""A mailbox: lines of text between files and the engine, for scripts that have files but no sockets.

The script makes a folder and appends lines to ``to-engine``, messages as ``bridge/text.py`` reads them. What the engine
says is appended to ``from-engine-1``; once that is long, its last line is ``#next``, and ``from-engine-2`` goes on.
Lines that begin with ``#`` are the mailbox's own: ``#connected``, ``#absent`` (also for each line that came while there
was no engine: what is late is told, never sent), and from the script ``#end``; ``#`` alone is a sign of life. A script
that gives none for a while has died: then the mailbox removes its folder and ends.
"""

from __future__ import annotations

import contextlib
import select
import shutil
import socket
import time
from pathlib import Path

TURN_BYTES = 1_000_000
QUIET_SECONDS = 20.0
LOOK_SECONDS = 0.004
CONNECT_SECONDS = 0.5
RETRY_SECONDS = 1.0
MAX_PENDING_BYTES = 1 << 20


class Mailbox:
    """Carries lines until the script ends. Not for an event loop: it waits in ``run``."""

    def __init__(self, folder: Path, host: str, port: int, name: str = "DAW") -> None:
        self._folder, self._place, self._name = folder, (host, port), name
        self._to_engine = folder / "to-engine"
        self._read_bytes = 0
        self._outbox = b""
        self._turn = 1
        self._engine: socket.socket | None = None
        self._subscriptions: dict[str, str] = {}
        self._next_try = self._last_sign = 0.0
        self._told_absent = False
        self._ended = False

    def run(self) -> None:
        """Carry until the script says ``#end``, dies, or takes its folder away."""
        self._last_sign = time.monotonic()
        self._tell(b"")  # the file appears: the script sees that somebody is there
        try:
            while not self._ended and self._to_engine.exists():
                self._connect()
                self._carry_out()
                self._carry_in()
                if time.monotonic() - self._last_sign > QUIET_SECONDS:
                    break
        finally:
            self._disconnect()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _connect(self) -> None:
        if self._engine is not None or time.monotonic() < self._next_try:
            return
        self._next_try = time.monotonic() + RETRY_SECONDS
        try:
            self._engine = socket.create_connection(self._place, timeout=CONNECT_SECONDS)
        except OSError:
            if not self._told_absent:
                self._tell(b"#absent\n")
            self._told_absent = True
            return
        self._engine.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._told_absent = False
        self._tell(b"#connected\n")
        greeting = [f'/client/name "{self._name}"', *self._subscriptions.values()]
        self._send("".join(f"{line}\n" for line in greeting).encode())

    def _carry_out(self) -> None:
        """Send what the script has appended, whole lines only."""
        with contextlib.suppress(OSError), self._to_engine.open("rb") as file:
            file.seek(self._read_bytes)
            fresh = file.read(MAX_PENDING_BYTES)
            whole = fresh[: fresh.rfind(b"\n") + 1]
            self._read_bytes += len(whole)
            for line in whole.decode("utf-8", errors="replace").split("\n")[:-1]:  # the last ends where a next begins
                self._take(line.strip())

    def _take(self, line: str) -> None:
        self._last_sign = time.monotonic()
        if line == "#end":
            self._ended = True
        if not line.startswith("/"):
            return
        if line.startswith("/subscribe "):
            self._subscriptions[line.split()[1]] = line
        if self._engine is None:
            if not line.startswith("/subscribe "):
                self._tell(f"#absent {line}\n".encode())
            return
        self._send(f"{line}\n".encode())

    def _send(self, data: bytes) -> None:
        try:
            if self._engine is not None:
                self._engine.sendall(data)
        except OSError:
            self._disconnect()

    def _carry_in(self) -> None:
        """Write down what the engine says; this is also where the mailbox waits."""
        if self._engine is None:
            time.sleep(LOOK_SECONDS)
            return
        readable, _, _ = select.select([self._engine], [], [], LOOK_SECONDS)
        if not readable:
            return
        try:
            data = self._engine.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._disconnect()
            self._tell(b"#absent\n")
            self._told_absent = True
            return
        self._tell(data)

    def _tell(self, data: bytes) -> None:
        """Append; whole lines only, so that a turn of the file never splits one."""
        self._outbox += data
        whole = self._outbox[: self._outbox.rfind(b"\n") + 1]
        self._outbox = self._outbox[len(whole) :]
        path = self._file(self._turn)
        with contextlib.suppress(FileNotFoundError), path.open("ab") as file:  # the script took its folder away
            file.write(whole)
            if file.tell() < TURN_BYTES:
                return
            file.write(b"#next\n")
            self._file(self._turn - 1).unlink(missing_ok=True)
            self._turn += 1
            self._file(self._turn).touch()

    def _file(self, turn: int) -> Path:
        return self._folder / f"from-engine-{turn}"

    def _disconnect(self) -> None:
        if self._engine is not None:
            self._engine.close()
        self._engine = None
        self._next_try = time.monotonic() + RETRY_SECONDS
        self._outbox = b""
