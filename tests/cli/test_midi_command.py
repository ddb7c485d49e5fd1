"""`cuevox midi` on a real JACK server: what is there, and a device that is looked at."""

import json
import time

import pytest
from typer.testing import CliRunner

from bridge.cli.main import app
from bridge.midi.port import PortError

WAIT_SECONDS = 20.0


@pytest.fixture
def device(jack_server, monkeypatch, tmp_path):
    import rtmidi

    monkeypatch.setenv("CUEVOX_SURFACES_DIR", str(tmp_path))
    out, inn = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "APC MINI"), rtmidi.MidiIn(rtmidi.API_UNIX_JACK, "APC MINI")
    out.open_virtual_port("out")
    inn.open_virtual_port("in")
    yield inn
    for port in (out, inn):
        port.close_port()
        port.delete()


def run(*arguments):
    return CliRunner().invoke(app, ["midi", *arguments])


def test_ports_are_listed_with_what_they_are(device):
    rows = json.loads(run("list", "--midi", "jack", "--json").stdout)
    assert {(r["direction"], r["surface"]) for r in rows if "APC MINI" in r["port"]} == {
        ("in", "apc-mini"),
        ("out", "apc-mini"),
    }


def test_a_device_is_shown_every_look(device, monkeypatch):
    monkeypatch.setattr("bridge.cli.midi.LOOK_SECONDS", 0.02)
    assert run("test", "apc", "--midi", "jack", "--seconds", "0.05").exit_code == 0
    deadline, shown = time.monotonic() + WAIT_SECONDS, []
    while {m[1] for m in shown} != set(range(64)) or {m[2] for m in shown} != {0, 1, 2, 3, 4, 5, 6}:
        assert time.monotonic() < deadline, shown
        while (event := device.get_message()) is not None:
            shown.append(event[0])
        time.sleep(0.01)


def test_a_device_that_is_not_there_is_named(device):
    done = run("test", "nobody", "--midi", "jack")
    assert isinstance(done.exception, PortError) and "there is: APC MINI" in str(done.exception)
