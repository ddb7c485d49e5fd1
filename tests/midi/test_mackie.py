"""Mackie Control: published bytes, and a desk of motor faders that shows the truth."""

import random

import pytest
from midi_rig import in_loop
from msgspec.structs import replace

import engine.commands as do
from bridge.midi import mackie
from engine.events import StripGainChanged, TransportChanged

MCU = "X-Touch"


@pytest.mark.parametrize(
    ("made", "published"),
    [
        (mackie.fader(0, 1.0), "e0 7f 7f"),
        (mackie.fader(8, 0.0), "e8 00 00"),
        (mackie.light(94, True), "90 5e 7f"),
        (mackie.meter(7, 0.0), "d0 7c"),
        (mackie.meter(0, -100.0), "d0 00"),
        (mackie.scribble(0, 0, "voice"), "f0 00 00 66 14 12 00 76 6f 69 63 65 20 20 f7"),
        (mackie.scribble(7, 1, "toolongname"), "f0 00 00 66 14 12 69 74 6f 6f 6c 6f 6e 67 f7"),
        (mackie.ring(1, 0.5), "b0 31 46"),
        (mackie.ring(0, 0.0), "b0 30 01"),
    ],
)
def test_bytes(made, published):
    assert made.hex(" ") == published


def test_the_timecode_display_reads_from_the_right():
    digits = mackie.timecode(3723.45)
    assert [d[1] for d in digits] == list(range(64, 74))
    assert "".join(chr((d[2] & 0x3F) or 32) for d in reversed(digits)) == "  10203 45"
    assert [d[1] for d in digits if d[2] & 0x40] == [67, 69, 71]


class Desk:
    """A desk in memory: its faders, lights and displays are what the bytes say."""

    def __init__(self, rig):
        self.rig, self.faders, self.lights, self.text, self.digits = rig, {}, {}, {}, {}

    def catch_up(self):
        for m in self.rig.system.sent.pop(MCU, []):
            if m[0] & 0xF0 == 0xE0:
                self.faders[m[0] & 0x0F] = m[1] | m[2] << 7
            elif m[0] == 0x90:
                self.lights[m[1]] = m[2] > 0
            elif m[0] == 0xF0:
                self.text[m[6]] = m[7:-1].decode()
            elif m[0] == 0xB0:
                self.digits[m[1]] = m[2]


@in_loop
async def test_a_desk_moves_strips_and_shows_them(make):
    rig = await make(MCU)
    desk = Desk(rig)
    assert await rig.play(MCU, "90 68 7f", "e0 00 60") == ["touched", "/strip/voice/gain/norm 0.75"]
    assert rig.commands(do.SetStripGain)[-1].gain_db == pytest.approx(0.0, abs=0.02)
    await rig.play(MCU, "90 11 7f", "90 11 00", "90 08 7f", "b0 10 01", "90 5e 7f", "90 37 7f", "e8 7f 7f")
    assert rig.commands(do.SetStripMute) == [do.SetStripMute(strip="spook", mute=True)]
    assert rig.commands(do.SetStripSolo) == [do.SetStripSolo(strip="voice", solo=True)]
    assert rig.commands(do.SetStripPan)[0].pan == pytest.approx(0.04)
    assert rig.commands(do.Play) and rig.commands(do.GoCue) == [do.GoCue(cue="2")]
    assert rig.commands(do.SetStripGain)[-1] == do.SetStripGain(strip="master", gain_db=12.0)

    def settled():
        desk.catch_up()
        return desk.lights.get(17) and desk.lights.get(8) and desk.text.get(0) == "voice  "

    await rig.until(settled)
    assert not desk.lights[16]


