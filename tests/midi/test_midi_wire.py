"""Devices before the engine: what they send is done, what they show is true, what they are taught is kept."""

import pytest
from midi_rig import in_loop

import engine.commands as do
from bridge.midi.surfaces import Surfaces
from engine.errors import NotReady
from engine.events import CueRenumbered, Dropped, MidiLearned, MidiPortChanged, PlayheadMoved, SlotChanged, StartedLate

PAD = "Launchpad X LPX MIDI"
FIRST, SECOND, THIRD = "51", "52", "53"  # the pads of slots 1, 2 and 3 of a bank, from the top left


@in_loop
async def test_a_pad_presses_its_slot_and_lets_it_go(make):
    rig = await make(PAD)
    assert await rig.play(PAD, f"90 {FIRST} 7f", f"90 {FIRST} 00") == ["/slot/a/1/trigger 1", "/slot/a/1/trigger 0"]
    (press, at), (release, _) = [(c, f) for c, f in rig.engine.applied if "Slot" in type(c).__name__]
    assert press == do.TriggerSlot(bank="a", index=1, velocity=1.0)
    assert release == do.ReleaseSlot(bank="a", index=1)
    latency = rig.engine.block_frames + 48
    assert at == rig.engine.clock.frame_at(1000.0) + latency, "one block and a millisecond after it arrived"


@in_loop
async def test_a_pad_without_a_slot_and_a_refusal_say_so(make):
    rig = await make(PAD)
    assert await rig.play(PAD, f"90 {THIRD} 40") == ["no slot there"]
    rig.engine.refusal = NotReady("its take is still being made")
    (effect,) = await rig.play(PAD, f"90 {FIRST} 40")
    assert effect.endswith("its take is still being made")


@in_loop
async def test_the_grid_shows_every_slot_and_again_after_it_was_away(make):
    rig = await make(PAD)
    await rig.until(lambda: len(rig.system.sent.get(PAD, ())) >= 65)
    shown = rig.shown(PAD)
    assert shown[0] == "f0 00 20 29 02 0c 0e 01 f7", "Programmer mode first"
    assert f"90 {FIRST} 17" in shown and f"90 {SECOND} 0b" in shown, "ready dim green, queued amber"
    rig.engine.slots["a", 1] = "playing"
    rig.engine.tell(SlotChanged(bank="a", index=1, state="playing"))
    await rig.until(lambda: PAD in rig.system.sent)
    assert rig.shown(PAD) == [f"92 {FIRST} 15"]
    rig.system.pull(PAD)
    await rig.wire.look()
    assert PAD not in rig.wire.devices
    rig.system.plug(PAD)
    await rig.wire.look()
    await rig.until(lambda: len(rig.system.sent.get(PAD, ())) >= 65)
    assert f"92 {FIRST} 15" in rig.shown(PAD)
    assert [e.open for e in rig.told if isinstance(e, MidiPortChanged) and e.port == PAD] == [True, False, True]


@in_loop
async def test_a_device_whose_output_comes_after_its_input_is_lit_then(make):
    rig = await make()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rig.system, "outputs", tuple)
        rig.system.plug(PAD)
        await rig.wire.look()
        assert rig.wire.devices[PAD].output is None
    for _ in range(2):
        await rig.wire.look()
    await rig.until(lambda: len(rig.system.sent.get(PAD, ())) >= 65)
    assert [e.open for e in rig.told if isinstance(e, MidiPortChanged) and e.port == PAD] == [True, False, True]


@in_loop
async def test_faders_take_hold_and_switches_toggle(make):
    name = "nanoKONTROL2 SLIDER/KNOB"
    rig = await make(name)
    (waits,) = await rig.play(name, "b0 00 20")
    assert waits == "/strip/voice/gain/norm waits for the control to meet it"
    await rig.play(name, "b0 00 60", "b0 00 70")
    gains = [c.gain_db for c in rig.commands(do.SetStripGain)]
    assert len(gains) == 2 and 0.0 < gains[0] < gains[1] < 12.0
    await rig.play(name, "b0 30 7f", "b0 30 00", "b0 30 7f", "b0 30 00")
    assert [c.mute for c in rig.commands(do.SetStripMute)] == [True, False]
    await rig.until(lambda: "b0 30 00" in [m.hex(" ") for m in rig.system.sent.get(name, ())])


