"""Mix presets: those that ship are sound, fit any story, and say what is wrong with others."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import StoryError, UnknownThing
from engine.mixer.effects import effect_specs
from engine.mixer.graph import compile_graph
from engine.story.checks import check_story
from engine.story.mix import apply_mix
from engine.story.mix_file import load_mix, mix_folders, mix_names, read_mix
from engine.story.model import (
    At,
    Bus,
    Effect,
    Lane,
    Master,
    Point,
    Scene,
    Send,
    Snapshot,
    Story,
    Strip,
    Track,
)

STORY = Story(
    title="t",
    tracks=(
        Track(id="anna", strip=Strip(gain_db=-3.0, sends=(Send(to="mine"),))),
        Track(id="score"),
        Track(id="sea-sound"),
    ),
    buses=(Bus(id="mine"),),
)


@pytest.mark.parametrize("name", mix_names(mix_folders()))
def test_a_shipped_mix_makes_a_sound_story(name: str) -> None:
    mixed = apply_mix(STORY, load_mix(name, mix_folders()))
    assert check_story(mixed) == ()
    compile_graph(mixed)
    anna = mixed.strips()["anna"]
    assert (anna.gain_db, anna.sends[0]) == (-3.0, Send(to="mine"))
    assert "compressor" in [effect.effect for effect in anna.inserts]
    assert apply_mix(mixed, load_mix(name, mix_folders())) == mixed


def test_the_first_rule_that_matches_counts() -> None:
    mix = read_mix("kind: mix\nversion: 1\ntracks: [{match: [sc*], gain_db: -6}, {inserts: [invert]}]", "m", "m.yaml")
    strips = apply_mix(STORY, mix).strips()
    assert (strips["score"].gain_db, strips["score"].inserts) == (-6.0, ())
    assert (strips["anna"].gain_db, strips["anna"].inserts) == (-3.0, (Effect(effect="invert"),))


def test_what_moved_a_knob_that_a_mix_takes_away_goes_with_it() -> None:
    """Automation and snapshots of tracks, buses and the master; those of an effect that stays, stay."""
    lanes = tuple(Lane(target=t, points=(Point(at=At(frame=0), value=0.5),)) for t in ("gain_db", "insert.1.mix"))
    strip = Strip(inserts=(Effect(effect="delay"),), automation=lanes)
    scene = Scene(gain_db=-6.0, inserts={"1.mix": 0.5})
    story = Story(
        title="t",
        tracks=(Track(id="anna", strip=strip), Track(id="score", strip=strip)),
        buses=(Bus(id="room", strip=strip),),
        master=Master(strip=strip),
        snapshots=(Snapshot(id="a", strips=dict.fromkeys(("anna", "score", "room", "master"), scene)),),
    )
    text = """
kind: mix
version: 1
tracks: [{match: [anna], inserts: [highpass]}, {inserts: [delay: {mix: 1}]}]
buses: [{id: room, inserts: [highpass]}]
master: {inserts: [highpass]}
"""
    mixed = apply_mix(story, read_mix(text, "m", "m.yaml"))
    for name, strip in mixed.strips().items():
        kept = ["gain_db", "insert.1.mix"] if name == "score" else ["gain_db"]
        assert [lane.target for lane in strip.automation] == kept
        assert mixed.snapshots[0].strips[name].inserts == ({"1.mix": 0.5} if name == "score" else {})
    assert check_story(mixed, effects=effect_specs()) == ()


def test_a_mix_beside_the_story_counts_more(tmp_path: Path) -> None:
    (tmp_path / "mixes").mkdir()
    (tmp_path / "mixes" / "stage.yaml").write_text("kind: mix\nversion: 1\nname: Mine\n")
    assert load_mix("stage", mix_folders(tmp_path)).name == "Mine"


def test_what_is_wrong_is_told_with_its_line() -> None:
    with pytest.raises(StoryError) as error:
        read_mix("kind: mix\nversion: 2\ntracks:\n  - {macth: x}\nbuses: [{inserts: [{a: 1, b: 2}]}]\n", "m", "m.yaml")
    text = str(error.value)
    for part in ("m.yaml:2", "m.yaml:4", "macth", "m.yaml:5", "one effect"):
        assert part in text
    with pytest.raises(UnknownThing, match="audio-drama, podcast, stage"):
        load_mix("nothing", mix_folders())
