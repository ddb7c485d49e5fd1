"""MIDI before a fake engine: devices in memory, a loop of the test's own, and hands for time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from fake_engine import FakeEngine
from memory_ports import MemorySystem

from bridge.hub import Hub
from bridge.message import IMMEDIATELY, Bundle, Message
from bridge.midi.questions import MidiDesk
from bridge.midi.surfaces import Surfaces
from bridge.midi.wire import MidiWire
from bridge.places import HostPort

WAIT_SECONDS = 20.0


class Listener:
    """Another client of the hub, which hears the answers."""

    address: HostPort = ("test", 1)
    connected = False

    def __init__(self) -> None:
        self.heard: list[Message] = []

    def send(self, to: HostPort, messages) -> None:
        self.heard.extend(messages)

    def congested(self, to: HostPort) -> bool:
        return False


class Rig:
    """One engine, its hub, its MIDI. Everything runs in the loop of the test."""

    def __init__(self, folder: Path, *names: str, wanted=(), wall: float = 1000.0) -> None:
        self.engine = FakeEngine()
        self.told: list = []
        self.engine.subscribe(self.told.extend)
        self.system = MemorySystem(*names)
        self.wall = wall
        self.hub = Hub(self.engine, version="1", wall=lambda: self.wall)
        self.wire = MidiWire(self.hub, [self.system], Surfaces(folder), wanted=wanted)
        self.hub.router.desk.midi = MidiDesk(self.wire)
        self.listener = Listener()

    async def play(self, name: str, *messages: str, at: float = 1000.0) -> list[str]:
        """Have a device send messages (hex) at a Unix time; return what they did."""
        self.wall = at
        for message in messages:
            self.system.play(name, bytes.fromhex(message), at)
        await self.until(lambda: not self.wire._inbox._waiting)
        return [e.effect for e in self.told if type(e).__name__ == "MidiHeard"][-len(messages) :]

    async def ask(self, address: str, *args) -> list[Message]:
        """Ask over another wire; return what came back until now."""
        self.listener.heard.clear()
        client = self.hub.client(("test", 2), self.listener)
        self.hub.receive(Bundle(tag=IMMEDIATELY, messages=(Message(address, args),)), client)
        await asyncio.sleep(0)
        return list(self.listener.heard)

    async def until(self, true: Callable[[], object]) -> None:
        """Let the loop run until something is so."""
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        await asyncio.sleep(0)
        while not true():
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.002)

    def commands(self, *kinds: type) -> list:
        return [c for c, _ in self.engine.applied if isinstance(c, kinds)]

    def shown(self, name: str) -> list[str]:
        """Return what a device was sent, in hex, and forget it."""
        return [m.hex(" ") for m in self.system.sent.pop(name, [])]


def in_loop(test):
    """Run an async test, with its rig closed at the end."""

    def run(tmp_path):
        async def inside():
            rigs: list[Rig] = []

            async def make(*names, **options):
                rig = Rig(options.pop("folder", tmp_path), *names, **options)
                rigs.append(rig)
                await rig.wire.start()
                return rig

            try:
                await test(make)
            finally:
                for rig in rigs:
                    rig.wire.close()
                    rig.hub.close()

        asyncio.run(inside())

    run.__name__ = test.__name__
    return run