@in_loop
async def test_a_button_that_trembles_fires_once(make):
    name = "nanoKONTROL2 SLIDER/KNOB"
    rig = await make(name)
    for at in (1000.0, 1000.05, 1000.09, 1000.30):
        await rig.play(name, "b0 2d 7f", "b0 2d 00", at=at)
    assert len(rig.commands(do.GoCue)) == 2


@in_loop
async def test_programs_panic_and_pedal(make):
    rig = await make("Anything")
    await rig.play("Anything", "c0 00")
    assert rig.commands(do.GoCue) == [do.GoCue(cue="1")]
    await rig.play("Anything", "b0 7b 00", "b3 78 00")
    assert len(rig.commands(do.Panic)) == 2
    await rig.play("Anything", "b0 40 7f", "90 24 40", "80 24 40")
    assert rig.commands(do.ReleaseSlot) == [], "held by the pedal"
    await rig.play("Anything", "b0 40 00")
    assert len(rig.commands(do.ReleaseSlot)) == 1


@in_loop
async def test_a_control_is_taught_kept_and_forgotten(make):
    rig = await make("Knobs")
    assert [m.args[1] for m in await rig.ask("/req", 1, "/midi/learn", "/strip/voice/pan", "takeover: jump")] == ["ok"]
    assert await rig.play("Knobs", "b2 15 10", "b2 15 11") == ["learnt", "learnt"]
    await rig.until(lambda: any(isinstance(e, MidiLearned) for e in rig.told))
    await rig.play("Knobs", "b2 15 7f")
    assert rig.commands(do.SetStripPan) == [do.SetStripPan(strip="voice", pan=1.0)]
    told = await rig.ask("/midi/bindings")
    assert ("Knobs", "cc 21 ch 3", "/strip/voice/pan", "takeover: jump") in [m.args for m in told]
    kept = Surfaces(rig.wire.surfaces.folder).of("Knobs")
    assert str(kept.controls[0].on) == "cc 21 ch 3" and kept.pads, "on top of what the device did before"
    (answer,) = await rig.ask("/req", 2, "/midi/unbind", "knobs", "cc 21 ch 3")
    assert answer.args[1] == "ok" and await rig.play("Knobs", "b2 15 7f") == [""]


@in_loop
async def test_controls_go_on_to_fire_a_cue_that_has_another_number(make):
    rig = await make("Knobs", "Box")
    for port, address in (("Knobs", "/cue/2/go"), ("Box", "/cuelist/main/cue/2/stop")):
        await rig.ask("/midi/bind", port, "note 60", address)
    await rig.ask("/midi/bind", "Knobs", "note 61", "/cue/12a/go")
    rig.system.pull("Box")
    await rig.wire.look()
    rig.engine.cues = {"7" if cue == "2" else cue: state for cue, state in rig.engine.cues.items()}
    rig.engine.tell(CueRenumbered(cue="2", number="7"))
    await rig.until(lambda: rig.wire.devices["Knobs"].surface.controls[0].to == "/cue/7/go")
    assert await rig.play("Knobs", "90 3c 7f", "90 3d 7f") == ["/cue/7/go 1", "/cue/12a/go 1"]
    kept = Surfaces(rig.wire.surfaces.folder)
    assert {c.to for c in kept.learned("Knobs")} == {"/cue/7/go", "/cue/12a/go"}
    assert [c.to for c in kept.learned("Box")] == ["/cuelist/main/cue/7/stop"], "also while it is not there"


@in_loop
async def test_fourteen_bits_nrpn_and_encoders_are_told_apart(make):
    rig = await make("Knobs")
    for address, messages, expected in [
        ("/strip/voice/gain", ["b0 07 40", "b0 27 01", "b0 07 40"], "cc14 7 ch 1"),
        ("/strip/hall/gain", ["b0 63 02", "b0 62 2c", "b0 06 10", "b0 26 00"], "nrpn 300 ch 1"),
        ("/strip/spook/insert/1/cutoff_hz", ["b0 14 01"] * 6, "cc 20 ch 1"),
        ("/go", ["99 30 40"], "note 48 ch 10"),
        ("/strip/voice/pan", ["e0 00 40"], "bend ch 1"),
    ]:
        rig.told.clear()
        await rig.ask("/midi/learn", address)
        await rig.play("Knobs", *messages)
        await rig.until(lambda: any(isinstance(e, MidiLearned) for e in rig.told))
        assert [e.control for e in rig.told if isinstance(e, MidiLearned)] == [expected]
    before = rig.engine.strips["spook"].inserts[0].values["cutoff_hz"]
    await rig.play("Knobs", "b0 14 05")
    assert rig.engine.strips["spook"].inserts[0].values["cutoff_hz"] > before


