"""Plug-ins in stories: named, told and kept, whether they are here or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.commands import AddInsert, SetInsertParam, SetInsertState
from engine.errors import BadRange, BadType, NotReady, StoryError, UnknownThing
from engine.mixer.effects import effect_specs
from engine.params import ParamSpec
from engine.plugins.facts import PluginFacts, PluginParam, missing
from engine.story.document import StoryDocument
from engine.story.edit import apply_edit
from engine.story.equip import insert_specs
from engine.story.model import Effect

GATE = PluginFacts(
    name="Voice Gate",
    path="/x/Gate.vst3",
    params=(PluginParam(name="threshold_db", index=0, spec=ParamSpec(low=-80.0, high=0.0, default=-40.0)),),
)

STORY = """\
kind: story
version: 1
title: t
tracks:
  - id: anna
    inserts:
      - highpass
      - plugin: Voice Gate   # the good one
        params: {threshold_db: -50}
        state: "aGVsbG8="
      - plugin: plugins/Hiss.vst3
        bypass: yes
    automation:
      insert.2.threshold_db: [[0, -60], [2, -20]]
      insert.3.anything: [[0, 0.5]]
"""


def find(name: str) -> PluginFacts:
    return GATE if name == "Voice Gate" else missing(name)


def load(tmp_path: Path, text: str = STORY) -> StoryDocument:
    file = tmp_path / "story.yaml"
    file.write_text(text)
    return StoryDocument.load(file, effects=effect_specs(), plugins=find)


def test_a_plug_in_has_a_name_parameters_and_a_state(tmp_path: Path) -> None:
    story = load(tmp_path).story
    assert story.tracks[0].strip.inserts == (
        Effect(effect="highpass"),
        Effect(effect="plugin:Voice Gate", params={"threshold_db": -50.0}, state="aGVsbG8="),
        Effect(effect="plugin:plugins/Hiss.vst3", bypass=True),
    )
    assert {e: bool(facts.fault) for e, facts in story.plugins.items()} == {
        "plugin:Voice Gate": False,
        "plugin:plugins/Hiss.vst3": True,
    }


def test_saving_keeps_what_is_not_here_and_what_a_person_wrote(tmp_path: Path) -> None:
    document = load(tmp_path)
    story = apply_edit(document.story, SetInsertParam(strip="anna", insert=2, param="threshold_db", value=-30.0))
    document.save(story)
    assert document.path.read_text() == STORY.replace("{threshold_db: -50}", "{threshold_db: -30}")


def test_what_was_turned_live_is_saved_by_name_beside_the_state(tmp_path: Path) -> None:
    document = load(tmp_path)
    live = apply_edit(document.story, AddInsert(strip="anna", effect="plugin:Voice Gate"))
    live = apply_edit(live, SetInsertState(strip="anna", insert=2, state="d29ybGQ="))
    live = apply_edit(live, SetInsertParam(strip="anna", insert=4, param="threshold_db", value=-12.5))
    live = apply_edit(live, SetInsertParam(strip="anna", insert=2, param="threshold_db", value=-30.0))
    document.save(live)
    again = StoryDocument.load(document.path, effects=effect_specs(), plugins=find).story
    assert again.tracks[0].strip.inserts == live.tracks[0].strip.inserts
    assert again.tracks[0].strip.inserts[1] == Effect(
        effect="plugin:Voice Gate", params={"threshold_db": -30.0}, state="d29ybGQ="
    )


def test_a_new_plug_in_is_written_as_a_person_would(tmp_path: Path) -> None:
    document = load(tmp_path, "kind: story\nversion: 1\ntitle: t\ntracks:\n  - id: anna\n")
    story = apply_edit(document.story, AddInsert(strip="anna", effect="plugin:Voice Gate"))
    story = apply_edit(story, SetInsertState(strip="anna", insert=1, state="aGVsbG8="))
    document.save(story)
    lines = ["    inserts:", "      - plugin: Voice Gate", '        state: "aGVsbG8="']
    assert "\n".join(lines) in document.path.read_text()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("threshold_db: -50", "threshold_db: 50", "is outside -80 to 0"),
        ("threshold_db: -50", "treshold: 1", "Voice Gate has no 'treshold'; it has: threshold_db"),
        ("aGVsbG8=", "no base64!", "is no base64 text"),
        ("plugin: Voice Gate ", 'plugin: "" ', "needs the name of a plug-in, or its path"),
        ("params: {threshold_db: -50}", "param: {threshold_db: -50}", "unknown key; allowed are"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(StoryError, match=told.replace("?", r"\?")) as error:
        load(tmp_path, STORY.replace(old, new))
    assert "story.yaml:" in str(error.value)


def test_edits_are_checked_against_the_plug_in(tmp_path: Path) -> None:
    story = load(tmp_path).story
    specs = insert_specs(story, effect_specs())

    def turn(insert: int, param: str, value: float) -> None:
        apply_edit(story, SetInsertParam(strip="anna", insert=insert, param=param, value=value), specs)

    with pytest.raises(BadRange, match="outside -80 to 0"):
        turn(2, "threshold_db", 1.0)
    with pytest.raises(UnknownThing, match="there is: threshold_db"):
        turn(2, "gain", 1.0)
    with pytest.raises(NotReady, match=r"plug-in 'plugins/Hiss.vst3' is not here"):
        turn(3, "anything", 1.0)


def test_another_state_takes_the_parameters_back(tmp_path: Path) -> None:
    story = load(tmp_path).story
    changed = apply_edit(story, SetInsertState(strip="anna", insert=2, state="YWJj"))
    assert changed.tracks[0].strip.inserts[1] == Effect(effect="plugin:Voice Gate", state="YWJj")
    with pytest.raises(BadType, match="only a plug-in has a state"):
        apply_edit(story, SetInsertState(strip="anna", insert=1, state="YWJj"))
    with pytest.raises(BadType, match="base64"):
        apply_edit(story, SetInsertState(strip="anna", insert=2, state="?"))
