"""Prompts are heard on the outputs that private buses have, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.jack_recorder import JackRecorder
from tests.jack_server import JackServer, names_of, running_server
from tests.whole.rig import running, write_story

pytestmark = [pytest.mark.whole, pytest.mark.extra, pytest.mark.timeout(120)]

STORY = """\
kind: story
version: 1
title: Beginners
tracks:
  - {id: voice, voice: narrator}
buses:
  - {id: desk, private: true}
master: {limiter_db: off}
prompter: {voice: narrator}
"""


@pytest.fixture
def server():
    yield from running_server(outputs=4)


def test_a_prompt_is_heard_on_the_private_outputs_only(tmp_path: Path, server: JackServer) -> None:
    options = ("--device", "JACK", "--private-output", "3-4")
    with running(write_story(tmp_path, STORY), *options, env=server.env) as rig:
        rig.wait_ready()
        assert rig.ready["private"] == [3, 4]
        with server.client("look") as look:
            ports = names_of(look, "^cuevox:", is_output=True, is_audio=True)
        assert len(ports) == 4
        with JackRecorder(server) as main, JackRecorder(server) as private:
            main.connect(ports[:2])
            private.connect(ports[2:])
            private.wait_frames(1024)
            rig.client.send("/prompt", "Beginners, please.")
            while not np.abs(private.audio()).max() > 0.05:
                assert private.frames < 50 * 48000, "no prompt is heard"
                private.wait_frames(4096)
            main.wait_frames(4096)
            heard = main.audio()
        assert rig.stop() == 0
    assert not heard.any()
