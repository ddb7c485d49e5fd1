"""The real thing on a bench: `cuevox run` as its own process, a UDP client that is not ours, a story on disk."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket

WAIT_SECONDS = 60.0
NTP_EPOCH = 2208988800


def encode(address: str, *args: Any) -> bytes:
    builder = OscMessageBuilder(address)
    for arg in args:
        builder.add_arg(arg)
    return builder.build().dgram


def bundle(unix_ns: int, *messages: bytes) -> bytes:
    """Return a bundle with an exact 64-bit time tag."""
    seconds, rest_ns = divmod(unix_ns, 1_000_000_000)
    tag = struct.pack(">II", seconds + NTP_EPOCH, (rest_ns << 32) // 1_000_000_000)
    return b"#bundle\0" + tag + b"".join(struct.pack(">I", len(m)) + m for m in messages)


class Client:
    """A UDP client that knows OSC only through python-osc."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)  # a test may listen to something else
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect(("127.0.0.1", port))
        self.heard: list[OscMessage] = []

    def send(self, address: str, *args: Any) -> None:
        self.socket.send(encode(address, *args))

    def send_raw(self, packet: bytes) -> None:
        self.socket.send(packet)

    def wait(self, address: str, *start: Any) -> list[Any]:
        """Return the arguments of the next message to ``address`` whose arguments begin with ``start``."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            for index, message in enumerate(self.heard):
                if message.address == address and list(message.params[: len(start)]) == list(start):
                    del self.heard[index]
                    return list(message.params)
            self._hear(deadline - time.monotonic())
        told = [(m.address, m.params) for m in self.heard]
        raise AssertionError(f"no {address} {start} in {WAIT_SECONDS:g} s; heard {told}")

    def ask(self, address: str, *args: Any, answer: str | None = None) -> list[Any]:
        self.send(address, *args)
        return self.wait(answer or address)

    def close(self) -> None:
        self.socket.close()

    def _hear(self, timeout_seconds: float) -> None:
        ready, _, _ = select.select([self.socket], [], [], max(0.0, timeout_seconds))
        if ready:
            self.heard.extend(m.message for m in OscPacket(self.socket.recv(65536)).messages)


class Rig:
    """A running engine."""

    def __init__(self, process: subprocess.Popen[str], ready: dict[str, Any], log: Path) -> None:
        self.process, self.ready, self.log = process, ready, log
        self.client = Client(ready["osc_port"])
        self.family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]

    def children(self, module: str) -> list[psutil.Process]:
        """Return the living processes of the family that run ``module``, oldest first."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
                if module in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return sorted(found, key=lambda p: (p.create_time(), p.pid))

    def child(self, module: str) -> psutil.Process:
        """Return the process of the family that runs ``module``, the oldest one, as soon as there is one."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not (found := self.children(module)):
            assert time.monotonic() < deadline, f"nobody runs {module}\n{self.log.read_text()}"
            select.select([], [], [], 0.01)
        return found[0]

    def wait_ready(self) -> None:
        """Wait until every take of the story lies in the arena."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            status = self.client.ask("/status")
            if status[10] == status[11]:
                return
            select.select([], [], [], 0.02)
        raise AssertionError(f"takes are not ready: {status}\n{self.log.read_text()}")

    def stop(self) -> int:
        """Send SIGTERM; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_SECONDS)

    def assert_all_gone(self) -> None:
        """Every process that ran is gone (or a zombie of somebody else's)."""
        _, alive = psutil.wait_procs(self.family, timeout=WAIT_SECONDS)
        assert [p.cmdline() for p in alive] == []


def engine_env(folder: Path, extra: dict[str, str]) -> dict[str, str]:
    """Return the environment of an engine of its own: caches and settings below ``folder``, kernels shared."""
    settings = folder / "settings.yaml"
    settings.touch()
    return {
        **os.environ,
        **extra,
        "CUEVOX_SETTINGS": str(settings),
        "CUEVOX_CACHE_DIR": str(folder / "cache"),
        "CUEVOX_DATA_DIR": str(folder / "data"),
        "CUEVOX_STATE_DIR": str(folder / "state"),
        "CUEVOX_CLIP_MEMORY_MB": "32",
        "CUEVOX_HTTP_PORT": "0",
        "CUEVOX_DISCOVERY": "off",
        "CUEVOX_STANDBY": extra.get("CUEVOX_STANDBY", "off"),
    }


@contextmanager
def running(story: Path, *options: str, env: dict[str, str] | None = None) -> Iterator[Rig]:
    """Run ``cuevox run`` on ``story`` until the block ends."""
    log = story.parent / "engine.log"
    command = [sys.executable, "-m", "bridge.cli.main", "run", str(story), "--osc-port", "0", *options]
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=engine_env(story.parent, env or {})
        )
        rig: Rig | None = None
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, f"the engine did not start:\n{log.read_text()}"
            rig = Rig(process, json.loads(line)["ready"], log)
            yield rig
        finally:
            family = [p for p in (rig.family if rig else []) if p.is_running()]
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(WAIT_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            for survivor in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    if survivor.status() != psutil.STATUS_ZOMBIE and survivor.pid != process.pid:
                        survivor.kill()
            if rig is not None:
                rig.client.close()
            process.stdout.close() if process.stdout else None


def write_story(folder: Path, text: str = "") -> Path:
    """Write a story with a spoken track and a track of clicks, limiter off so that samples are exact."""
    click = np.zeros(4800, np.float32)
    click[0] = 0.5
    soundfile.write(folder / "click.wav", click, 48000, subtype="FLOAT")
    tone = (0.25 * np.sin(2 * np.pi * 441.0 * np.arange(96000) / 48000)).astype(np.float32)
    soundfile.write(folder / "tone.wav", tone, 48000, subtype="FLOAT")
    path = folder / "story.yaml"
    path.write_text(text or STORY)
    return path


STORY = """\
kind: story
version: 1
title: On the bench
tracks:
  - id: voice
    voice: narrator
    clips:
      - {id: hello, say: "Hello from the bench.", start: 0.1}
  - id: clicks
    clips:
      - {id: click, audio: click.wav, start: 0.5}
      - {id: tone, audio: tone.wav, start: 1.0}
master: {limiter_db: off}
cues:
  - {id: "1", clip: hello}
  - {id: "2", clip: click}
  - {id: "3", clip: tone}
slots:
  - {bank: a, index: 1, clip: click, mode: layer}
"""
