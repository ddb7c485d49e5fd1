"""The scripts for Ardour in Ardour 7 itself, without a screen: a session rolls, and somebody listens as the engine."""

import json
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from pythonosc.osc_packet import OscPacket

HERE = Path(__file__).parent
SCRIPTS = HERE.parents[1] / "bridge" / "ardour"
MANIFEST = {
    "sample_rate": 24000, "start_frame": 0, "story_end_frame": 48000, "warnings": [], "tail": None,
    "files": [
        {"path": "mix.wav", "role": "mix", "levels": {"peak_db": -1.5e0}},
        {"path": "stems/01_K\u00e4tzchen's.wav", "role": "track"},
    ],
    "markers": [{"id": "storm", "name": "St\u00fcrm \"1\"", "frame": 24000}, {"id": "start", "name": "", "frame": 0}],
}  # fmt: skip

pytestmark = [
    pytest.mark.extra,
    pytest.mark.skipif(shutil.which("ardour7-lua") is None, reason="Ardour 7 is not installed"),
]


def heard_by_engine(tmp_path):
    """Run the script; return what it printed, and the messages in their order."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire, (tmp_path / "said").open("w+") as said:
        wire.bind(("127.0.0.1", 0))
        wire.settimeout(0.2)
        (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
        url = f"osc.udp://127.0.0.1:{wire.getsockname()[1]}"
        words = ["ardour7-lua", HERE / "ardour_follow_run.lua", tmp_path / "session", url, SCRIPTS, tmp_path]
        ardour = subprocess.Popen(words, stdout=said, stderr=subprocess.STDOUT)
        messages = []
        while True:
            ended = ardour.poll() is not None
            try:
                messages += [each.message for each in OscPacket(wire.recv(65536)).messages]
            except TimeoutError:
                if ended:
                    break
        said.seek(0)
        return said.read(), [(message.address, *message.params) for message in messages]


def test_a_session_that_rolls_drives_the_engine_and_takes_a_story_in(tmp_path):
    said, heard = heard_by_engine(tmp_path)
    addresses = [address if address != "/at" else values[1] for address, *values in heard]
    rolling = addresses[addresses.index("/transport/play") : addresses.index("/transport/stop")]
    fired = dict.fromkeys(each for each in rolling if each.startswith("/cue"))  # cleared and sent again after a stall
    assert list(fired) == ["/cue/12/go", "/cue/12/stop"]
    assert "/cue/far/go" not in addresses
    assert all(0.0 <= values[0] <= 0.35 for address, *values in heard if address == "/at")
    located = len(heard) - 1 - heard[::-1].index(("/transport/locate", 2.0))
    assert set(heard[located + 1 :]) == {("/transport/chase", 2.0, 0)}
    said = said.replace("\t", " ")  # what Ardour's own print puts between values
    assert "IMPORT 1 stems, 2 scenes\n" in said
    assert "AGAIN 0 stems, 0 scenes; tracks of 1 stems were there already" in said
    assert "NONE nil This is no folder of a Cuevox export" in said
    assert "RANGE start 480000 528000" in said
    assert 'RANGE St\u00fcrm "1" 528000 576000' in said
