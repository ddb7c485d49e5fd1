"""Captures of a running engine: a known signal over JACK, by time tag and pad; and a voice that keeps the timing."""

import json
import statistics
import time

import numpy as np
import pytest
import soundfile

from tests.jack_server import running_server
from tests.whole.rig import bundle, encode, running

pytestmark = [pytest.mark.extra, pytest.mark.timeout(300)]

RATE = 48000
STORY = "kind: story\nversion: 1\ntitle: Captured\ntracks:\n  - {id: a, voice: narrator}\n"
TURN = 1 << 16


class Counter:
    """A JACK client whose sound says which frame of the server it is, and when its cycles began."""

    def __init__(self, server):
        self.client = server.client("counter")
        self.port = self.client.outports.register("out")
        self.cycles = []
        self.client.set_process_callback(self._give)
        self.client.activate()

    def _give(self, frames):
        first = self.client.last_frame_time
        self.port.get_array()[:] = ((first + np.arange(frames)) % TURN - TURN // 2) / TURN
        since = (self.client.frames_since_cycle_start + 0.5) / RATE
        self.cycles.append((time.time() - since, first))

    def frame_at(self, unix_seconds):
        """Return the server's frame at a wall time, None where its cycles did not keep their pace around it."""
        origins = [began - first / RATE for began, first in self.cycles if -0.4 < began - unix_seconds < 0.25]
        third = len(origins) // 3
        early, late = statistics.median(origins[:third]), statistics.median(origins[-third:])
        return (unix_seconds - statistics.median(origins)) * RATE if abs(late - early) * RATE < 1.0 else None


@pytest.fixture
def server():
    yield from running_server(sample_rate=RATE, period=256, sync=False)


def test_the_pre_roll_lands_on_its_frame(server, tmp_path):
    story = tmp_path / "story.yaml"
    story.write_text(STORY)
    counter = Counter(server)
    env = {**server.env, "CUEVOX_CAPTURE_LISTENER": ""}
    with running(story, "--device", "system", env=env) as rig:
        client = rig.client
        for pattern in ("/event/input", "/event/capture/*"):
            client.ask("/subscribe", pattern, 0, 600.0, answer="/subscribed")
        client.send("/capture/arm", 1, "counter")
        assert client.wait("/event/input")[0]
        for turn in range(8):  # a machine that stalls moves the server's frames against the time: then again
            off = captured_off(client, counter, tmp_path / "captures", f"count {turn}")
            if off is not None:
                break
    counter.client.deactivate()
    counter.client.close()
    if off is None:
        pytest.skip("the machine never kept still: nobody can tell which frame was due")
    assert abs(off) <= 2, off  # two readings of one clock


def captured_off(client, counter, folder, name):
    """Return by how many frames a capture's key is elsewhere than it should be, None: nobody can tell."""
    heard = len(counter.cycles)
    while len(counter.cycles) < heard + 1.2 * RATE / 256:  # the pre-roll is to be there
        time.sleep(0.05)
    tag_ns = (time.time_ns() // 1_000_000 + 150) * 1_000_000
    client.send_raw(bundle(tag_ns, encode("/capture/start", 1, name, "", "en", 1.0)))
    assert client.wait("/event/capture/started") == [name]
    while counter.cycles[-1][0] < tag_ns / 1e9 + 0.3:
        time.sleep(0.05)
    client.send("/capture/toggle", 1)
    _, _, lost, kept, text = client.wait("/event/capture/ended", name)
    assert (kept, text) == (1, "")
    client.wait("/event/capture/ready", name)
    expected = counter.frame_at(tag_ns / 1e9)
    if expected is None or lost:
        return None
    numbers = np.rint(soundfile.read(folder / f"{name}.whole.wav", dtype="float32")[0] * TURN + TURN // 2)
    assert (np.diff(numbers.astype(np.int64)) % TURN == 1).all()  # nothing is lost, nothing is twice
    assert json.loads((folder / f"{name}.json").read_text())["pressed"] == RATE
    return float((numbers[RATE] - expected + TURN // 2) % TURN - TURN // 2)


def test_a_voice_says_it_again_with_the_same_timing(tmp_path):
    """The known signal is speech whose synthesiser told when each word begins."""
    from engine.render.cache import TakeCache
    from engine.story.model import Delivery, Line
    from engine.voices.catalog import load_catalog
    from tests.capture.known_speech import known_speech

    story = tmp_path / "story.yaml"
    story.write_text(STORY)
    line = Line(text="The keeper of the light is not at home tonight.", voice="narrator", delivery=Delivery(speed=0.85))
    take = known_speech(line, load_catalog([]), TakeCache(tmp_path / "spoken"), RATE)
    soundfile.write(tmp_path / "spoken.wav", np.pad(take.audio, ((RATE, RATE), (0, 0))), RATE, subtype="FLOAT")
    with running(story, "--device", "null", env={"CUEVOX_CAPTURE_LISTENER": ""}) as rig:
        client = rig.client
        client.ask("/subscribe", "/event/capture/*", 0, 600.0, answer="/subscribed")
        client.send("/capture/file", "spoken.wav", "line", line.text)
        ready = client.wait("/event/capture/ready")
        assert (ready[0], ready[1], ready[4]) == ("line", "captures/line.wav", 10), ready
        client.send("/capture/again", "line", "announcer")
        name, voice, file, words, left, median_ms, most_ms, *_ = client.wait("/event/capture/spoken")
    assert (name, voice, file, words, left) == ("line", "announcer", "captures/line announcer.wav", 10, 0)
    known = json.loads((tmp_path / "captures" / "line.json").read_text())
    again = json.loads((tmp_path / "captures" / "line announcer.json").read_text())
    told = [w["start_frame"] for w in known["words"]]
    said = [w["start_frame"] for w in again["words"]]
    off = np.abs(np.subtract(said, told)) * 1000 / RATE
    assert off.max() == pytest.approx(most_ms, abs=0.1) and median_ms <= 5.0
    truth = [w.start_frame + RATE - known["first"] for w in take.words]
    assert np.median(np.abs(np.subtract(said, truth))) <= 0.05 * RATE  # what the aligner adds
    assert soundfile.info(tmp_path / file).frames >= known["frames"]
