"""Ardour 7, without a screen, as the master: its timecode and JACK's transport, which it leads, move our timeline."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jack_server import JackServer
from tests.whole.rig import Rig, running, write_story

pytestmark = [
    pytest.mark.extra,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not shutil.which("ardour7-lua"), reason="Ardour 7 is not installed"),
]

CONFIG = """\
<?xml version="1.0" encoding="UTF-8"?>
<Ardour>
  <Config><Option name="send-mtc" value="1"/></Config>
  <TransportMasters current="JACK">
    <TransportMaster type="Engine" name="JACK" collect="1" removeable="0" sclock-synced="1" fr2997="0"
      request-mask="TR_StartStop,TR_Speed,TR_Locate"/>
  </TransportMasters>
</Ardour>
"""
WAIT_SECONDS = 30.0
STARTS = 4
NEAR_SECONDS = 0.5
"""Two programs are asked one after the other: no measure of how closely it follows."""


class Ardour:
    """A session that does what it is told."""

    def __init__(self, folder: Path, env: dict[str, str], source: str) -> None:
        config = folder / "ardour" / "ardour7"
        config.mkdir(parents=True)
        (config / "config").write_text(CONFIG)
        self._process = subprocess.Popen(
            ["ardour7-lua", str(Path(__file__).with_name("ardour_master.lua")), str(folder / "session"), source],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, **env, "XDG_CONFIG_HOME": str(config.parent), "HOME": str(folder)},
        )  # fmt: skip
        self.is_ready = self._line("ready", "halted").startswith("ready")
        """Whether it stands where it was told: a busy machine's JACK server throws it out now and then as it starts."""

    def tell(self, word: str) -> float:
        """Have it do something; return where it stands, in seconds."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        return int(self._line("at").split()[1]) / 48_000

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(20.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _line(self, *starts: str) -> str:
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if line.startswith(starts):
                return line
        raise AssertionError("Ardour has ended")


@pytest.fixture(params=["mtc", "jack"])
def source(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ardour(tmp_path: Path, jack_server: JackServer, source: str) -> Iterator[Ardour]:
    for start in range(STARTS):
        ardour = Ardour(tmp_path / f"start-{start}", jack_server.env, source)
        if ardour.is_ready:
            break
        ardour.close()
    else:
        raise AssertionError(f"JACK has thrown Ardour out {STARTS} times as it started")
    yield ardour
    ardour.close()


@pytest.fixture
def rig(tmp_path: Path, jack_server: JackServer, ardour: Ardour, source: str) -> Iterator[Rig]:
    env = {**jack_server.env, "CUEVOX_SURFACES_DIR": str(tmp_path / "surfaces")}
    options = ["--device", "system", "--midi", "jack", "--midi-ports", "MTC out", "--clock-source", source]
    with running(write_story(tmp_path), *options, env={**os.environ, **env}) as rig:
        rig.wait_ready()
        yield rig


def state(rig: Rig, wanted: str) -> list[object]:
    """Wait until the clock that is followed is so."""
    while (told := rig.client.wait("/event/sync"))[1] != wanted:
        pass
    return told


def test_ardour_leads(rig: Rig, ardour: Ardour, source: str) -> None:
    rig.client.send("/subscribe", "/event/sync")
    rig.client.wait("/subscribed")
    ardour.tell("roll")
    assert state(rig, "locked")[0] == source
    deadline = time.monotonic() + WAIT_SECONDS
    while not rig.client.ask("/transport/playing")[0]:
        assert time.monotonic() < deadline
    before = here = after = 0.0
    while not (before > 11.0 and before - NEAR_SECONDS < here < after + NEAR_SECONDS):  # it began at 10
        assert time.monotonic() < deadline + WAIT_SECONDS, (before, here, after)
        before, here, after = ardour.tell("where"), rig.client.ask("/transport/position")[0], ardour.tell("where")
    ardour.tell("stop")
    state(rig, "stopped")
    deadline = time.monotonic() + WAIT_SECONDS
    while rig.client.ask("/transport/playing")[0]:
        assert time.monotonic() < deadline
