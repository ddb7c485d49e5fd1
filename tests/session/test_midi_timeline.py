"""What MIDI files play, in the compiled timeline: sorted, at the frames of their notes, and again when takes come."""

from __future__ import annotations

from msgspec.structs import replace
from studio import Studio, small_story

from engine.story.midi_notes import FileNote, MidiNotes
from engine.story.model import At, MidiTrack, PlayClip, Slot, Story


def drums() -> Story:
    notes = tuple(FileNote(tick, 10, 36, 127, 1) for tick in (0, 1, 480, 960))
    track = MidiTrack(file="a.mid", bank="c", start=At(frame=5), notes=MidiNotes(ticks_per_beat=480, notes=notes))
    slot = Slot(bank="c", index=1, target=PlayClip(clip="boo"), mode="layer")
    return replace(small_story(), slots=(*small_story().slots, slot), midi=(track,))


def test_notes_are_entries_of_the_timeline() -> None:
    show, plain = Studio(drums()), Studio()
    entries, others = show.stage.timelines[-1], plain.stage.timelines[-1]
    assert len(entries) == len(others) + 4
    frames = sorted(entries["start_frame"].tolist())
    assert entries["start_frame"].tolist() == frames
    assert set(frames) - set(others["start_frame"].tolist()) == {5, 55, 24_005, 48_005}
    added = entries[entries["start_frame"] == 24_005]
    assert added["length"].tolist() == [500], "the clip's own trim"
    assert len(set(entries["player"].tolist())) == len(entries)


def test_what_is_not_loaded_joins_in_later() -> None:
    show = Studio(drums(), load=False)
    assert not show.stage.timelines
    show.deliver_all()
    assert len(show.stage.timelines[-1]) == len(Studio(drums()).stage.timelines[-1])
