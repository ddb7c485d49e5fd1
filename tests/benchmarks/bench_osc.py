"""OSC messages a second, beside scsynth's and python-osc doing nothing; a flood's cost to others; many listeners."""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from pythonosc.osc_message import OscMessage
from pythonosc.osc_packet import OscPacket
from report import NOTES, Report
from running import Cuevox
from scsynth import Scsynth, message

sys.path.insert(0, str(Path(__file__).parents[1]))
from jack_server import JackServer

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
table.map("/strip/gain", lambda address, strip, value: None)
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
"""Of these the newest counts, while they wait."""
SINGLY = [message("/strip/gain", "music", -0.01 * step) for step in range(100)]
"""The same moves, each of which is read and done."""
NODES = [message("/n_set", 0, "amp", -0.01 * step) for step in range(100)]
"""What scsynth does beside our fader moves: a control of a group is set."""
LISTENERS, LISTENING_SECONDS = 50, 10.0
CPU_SHARE = 0.15
CUES = 500
TREE_MS = 50.0
PINGS = 400
BUSY_PER_SECOND = 2000.0
PADS = [message("/slot/a/1/trigger", 1.0)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=FLOOD_SECONDS, help="how long each flood lasts")
    seconds: float = parser.parse_args().seconds
    report = Report("osc", "OSC over UDP, null output")
    nodes = scsynths_rate()
    with peer() as port:
        theirs = {name: per_second(port, packets) for name, packets in (("moves", SINGLY), ("pads", PADS))}
    with tempfile.TemporaryDirectory() as name:
        story = Path(name) / "story.yaml"
        story.write_text(STORY)
        with Cuevox(story, ["--device", "null"], {}, Path(name) / "cache") as engine:
            engine.wait_slot("a", 1)
            ours = {"moves": per_second(engine.port, SINGLY), "pads": per_second(engine.port, PADS)}
            for what, kind in (("fader moves a second", "moves"), ("triggers a second", "pads")):
                report.add(what, ours[kind], "", reference=theirs[kind], reference_name="python-osc, no effect")
            report.add("fader moves a second", ours["moves"], "", reference=nodes, reference_name="scsynth, /n_set")
            newest = per_second(engine.port, FADERS)
            report.add(
                "moves of one fader a second, the newest done", newest, "", note="older ones are passed over unread"
            )
            report.add("a message's way through the engine", 1e6 / ours["moves"], "µs", note="a fader move, on average")
            triggers(report, engine)
            listeners(report, engine)
            flood(report, engine, ours["moves"] / 2, seconds)
            beyond(report, engine, 3 * ours["moves"])
        tree(report, Path(name))
    report.finish()


def scsynths_rate() -> float:
    """Return how many controls of a node scsynth sets a second."""
    server = JackServer(sync=False)
    server.start()
    try:
        with Scsynth(server.env) as scsynth:
            return per_second(scsynth.port, NODES)
    finally:
        server.stop()


def triggers(report: Report, engine: Cuevox) -> None:
    """Add how long a trigger takes to be acknowledged, idle and while another client sends 2000 messages a second."""
    idle = answer_times(engine)
    with flooding(engine, BUSY_PER_SECOND):
        busy = answer_times(engine)
    for name, share in (("median", 50), ("p99", 99)):
        quiet, loud = (statistics.quantiles(times, n=100)[share - 1] * 1e3 for times in (idle, busy))
        note = f"a trigger until its answer, {BUSY_PER_SECOND:g} fader moves/s meanwhile"
        bar = {"at_most": 2.0 * quiet} if share == 99 else {}
        report.add(f"trigger answered, {name}", loud, "ms", reference=quiet, reference_name="idle", note=note, **bar)


def answer_times(engine: Cuevox) -> list[float]:
    times = []
    for number in range(PINGS):
        begun = time.perf_counter()
        engine.ask("/slot/a/1/trigger", 1.0)
        times.append(time.perf_counter() - begun)
        time.sleep(0.002 + number % 7 * 0.0005)
    return times


@contextmanager
def flooding(engine: Cuevox, rate: float) -> Iterator[None]:
    """Have another process move a fader all the time."""
    script = Path(__file__).with_name("flood.py")
    process = subprocess.Popen([sys.executable, str(script), str(engine.port), "/strip/music/gain", str(rate)])
    try:
        time.sleep(1.0)
        yield
    finally:
        process.terminate()
        process.wait()


def listeners(report: Report, engine: Cuevox) -> None:
    """Add what control takes of a core while 50 clients hear every meter 30 times a second."""
    family = psutil.Process(engine.pid).children(recursive=True)
    control = next(p for p in family if "bridge.cli.control_process" in p.cmdline())
    wires = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(LISTENERS)]
    try:
        for wire in wires:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            wire.connect(("127.0.0.1", engine.port))
            wire.send(message("/subscribe", "/strip/*/meter", 0, 60.0))
        before, begun = sum(control.cpu_times()[:2]), time.monotonic()
        while time.monotonic() < begun + LISTENING_SECONDS:
            engine.ask("/slot/a/1/trigger", 1.0)  # so that meters move
            time.sleep(0.05)
        share = (sum(control.cpu_times()[:2]) - before) / (time.monotonic() - begun)
        report.add(f"a core's share, {LISTENERS} clients with meters", share, "", at_most=CPU_SHARE)
        rates = [_told(wire) / LISTENING_SECONDS for wire in wires]
        report.add("meter readings told to each, a second", min(rates), "", note="of the strip that sounds, at most 30")
    finally:
        for wire in wires:
            wire.send(message("/unsubscribe", "/strip/*/meter"))
            wire.close()


def _told(wire: socket.socket) -> int:
    """Return how many readings of one strip's meter lie in the socket."""
    wire.setblocking(False)
    count = 0
    while True:
        try:
            packet = wire.recv(65536)
        except BlockingIOError:
            return count
        count += sum(m.message.address == "/strip/voices/meter" for m in OscPacket(packet).messages)


def beyond(report: Report, engine: Cuevox, rate: float) -> None:
    """Add what becomes of messages beyond the rate that is possible: others are served, losses counted."""
    before = engine.status()
    with flooding(engine, rate):
        times = answer_times(engine)
    after = engine.status()
    note = f"{rate:,.0f} fader moves/s from another client, three times what is possible"
    slow = statistics.quantiles(times, n=100)[98] * 1e3
    lost = after["dropped_packets"] - before["dropped_packets"]
    report.add("beyond saturation: trigger answered, p99", slow, "ms", note=note)
    report.add("beyond saturation: messages dropped and counted", lost, "")


def tree(report: Report, folder: Path) -> None:
    """Add how long OSCQuery's whole tree takes with 500 cues."""
    cues = "".join(f"  - {{id: c{n}, clip: line}}\n" for n in range(CUES))
    story = folder / "cues.yaml"
    story.write_text(f"{STORY}cues:\n{cues}")
    with Cuevox(story, ["--device", "null"], {}, folder / "cache") as engine:
        engine.wait_slot("a", 1)
        url = f"http://127.0.0.1:{engine.facts['http_port']}/"
        times = []
        for _ in range(20):
            begun = time.perf_counter()
            with urllib.request.urlopen(url) as answer:
                data = answer.read()
            times.append(time.perf_counter() - begun)
        nodes = len(json.loads(data)["CONTENTS"]["cue"]["CONTENTS"])
        note = f"{len(data) / 1e6:.1f} MB, {nodes} cues"
        report.add("OSCQuery's whole tree", statistics.median(times) * 1e3, "ms", at_most=TREE_MS, note=note)


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
