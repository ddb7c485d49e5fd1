"""The mix is rebuilt under a playing engine, over OSC, and the story's file learns of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.story.document import StoryDocument
from tests.whole.rig import running, write_story

pytestmark = [pytest.mark.whole, pytest.mark.timeout(300)]


def test_a_mix_is_changed_while_it_plays_and_saved(tmp_path: Path) -> None:
    path = write_story(tmp_path)
    with running(path, "--device", "null") as rig:
        rig.wait_ready()
        client = rig.client
        client.send("/subscribe", "/strip/*/inserts")
        client.wait("/subscribed")
        client.send("/subscribe", "/event/mix/changed")
        client.wait("/subscribed")
        client.send("/transport/play")
        client.send("/mix/bus/add", "hall")
        client.send("/mix/insert/add", "hall", "reverb")
        client.send("/mix/send/add", "clicks", "hall", -6.0)
        client.send("/strip/hall/insert/1/dry_level", 0.0)
        client.send("/mix/load", "stage")
        assert client.wait("/event/mix/changed", "mix stage loaded")
        assert client.wait("/strip/voice/inserts", "highpass") == ["highpass", "compressor", "peak"]
        client.send("/mix/send/add", "hall", "echo")
        assert "circle" in str(client.wait("/reply/mix/send/add", 0, "error"))
        client.send("/subscribe", "/event/story/saved")
        client.send("/session/save")
        client.wait("/event/story/saved")
        assert len(client.ask("/loudness")) == 4  # an io process listens from now on
        client.send("/automation/point", "voice", "gain_db", 1.0, -6.0)
        client.send("/automation/point", "voice", "gain_db", 2.5, 0.0, "smooth")
        client.send("/automation/point", "clicks", "send.echo", 1.0, -30.0)
        client.send("/automation/points", "voice")
        assert client.wait("/automation/points", "voice") == ["voice", "gain_db", 1.0, -6.0, "linear"]
        assert client.wait("/automation/points/end", "voice") == ["voice", 2]
        client.send("/automation/point/remove", "voice", "gain_db", 2.5)
        client.send("/automation/points", "voice", "gain_db")
        assert client.wait("/automation/points/end", "voice") == ["voice", 1]
        client.send("/automation/point/remove", "voice", "gain_db", 9.0)
        assert "the nearest one is at 1 s" in str(client.wait("/reply/automation/point/remove", 0, "error"))
        client.send("/snapshot/store", "opening")
        client.send("/snapshot/opening/recall", 0.5)
        client.send("/mix/duck/add", "clicks", "voice")
        assert client.ask("/strip/clicks/duck/depth_db") == [-12.0]
        assert client.ask("/snapshots") == ["opening"]
        assert client.ask("/strip/voice/automation") == ["gain_db"]
        assert rig.process.poll() is None
        assert "died" not in rig.log.read_text()
    strips = StoryDocument.load(path).story.strips()
    assert list(strips) == ["voice", "clicks", "hall", "echo", "master"]
    assert [(s.to, s.gain_db) for s in strips["clicks"].sends] == [("hall", -16.0), ("echo", -90.0)]
