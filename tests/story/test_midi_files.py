"""MIDI files on the timeline: read whole, refused with file and line, and every note on its frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import StoryError
from engine.story.document import StoryDocument
from engine.story.midi_clips import DECLICK_SECONDS, RELEASE_SECONDS, presses, with_midi_clips
from engine.story.midi_file import read_midi_file
from engine.story.midi_notes import FileNote, MidiNotes, TempoChange
from engine.story.model import (
    At,
    Beat,
    Clip,
    Line,
    MidiTempo,
    MidiTrack,
    PlayClip,
    Slot,
    SlotMode,
    SpeakLine,
    Story,
    TempoPoint,
    Track,
)

RATE = 48_000
LONG = 10 * RATE
PPQ = 480
STORY = """\
kind: story
version: 1
title: Drums
tracks: [{id: kit, voice: narrator, clips: [{id: kick, say: boom}]}]
slots:
  - {bank: a, index: 1, clip: kick, mode: layer}
  - {bank: b, index: 1, section: [here]}
  - {bank: c, index: 1, clip: kick, semitones: 3}
markers: [{id: here, at: 0}]
"""


def write_file(path: Path, *events: tuple[int, mido.Message | mido.MetaMessage], kind: int = 1) -> None:
    """Write a file of messages at ticks; notes on one track, everything else on another."""
    tempo, notes = mido.MidiTrack(), mido.MidiTrack()
    for track, metas in ((tempo, True), (notes, False)):
        last = 0
        for tick, message in sorted(events, key=lambda e: e[0]):
            if message.is_meta == metas:
                track.append(message.copy(time=tick - last))
                last = tick
    file = mido.MidiFile(type=kind, ticks_per_beat=PPQ)
    file.tracks += [tempo, notes]
    file.save(path)


def on(note: int, velocity: int = 100, channel: int = 9) -> mido.Message:
    return mido.Message("note_on", note=note, velocity=velocity, channel=channel)


def test_notes_and_tempo_are_read(tmp_path: Path) -> None:
    path = tmp_path / "drums.mid"
    write_file(
        path,
        (0, mido.MetaMessage("set_tempo", tempo=400_000)),
        (960, mido.MetaMessage("set_tempo", tempo=1_000_000)),
        (0, on(36)), (240, on(36, 0)), (240, on(38, 1)), (480, mido.Message("note_off", note=38, channel=9)),
        (720, on(40)),
    )  # fmt: skip
    assert read_midi_file(path) == MidiNotes(
        ticks_per_beat=PPQ,
        tempo=(TempoChange(0, 400_000), TempoChange(960, 1_000_000)),
        notes=(FileNote(0, 240, 36, 100, 10), FileNote(240, 240, 38, 1, 10), FileNote(720, 240, 40, 100, 10)),
    )


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (None, "drums.mid can't be read: No such file"),
        (b"", "drums.mid is no Standard MIDI File"),
        (b"RIFF" + bytes(40), "drums.mid is no Standard MIDI File"),
        (b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\x10\0\x90", "drums.mid is no Standard MIDI File"),
        (b"MThd\0\0\0\6\0\1\0\0\xe7\x28", "counts in frames of a film"),
        (b"MThd\0\0\0\6\0\2\0\0\1\xe0", "several songs"),
    ],
)
def test_a_file_that_is_none_is_named_with_its_line(tmp_path: Path, data: bytes | None, complaint: str) -> None:
    if data is not None:
        (tmp_path / "drums.mid").write_bytes(data)
    (tmp_path / "story.yaml").write_text(STORY + "midi:\n  - {bank: a, file: drums.mid}\n")
    with pytest.raises(StoryError, match=complaint) as raised:
        StoryDocument.load(tmp_path / "story.yaml", voices={"narrator"})
    assert str(raised.value).startswith("story.yaml:11: midi[0].file: ")


@pytest.mark.parametrize(
    ("midi", "complaint"),
    [
        ("{file: a.mid}", "bank: is missing"),
        ("{file: a.mid, bank: z}", "there is no slot in a bank 'z'; there is: a, b, c"),
        ("{file: a.mid, bank: b}", "slot b/1 plays a section"),
        ("{file: a.mid, bank: c}", "slot c/1 plays words, or at another pitch"),
        ("{file: ../a.mid, bank: a}", "leads out of the story's folder"),
        ("{file: a.mid, bank: a, channel: 17}", "17 is outside 1 to 16"),
        ("{file: a.mid, bank: a, first_note: -1}", "outside 0 to 127"),
        ("{file: a.mid, bank: a, tempo: mine}", "expected one of story, file"),
        ("{file: a.mid, bank: a, start: after kick}", "not a place after a clip"),
    ],
)
def test_what_makes_no_sense_is_named(tmp_path: Path, midi: str, complaint: str) -> None:
    (tmp_path / "story.yaml").write_text(STORY + f"midi: [{midi}]\n")
    with pytest.raises(StoryError, match=complaint):
        StoryDocument.load(tmp_path / "story.yaml", voices={"narrator"})


def test_a_story_with_a_file_is_saved_and_read_again(tmp_path: Path) -> None:
    write_file(tmp_path / "a.mid", (0, on(36)))
    (tmp_path / "story.yaml").write_text(STORY + "midi: [{file: a.mid, bank: a, start: 2|1, tempo: file}]\n")
    document = StoryDocument.load(tmp_path / "story.yaml", voices={"narrator"})
    assert document.story.midi[0].notes is not None and document.story.midi[0].start == Beat(bar=2)
    changed = Story(**{**{f: getattr(document.story, f) for f in Story.__struct_fields__}, "title": "Other"})
    document.save(changed)
    assert StoryDocument.load(tmp_path / "story.yaml", voices={"narrator"}).story == changed
    made = StoryDocument.create(tmp_path / "new.yaml", changed)
    assert made.story == changed


ZERO = At(frame=0)


def story_of(
    notes: list[tuple[int, int, int]], mode: SlotMode = "layer", *, start: At | Beat = ZERO,
    tempo: MidiTempo = "story", points: tuple[TempoPoint, ...] = (TempoPoint(),), choke: str | None = None,
    changes: tuple[TempoChange, ...] = (),
) -> Story:  # fmt: skip
    """Return a story whose two slots play a file's notes: (tick, length, note)."""
    file = MidiNotes(ticks_per_beat=PPQ, notes=tuple(FileNote(t, n, k, 127, 1) for t, n, k in notes), tempo=changes)
    kick = Clip(id="kick", start=At(frame=0), line=Line(text="boom", voice="v"), mute=True, gain_db=-3.0)
    return Story(
        title="Drums",
        tempo=points,
        tracks=(Track(id="kit", clips=(kick,)), Track(id="other")),
        slots=(
            Slot(bank="a", index=1, target=PlayClip(clip="kick"), mode=mode, choke=choke),
            Slot(bank="a", index=2, target=SpeakLine(line=Line(text="t", voice="v"), track="other"), choke=choke),
        ),
        midi=(MidiTrack(file="a.mid", bank="a", start=start, tempo=tempo, notes=file),),
    )


