"""Pads that are played become a file that plays the same slots again, whole or not at all."""

from __future__ import annotations

from fake_engine import RATE, WallClock
from midi_rig import in_loop
from msgspec.structs import replace

from engine.events import MidiRecorded
from engine.story.midi_clips import presses
from engine.story.midi_file import read_midi_file
from engine.story.model import At, Clip, Line, MidiTrack, PlayClip, Slot, Story, Track

PAD = "LPX MIDI"
FIRST, SECOND = "51", "52"
AT = WallClock.START + 2.0


async def record(rig, name="pads.mid"):
    rig.wire.recorder.start(name, rig.engine.clock.frame_at(AT))


async def stop(rig):
    told = await rig.ask("/midi/record/stop")
    await rig.until(lambda: [e for e in rig.told if isinstance(e, MidiRecorded)])
    return told[0].args


@in_loop
async def test_what_is_played_plays_again_on_the_same_frames(make):
    rig = await make(PAD)
    rig.wire.recorder._folder = rig.wire.surfaces.folder
    await record(rig)
    times = (0.5, 0.75, 1.001, 2.5)
    for at, on in zip(times, ("7f", "40", "01", "64"), strict=True):
        await rig.play(PAD, f"90 {FIRST} {on}", at=AT + at)
        await rig.play(PAD, f"90 {FIRST} 00", at=AT + at + 0.1)
    await rig.play(PAD, f"90 {SECOND} 30", at=AT + 3.0)
    path, notes = await stop(rig)
    assert (path, notes) == (str(rig.wire.surfaces.folder / "pads.mid"), 5)
    read = read_midi_file(rig.wire.surfaces.folder / "pads.mid")
    assert [(n.note, n.velocity, n.channel) for n in read.notes] == [
        (36, 127, 1), (36, 64, 1), (36, 1, 1), (36, 100, 1), (37, 48, 1),
    ]  # fmt: skip
    clip = Clip(id="c", start=At(frame=0), line=Line(text="t", voice="v"))
    slots = tuple(Slot(bank="a", index=i, target=PlayClip(clip="c")) for i in (1, 2))
    story = Story(
        title="t", tracks=(Track(id="x", clips=(clip,)),), slots=slots,
        midi=(MidiTrack(file="pads.mid", bank="a", channel=1, notes=read),),
    )  # fmt: skip
    latency = rig.wire.latency_frames
    again = [p.frame for p in presses(story) if not p.release]
    assert all(abs(f - latency - round(at * RATE)) <= 3 for f, at in zip(again, (*times, 3.0), strict=True))


@in_loop
async def test_while_the_timeline_runs_its_place_counts(make):
    rig = await make(PAD)
    rig.wire.recorder._folder = rig.wire.surfaces.folder
    await record(rig)
    rig.engine.transport = replace(rig.engine.transport, playing=True)
    await rig.play(PAD, f"90 {FIRST} 7f", at=AT + 1.0)
    await stop(rig)
    (note,) = read_midi_file(rig.wire.surfaces.folder / "pads.mid").notes
    frame = rig.engine.clock.frame_at(AT + 1.0) + rig.wire.latency_frames
    assert note.tick == round(rig.engine.beat_of_frame(frame) * 9600)


@in_loop
async def test_what_can_not_be_recorded_is_answered_and_nothing_is_left_behind(make):
    rig = await make(PAD)
    folder = rig.wire.recorder._folder = rig.wire.surfaces.folder
    (answer,) = await rig.ask("/req", 1, "/midi/record/stop")
    assert "nothing is being recorded" in answer.args[3]
    for name in ("../pads.mid", "pads.wav", "/tmp/pads.mid", ".mid", "a\\b.mid"):
        (answer,) = await rig.ask("/req", 1, "/midi/record", name)
        assert answer.args[1] == "error" and "no name for a recording" in answer.args[3], name
    (folder / "there.mid").write_bytes(b"")
    (answer,) = await rig.ask("/req", 1, "/midi/record", "there.mid")
    assert "not overwritten" in answer.args[3]
    (answer,) = await rig.ask("/req", 1, "/midi/record", "empty.mid")
    assert answer.args[1:] == ("ok", str(folder / "empty.mid"))
    (answer,) = await rig.ask("/req", 1, "/midi/record")
    assert "is being recorded already" in answer.args[3]
    (answer,) = await rig.ask("/req", 1, "/midi/record/stop")
    assert "no pad was played" in answer.args[3]
    assert [p.name for p in folder.iterdir()] == ["there.mid"]


@in_loop
async def test_leaving_writes_what_was_played(make):
    rig = await make(PAD)
    folder = rig.wire.recorder._folder = rig.wire.surfaces.folder
    await record(rig, "last.mid")
    await rig.play(PAD, f"90 {FIRST} 7f", at=AT + 1.0)
    rig.wire._finish_recording()
    assert len(read_midi_file(folder / "last.mid").notes) == 1
