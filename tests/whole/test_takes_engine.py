"""Takes over OSC on a running engine: made by its voices, kept in the store, chosen, locked, and told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.whole.rig import running

pytestmark = pytest.mark.extra

STORY = """\
kind: story
version: 1
title: Takes
tracks:
  - id: voice
    voice: narrator
    clips:
      - {id: hello, say: "Hello."}  # the first
      - {id: beep, audio: beep.wav}
"""


def test_takes_are_made_listed_chosen_and_locked(tmp_path: Path) -> None:
    story = tmp_path / "story.yaml"
    story.write_text(STORY.replace("      - {id: beep, audio: beep.wav}\n", ""))
    with running(story, "--device", "null") as rig:
        rig.wait_ready()
        client = rig.client
        client.send("/takes/new", "hello")
        verb, _, number, seconds = client.wait("/done", "/takes")
        assert (verb, number) == ("/takes", "2") and seconds > 0.1  # the first is the story's own
        client.send("/takes", "hello")
        assert client.wait("/takes/end") == ["hello", 2]
        client.send("/takes/note", "hello", 2, "warmer")
        client.send("/takes/choose", "hello", 2)
        assert client.wait("/takes/choose") == [1]
        client.send("/takes/lock", "hello", 2)
        assert client.wait("/takes/lock") == [1]
        client.send("/takes/choose", "hello", 1)
        assert client.wait("/reply/takes/choose")[2:4] == [
            "busy",
            "another take of this line is locked; unlock it first",
        ]
        client.heard.clear()
        client.send("/takes", "hello")
        client.wait("/takes/end")
        told = [message.params for message in client.heard if message.address == "/takes"]
        assert [(row[0], row[1], row[2], row[4], row[5]) for row in told] == [
            (1, 0, "", 1, ""), (2, 1, "locked", 1, "warmer"),
        ]  # fmt: skip
        client.ask("/subscribe", "/event/story/*", answer="/subscribed")
        client.send("/session/save")
        client.wait("/event/story/saved")
        client.send("/takes/new", "nobody")
        assert client.wait("/reply/takes/new")[2] == "no_such_thing"
        assert rig.stop() == 0
    assert "seed: 1" in story.read_text() and "# the first" in story.read_text()
