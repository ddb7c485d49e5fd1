"""MIDI: from event to sound, lost events, and how well timecode and clock are followed through jitter.

The pad, and what hears the sound, is one JACK client of the benchmark: frames of events and onsets are JACK's own.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).parents[1]))
from jack_server import JackServer
from report import NOTES, Report, quantile
from running import Cuevox

from bridge.midi.clock_follower import ClockFollower
from bridge.midi.jack_ports import JackSystem
from bridge.midi.mtc import quarter_frame
from bridge.midi.mtc_follower import MtcFollower
from bridge.midi.port import MidiSystem
from bridge.midi.rtmidi_ports import RtMidiSystem
from bridge.midi.stream import MidiStream
from bridge.midi.timecode import RATE_NAMES, frame_seconds, from_number

PERIOD = 256
SHOTS = 300
EVENTS = 10_000
ROUNDS = 3
JITTER_SECONDS = 0.002
STORY = """\
kind: story
version: 1
title: Pads
tracks:
  - {id: clicks, clips: [{id: click, audio: click.wav, start: 0}]}
master: {limiter_db: off}
cues:
  - {id: 1, group: [2, 3]}
  - {id: 2, clip: click, pre_wait: 0.1}
  - {id: 3, send: [{note: 60, port: Pad}], pre_wait: 0.1}
go_debounce: 0
slots:
  - {bank: a, index: 1, clip: click, mode: layer}
"""
SENDER = """
import sys, jack
client = jack.Client("Sender", no_start_server=True)
out, count, state = client.midi_outports.register("out"), int(sys.argv[1]), [0, 0, False]

