"""Cuevox Return MIDI as an LV2 plug-in in jalv, on a real JACK server: transport, notes; and lv2_validate."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.daw.plugin_rig import Audio, built, exported, lay_out, serving
from tests.jack_server import JackServer, join, running_server
from tests.whole.rig import Rig

if TYPE_CHECKING:
    import jack

pytestmark = [
    pytest.mark.extra,
    pytest.mark.skipif(shutil.which("jalv") is None, reason="jalv is not installed"),
]

LINK = f"test-jalv-{os.getpid()}"
BLOCK, BLOCKS_OF_LATENCY = 1024, 4  # 85 ms: longer than a slow machine stalls
LATE = BLOCK * BLOCKS_OF_LATENCY
FADE = 512
CYCLES = 45
PAD, ALONE = 36, 17000
TRIES = 10
WAIT_SECONDS = 30.0


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("jalv"))


@pytest.fixture(scope="module")
def engine(story: Path) -> Iterator[Rig]:
    with serving(story, LINK) as rig:
        yield rig


@pytest.fixture(scope="module")
def wanted(story: Path) -> Audio:
    return exported(story)["one"]


@pytest.fixture(scope="module")
def server() -> Iterator[JackServer]:
    yield from running_server(period=BLOCK)


class Tape:
    """A JACK client that hears jalv and writes down where the transport was, and one that plays notes to it.

    One client for both would be a loop, in which JACK holds the notes back for a cycle.
    """

    def __init__(self, client: jack.Client, keys: jack.Client) -> None:
        self.client = client
        self._in = [client.inports.register(name) for name in ("left", "right")]
        self._out = keys.midi_outports.register("notes")
        self._rows = np.zeros((CYCLES, BLOCK, 2), np.float32)
        self._places = np.zeros((CYCLES, 2), np.int64)
        self._left, self._notes = 0, ()
        self._full = threading.Event()
        self._wanted = False
        client.set_process_callback(self._cycle)
        keys.set_process_callback(self._play)

    def record(self, *notes: tuple[int, tuple[int, int, int]]) -> tuple[Audio, np.ndarray]:
        """Return the next cycles' sound, and for each whether the transport rolled, and where; notes: in the first."""
        self._full.clear()
        self._notes, self._wanted = notes, True
        assert self._full.wait(WAIT_SECONDS)
        return self._rows.reshape(-1, 2).copy(), self._places.copy()

    def _play(self, frames: int) -> None:
        """Come first in a cycle."""
        self._out.clear_buffer()
        if self._wanted:
            for offset, message in self._notes:
                self._out.write_midi_event(offset, message)
            self._wanted, self._left = False, CYCLES

    def _cycle(self, frames: int) -> None:
        """Come last."""
        if not self._left:
            return
        row = CYCLES - self._left
        state, position = self.client.transport_query_struct()
        self._places[row] = int(state) == 1, position.frame
        for channel, port in enumerate(self._in):
            self._rows[row, :, channel] = port.get_array()
        self._left -= 1
        if not self._left:
            self._full.set()


@pytest.fixture(scope="module")
def tape(engine: Rig, server: JackServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tape]:
    """A tape that hears an instance of the plug-in in jalv, which has found the engine."""
    log = tmp_path_factory.mktemp("jalv") / "log"
    env = {**os.environ, **server.env, "LV2_PATH": f"{built()}:/usr/lib/lv2", "CUEVOX_DAW_LINK": LINK}
    command = ["jalv", "-i", "-x", "-n", "cvx", "-c", "bus=1", "-c", f"latency_blocks={BLOCKS_OF_LATENCY}"]
    with log.open("w") as said:
        jalv = subprocess.Popen([*command, "urn:cuevox:return-midi"], env=env, stdout=said, stderr=said)
    client, keys = server.client("tape"), server.client("keys")
    try:
        it = Tape(client, keys)
        client.activate()
        keys.activate()
        for side, port in enumerate(client.inports, 1):
            join(client, f"cvx:lv2_audio_out_{side}", port.name)
        (notes,) = keys.midi_outports
        join(keys, notes.name, "cvx:lv2_events_in")
        yield it
    finally:
        for each in (client, keys):
            each.deactivate()
            each.close()
        jalv.terminate()
        jalv.wait(WAIT_SECONDS)


def rolled(tape: Tape) -> tuple[Audio, int]:
    """Return what was heard since the transport last jumped in a recording, and where it went on."""
    sound, places = tape.record()
    goes_on = (np.diff(places[:, 1]) == BLOCK) & (places[1:, 0] == 1)
    first = 1 + int(np.flatnonzero(~goes_on)[-1]) if not goes_on.all() else 0
    assert first < CYCLES // 2, "it does not roll"
    return sound[first * BLOCK :], int(places[first, 1])


def test_the_story_follows_jack_s_transport(tape: Tape, wanted: Audio) -> None:
    for _ in range(TRIES):  # a stall of the machine costs a try
        tape.client.transport_stop()
        tape.client.transport_frame = 12000
        tape.record()
        tape.client.transport_start()
        first, begin = rolled(tape)
        tape.client.transport_frame = 96000
        second, again = rolled(tape)
        good = begin >= 12000 and again >= 96000
        for sound, place in ((first, begin), (second, again)):
            heard, meant = sound[LATE + FADE :], wanted[place + FADE :]
            good = good and np.array_equal(heard, meant[: len(heard)])
        if good:
            break
    else:
        raise AssertionError("not once without a miss")
    tape.client.transport_stop()


def test_a_note_sounds_at_its_own_frame(tape: Tape, wanted: Audio) -> None:
    tape.client.transport_stop()
    for _ in range(TRIES):
        tape.record()
        heard, _ = tape.record((77, (0x90, PAD, 127)))
        if np.array_equal(heard[LATE + 77 :][:ALONE], wanted[:ALONE]):
            break
    else:
        raise AssertionError("not once at its frame")
    assert not heard[: LATE + 77].any()


@pytest.mark.skipif(shutil.which("lv2_validate") is None, reason="lv2_validate is not installed")
@pytest.mark.parametrize("name", ["CuevoxReturn", "CuevoxReturnMIDI"])
def test_its_description_is_valid(name: str) -> None:
    bundle = built() / f"{name}.lv2"
    told = subprocess.run(
        ["lv2_validate", *map(str, sorted(bundle.glob("*.ttl")))], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
