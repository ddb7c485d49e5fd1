"""Captures of a running engine: a known signal over JACK, by time tag and pad; and a voice that keeps the timing."""

import json
import statistics
import time

import numpy as np
import pytest
import soundfile

from tests.jack_server import running_server
from tests.signals import noise
from tests.whole.rig import WAIT_SECONDS, bundle, encode, running

pytestmark = [pytest.mark.extra, pytest.mark.timeout(300)]

RATE = 48000
STORY = "kind: story\nversion: 1\ntitle: Captured\ntracks:\n  - {id: a, voice: narrator}\n"
TURN = 1 << 16


class Counter:
    """A JACK client whose sound says which frame of the server it is."""

    def __init__(self, server):
        self.client = server.client("counter")
        self.port = self.client.outports.register("out")
        self.looks = []
        self.due, self.stumbles = None, 0
        self.client.set_process_callback(self._give)
        self.client.activate()

    def _give(self, frames):
        now = self.client.last_frame_time
        self.port.get_array()[:] = ((now + np.arange(frames)) % TURN - TURN // 2) / TURN
        self.stumbles += now != self.due  # the server left cycles out
        self.due = now + frames

    def look_until(self, unix_seconds, frames=0):
        """Compare the server's frames with the time, over and over, for so many frames at least."""
        first = self.client.frame_time
        while time.time() < unix_seconds or self.client.frame_time - first < frames:
            before, frame, after = time.time(), self.client.frame_time, time.time()
            if after - before < 5e-5:
                self.looks.append(((before + after) / 2 - frame / RATE, before))
            time.sleep(0.01)

    def frame_at(self, unix_seconds):
        """Return the server's frame at a wall time, None where it did not keep its pace around it."""
        origins = [origin for origin, when in self.looks if abs(when - unix_seconds) < 0.1]
        steady = len(origins) > 7 and (max(origins) - min(origins)) * RATE < 2.0
        return (unix_seconds - statistics.median(origins)) * RATE if steady else None


@pytest.fixture
def server():
    yield from running_server(sample_rate=RATE, period=256)


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
        for turn in range(6):  # a machine that stalls moves the server's frames against the time: then again
            off = captured_off(client, counter, tmp_path / "captures", f"count {turn}")
            if off is not None and abs(off) <= 2:
                break
    counter.client.deactivate()
    counter.client.close()
    if off is None:
        pytest.skip("the machine never kept still: nobody can tell which frame was due")
    assert abs(off) <= 2, off  # two readings of one clock


def captured_off(client, counter, folder, name):
    """Return by how many frames a capture's key is elsewhere than it should be, None: nobody can tell."""
    stumbles = counter.stumbles
    counter.look_until(time.time() + 1.3, frames=1.3 * RATE)  # the pre-roll is to be there
    tag_ns = (time.time_ns() // 1_000_000 + 50) * 1_000_000
    client.send_raw(bundle(tag_ns, encode("/capture/start", 1, name, "", "en", 1.0)))
    assert client.wait("/event/capture/started") == [name]
    counter.look_until(tag_ns / 1e9 + 0.3)
    client.send("/capture/toggle", 1)
    _, _, lost, kept, text = client.wait("/event/capture/ended", name)
    assert (kept, text) == (1, "")
    client.wait("/event/capture/ready", name)
    expected = counter.frame_at(tag_ns / 1e9)
    if expected is None or lost or counter.stumbles != stumbles:
        return None
    numbers = np.rint(soundfile.read(folder / f"{name}.whole.wav", dtype="float32")[0] * TURN + TURN // 2)
    assert (np.diff(numbers.astype(np.int64)) % TURN == 1).all()  # nothing is lost, nothing is twice
    assert json.loads((folder / f"{name}.json").read_text())["pressed"] == RATE
    return float((numbers[RATE] - expected + TURN // 2) % TURN - TURN // 2)


def test_what_is_said_over_the_timeline_goes_where_it_was_heard(server, tmp_path):
    """The engine hears itself: a burst of its own sound, captured, belongs where the timeline has it."""
    burst = noise(RATE // 4, seed=4, level=0.3)
    soundfile.write(tmp_path / "burst.wav", burst, RATE, subtype="FLOAT")
    story = tmp_path / "story.yaml"
    story.write_text(STORY.replace("narrator}", "narrator, clips: [{id: b, start: 0.6, audio: burst.wav}]}"))
    with running(story, "--device", "system", env={**server.env, "CUEVOX_CAPTURE_LISTENER": ""}) as rig:
        client = rig.client
        for pattern in ("/event/input", "/event/capture/*", "/event/story/edited"):
            client.ask("/subscribe", pattern, 0, 600.0, answer="/subscribed")
        rig.wait_ready()
        client.send("/capture/arm", 1, "cuevox")
        assert client.wait("/event/input")[0]
        for turn in range(4):  # a stall moves the server's frames against the time
            found, lag = heard_again(client, burst, tmp_path / "captures", f"k{turn}")
            off = found + lag - round(0.6 * RATE)
            if abs(off) <= 0.02 * RATE:
                break
    assert abs(off) <= 0.02 * RATE, off  # the sound takes no way through a converter: a period or two less than told


def heard_again(client, burst, folder, name):
    """Capture a burst while the timeline plays it; return where its clip begins, and how far into it the burst is."""
    client.send("/transport/locate", 0.0)
    tag_ns = (time.time_ns() // 1_000_000 + 200) * 1_000_000
    for ms, message in ((0, ["/transport/play"]), (400, ["/capture/start", 1, name]), (1200, ["/capture/stop", 1])):
        client.send_raw(bundle(tag_ns + ms * 1_000_000, encode(*message)))
    client.wait("/event/capture/ready", name)
    client.send("/transport/stop", 1)
    client.send("/capture/place", name, "a", "", name)
    client.wait("/event/story/edited")
    deadline = time.monotonic() + WAIT_SECONDS
    while (start := client.ask(f"/clip/{name}/start")[0]) < 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    client.send("/clip/" + name + "/delete", 1)
    client.wait("/event/story/edited")
    heard = soundfile.read(folder / f"{name}.wav", dtype="float32")[0]
    return round(start * RATE), int(np.argmax(np.correlate(heard, burst, "valid")))


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
        client.ask("/subscribe", "/event/story/edited", 0, 600.0, answer="/subscribed")
        client.send("/capture/place", "line announcer", "a", 2.5, "k")
        client.wait("/event/story/edited")
        rig.wait_ready()
        placed = client.ask("/clip/k/words")
        assert client.ask("/captures") == ["line", "line announcer"]
    assert (name, voice, file, words, left) == ("line", "announcer", "captures/line announcer.wav", 10, 0)
    known = json.loads((tmp_path / "captures" / "line.json").read_text())
    again = json.loads((tmp_path / "captures" / "line announcer.json").read_text())
    told = [w["start_frame"] for w in known["words"]]
    said = [w["start_frame"] for w in again["words"]]
    assert (placed[-2], placed[1::2]) == ("tonight.", pytest.approx([frame / RATE for frame in said], abs=1e-3))
    off = np.abs(np.subtract(said, told)) * 1000 / RATE
    assert off.max() == pytest.approx(most_ms, abs=0.1) and median_ms <= 5.0
    truth = [w.start_frame + RATE - known["first"] for w in take.words]
    assert np.median(np.abs(np.subtract(said, truth))) <= 0.05 * RATE  # what the aligner adds
    assert soundfile.info(tmp_path / file).frames >= known["frames"]
