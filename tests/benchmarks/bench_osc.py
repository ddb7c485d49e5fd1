"""OSC messages a second, parsed and applied, beside python-osc doing nothing; loop lag and losses at half that rate."""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pythonosc.osc_message import OscMessage
from report import NOTES, Report
from running import Cuevox
from scsynth import message

MESSAGES = 20_000
WINDOW = 50
"""Messages between two barriers; two windows are on their way, so that nobody waits and no default buffer overflows."""
FLOOD_SECONDS = 65.0
"""The engine tells its loop's lag over the last minute."""
LAG_MS = 2.0
PEER = """
import sys
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer

table = Dispatcher()
table.map("/strip/*/gain", lambda address, value: None)
table.map("/slot/*/*/trigger", lambda address, value: None)
table.map("/sync", lambda address, number: ("/synced", number))
server = BlockingOSCUDPServer(("127.0.0.1", 0), table)
print(server.server_address[1], flush=True)
server.serve_forever()
"""
STORY = """\
kind: story
version: 1
title: Flood
tracks:
  - {id: voices, clips: [{id: line, start: 0, say: "One line.", voice: narrator}]}
  - {id: music}
slots:
  - {bank: a, index: 1, clip: line, mode: retrigger}
"""
FADERS = [message("/strip/music/gain", -0.01 * step) for step in range(100)]
PADS = [message("/slot/a/1/trigger", 1.0)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=FLOOD_SECONDS, help="how long each flood lasts")
    seconds: float = parser.parse_args().seconds
    report = Report("osc", "OSC over UDP, null output")
    with peer() as port:
        theirs = {name: per_second(port, packets) for name, packets in (("moves", FADERS), ("pads", PADS))}
    with tempfile.TemporaryDirectory() as name:
        story = Path(name) / "story.yaml"
        story.write_text(STORY)
        with Cuevox(story, ["--device", "null"], {}, Path(name) / "cache") as engine:
            engine.wait_slot("a", 1)
            ours = {"moves": per_second(engine.port, FADERS), "pads": per_second(engine.port, PADS)}
            for what, kind in (("fader moves a second", "moves"), ("triggers a second", "pads")):
                report.add(what, ours[kind], "", reference=theirs[kind], reference_name="python-osc, no effect")
            report.add("a message's way through the engine", 1e6 / ours["moves"], "µs", note="a fader move, on average")
            flood(report, engine, ours["moves"] / 2, seconds)
    report.finish()


@contextmanager
def peer() -> Iterator[int]:
    """Run python-osc's own server, which parses and dispatches; give its port."""
    command = [sys.executable, "-c", PEER]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def per_second(port: int, packets: Sequence[bytes]) -> float:
    """Return how many of ``packets`` the server at ``port`` deals with in a second; nothing is lost: barriers pace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.connect(("127.0.0.1", port))
        wire.settimeout(10.0)
        windows = MESSAGES // WINDOW
        begun = 0.0
        for window in range(windows + 1):
            for number in range(WINDOW):
                wire.send(packets[number % len(packets)])
            wire.send(message("/sync", window))
            if window:
                _wait_synced(wire, window - 1)
            if window == 1:
                begun = time.monotonic()  # the first window warms up
        _wait_synced(wire, windows)
        return (windows - 1) * WINDOW / (time.monotonic() - begun)


def _wait_synced(wire: socket.socket, number: int) -> None:
    while (answer := OscMessage(wire.recv(65536))).address != "/synced" or answer.params[0] != number:
        pass


def flood(report: Report, engine: Cuevox, rate: float, seconds: float) -> None:
    """Add the loop's lag and what was lost while another process moves a fader all the time."""
    NOTES.print(f"{rate:,.0f} fader moves a second for {seconds:g} s …")
    before = engine.status()
    script = Path(__file__).with_name("flood.py")
    command = [sys.executable, str(script), str(engine.port), "/strip/music/gain", str(rate)]
    process = subprocess.Popen(command)
    try:
        time.sleep(seconds)
        after = engine.status()
    finally:
        process.terminate()
        process.wait()
    note = f"at {rate:,.0f} fader moves/s, half of what is possible"
    report.add("loop lag, p99", after["loop_lag_seconds"] * 1e3, "ms", at_most=LAG_MS, note=note)
    lost = after["dropped_packets"] - before["dropped_packets"]
    report.add("messages dropped meanwhile", lost, "", at_most=0)


if __name__ == "__main__":
    main()
