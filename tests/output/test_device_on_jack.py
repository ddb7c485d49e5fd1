"""Devices that are not what the engine would like: another sample rate, one output, many outputs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jack_recorder import JackRecorder
from tests.jack_server import JackServer, names_of, running_server

pytestmark = pytest.mark.whole

PLAY = """
import sys
import numpy as np
from engine.errors import DeviceError
from engine.output.device import DeviceOutput

def render(out, when, lost):
    out[:] = (0.5, 0.25, 0.2, 0.1)[: out.shape[1]]

try:
    output = DeviceOutput(("system",), 48000, 256, tuple(map(int, sys.argv[1:])))
    output.start(render)
except DeviceError as error:
    print(error, flush=True)
else:
    print("plays", flush=True)
    sys.stdin.read()
    output.stop()
"""
"""In a process of its own: PortAudio asks for its servers once."""

LOOKED_TOO_SOON = """
import os
from engine.output.device import list_devices

name, os.environ["JACK_DEFAULT_SERVER"] = os.environ["JACK_DEFAULT_SERVER"], "nobody"
assert not [device for device in list_devices() if device.on_jack]
os.environ["JACK_DEFAULT_SERVER"] = name
"""


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[JackServer]:
    yield from running_server(**request.param)


def play(server: JackServer, *private: int, before: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", before + PLAY, *map(str, private)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **server.env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(player: subprocess.Popen[str]) -> str:
    """Return what it says, without what libjack has to say."""
    assert player.stdout is not None
    return next(line for line in player.stdout if any(word in line for word in ("plays", "can't", "needs")))


def heard_on(player: subprocess.Popen[str], server: JackServer, outputs: slice) -> list[float]:
    """Return what its outputs play, which is the same all the time; end it."""
    with server.client("look") as look:
        ports = names_of(look, "^(cuevox|PortAudio)", is_output=True, is_audio=True)[outputs]
        with JackRecorder(server) as recorder:
            recorder.connect(ports)
            while not recorder.audio().any():
                recorder.wait_frames(256)
            recorder.wait_frames(2048)
            heard = recorder.audio()[-256:, : len(ports)]
    assert player.stdin is not None
    player.stdin.close()
    player.wait(30)
    assert (heard == heard[0]).all()
    return [round(float(sample), 6) for sample in heard[0]]


@pytest.mark.parametrize("server", [{}], indirect=True)
def test_a_server_that_did_not_answer_when_portaudio_looked_is_found(server: JackServer) -> None:
    with play(server, before=LOOKED_TOO_SOON) as player:
        assert said(player) == "plays\n"
        player.communicate()


@pytest.mark.parametrize("server", [{"sample_rate": 44100}], indirect=True)
def test_another_rate_is_refused_and_both_are_named(server: JackServer) -> None:
    with play(server) as player:
        words = said(player)
    assert "44100 Hz" in words
    assert "48000 Hz" in words


@pytest.mark.parametrize(
    ("server", "expected"),
    [({"outputs": 1}, [0.375]), ({"outputs": 4}, [0.5, 0.25])],
    indirect=["server"],
)
def test_one_output_gets_the_mean_and_of_many_the_first_two_play(server: JackServer, expected: list[float]) -> None:
    with play(server) as player:
        assert "plays" in said(player)
        assert heard_on(player, server, slice(2)) == expected


@pytest.mark.parametrize(
    ("server", "private", "outputs", "expected"),
    [
        ({"outputs": 4}, (3, 4), slice(0, 2), [0.5, 0.25]),
        ({"outputs": 4}, (3, 4), slice(2, 4), [0.2, 0.1]),
        ({"outputs": 6}, (5,), slice(3, 5), [0.0, 0.15]),
    ],
    indirect=["server"],
)
def test_private_buses_have_outputs_of_their_own(
    server: JackServer, private: tuple[int, ...], outputs: slice, expected: list[float]
) -> None:
    with play(server, *private) as player:
        assert "plays" in said(player)
        assert heard_on(player, server, outputs) == expected


@pytest.mark.parametrize("server", [{"outputs": 2}], indirect=True)
def test_a_device_with_too_few_outputs_is_refused_and_says_how_many(server: JackServer) -> None:
    with play(server, 3, 4) as player:
        words = said(player)
    assert "has 2 outputs; private_output 3-4 needs 4" in words