def played(story: Story, frames: int = LONG) -> list[tuple[str, int, int | None]]:
    """Return what is placed: track, start, and length if it is cut."""
    whole = with_midi_clips(story, lambda _: frames)
    clips = [(t.id, c) for t in whole.tracks for c in t.clips if c.id != "kick"]
    return [(track, c.start.frame, c.length_frames) for track, c in clips if isinstance(c.start, At)]


def test_notes_become_clips_on_their_frames_with_velocity_and_gain() -> None:
    story = story_of([(0, 10, 36), (480, 10, 37), (600, 10, 60)])
    assert played(story) == [("kit", 0, None), ("other", 24_000, None)], "no slot is on 60"
    (clip,) = [c for c in with_midi_clips(story, lambda _: LONG).tracks[0].clips if c.id != "kick"]
    assert (clip.gain_db, clip.mute) == (-3.0, False)


@given(tick=st.integers(0, 100_000), bpm=st.integers(40, 240), bar=st.integers(1, 40))
def test_ticks_follow_the_storys_tempo_or_the_files(tick: int, bpm: int, bar: int) -> None:
    points = (TempoPoint(tempo_bpm=float(bpm)), TempoPoint(bar=9, tempo_bpm=90.0, beats_per_bar=3))
    story = story_of([(tick, 1, 36)], start=Beat(bar=bar), points=points)
    beat = tick / PPQ + (min(bar, 9) - 1) * 4 + max(0, bar - 9) * 3
    seconds = min(beat, 32.0) * 60.0 / bpm + max(0.0, beat - 32.0) * 60.0 / 90.0
    assert abs(presses(story)[0].frame - seconds * RATE) <= 0.51
    own = story_of([(tick, 1, 36)], tempo="file", changes=(TempoChange(480, 250_000),), start=At(frame=7))
    seconds = min(tick, 480) / 480 * 0.5 + max(0, tick - 480) / 480 * 0.25
    assert abs(presses(own)[0].frame - 7 - seconds * RATE) <= 0.51


def test_the_first_note_stands_on_the_start_whatever_it_is() -> None:
    for frame in (0, 1, 12_345, 999_999):
        assert presses(story_of([(0, 1, 36)], start=At(frame=frame)))[0].frame == frame


DECLICK, RELEASE = round(DECLICK_SECONDS * RATE), round(RELEASE_SECONDS * RATE)
TWO = [(0, 480, 36), (960, 480, 36)]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("layer", [(0, None), (48_000, None)]),
        ("oneshot", [(0, None)]),
        ("toggle", [(0, 48_000 + RELEASE)]),
        ("retrigger", [(0, 48_000 + DECLICK), (48_000, None)]),
        ("gate", [(0, 24_000 + RELEASE), (48_000, 24_000 + RELEASE)]),
    ],
)
def test_a_slots_mode_holds(mode: SlotMode, expected: list[tuple[int, int | None]]) -> None:
    assert [(start, length) for _, start, length in played(story_of(TWO, mode))] == expected


def test_a_short_sound_ends_by_itself() -> None:
    assert played(story_of(TWO, "oneshot"), frames=4800) == [("kit", 0, None), ("kit", 48_000, None)]
    assert played(story_of(TWO, "gate"), frames=4800) == [("kit", 0, None), ("kit", 48_000, None)]


def test_a_choke_group_cuts_the_other_slot() -> None:
    found = played(story_of([(0, 10, 36), (480, 10, 37)], choke="hat"))
    assert found == [("kit", 0, 24_000 + DECLICK), ("other", 24_000, None)]


def test_what_is_not_made_yet_is_left_out() -> None:
    lengths: Callable[[Clip], int | None] = lambda clip: LONG if clip.id == "kick" else None  # noqa: E731
    story = with_midi_clips(story_of([(0, 10, 36), (0, 10, 37)]), lengths)
    assert [len(track.clips) for track in story.tracks] == [2, 0]
