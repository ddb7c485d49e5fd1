"""A real JACK server that ends, by request and by force, and is started again: MIDI goes on by itself."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_engine import FakeEngine

import engine.commands as do
from bridge.hub import Hub
from bridge.midi.jack_ports import JackSystem
from bridge.midi.jack_transport import JackTransport
from bridge.midi.port import PortError
from bridge.midi.surfaces import Surfaces
from bridge.midi.wire import MidiWire
from engine.events import MidiPortChanged
from tests.jack_server import JackServer

WAIT_SECONDS = 30.0
LAUNCHPAD = bytes.fromhex("F0 00 20 29 02 0C 0E 01 F7")


class Pad:
    """A Launchpad X, as far as JACK can see."""

    def __init__(self, server: JackServer) -> None:
        self._client = server.client("LPX MIDI")
        self._in = self._client.midi_inports.register("in")  # first: who sees the other sees both
        self._out = self._client.midi_outports.register("out")
        self.shown: list[bytes] = []
        self._presses = 0
        self._client.set_process_callback(self._process)
        self._client.activate()

    def press(self) -> None:
        self._presses = 1

    def _process(self, _: int) -> None:
        self._out.clear_buffer()
        if self._presses:
            self._presses = 0
            self._out.write_midi_event(0, b"\x90\x51\x7f")
        self.shown.extend(bytes(data) for _, data in self._in.incoming_midi_events())

    def close(self) -> None:
        self._client.deactivate()
        self._client.close()


async def until(true) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("bridge.midi.wire.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("bridge.midi.jack_ports.AGAIN_SECONDS", 0.02)
    yield


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
def test_ports_mappings_and_lights_come_back_with_the_server(
    jack_server: JackServer, tmp_path: Path, quick: None, how: signal.Signals
) -> None:
    async def run() -> None:
        engine, told = FakeEngine(), []
        engine.subscribe(told.extend)
        hub, system = Hub(engine, version="1"), JackSystem()
        transport = JackTransport(system, owned=False)
        pad = Pad(jack_server)
        wire = MidiWire(hub, [system], Surfaces(tmp_path))
        await wire.start()
        for _ in range(2):
            name = "LPX MIDI:out"
            await until(lambda: name in wire.devices and LAUNCHPAD in pad.shown and len(pad.shown) > 64)  # noqa: B023
            assert {m[1] for m in pad.shown if m[0] & 0xF0 == 0x90} >= {81, 88, 11}, "every pad is lit"
            engine.applied.clear()
            pad.press()  # it presses once, and is heard once
            await until(lambda: [c for c, _ in engine.applied if isinstance(c, do.TriggerSlot)])
            await until(lambda: system.rolling is not None)
            pad.close()
            jack_server.end(how)
            await until(lambda: not wire.devices and system.rolling is None)
            assert transport.followed(time.time()).state == "stopped"
            with pytest.raises(PortError, match="gone"):
                system.inputs()
            jack_server.start()
            pad = Pad(jack_server)
        await until(lambda: "LPX MIDI:out" in wire.devices and "Cuevox" in wire.devices)
        assert [e.open for e in told if isinstance(e, MidiPortChanged) and "LPX" in e.port] == [1, 0, 1, 0, 1]
        pad.close()
        wire.close()
        hub.close()

    asyncio.run(run())


def test_a_system_that_waits_is_there_when_the_server_is(jack_server: JackServer, quick: None) -> None:
    jack_server.stop()
    system = JackSystem("Early", waits=True)
    with pytest.raises(PortError, match="no JACK server is running"):
        system.inputs()
    jack_server.start()
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            system.open_input("Early", lambda *_: None, virtual=True)
            break
        except PortError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    system.close()
    system.close()


def test_waiting_can_be_given_up(jack_server: JackServer) -> None:
    jack_server.stop()
    JackSystem("Nobody", waits=True).close()
