"""The controller script for Bitwig Studio, run by Node.js in a stand-in for Bitwig's API."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCRIPT = HERE.parents[1] / "bridge" / "bitwig" / "Cuevox.control.js"

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")


def test_transport_markers_and_clips_become_commands():
    ran = subprocess.run(
        ["node", str(HERE / "bitwig_stand_in.js"), str(SCRIPT)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    dark = ["/at", pytest.approx(0.1), "/snapshot/dark/recall"]
    assert json.loads(ran.stdout) == {
        "before it is anywhere": [],
        "locate while it rests": [],
        "play": [["/transport/locate", 0.75], ["/transport/play"]],
        "near": [["/at", pytest.approx(0.15), "/cue/12/go"]],
        "past": [],
        "each second": [["/transport/chase", pytest.approx(1.6), 1]],
        "jump": [["/transport/locate", 19.9], dark],
        "stop": [["/clearsched", "/snapshot/dark/recall"], ["/transport/stop"]],
        "clip": [["/cue/7/go"]],
        "clip ends": [["/cue/7/stop"]],
        "other clip": [],
        "not following": [dark, ["/clearsched", "/snapshot/dark/recall"]],
    }
