"""The engine over every wire: speech over HTTP, a client that comes back after the control process died."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import time
import urllib.request
from pathlib import Path

import pytest
import soundfile

from cuevox import Cuevox
from tests.whole.rig import running

pytestmark = pytest.mark.whole

STORY = """\
kind: story
version: 1
title: Wires
tracks:
  - {id: voices, clips: [{id: line, start: 0, say: "One line.", voice: narrator}]}
"""


def ask(port: int, path: str, body: object) -> bytes:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=60.0) as answer:
        data: bytes = answer.read()
    return data


def wait_listening(port: int) -> None:
    """Return when somebody listens there: HTTP follows OSC."""
    deadline = time.monotonic() + 60.0
    while time.monotonic() < deadline:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
    raise TimeoutError(f"nobody listens on port {port}")


def test_http_speaks_and_a_client_survives_the_control_process(tmp_path: Path) -> None:
    story = tmp_path / "story.yaml"
    story.write_text(STORY)
    with running(story, "--device", "null") as rig:
        http_port = rig.ready["http_port"]
        wish = {"input": "Good evening. This is the second sentence of a longer text.", "voice": "narrator"}
        sound = ask(http_port, "/v1/audio/speech", wish | {"response_format": "pcm"})
        audio, rate = soundfile.read(
            io.BytesIO(sound), format="RAW", subtype="PCM_16", endian="LITTLE", channels=1, samplerate=24_000
        )
        assert rate == 24_000
        assert 2.0 < len(audio) / rate < 10.0
        assert abs(audio).max() > 0.05
        with urllib.request.urlopen(f"http://127.0.0.1:{http_port}/controllers/cuevox.session.json") as session:
            assert b"/strip/voices/gain" in session.read()
        with Cuevox(port=rig.ready["osc_port"]) as cuevox:
            cuevox.wait_ready()
            cuevox.set("/strip/voices/gain", -7.0)
            cuevox.subscribe("/strip/*/gain")
            rig.child("bridge.cli.control_process").kill()
            while cuevox.connected:
                pass
            cuevox.wait_connected(60.0)
            assert cuevox.values["/strip/voices/gain"] == (-7.0,)
            wait_listening(http_port)
            assert cuevox.ask("/clip/line/text") == ("One line.",)
            words = cuevox.ask("/clip/line/words")
            assert words[::2] == ("One", "line") and words[1] < words[3]
            cuevox.set("/clip/line/gain", -3.0)
            assert cuevox.ask("/clip/line/gain") == (-3.0,)
            cuevox.render()
            assert cuevox.export("friday", "stems") == str(tmp_path / "exports" / "friday")
            assert (tmp_path / "exports" / "friday" / "manifest.json").exists()
            told = json.loads(ask(http_port, "/command", {"address": "/strip/voices/gain"}))
            assert told["values"] == [-7.0], "HTTP is where it was"
