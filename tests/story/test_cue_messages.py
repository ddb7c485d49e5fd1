"""What a cue sends: read, checked with every path, written back, and in which order it is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.commands import AddCueMessage, Edit, RemoveCueMessage, SetCue
from engine.errors import EngineError, StoryError
from engine.story.cue_messages import message_text
from engine.story.document import StoryDocument
from engine.story.dump import dump
from engine.story.edit import apply_edit
from engine.story.messages import (
    SHOW_FORMATS,
    SHOW_VERBS,
    SendController,
    SendNote,
    SendOsc,
    SendProgram,
    SendShow,
    released,
    score,
)
from engine.story.model import At, Beat, Cue, SendMessages, Story
from engine.story.tree import Planter

HEAD = "kind: story\nversion: 1\ntitle: Sends\n"
RATE = 48000


def load(folder: Path, text: str) -> Story:
    path = folder / "story.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return StoryDocument.load(path, voices=set()).story


def test_messages_are_read(tmp_path: Path) -> None:
    story = load(
        tmp_path,
        "cues:\n"
        "  - id: 1\n"
        "    at: 0:01.5\n"
        "    send:\n"
        "      - {note: 60, velocity: 90, channel: 10, duration: 0.5, port: Lights, after: 0.25}\n"
        "      - {cc: 7, value: 3}\n"
        "      - {program: 0, channel: 2}\n"
        "      - {msc: go, cue: 12.5, list: 1, format: sound, device: 3}\n"
        '      - {osc: /eos/fire, to: "desk.local:8000", args: [1, 1.0, "1", go, true, -2.5e3]}\n'
        "  - {id: 2, at: 3|2, send: [{note: 1, velocity: 0}]}\n",
    )
    assert story.cues[0].at == At(frame=72000) and story.cues[1].at == Beat(bar=3, beat=2.0)
    target = story.cues[0].target
    assert isinstance(target, SendMessages)
    assert target.messages == (
        SendNote(note=60, velocity=90, channel=10, duration_frames=24000, port="Lights", after_frames=12000),
        SendController(number=7, value=3),
        SendProgram(program=0, channel=2),
        SendShow(verb="go", cue="12.5", cuelist="1", format="sound", device=3),
        SendOsc(address="/eos/fire", to="desk.local:8000", args=(1, 1.0, "1", "go", True, -2500.0)),
    )
    assert [type(v) for v in target.messages[-1].args] == [int, float, str, str, bool, float]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("send", "complaint"),
    [
        ("[]", r"story.yaml:4: cues\[0\].send: expected a list of messages"),
        ("[{note: 128}]", r"story.yaml:4: cues\[0\].send\[0\].note: 128 is outside 0 to 127"),
        ("[{note: 1, channel: 17}]", "17 is outside 1 to 16"),
        ("[{note: 1, duration: 0}]", "outside 0.001 to 3600"),
        ("[{note: 1, velocity: 0, duration: 1}]", "lasts no longer"),
        ("[{note: 1, cc: 2}]", r"send\[0\]: needs one of note, cc, program, msc, osc, and only one"),
        ("[{note: 1, value: 2}]", r"send\[0\].value: expected nothing: a message with note: has note, velocity"),
        ("[{cc: 1, value: loud}]", 'expected a whole number, got "loud"'),
        ("[{msc: fire}]", "expected one of go, stop"),
        ("[{msc: go, cue: twelve}]", "is no number of a desk"),
        ("[{msc: go, list: 1}]", "only named beside a cue"),
        ("[{osc: go, to: 'h:1'}]", "'go' is no address"),
        ("[{osc: /go}]", r"send\[0\].to: is missing"),
        ("[{osc: /go, to: '127.0.0.1'}]", "is no place to send to"),
        ("[{osc: /go, to: '127.0.0.1:70000'}]", "is no place to send to"),
        ("[{osc: /go, to: 'h:1', args: [null]}]", "numbers, texts, true or false"),
        ("[{osc: /go, to: 'h:1', args: [1e39]}]", "has 32 bits"),
        ("[{osc: /go, to: 'h:1', args: [99999999999999999999]}]", "64 bits|32 bits"),
        ("[{program: 1, after: -1}]", "outside 0 to 3600"),
        ("[{wave: 1}]", "wave"),
        ("[{program: 1, port: ''}]", "part of a port's name"),
    ],
)
def test_what_can_not_be_sent_is_named_with_its_line(tmp_path: Path, send: str, complaint: str) -> None:
    with pytest.raises(StoryError, match=complaint):
        load(tmp_path, f"cues: [{{id: 1, send: {send}}}]\n")


@pytest.mark.parametrize(
    ("cue", "complaint"),
    [
        ("{id: 1, say: hello, track: a, send: [{note: 1}]}", "only sends; fire both with a group"),
        ("{id: 1, at: after hello, send: [{note: 1}]}", "not a place after a clip"),
        ("{id: 1, at: -2, send: [{note: 1}]}", "before the start"),
    ],
)
def test_a_cue_that_sends_does_nothing_else(tmp_path: Path, cue: str, complaint: str) -> None:
    with pytest.raises(StoryError, match=complaint):
        load(tmp_path, f"cues: [{cue}]\n")


SEVEN = st.integers(0, 127)
CHANNELS = st.integers(1, 16)
FRAMES = st.integers(0, 10 * RATE)
PORTS = st.none() | st.sampled_from(["Lights", "a b", "yes"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
FLOATS = st.floats(-(2.0**90), 2.0**90, width=32)
VALUES = st.booleans() | st.integers(-(1 << 50), 1 << 50) | FLOATS | TEXTS
NOTES = st.builds(
    SendNote, note=SEVEN, velocity=st.integers(1, 127), channel=CHANNELS, port=PORTS, after_frames=FRAMES,
    duration_frames=st.none() | st.integers(100, 100_000),
)  # fmt: skip
MESSAGES = st.one_of(
    NOTES,
    st.builds(SendController, number=SEVEN, value=SEVEN, channel=CHANNELS, port=PORTS, after_frames=FRAMES),
    st.builds(SendProgram, program=SEVEN, channel=CHANNELS, port=PORTS, after_frames=FRAMES),
    st.builds(
        SendShow, verb=st.sampled_from(SHOW_VERBS), cue=st.sampled_from(["", "1", "12.50"]), device=SEVEN,
        format=st.sampled_from(SHOW_FORMATS), after_frames=FRAMES,
    ),
    st.builds(
        SendOsc, address=st.just("/a/b"), to=st.just("127.0.0.1:8000"), args=st.lists(VALUES, max_size=4).map(tuple),
        after_frames=FRAMES,
    ),
)  # fmt: skip


@given(messages=st.lists(MESSAGES, min_size=1, max_size=4).map(tuple))
def test_what_is_written_reads_back(tmp_path_factory: pytest.TempPathFactory, messages: tuple) -> None:
    story = Story(title="Sends", cues=(Cue(id="1", target=SendMessages(messages=messages), at=Beat(bar=2)),))
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    path.write_text(dump(Planter().story(story)), encoding="utf-8")
    assert StoryDocument.load(path, voices=set()).story == story


@given(notes=st.lists(NOTES, max_size=12).map(tuple))
def test_every_note_that_lasts_is_let_go(notes: tuple[SendNote, ...]) -> None:
    plan = score(notes)
    assert [due.frame for due in plan] == sorted(due.frame for due in plan)
    ends = [note for note in notes if note.duration_frames is not None]
    assert sum(1 for _, m in plan if isinstance(m, SendNote) and m.velocity == 0) == len(ends)
    held = {(n.port, n.channel, n.note) for n in released(plan)}
    assert held <= {(n.port, n.channel, n.note) for n in notes}
    assert {(n.port, n.channel, n.note) for n in released(plan[:1])} == {(n.port, n.channel, n.note) for n in notes
                                                                         if plan and plan[0].message == n}  # fmt: skip


def test_a_note_that_ends_where_another_begins_ends_first() -> None:
    first = SendNote(note=60, duration_frames=100)
    again = SendNote(note=60, after_frames=100)
    assert [(f, m.velocity) for f, m in score((again, first))] == [(0, 100), (100, 0), (100, 100)]  # type: ignore[union-attr]


def edited(folder: Path, *commands: AddCueMessage | RemoveCueMessage) -> tuple[Story, str]:
    """Edit a story on disk and save it; return what it says then."""
    path = folder / "story.yaml"
    path.write_text(HEAD + "cues:\n  - {id: 1, send: [{note: 60}]} # the lights\n", encoding="utf-8")
    document = StoryDocument.load(path, voices=set())
    story = document.story
    for command in commands:
        story = apply_edit(story, command)
    document.save(story)
    return StoryDocument.load(path, voices=set()).story, path.read_text(encoding="utf-8")


def test_messages_are_added_and_removed_in_place(tmp_path: Path) -> None:
    osc = AddCueMessage(cue="1", message='{osc: /go, to: "h:1", args: [1.0]}')
    story, text = edited(
        tmp_path, AddCueMessage(cue="1", message="note: 61, duration: 0.5"), osc, RemoveCueMessage(cue="1", number=1)
    )
    target = story.cues[0].target
    assert isinstance(target, SendMessages)
    assert target.messages == (
        SendNote(note=61, duration_frames=24_000), SendOsc(address="/go", to="h:1", args=(1.0,)),
    )  # fmt: skip
    assert "# the lights" in text
    assert [message_text(m, RATE) for m in target.messages] == [
        "note: 61, duration: 0.5", 'osc: "/go", to: "h:1", args: [1.0]',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        (AddCueMessage(cue="9", message="note: 1"), "no cue '9'|cue"),
        (AddCueMessage(cue="1", message="note: 200"), "200 is outside 0 to 127"),
        (AddCueMessage(cue="1", message="note"), "needs one of note, cc|expected"),
        (AddCueMessage(cue="1", message="note: 1}, {"), "message"),
        (AddCueMessage(cue="1", message=""), "needs one of note"),
        (AddCueMessage(cue="1", message="note: 1", cuelist="x"), "cue list"),
        (RemoveCueMessage(cue="1", number=2), "2"),
        (RemoveCueMessage(cue="1", number=1), "keeps its last message"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(tmp_path: Path, command: Edit, complaint: str) -> None:
    story = Story(title="S", cues=(Cue(id="1", target=SendMessages(messages=(SendNote(note=60),))),))
    with pytest.raises(EngineError, match=complaint):
        apply_edit(story, command)


def test_a_cue_that_sends_has_no_gain() -> None:
    story = Story(title="S", cues=(Cue(id="1", target=SendMessages(messages=(SendNote(note=60),))),))
    with pytest.raises(StoryError, match="cue 1 only sends: it has no gain; fire both with a group"):
        apply_edit(story, SetCue(cue="1", gain_db=-6.0))
    assert apply_edit(story, SetCue(cue="1", gain_db=0.0)) == story
