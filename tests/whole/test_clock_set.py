"""The machine's clock is set while a show runs: what plays goes on, and time tags follow the clock."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.whole.rig import WAIT_SECONDS, Rig, bundle, encode, running, write_story

AUDIO = "engine.realtime.audio_process"
HOUR = 3600.0

pytestmark = [
    pytest.mark.whole,
    pytest.mark.extra,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux" or shutil.which("cc") is None, reason="needs Linux and a C compiler"),
]


class Clock:
    """The wall clock of all processes of an engine (``set_clock.c``); monotonic time is the machine's own."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ahead"
        self.set(0.0)
        library = folder / "set_clock.so"
        source = Path(__file__).with_name("set_clock.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-o", library, source, "-ldl"], check=True)
        self.env = {"LD_PRELOAD": str(library), "SET_CLOCK_FILE": str(self._file)}

    def set(self, ahead_seconds: float) -> None:
        """Set it to so much ahead of the machine's, from one moment to the next."""
        self.ahead_ns = round(ahead_seconds * 1e9)
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("=q", self.ahead_ns))

    def in_ns(self, seconds: float) -> int:
        """Return what it shows in so many seconds."""
        return time.time_ns() + self.ahead_ns + round(seconds * 1e9)


def test_a_clock_that_is_set_moves_nothing_but_time_tags(tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    with running(write_story(tmp_path), "--device", "null", env={**clock.env, "CUEVOX_STANDBY": "on"}) as rig:
        rig.wait_ready()
        rig.client.ask("/subscribe", "/event//*", answer="/subscribed")
        rig.client.send("/transport/loop", 0.0, 1000.0)
        rig.client.send("/transport/play")
        rig.client.send_raw(bundle(clock.in_ns(5.0), encode("/cue/3/go")))
        assert rig.client.ask("/sync", 1, answer="/synced") == [1]
        clock.set(HOUR)
        assert rig.client.wait("/event/clock/jumped")[0] == pytest.approx(HOUR, abs=1.0)
        rig.client.wait("/event/cue/started", "3")
        assert not lateness(rig), "what was sent before for later is as far ahead as it was"
        rig.client.send("/cue/3/stop")
        rig.client.wait("/event/cue/ended", "3")

        rig.client.send_raw(bundle(clock.in_ns(3.0), encode("/cue/3/go")))
        rig.client.wait("/event/cue/started", "3")
        assert not lateness(rig), "time tags follow the new time"
        rig.client.send_raw(bundle(clock.in_ns(0.5 - HOUR), encode("/cue/3/stop")))
        assert rig.client.wait("/late")[1] == pytest.approx(HOUR * 1000.0, abs=10_000.0)

        frame = int(rig.client.ask("/clock/now")[1])
        playing = audio(rig)[0]
        playing.kill()
        rig.client.wait("/event/process/replaced", "audio")
        assert rig.client.ask("/transport/playing") == [1]
        assert 0 < int(rig.client.ask("/clock/now")[1]) - frame < 48000 * WAIT_SECONDS, "frames know of no hour"
        clock.set(-HOUR)
        assert rig.client.wait("/event/clock/jumped")[0] == pytest.approx(-2.0 * HOUR, abs=1.0)
        assert rig.client.ask("/transport/playing") == [1]


def lateness(rig: Rig) -> list[list[object]]:
    """Return what was told of bundles that came too late."""
    return [list(said.params) for said in rig.client.heard if said.address in ("/late", "/event/late")]


def audio(rig: Rig) -> list:
    """Return both audio processes, the playing one first, once there are two."""
    deadline = time.monotonic() + WAIT_SECONDS
    while len(found := rig.children(AUDIO)) < 2:
        assert time.monotonic() < deadline, "no standby"
        time.sleep(0.05)
    return found
