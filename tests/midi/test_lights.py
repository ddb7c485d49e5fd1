"""Lights are the engine's truth: a device that keeps its own LEDs is compared with it, whatever happened before."""

import asyncio
import random
import tempfile
from pathlib import Path

import pytest
from midi_rig import Rig

from bridge.midi.lights import FAMILIES, LOOKS, pad_light
from bridge.midi.painter import MESSAGES_PER_PAINT, Painter
from engine.events import PlayheadMoved, SlotChanged, StoryReloaded

PAD = "Launchpad Mini MK3 LPMiniMK3 MIDI"
GRID = [row * 10 + column for row in range(8, 0, -1) for column in range(1, 9)]
# state: how it lights (channel: 0 static, 1 flashing, 2 pulsing) and the palette's colour, from the maker's manual
EXPECTED = {
    "empty": (0, 0), "queued": (0, 11), "rendering": (2, 9), "ready": (0, 23), "playing": (2, 21), "failed": (1, 5),
    "muted": (0, 45), "standby": (0, 3),
}  # fmt: skip


STATES = ("empty", "queued", "rendering", "ready", "playing", "failed")


class Launchpad:
    """Its own LEDs, as the bytes say; it forgets them when it is unplugged."""

    def __init__(self, rig):
        self.rig, self.leds, self.programmer = rig, {}, False

    def catch_up(self):
        for message in self.rig.system.sent.pop(PAD, []):
            if message.startswith(b"\xf0\x00\x20\x29\x02\x0d\x0e"):
                self.programmer = message[7] == 1
            elif message[0] & 0xF0 == 0x90:
                self.leds[message[1]] = (message[0] & 0x0F, message[2])

    def unplug(self):
        self.catch_up()
        self.rig.system.pull(PAD)
        self.leds, self.programmer = {}, False


def truth(engine, bank):
    indices = {index: state for (name, index), state in engine.slots.items() if name == bank}
    first = 0 if 0 in indices else 1
    muted = engine.strips["voice" if bank == "a" else "spook"].mute

    def look(index):
        state = indices[index]
        if state in ("ready", "playing") and muted:
            return "muted"
        return "standby" if state == "ready" and engine.standing == (bank, index) else state

    return {note: EXPECTED[look(n + first)] if n + first in indices else (0, 0) for n, note in enumerate(GRID)}


@pytest.mark.parametrize("seed", range(4))
def test_a_launchpad_shows_the_truth_after_anything(seed):
    async def run():
        chance = random.Random(seed)
        with tempfile.TemporaryDirectory() as folder:
            rig = Rig(Path(folder), PAD)
            rig.engine.slots = {(b, i): "ready" for b in ("a", "b") for i in range(b == "a", 40)}
            await rig.wire.start()
            device, bank = Launchpad(rig), "a"
            for _ in range(120):
                what = chance.random()
                if what < 0.73:
                    slot = chance.choice(list(rig.engine.slots))
                    rig.engine.slots[slot] = chance.choice(STATES)
                    rig.engine.tell(SlotChanged(bank=slot[0], index=slot[1], state=rig.engine.slots[slot]))
                elif what < 0.79:
                    rig.engine.standing = chance.choice(list(rig.engine.slots))
                    rig.engine.tell(PlayheadMoved(next_cue="2"))
                elif what < 0.83:
                    await rig.ask(f"/strip/{chance.choice(['voice', 'spook'])}/mute", chance.choice([0, 1]))
                elif what < 0.88:
                    device.unplug()
                    await rig.wire.look()
                    rig.system.plug(PAD)
                    await rig.wire.look()
                    bank = "a"
                elif what < 0.92:
                    rig.engine.slots.pop(chance.choice(list(rig.engine.slots)))
                    rig.engine.tell(StoryReloaded(path="story.yaml"))
                elif what < 0.95:
                    await rig.ask("/midi/lights", 0)
                    await rig.ask("/midi/lights", 1)
                await asyncio.sleep(chance.choice([0, 0, 0.003]))
                device.catch_up()

            def settled():
                device.catch_up()
                return device.leds == truth(rig.engine, bank)

            await rig.until(settled)
            assert device.programmer
            rig.wire.close()
            rig.hub.close()

    asyncio.run(run())


@pytest.mark.parametrize("family", [f for f in FAMILIES if f != "off"])
def test_every_look_is_a_note_of_the_device(family):
    lights = {look: pad_light(family, 60, look, 10) for look in LOOKS}
    assert all(m is not None and m[0] & 0xF0 == 0x90 and m[1] == 60 and m[2] < 128 for m in lights.values())
    assert lights["off"] == lights["empty"] != lights["ready"] != lights["playing"] != lights["failed"]


def test_a_painter_sends_what_changed_at_a_pace():
    sent = []
    painter = Painter(lambda m: sent.append(m) or True)
    for n in range(100):
        painter.show(n, bytes((0x90, n, 1)))
    painter.paint()
    assert len(sent) == MESSAGES_PER_PAINT and painter.waiting
    while painter.waiting:
        painter.paint()
    sent.clear()
    painter.show(5, bytes((0x90, 5, 2)))
    painter.show(5, bytes((0x90, 5, 1)))
    painter.paint()
    assert sent == [], "changed and changed back"
    painter.forget(5)
    painter.paint()
    assert sent == [bytes((0x90, 5, 1))]


def test_a_device_that_takes_nothing_gets_it_later():
    took, painter = [], None
    painter = Painter(lambda m: bool(took))
    painter.show(1, b"\x90\x01\x01")
    painter.paint()
    assert painter.waiting
    took.append(1)
    painter.paint()
    assert not painter.waiting
