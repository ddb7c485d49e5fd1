"""The example is a story; a save keeps every word of it."""

from pathlib import Path

from msgspec.structs import replace
from stories import read

from engine.mixer.effects import EFFECTS
from engine.story.document import read_story
from engine.story.patch import patch
from engine.story.timeline import overlaps, place, story_end_frame
from engine.voices.catalog import load_catalog

TEXT = (Path(__file__).parents[2] / "examples/lighthouse/story.yaml").read_text(encoding="utf-8")


def test_the_example_reads_with_real_voices_and_effects():
    effects = {name: {p: param.spec for p, param in spec.params.items()} for name, spec in EFFECTS.items()}
    story = read_story(TEXT, "story.yaml", voices=load_catalog([]).presets.keys(), effects=effects)
    assert len({t.voice for t in story.tracks if t.voice}) >= 4
    assert story.cues and story.slots and story.markers and story.buses


def test_it_lasts_less_than_two_minutes_at_an_ordinary_pace():
    story = read(TEXT)
    seconds = {"horn": 4, "gull": 2, "stamp": 1, "bell": 2, "sea": 30, "theme": 10}
    lengths = {
        name: round(48000 * (len(c.line.text) / 14 if c.line else seconds[Path(c.audio).stem]))
        for name, (_, c) in story.clips().items()
    }
    placed = place(story, lengths)
    assert 60 < story_end_frame(placed) / 48000 < 120
    assert {a.track.id for a, _ in overlaps(placed)} <= {"surf", "music", "desk", "outside", "sea", "wireless"}


def test_one_fader_changes_one_line():
    old = read(TEXT)
    sea = next(i for i, t in enumerate(old.tracks) if t.id == "sea")
    track = replace(old.tracks[sea], strip=replace(old.tracks[sea].strip, gain_db=-2.0))
    new = replace(old, tracks=(*old.tracks[:sea], track, *old.tracks[sea + 1 :]))
    text = patch(TEXT, old, new)
    changed = [(a, b) for a, b in zip(TEXT.splitlines(), text.splitlines(), strict=True) if a != b]
    assert changed == [("    gain_db: -0.5", "    gain_db: -2")]
