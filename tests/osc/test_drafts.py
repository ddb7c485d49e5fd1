"""Edits over the wire: whose they are, on which version they were made, and several made as one."""

import pytest
from fake_engine import FakeEngine
from test_remembered import Sender

from bridge.message import Message
from engine.commands import EditStory, SetClip
from engine.edits import MoveClip, SplitClip, Undo


@pytest.fixture
def sender(engine: FakeEngine) -> Sender:
    return Sender(engine)


MOVE = MoveClip(clip="hello", start_frame=24_000)


def test_an_edit_says_whose_it_is_and_on_what_it_was_made(engine: FakeEngine, sender: Sender) -> None:
    sender.send(Message("/client/name", ("tablet",)))
    sender.send(Message("/clip/hello/start", (0.5,)))
    sender.send(Message("/edit/on", (3, "/clip/hello/start", 0.5)))
    sender.send(Message("/edit/on", (3, "/clip/hello/pan", 0.5)))
    sender.send(Message("/req", (1, "/edit/on", 3, "/undo")))
    assert engine.commands == [
        EditStory(edits=(MOVE,), client="tablet"),
        EditStory(edits=(MOVE,), client="tablet", version=3),
        EditStory(edits=(SetClip(clip="hello", pan=0.5),), client="tablet", version=3),
        Undo(client="tablet", version=3),
    ]


def test_edits_between_begin_and_end_are_made_as_one(engine: FakeEngine, sender: Sender) -> None:
    sender.send(Message("/edit/begin", ("tidy up",)))
    sender.send(Message("/clip/hello/start", (0.5,)))
    sender.send(Message("/clip/boo/split", (0.25, "boo-b")))
    sender.send(Message("/clip/boo/pan", (0.5,)), port=9001)
    assert engine.commands == [SetClip(clip="boo", pan=0.5)]
    sender.send(Message("/edit/end"))
    split = SplitClip(clip="boo", at_frame=12_000, new="boo-b")
    wanted = EditStory(edits=(MOVE, split), name="tidy up", client="127.0.0.1:9000", version=3)
    assert engine.commands[1:] == [wanted]
    sender.send(Message("/edit/end"))
    assert sender.wire.sent[-1].args[1:3] == ("error", "bad_range")


def test_edits_that_are_cancelled_were_never_made(engine: FakeEngine, sender: Sender) -> None:
    sender.send(Message("/edit/begin"))
    sender.send(Message("/clip/hello/nudge", (-0.5,)))
    sender.send(Message("/edit/cancel"))
    assert engine.commands == []
    assert sender.wire.sent[-1] == Message("/edit/cancel", (1,))


def test_who_missed_something_asks_for_it(sender: Sender) -> None:
    sender.send(Message("/edit/since", (2,)))
    sender.send(Message("/edit/find", ("dragon",)))
    assert sender.wire.sent == [
        Message("/edit/since", (3, "move clip hello", "me", "clip hello")),
        Message("/edit/since/end", (3,)),
        Message("/edit/find", ("hello", "dragon", 0.5)),
        Message("/edit/find", ("boo", "dragon#2", -1.0)),
        Message("/edit/find/end", (2,)),
    ]
