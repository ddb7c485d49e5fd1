"""A plug-in that learns from what it hears: the story keeps what it has learnt, and the next audio process knows it."""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path

import pytest

from tests.whole.rig import Rig, running
from tests.whole.test_plugin_hosting import environment, story_with
from tests.whole.test_trust import playing_and_standby, wait

pytestmark = [
    pytest.mark.extra,
    pytest.mark.whole,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals"),
]


LETTERS = ".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+"
"""Of the base64 that Pedalboard's host puts a component's bytes into, the lowest bits first."""


FRESH = 4000
"""A new one has heard less: the noise with which Pedalboard tries it."""


def learnt(story: Path) -> int:
    """Return for how many frames the plug-in has heard something, as the story's file has it."""
    state = re.search(r'state: "?([A-Za-z0-9+/=]+)', story.read_text())
    if state is None:
        return 0
    part = re.search(rb"<IComponent>(\d+)\.([^<]+)<", base64.b64decode(state[1]))
    assert part is not None
    letters = part[2].decode()
    bits = sum(LETTERS.index(letter) << (6 * place) for place, letter in enumerate(letters))
    heard = re.search(rb"heard\D+(\d+)", bits.to_bytes(len(letters), "little"))
    assert heard is not None
    return int(heard[1])


def saved(rig: Rig, story: Path) -> int:
    rig.client.send("/session/save")
    rig.client.wait("/event/story/saved")
    return learnt(story)


def test_what_a_plugin_has_learnt_is_saved_and_outlives_its_process(tmp_path: Path) -> None:
    story = story_with(tmp_path, "      - plugin: Test Learning\n")
    with running(story, "--device", "null", env=environment(tmp_path, "Learning")) as rig:
        rig.wait_ready()
        client = rig.client
        client.send("/subscribe", "/event//*")
        playing, _ = playing_and_standby(rig)
        client.send("/cue/3/go")
        client.wait("/event/cue/started", "3")
        wait(lambda: saved(rig, story) > FRESH, "what it has learnt is in the story")
        client.send("/panic", 0.0)
        before = saved(rig, story)
        playing.kill()
        client.wait("/event/process/replaced", "audio")
        playing_and_standby(rig)
        client.send("/cue/3/go")
        wait(lambda: saved(rig, story) != before, "the next one learns on")
        assert saved(rig, story) > before
