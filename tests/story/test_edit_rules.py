"""Live edits keep the story's own rules: what they leave can be saved, and what they can't keep they refuse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from stories import few

from engine.commands import (
    AddBus,
    AddDuck,
    AddInsert,
    AddSend,
    AddTrack,
    ClearAutomation,
    Edit,
    MoveInsert,
    RemoveBus,
    RemoveDuck,
    RemoveInsert,
    RemoveSend,
    RemoveTempo,
    RemoveTrack,
    RenumberCue,
    SetClip,
    SetCue,
    SetDuck,
    SetInsertParam,
    SetLimiter,
    SetPoint,
    SetSendGain,
    SetSlot,
    SetStripGain,
    SetStripPan,
    SetTempo,
    StoreSnapshot,
    UseMix,
)
from engine.errors import EngineError
from engine.mixer.effects import effect_specs
from engine.mixer.graph import compile_graph
from engine.story.checks import check_story
from engine.story.document import read_story
from engine.story.edit import apply_edit
from engine.story.equip import insert_specs
from engine.story.mix import Mix, MixRule
from engine.story.model import Beat, Bus, Effect, Marker, Prompter, Send, Strip

TEXT = """\
kind: story
version: 1
title: Rules
tempo:
  - {bar: 1, bpm: 120}
  - {bar: 5, bpm: 120, beats_per_bar: 7}
tracks:
  - id: voice
    voice: anna
    sends: {hall: -6}
    inserts: [highpass: {cutoff_hz: 90}]
    automation:
      gain_db: [[8|6, -3]]
      send.hall: [[1, -3]]
      insert.1.cutoff_hz: [[1|4, 200]]
    clips:
      - {id: hello, say: "Hello."}
      - {id: boo, audio: boo.wav, start: 1|4}
  - id: sea
    duck: {by: voice}
    clips:
      - {id: waves, audio: waves.wav, start: after boo}
      - {id: wind, audio: wind.wav, start: 6|7}
  - id: keys
    clips:
      - {id: tap, audio: tap.wav}
      - {id: knock, audio: knock.wav, start: 8}
buses:
  - {id: hall, inserts: [reverb]}
  - {id: room}
  - {id: desk, private: true, sends: {stage: 0}}
  - {id: stage, private: true}
prompter: {voice: anna}
midi:
  - {file: a.mid, bank: drums, start: 5|7}
cues:
  - {id: 1, clip: hello, bus: voice, at: 2|4}
  - {id: 2, clip: waves, pre_wait: 0.5}
  - {id: 3, group: [1]}
  - {id: 4, send: [{osc: /go, to: "127.0.0.1:9000"}], at: 6|7}
cuelists:
  - id: lights
    cues:
      - {id: 1, clip: boo}
slots:
  - {bank: drums, index: 1, clip: waves}
  - {bank: pads, index: 1, clip: waves, repeat: 3}
markers:
  - {id: m, at: 6|6}
snapshots:
  - id: calm
    strips: {voice: {gain_db: -6}}