@pytest.mark.parametrize(
    ("address", "args", "says"),
    [
        ("/midi/bind", ("knobs", "cc 999", "/go"), "no control is called"),
        ("/midi/bind", ("nobody", "cc 9", "/go"), "there is: Cuevox, Knobs"),
        ("/midi/learn", ("/strip/nobody/gain",), "'nobody'; there is: "),
        ("/midi/bind", ("knobs", "cc 9", "/nothing"), "nothing answers"),
        ("/midi/bind", ("knobs", "cc 9", "/say"), "can't be moved by a control"),
        ("/midi/bind", ("knobs", "cc 9", "/go", "takeover: never"), "pickup, scale, jump"),
        ("/midi/learn", ("/strip/voice/meter",), "can't be moved by a control"),
        ("/midi/unbind", ("knobs", "cc 9"), "it was taught: nothing"),
    ],
)
def test_what_can_not_be_taught_is_answered(tmp_path, address, args, says):
    @in_loop
    async def test(make):
        rig = await make("Knobs")
        (answer,) = await rig.ask("/req", 1, address, *args)
        assert answer.args[1] == "error" and says in answer.args[3]

    test(tmp_path)


@in_loop
async def test_two_devices_and_a_bank_each(make):
    rig = await make(PAD, "Second Pads", wanted=["pads"])
    assert rig.wire.devices["Second Pads"].surface.id == "pads"
    await rig.play("Second Pads", "c0 01", "99 24 7f")
    await rig.play(PAD, f"90 {FIRST} 7f")
    assert [(c.bank, c.index) for c in rig.commands(do.TriggerSlot)] == [("b", 1), ("a", 1)]


@in_loop
async def test_running_status_and_clock_inside_messages_arrive(make):
    rig = await make(PAD)
    await rig.play(PAD, f"90 {FIRST} f8 7f {FIRST} 00")
    assert len(rig.commands(do.TriggerSlot, do.ReleaseSlot)) == 2


@in_loop
async def test_what_gets_lost_is_told_once(make):
    rig = await make(PAD)
    rig.system.lost, rig.system.missed = 3, 2
    await rig.wire.look()
    await rig.wire.look()
    told = [(e.code, e.text.split(";")[0]) for e in rig.told if isinstance(e, Dropped)]
    assert told == [("lost", "3 events were lost"), ("missed", "JACK ran 2 cycles without waiting for us")]


@in_loop
async def test_ports_that_all_went_away_are_opened_anew_and_lit(make):
    rig = await make(PAD)
    await rig.until(lambda: rig.shown(PAD))
    rig.system.lose()
    await rig.play(PAD, f"90 {FIRST} 7f")
    assert not rig.commands(do.TriggerSlot), "its ports are dead"
    await rig.wire.look()
    ports = [(e.port, e.open) for e in rig.told if isinstance(e, MidiPortChanged)]
    assert ports[-4:] == [("Cuevox", False), (PAD, False), ("Cuevox", True), (PAD, True)]
    await rig.until(lambda: rig.shown(PAD))
    await rig.play(PAD, f"90 {FIRST} 7f")
    assert len(rig.commands(do.TriggerSlot)) == 1
    rig.wire.remote.press("play")
    assert rig.shown("Cuevox Control"), "and we are a surface again"


@in_loop
async def test_ports_that_stay_away_are_gone_until_they_are_back(make):
    rig = await make(PAD)
    rig.system.lose(away=True)
    await rig.wire.look()
    await rig.wire.look()
    assert not rig.wire.devices
    rig.system.away = False
    await rig.wire.look()
    assert list(rig.wire.devices) == ["Cuevox", PAD]


@in_loop
async def test_what_leaves_late_is_told_once(make):
    rig = await make(PAD)
    rig.system.late, rig.system.latest_seconds = 2, 0.007
    await rig.wire.look()
    await rig.wire.look()
    (told,) = [e for e in rig.told if isinstance(e, StartedLate)]
    assert (told.what, told.late_seconds, told.sequence) == ("midi", 0.007, 2)


@in_loop
async def test_events_of_the_engine_need_no_devices(make):
    rig = await make()
    rig.engine.tell(PlayheadMoved(next_cue="2"))
    assert list(rig.wire.devices) == ["Cuevox"]
    told = await rig.ask("/midi/ports")
    assert [m.args for m in told] == [("Cuevox", "generic", 1), (1,)]