def process(frames):
    out.clear_buffer()
    if not state[2]:
        return
    state[1] += frames
    while state[0] < min(count, state[1] * 1000 // client.samplerate):
        n = state[0]
        out.write_midi_event(0, (0xB0 | n % 16, n // 128 % 120, n % 128))
        state[0] += 1

client.set_process_callback(process)
client.activate()
print("there", flush=True)
sys.stdin.readline()
state[2] = True
sys.stdin.readline()
"""
"""It sends through JACK-Client, evenly over JACK's own cycles, and not in the bursts of a program that is held up."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shots", type=int, default=SHOTS)
    shots: int = parser.parse_args().shots
    report = Report("midi", f"MIDI, JACK dummy driver, {PERIOD} frames at 48 kHz")
    follow_timecode(report)
    follow_clock(report)
    for sync in (True, False):
        server = JackServer(period=PERIOD, sync=sync, realtime=True)
        server.start()
        os.environ.update(server.env)
        try:
            for _ in range(1 if sync else ROUNDS):  # what is lost where nobody waits varies from run to run
                count_events(report, "JACK-Client", JackSystem, sync=sync)
                count_events(report, "python-rtmidi", lambda: RtMidiSystem("jack"), sync=sync)
        finally:
            server.stop()
    server = JackServer(period=PERIOD, sync=False, realtime=True)
    server.start()
    os.environ.update(server.env)
    try:
        shoot(report, server, shots, "jack")
        shoot(report, server, shots, "jack-rtmidi")
    finally:
        server.stop()
    report.finish()


def follow_timecode(report: Report) -> None:
    """Add how soon timecode locks, and how far off the position is through jitter of its quarter frames."""
    chance = random.Random(1)
    for rate, name in enumerate(RATE_NAMES):
        follower, locked_at, errors, turned = MtcFollower(), 0, [], 0
        last = 0.0
        for n in range(8000):
            at = n * frame_seconds(rate) / 4 + chance.uniform(-JITTER_SECONDS, JITTER_SECONDS)
            place = 100_000 + n
            follower.quarter(quarter_frame(from_number(place // 8 * 2, rate), place % 8)[1], at)
            position = follower.position(at)
            if position is None:
                continue
            locked_at = locked_at or n + 1
            turned += position < last
            last = position
            errors.append(abs(position - 25_000 * frame_seconds(rate) - at) * 1000.0)
        report.add(f"timecode {name}: locks after", locked_at / 8, "sequences", at_most=2.0)
        report.add(f"timecode {name}: position error, p99", quantile(errors, 0.99), "ms", at_most=1.0,
                   note=f"±2 ms of jitter; turned back {turned} times")  # fmt: skip


def follow_clock(report: Report) -> None:
    """Add the error of tempo and phase of a clock with Gaussian jitter, over many seeds."""
    tempos, phases = [], []
    for seed in range(200):
        chance, follower, tempo = random.Random(seed), ClockFollower(), 60.0 + seed
        period = 60.0 / tempo / 24
        follower.start()
        for n in range(288):
            follower.tick(n * period + chance.gauss(0.0, JITTER_SECONDS))
            if n == 47:
                phases.append(abs(follower.beat(48 * period) - 2.0) * 60.0 / tempo * 1000.0)
        tempos.append(abs(follower.tempo_bpm / tempo - 1.0) * 100.0)
    report.add("clock: tempo error after 12 beats, p99", quantile(tempos, 0.99), "%", at_most=0.1,
               note="jitter of 2 ms (sigma), 60 to 259 bpm")  # fmt: skip
    report.add("clock: phase after two beats, p99", quantile(phases, 0.99), "ms", at_most=2.0)


def count_events(report: Report, through: str, make: Callable[[], MidiSystem], *, sync: bool) -> None:
    """Add how many of 1000 controllers a second come through JACK and a library, and whether they are whole."""
    NOTES.print(f"{EVENTS:,} events at 1000 a second, {through} …")
    sender = subprocess.Popen(
        [sys.executable, "-c", SENDER, str(EVENTS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert sender.stdin is not None and sender.stdout is not None
    sender.stdout.readline()
    system, stream = make(), MidiStream()
    heard: list[bytes] = []
    port = system.open_input(next(n for n in system.inputs() if "Sender" in n), lambda _, data: heard.append(data))
    sender.stdin.write("go\n")
    sender.stdin.flush()
    deadline = time.monotonic() + EVENTS / 1000 + 20.0
    while len(heard) < EVENTS and time.monotonic() < deadline:
        time.sleep(0.05)
    messages = [m for data in heard for m in stream.feed(data)]
    sent = [bytes((0xB0 | n % 16, n // 128 % 120, n % 128)) for n in range(EVENTS)]
    wrong = sum((Counter(sent) - Counter(messages)).values()) + sum((Counter(messages) - Counter(sent)).values())
    waits = "that waits for clients" if sync else "that waits for nobody"
    report.add(f"1000 events a second, {through} on a JACK {waits}: lost or wrong", wrong, "",
               at_most=0 if sync else None,
               note=f"of {EVENTS:,}; known to be lost: {system.lost}, missed: {system.missed}")  # fmt: skip
    sender.stdin.write("end\n")
    sender.stdin.close()
    port.close()
    system.close()
    sender.wait()


class Pad:
    """A JACK client that presses a pad at a frame it knows, and hears what comes of it."""

    def __init__(self, server: JackServer) -> None:
        self._client = server.client("Pad")
        self._midi = self._client.midi_outports.register("out")
        self._audio = self._client.inports.register("in")
        self._hearing = self._client.midi_inports.register("in_midi")
        self.notes: list[int] = []
        self._press: int | None = None
        self.pressed_frame = 0
        self.onsets: list[int] = []
        self._client.set_process_callback(self._process)
        self._client.activate()

    def _process(self, frames: int) -> None:
        self._midi.clear_buffer()
        start = self._client.last_frame_time
        if self._press is not None:
            self._midi.write_midi_event(self._press, (0x90, 36, 127))
            self.pressed_frame, self._press = start + self._press, None
        self.notes += [start + at for at, data in self._hearing.incoming_midi_events() if bytes(data)[0] == 0x90]
        loud = np.flatnonzero(np.abs(self._audio.get_array()) > 0.3)
        if len(loud):
            self.onsets.append(start + int(loud[0]))

    def connect(self) -> None:
        """Listen to the engine's left output."""
        self._client.connect(self._client.get_ports("^cuevox:", is_output=True, is_audio=True)[0], self._audio)

    def shoot(self, offset: int) -> int | None:
        """Press at a frame of the next cycle; return how many frames later it sounded."""
        self.onsets.clear()
        self._press = offset
        deadline = time.monotonic() + 1.0
        while not self.onsets and time.monotonic() < deadline:
            time.sleep(0.002)
        return self.onsets[0] - self.pressed_frame if self.onsets else None

    def hear_both(self) -> int | None:
        """Wait for a click and a note; return how many frames later the note came."""
        deadline = time.monotonic() + 1.0
        while not (self.onsets and self.notes) and time.monotonic() < deadline:
            time.sleep(0.002)
        return self.notes[0] - self.onsets[0] if self.onsets and self.notes else None

    def close(self) -> None:
        self._client.deactivate()
        self._client.close()


def shoot(report: Report, server: JackServer, shots: int, midi: str) -> None:
    """Add the time from a pad's event to its sound, over all phases of the period, and how exactly a cue sends."""
    through = "JACK-Client" if midi == "jack" else "python-rtmidi"
    NOTES.print(f"{shots} presses, {through} …")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        click = np.zeros(2400, np.float32)
        click[0] = 0.5
        soundfile.write(folder / "click.wav", click, 48000, subtype="FLOAT")
        story = folder / "story.yaml"
        story.write_text(STORY)
        with Cuevox(story, ["--device", "JACK", "--midi", midi], server.env, folder / "cache") as engine:
            engine.wait_slot("a", 1)
            pad = Pad(server)
            pad.connect()
            chance = random.Random(1)
            for _ in range(20):  # the engine finds it within a second
                pad.shoot(0)
            found = [pad.shoot(chance.randrange(PERIOD)) for _ in range(shots)]
            sent = [_cue(pad, engine) for _ in range(shots // 3)]
            pad.close()
    _tell(report, found, through, at_most=0 if midi == "jack" else PERIOD)
    _tell_sent(report, sent, through)


def _cue(pad: Pad, engine: Cuevox) -> int | None:
    """Fire a click and a note at once; return how many frames after the click's the note came."""
    pad.onsets.clear()
    pad.notes.clear()
    engine.send("/cue/1/go")
    return pad.hear_both()


def _tell_sent(report: Report, found: list[int | None], through: str) -> None:
    apart = [float(frames) for frames in found if frames is not None]
    if not apart:
        report.add(f"{through}: notes of cues that did not come", len(found), "", at_most=0)
        return
    middle = quantile(apart, 0.5)
    report.add(f"{through}: a cue's note behind its sound leaving the engine, median", middle / 48.0, "ms",
               note="the output's latency is waited for")  # fmt: skip
    off = [abs(frames - middle) / 48.0 for frames in apart]
    report.add(f"{through}: the same, off by, p99", quantile(off, 0.99), "ms", note=f"of {len(found)}")


def _tell(report: Report, found: list[int | None], through: str, at_most: int) -> None:
    shots = len(found)
    delays = [float(frames) for frames in found if frames is not None]
    middle = quantile(delays, 0.5)
    report.add(f"{through}: presses that did not sound", found.count(None), "", at_most=0, note=f"of {shots}")
    report.add(f"{through}: event to sound, median", middle / 48.0, "ms", note="a block and 1 ms")
    off = [abs(frames - middle) for frames in delays]
    others = sum(1 for frames in off if frames > 0)
    report.add(f"{through}: event to sound, jitter, median", quantile(off, 0.5), "frames", at_most=at_most)
    report.add(f"{through}: event to sound, jitter, p99", quantile(off, 0.99), "frames", at_most=at_most,
               note=f"{others} of {shots} elsewhere than most")  # fmt: skip


if __name__ == "__main__":
    main()