@in_loop
async def test_a_display_shows_the_line_that_sounds_and_moves_on_along_it(make):
    rig = await make(MCU)
    desk, now = Desk(rig), [0.0]
    rig.wire.devices[MCU].mackie._now = lambda: now[0]

    def shows(text):
        rig.engine.meter_db = -20.0 - now[0] % 7  # it sounds: the meter moves
        desk.catch_up()
        return desk.text.get(56) == text

    await rig.until(lambda: shows("+0.0   "))
    rig.engine.lines["voice"] = "the dragon sleeps"
    await rig.until(lambda: shows("the dra"))
    now[0] = 1.0
    await rig.until(lambda: shows("dragon "))
    now[0] = 60.0
    await rig.until(lambda: shows(" sleeps"))
    await rig.play(MCU, "90 68 7f")
    await rig.until(lambda: shows("+0.0   "))
    await rig.play(MCU, "90 68 00")
    rig.engine.lines.clear()
    await rig.until(lambda: shows("+0.0   "))


@in_loop
async def test_a_touched_fader_is_not_moved_against_the_hand(make):
    rig = await make(MCU)
    desk = Desk(rig)
    await rig.until(lambda: desk.catch_up() or desk.faders.get(0, 0) > 0)
    await rig.play(MCU, "90 68 7f", "e0 00 10")
    desk.faders.clear()
    rig.engine.strips["voice"] = replace(rig.engine.strips["voice"], gain_db=12.0)
    rig.engine.tell(StripGainChanged(strip="voice", gain_db=12.0))
    rig.engine.strips["spook"] = replace(rig.engine.strips["spook"], gain_db=12.0)
    rig.engine.tell(StripGainChanged(strip="spook", gain_db=12.0))
    await rig.until(lambda: desk.catch_up() or desk.faders.get(1) == 16383)
    assert 0 not in desk.faders
    await rig.play(MCU, "90 68 00")
    await rig.until(lambda: desk.catch_up() or desk.faders.get(0) == 16383)


@in_loop
async def test_banks_show_the_truth_after_anything(make):
    rig = await make(MCU)
    desk, chance, first = Desk(rig), random.Random(3), 0
    strips = [s for s in rig.engine.strips if s != "master"]
    for _ in range(60):
        if chance.random() < 0.3:
            by = chance.choice([(48, -1), (49, 1)])
            await rig.play(MCU, f"90 {by[0]:02x} 7f")
            first = min(len(strips) - 1, max(0, first + by[1]))
        else:
            strip, gain = chance.choice(strips), chance.choice([-100.0, 0.0, 12.0])
            rig.engine.strips[strip] = replace(rig.engine.strips[strip], gain_db=gain)
            rig.engine.tell(StripGainChanged(strip=strip, gain_db=gain))
    expected = {-100.0: 0, 0.0: round(0.75 * 16383), 12.0: 16383}

    def settled():
        desk.catch_up()
        shown = strips[first:]
        return all(
            desk.faders.get(n) == (expected[rig.engine.strips[shown[n]].gain_db] if n < len(shown) else 0)
            and desk.text.get(n * 7, "").strip() == (shown[n] if n < len(shown) else "")
            for n in range(8)
        )

    await rig.until(settled)
    rig.engine.transport = replace(rig.engine.transport, playing=True)
    rig.engine.tell(TransportChanged(playing=True, timeline_frame=0))
    await rig.until(lambda: desk.catch_up() or (desk.lights.get(94) and not desk.lights.get(93)))


def test_the_handshakes_answer_is_seven_bits_each():
    for challenge in (bytes(4), b"\x7f\x7f\x7f\x7f", b"\x01\x23\x45\x67"):
        assert all(b < 128 for b in mackie.response(challenge))


@in_loop
async def test_a_daw_takes_us_for_a_surface_and_obeys(make):
    rig = await make()
    (answer,) = await rig.ask("/req", 1, "/midi/daw", "play")
    assert answer.args[1] == "ok" and rig.shown("Cuevox Control") == ["90 5e 7f", "90 5e 00"]
    rig.system.play("Cuevox Control", bytes.fromhex("F0 00 00 66 14 00 F7 90 5E 7F"))
    await rig.until(lambda: rig.wire.remote.lit.get("play"))
    assert rig.shown("Cuevox Control") == ["f0 00 00 66 14 01 43 55 45 56 4f 58 31 01 23 45 67 f7"]
    (answer,) = await rig.ask("/req", 2, "/midi/daw", "dance")
    assert answer.args[1] == "error" and "play, " in answer.args[3]