"""

STORY = read_story(TEXT, "story.yaml")
STRIPS = st.sampled_from(["voice", "sea", "keys", "hall", "room", "desk", "stage", "master", "new"])
BUSES = st.sampled_from(["hall", "room", "desk", "stage", "new"])
CUES = st.sampled_from(["1", "2", "3", "4"])
LISTS = st.sampled_from([None, "lights"])
BARS = st.integers(0, 9)
INSERTS = st.integers(0, 3)
LEVELS = st.floats(-120.0, 20.0)
FRAMES = st.integers(-1, 8_000 * 48_000) | st.just(10**12) | st.integers(-1, 48_000)
TARGETS = st.sampled_from(["gain_db", "pan", "send.hall", "send.desk", "insert.1.cutoff_hz", "insert.2.mix"])
MIXES = st.builds(
    Mix,
    id=st.just("mix"),
    tracks=st.sampled_from([(), (MixRule(sends={"hall": -6.0}),), (MixRule(sends={"new": 0.0}, inserts=()),)]),
    buses=st.lists(
        st.builds(
            Bus,
            id=st.sampled_from(["hall", "room", "desk", "new", "sea"]),
            strip=st.builds(Strip, sends=st.builds(lambda bus: (Send(to=bus),), BUSES) | st.just(())),
        ),
        max_size=2,
        unique_by=lambda bus: bus.id,
    ).map(tuple),
    master_inserts=st.sampled_from([None, (Effect(effect="reverb"),)]),
    limiter_db=st.sampled_from([None, -3.0]),
)
EDITS: st.SearchStrategy[Edit] = st.one_of(
    st.builds(SetStripGain, strip=STRIPS, gain_db=LEVELS),
    st.builds(SetStripPan, strip=STRIPS, pan=st.floats(-2.0, 2.0)),
    st.builds(SetSendGain, strip=STRIPS, bus=BUSES, gain_db=LEVELS),
    st.builds(
        SetInsertParam, strip=STRIPS, insert=INSERTS, param=st.sampled_from(["mix", "cutoff_hz"]), value=st.floats()
    ),
    st.builds(SetDuck, strip=STRIPS, knob=st.sampled_from(["depth_db", "attack_ms", "x"]), value=st.floats(-60, 60)),
    st.builds(SetLimiter, limiter=st.none() | st.booleans(), ceiling_db=st.none() | st.floats(-40.0, 3.0)),
    st.builds(AddDuck, strip=STRIPS, by=STRIPS),
    st.builds(RemoveDuck, strip=STRIPS, by=STRIPS),
    st.builds(AddInsert, strip=STRIPS, effect=st.sampled_from(["reverb", "x"]), position=st.none() | INSERTS),
    st.builds(RemoveInsert, strip=STRIPS, insert=INSERTS),
    st.builds(MoveInsert, strip=STRIPS, insert=INSERTS, position=INSERTS),
    st.builds(AddSend, strip=STRIPS, bus=BUSES, gain_db=LEVELS | st.just(0.0)),
    st.builds(RemoveSend, strip=STRIPS, bus=BUSES),
    st.builds(AddTrack, track=st.sampled_from(["new", "hall", "No!"]), voice=st.sampled_from([None, "anna"])),
    st.builds(RemoveTrack, track=STRIPS),
    st.builds(AddBus, bus=st.sampled_from(["new", "voice", "master"])),
    st.builds(RemoveBus, bus=BUSES),
    st.builds(UseMix, mix=MIXES),
    st.builds(StoreSnapshot, snapshot=st.sampled_from(["calm", "loud", "No!", "all"])),
    st.builds(
        SetPoint, strip=STRIPS, target=TARGETS, timeline_frame=FRAMES, value=LEVELS | st.just(0.5),
        curve=st.sampled_from(["hold", "x"]),
    ),
    st.builds(ClearAutomation, strip=STRIPS, target=TARGETS),
    st.builds(SetCue, cue=CUES, cuelist=LISTS, pre_wait_frames=FRAMES, gain_db=st.none() | LEVELS),
    st.builds(SetCue, cue=CUES, cuelist=LISTS, post_wait_frames=FRAMES),
    st.builds(SetCue, cue=CUES, follow=st.sampled_from(["end", "none"]), bus=STRIPS | st.sampled_from(["", None])),
    st.builds(SetCue, cue=CUES, name=st.sampled_from(["x", "\ud800"]), pan=st.floats(-2.0, 2.0)),
    st.builds(RenumberCue, cue=CUES, cuelist=LISTS, number=st.sampled_from(["1", "9", "No!"])),
    st.builds(SetSlot, bank=st.sampled_from(["drums", "pads"]), index=st.just(1), semitones=st.floats(-30.0, 30.0)),
    st.builds(
        SetSlot, bank=st.sampled_from(["drums", "pads"]), index=st.just(1), loop=st.booleans(),
        choke=st.sampled_from([None, "", "x", "No!"]),
    ),
    st.builds(SetClip, clip=st.sampled_from(["hello", "boo"]), gain_db=LEVELS, seed=st.none() | st.integers(-1, 9)),
    st.builds(SetTempo, bar=BARS, beats_per_bar=st.none() | st.integers(0, 8), tempo_bpm=st.none() | st.floats(5, 500)),
    st.builds(RemoveTempo, bar=BARS),
)  # fmt: skip


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (AddSend(strip="desk", bus="hall"), r"buses\[2\].sends.hall: a private bus may only send to private ones"),
        (UseMix(mix=Mix(id="m", buses=(Bus(id="desk", strip=Strip(sends=(Send(to="hall"),))),))), "may only send to"),
        (UseMix(mix=Mix(id="m", buses=(Bus(id="sea"),))), "there is a strip 'sea' already"),
        (SetCue(cue="1", pre_wait_frames=3601 * 48_000), "cue 1 pre-wait: 3601 is outside 0 to 3600 s"),
        (SetSlot(bank="drums", index=1, semitones=2.0), "slot drums/1 plays words, or at another pitch or speed"),
        (SetSlot(bank="drums", index=1, loop=True), "slot drums/1 plays words, or at another pitch or speed"),
        (SetPoint(strip="sea", target="pan", timeline_frame=10**12, value=0.0), "sea pan: more than 1e[+]07 s away"),
        (SetTempo(bar=1, beats_per_bar=3), "clip boo: bar 1 has no beat 4: it has 3, counted from 1"),
        (SetTempo(bar=2, beats_per_bar=3), "cue 1: bar 2 has no beat 4"),
        (SetTempo(bar=6, beats_per_bar=5), "clip wind: bar 6 has no beat 7"),
        (RemoveTempo(bar=5), "clip wind: bar 6 has no beat 7: it has 4, counted from 1"),
    ],
)
def test_what_breaks_a_rule_of_the_story_is_refused_in_its_words(command: Edit, text: str) -> None:
    with pytest.raises(EngineError, match=text):
        apply_edit(STORY, command)


@pytest.mark.parametrize(
    ("bar", "what"), [(5, "MIDI file a.mid: bar 5"), (8, "strip voice gain_db: bar 8"), (7, "marker m: bar 7")]
)
def test_whatever_stands_at_a_beat_keeps_it(bar: int, what: str) -> None:
    story = replace(STORY, tracks=(STORY.tracks[0],), markers=(Marker(id="m", at=Beat(bar=7, beat=6.0)),))
    with pytest.raises(EngineError, match=what):
        apply_edit(apply_edit(story, SetTempo(bar=bar + 1, beats_per_bar=9)), SetTempo(bar=bar, beats_per_bar=5))


def test_the_prompter_keeps_a_private_bus() -> None:
    one = apply_edit(STORY, RemoveBus(bus="stage"))
    with pytest.raises(EngineError, match="prompter: needs a private bus to speak on"):
        apply_edit(one, RemoveBus(bus="desk"))
    named = replace(STORY, prompter=Prompter(voice="anna", bus="desk"))
    with pytest.raises(EngineError, match="there is no private bus 'desk'; there is: stage"):
        apply_edit(named, RemoveBus(bus="desk"))


@given(st.lists(EDITS, max_size=12))
@few(400)
def test_what_random_edits_leave_is_a_sound_story(edits: list[Edit]) -> None:
    story, specs = STORY, effect_specs()
    for edit in edits:
        try:
            after = apply_edit(story, edit, insert_specs(story, specs))
            compile_graph(after)  # as the session does: rings, effects and keys of ducking are for it to check
        except EngineError as error:
            assert str(error)
            continue
        assert check_story(after, effects=specs) == (), edit
        story = after
