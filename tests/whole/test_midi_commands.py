"""`cuevox midi learn` and `cuevox midi monitor` beside a running engine, with a device on the other end of a socket."""

from __future__ import annotations

import json
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.whole.rig import WAIT_SECONDS, Rig, engine_env, running, write_story

pytestmark = pytest.mark.whole

CLIENTS = 16
"""Where /status says how many clients there are."""

SURFACE = """\
kind: surface
version: 1
ports: [socket]
controls:
  - {on: note 40, to: /slot/a/1/trigger}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def beside(rig: Rig, folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command that talks to the engine; it has ended when the block has."""
    command = [sys.executable, "-m", "bridge.cli.main", "midi", *arguments, "--osc-port", str(rig.ready["osc_port"])]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=engine_env(folder, {})
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def wait_heard(rig: Rig, before: int) -> None:
    """Wait until the engine knows of one more client."""
    for _ in range(int(WAIT_SECONDS * 50)):
        if rig.client.ask("/status")[CLIENTS] > before:
            return
        select.select([], [], [], 0.02)
    raise AssertionError("the command did not ask the engine for anything")


@pytest.fixture
def surfaces(tmp_path: Path) -> Path:
    folder = tmp_path / "surfaces"
    folder.mkdir()
    (folder / "bench.yaml").write_text(SURFACE)
    return folder


def test_a_control_is_learnt_and_what_arrives_is_shown(tmp_path: Path, surfaces: Path) -> None:
    port = free_port()
    env = {"CUEVOX_MIDI_TCP": str(port), "CUEVOX_SURFACES_DIR": str(surfaces)}
    with (
        running(write_story(tmp_path), "--device", "null", "--midi", "off", env=env) as rig,
        socket.create_connection(("127.0.0.1", port)) as device,
    ):
        before = rig.client.ask("/status")[CLIENTS]
        with (
            beside(rig, tmp_path, "monitor", "--json") as monitor,
            beside(rig, tmp_path, "learn", "/strip/voice/gain", "takeover: jump") as learn,
        ):
            assert learn.stderr is not None and learn.stdout is not None
            assert "move the control that is to be /strip/voice/gain" in learn.stderr.readline()
            wait_heard(rig, before + 1)
            device.sendall(bytes((0xB2, 21, 90)))
            assert learn.wait(WAIT_SECONDS) == 0
            assert learn.stdout.read() == "socket\tcc 21 ch 3\t/strip/voice/gain\n"
            device.sendall(bytes((0xB2, 21, 0, 0x90, 40, 127)))
            assert monitor.stdout is not None
            shown = [json.loads(monitor.stdout.readline()) for _ in range(3)]
            monitor.send_signal(signal.SIGINT)
            assert monitor.wait(WAIT_SECONDS) == 130
    assert {row["port"] for row in shown} == {"socket"}
    assert shown[0]["effect"] == "learnt"
    assert shown[1]["effect"].startswith("/strip/voice/gain")
    assert shown[2]["effect"] == "/slot/a/1/trigger 1"
    assert "takeover: jump" in (surfaces / "learned-socket.yaml").read_text()
