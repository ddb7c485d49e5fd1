"""Trying plug-ins in a child process: whatever they do, there is an answer within a time."""

from __future__ import annotations

import base64
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import EngineError
from engine.platform import spawn
from engine.plugins.facts import PluginFacts

TRY_SECONDS = 20.0
"""How long a plug-in may take for one stage: to load, to tell its parameters, to process."""
START_SECONDS = 60.0
MODULE = "engine.plugins.probe_process"


class PluginFault(EngineError):
    """A plug-in that crashed or hung in the child, or that can't be loaded; the text says at what."""

    code = "plugin_fault"

    def __init__(self, text: str, *, dangerous: bool) -> None:
        super().__init__(text)
        self.dangerous = dangerous
        """Whether loading it might end a process, rather than merely be refused."""


class Prober:
    """Keeps a child as long as it lives; a plug-in that ends it gets the blame, the next one another child.

    One thread at a time. Close it when done.
    """

    def __init__(self, try_seconds: float = TRY_SECONDS) -> None:
        self._patience = try_seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def __enter__(self) -> Prober:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def probe(self, path: Path) -> tuple[PluginFacts, ...]:
        """Return the plug-ins of a file. Raises PluginFault."""
        message = self._ask({"path": str(path)})
        return tuple(msgspec.convert(message["plugins"], list[PluginFacts]))

    def state(self, facts: PluginFacts, values: Iterable[tuple[int, float]] = (), preset: Path | None = None) -> str:
        """Return a plug-in's state after a preset file and parameters (index, 0 to 1). Raises PluginFault."""
        request = {"state_of": facts, "values": list(values), "preset": str(preset) if preset else ""}
        return str(self._ask(request)["state"])

    def preset(self, facts: PluginFacts, state: str = "", values: Iterable[tuple[int, float]] = ()) -> bytes:
        """Return a VST3 plug-in in that state, with these parameters, as a preset file. Raises PluginFault."""
        request = {"preset_of": facts, "state": state, "values": list(values)}
        return base64.b64decode(str(self._ask(request)["preset"]))

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        child = self._child or self._start()
        stage = "loading"
        assert child.stdin is not None
        try:
            child.stdin.write(msgspec.json.encode(request) + b"\n")
            child.stdin.flush()
        except OSError:
            self.close()
            raise PluginFault("the process that tries plug-ins is gone; try again", dangerous=False) from None
        while (message := self._next(self._patience, stage)) is not None:
            if "stage" in message:
                stage = str(message["stage"])
            elif "error" in message:
                raise PluginFault(str(message["error"]), dangerous=False)
            else:
                return message
        code = child.wait()
        self.close()
        raise PluginFault(f"it crashed while {stage} ({ending(code) or f'exit code {code}'})", dangerous=True)

    def close(self) -> None:
        """End the child, whatever it is at."""
        child, self._child = self._child, None
        if child is not None:
            if child.stdin is not None:
                child.stdin.close()
            child.kill()
            child.wait()
            if child.stdout is not None:
                child.stdout.close()

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {"CUEVOX_PARENT_PID": str(os.getpid())}
        child = self._child = spawn([sys.executable, "-m", MODULE], env=environment)
        self._lines = queue.SimpleQueue()
        threading.Thread(target=_read, args=(child, self._lines), name="prober", daemon=True).start()
        if self._next(START_SECONDS, "starting") is None:
            self.close()
            raise PluginFault("the process that tries plug-ins does not start; see the log", dangerous=False)
        return child

    def _next(self, seconds: float, stage: str) -> dict[str, Any] | None:
        """Return the child's next message, None when it has ended."""
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            self.close()
            raise PluginFault(f"it gave no answer for {seconds:g} s while {stage}", dangerous=True) from None
        if not line.endswith(b"\n"):
            return None
        message: dict[str, Any] = msgspec.json.decode(line)
        return message


def _read(child: subprocess.Popen[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    assert child.stdout is not None
    for line in iter(child.stdout.readline, b""):
        lines.put(line)
    lines.put(b"")


def ending(code: int | None) -> str:
    """Return the name of the signal that an exit code stands for; nothing where it was none."""
    try:
        return signal.Signals(-code).name if code is not None and code < 0 else ""
    except ValueError:
        return ""
