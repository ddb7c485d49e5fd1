"""The engine over every wire: speech over HTTP, a client that comes back after the control process died."""

from __future__ import annotations

import contextlib
import io
import json
import select
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
import soundfile

from cuevox import Cuevox
from tests.whole.rig import Rig, running

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
            replace_control(rig, cuevox)
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


@pytest.mark.extra
def test_another_story_is_loaded_exported_and_played_on_by_a_successor(tmp_path: Path) -> None:
    story = tmp_path / "story.yaml"
    story.write_text(STORY)
    (tmp_path / "act2.yaml").write_text(STORY.replace("title: Wires", "title: Act two"))
    with running(story, "--device", "null") as rig, Cuevox(port=rig.ready["osc_port"]) as cuevox:
        cuevox.wait_ready()
        page = f"http://127.0.0.1:{rig.ready['http_port']}/picture."
        with urllib.request.urlopen(f"{page}svg", timeout=60.0) as picture:
            drawn = picture.read().decode()
        assert "<svg" in drawn and "Wires" in drawn and "One" in drawn
        with urllib.request.urlopen(f"{page}png", timeout=60.0) as picture:
            assert picture.headers["Content-Type"] == "image/png" and picture.read(8) == b"\x89PNG\r\n\x1a\n"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{page}gif", timeout=60.0)
        cuevox.set("/strip/voices/gain", -7.0)
        cuevox.subscribe("/event/story/reloaded")
        cuevox.ask("/session/load", "act2.yaml")
        told = next(event for event in cuevox.events(timeout_seconds=60.0) if event[0] == "/event/story/reloaded")
        assert told[1:] == (str(tmp_path / "act2.yaml"), 0)
        assert cuevox.get("/session/name") == "Act two"
        assert cuevox.get("/strip/voices/gain") == 0.0, "the edit belongs to the first act"
        cuevox.set("/strip/voices/gain", -9.0)
        replace_control(rig, cuevox)
        assert cuevox.get("/session/name") == "Act two"
        assert cuevox.get("/strip/voices/gain") == -9.0
        (job,) = cuevox.ask("/export", "friday", "stems")
        replace_control(rig, cuevox, deaths=2)
        manifest = tmp_path / "exports" / "friday" / "manifest.json"
        while str(job) in cuevox.ask("/jobs"):
            cuevox.ask("/sync", 1)
        assert manifest.exists(), "begun anew by the successor"


def replace_control(rig: Rig, cuevox: Cuevox, deaths: int = 1) -> None:
    """Kill the control process, and its followers before they are ready; return when the next one answers."""
    gone: set[int] = set()
    while len(gone) < deaths:
        with contextlib.suppress(psutil.NoSuchProcess):
            control = rig.child("bridge.cli.control_process")
            if control.pid not in gone:
                gone.add(control.pid)
                before = cuevox._engine.connections
                control.kill()
    deadline = time.monotonic() + 60.0
    while cuevox._engine.connections == before:
        assert time.monotonic() < deadline, rig.log.read_text()
        select.select([], [], [], 0.01)
    cuevox.wait_connected(60.0)
