"""A long show: play, trigger, turn faders, change the mix, render, kill processes; then: what was lost, what has grown?

    make soak                        # half an hour at 256 frames
    make soak ARGS="--block 128"

The engine runs on a private JACK server (dummy backend); beside it a bare C client that does nothing but look at the
clock. An underflow within a second in which that client was late, too, is shared with it. It sleeps nearly all the
time, so that a core which stands still while the engine mixes passes it by: of the others the engine itself tells what
they came from (``engine.realtime.causes``). No clock runs on each core for that: a thread above the callback that wakes
each millisecond moves it from core to core. Underflows within KILL_SECONDS of a kill of the audio process, or of the
graph's change that it makes in the server, are counted apart.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psutil
import soundfile
from family import AUDIO, CONTROL, ROLES, SUPERVISOR, WORKER, Family, Memory
from jack_clients import StallWatch
from report import NOTES, Report
from running import Cuevox

sys.path.insert(0, str(Path(__file__).parents[1]))
from jack_server import JackServer

from engine.realtime.causes import CAUSES

WARM_SECONDS = 20.0
GROWTH_AFTER_SECONDS = 60.0
"""What is taken until then is warming up: caches, plug-ins' buffers, the first of everything."""
KILL_SECONDS = 4.0
EVERY = {"mix": 3.0, "worker": 20.0, "reload": 15.0, "audio": 60.0, "control": 90.0}
"""How often the mix is changed, live and on disk, and a worker, the audio and the control process are killed."""
MIX_CHANGES: tuple[tuple[str, tuple[str | int, ...]], ...] = (
    ("/mix/insert/add", ("t0", "delay")),
    ("/mix/bus/add", ("plate",)),
    ("/mix/send/add", ("t1", "plate")),
    ("/mix/insert/add", ("plate", "reverb")),
    ("/mix/insert/remove", ("t0", 2)),
    ("/mix/bus/remove", ("plate",)),
)
"""Live changes, one after the other; those that a reload has made pointless are refused."""
TRACKS = 6
STILL_SECONDS = 1.0
OURS = ("overload", "blocked")
"""Causes that lie in Cuevox. Which thread another one waited for, or whether its core stood still, it can't see."""


class Second(msgspec.Struct, frozen=True, kw_only=True):
    """What one second was like.

    at: seconds from the start. causes: what the underflows came from, see ``CAUSES``. stalls: of the bare client.
    """

    at: float
    underflows: int
    causes: tuple[int, ...]
    stalls: int
    memory: dict[str, Memory]
    fds: int
    control_fds: int
    killed: bool
    settled: bool

    def own_mb(self, role: str = "") -> float:
        """What the processes of a role have taken by themselves; of all without one."""
        parts = [self.memory.get(role, Memory())] if role else self.memory.values()
        return sum(part.own for part in parts)


def story_text(effect: str) -> str:
    """Return a story with speech, tones, effects and a reverb; ``effect`` changes with every reload."""
    tracks = "".join(
        f"  - id: t{n}\n    voice: narrator\n    inserts: [{{{effect}: {{}}}}]\n    sends: {{hall: -9}}\n"
        f'    clips:\n      - {{id: line-{n}, say: "This is the line of track number {n}.", start: {n * 0.7}}}\n'
        f"      - {{id: tone-{n}, audio: tone.wav, start: {n}, gain_db: -24}}\n"
        for n in range(TRACKS)
    )
    cues = "".join(f'  - {{id: "{n}", clip: line-{n}}}\n' for n in range(TRACKS))
    slots = "".join(f"  - {{bank: a, index: {n + 1}, clip: tone-{n}, mode: layer}}\n" for n in range(TRACKS))
    return (
        f"kind: story\nversion: 1\ntitle: Soak\ntracks:\n{tracks}"
        f"buses:\n  - {{id: hall, inserts: [{{reverb: {{}}}}]}}\n"
        f"cues:\n{cues}slots:\n{slots}"
    )


class Show:
    """One engine under all that."""

    def __init__(self, engine: Cuevox, family: Family, watch: StallWatch, story: Path, kill: bool) -> None:
        self._engine, self._family, self._watch, self._story, self._kill = engine, family, watch, story, kill
        self._rng = random.Random(1)
        self._due = {name: WARM_SECONDS + seconds for name, seconds in EVERY.items()}
        self._killed_at = float("-inf")
        self._effects = 0
        self.done = {
            "triggers": 0,
            "faders": 0,
            "lines": 0,
            "mix changes": 0,
            "reloads": 0,
            "audio": 0,
            "control": 0,
            "worker": 0,
        }
        self.lost_status = self.refused = 0
        self.late = 0
        """The bare client's late cycles."""
        self._pending = 0
        """Those that may belong to the next second."""
        self.realtime = False
        self.seconds: list[Second] = []
        self.status: dict[str, Any] = {}
        self._causes = (0,) * len(CAUSES)

    def run(self, length_seconds: float) -> None:
        began = time.monotonic()
        self.status, self._causes = self._engine.status(), self._told_causes()
        self._take()
        self.realtime = self._family.has_realtime()
        self._engine.send("/transport/loop", 0.0, 8.0)
        self._engine.send("/transport/play")
        while (at := time.monotonic() - began) < length_seconds:
            self._act()
            self._disturb(at)
            time.sleep(max(0.0, began + at + STILL_SECONDS / 10 - time.monotonic()))
            if int(at) != int(time.monotonic() - began):
                self._look(time.monotonic() - began)

    def _send(self, address: str, *values: int | float | str) -> None:
        """Send a message; one that nobody is there to hear, while control comes back, is counted."""
        try:
            self._engine.send(address, *values)
        except ConnectionRefusedError:
            self.refused += 1

    def _act(self) -> None:
        """Do what a performer does, ten times a second."""
        rng, send = self._rng, self._send
        for _ in range(4):
            send(f"/slot/a/{rng.randrange(1, TRACKS + 1)}/trigger", rng.uniform(0.1, 0.6))
            self.done["triggers"] += 1
        for _ in range(20):
            send(f"/strip/t{rng.randrange(TRACKS)}/gain", rng.uniform(-40.0, -6.0))
            self.done["faders"] += 1
        if rng.random() < 0.3:
            send(f"/cue/{rng.randrange(TRACKS)}/go")
        if rng.random() < 0.1:
            send("/say", "narrator", f"A line that nobody has said before: {rng.random()}.")
            self.done["lines"] += 1

    def _disturb(self, at: float) -> None:
        for name, due in self._due.items():
            if at < due:
                continue
            self._due[name] += EVERY[name]
            if name == "mix":
                address, values = MIX_CHANGES[self.done["mix changes"] % len(MIX_CHANGES)]
                self._send(address, *values)
                self.done["mix changes"] += 1
            elif name == "reload":
                self._effects += 1
                self._story.write_text(story_text(("highpass", "lowpass", "compressor")[self._effects % 3]))
                self._send("/session/reload")
                self.done["reloads"] += 1
            elif self._kill and self._family.kill({"worker": WORKER, "audio": AUDIO, "control": CONTROL}[name]):
                self.done[name] += 1
                self._killed_at = at if name == "audio" else self._killed_at

    def _look(self, at: float) -> None:
        """Note what the last second was like."""
        late = self._pending + self._take()
        try:
            status, causes = self._engine.status(), self._told_causes()
        except (OSError, RuntimeError):
            self.lost_status += 1  # control is coming back; what it does not tell now it tells the next time
            self._pending = late
            return
        self._pending = self._take()  # of this second, or of the next one
        self.seconds.append(
            Second(
                at=at,
                underflows=sum(causes) - sum(self._causes),
                causes=tuple(now - before for now, before in zip(causes, self._causes, strict=True)),
                stalls=late + self._pending,
                memory=self._family.memory(),
                fds=self._family.fds(),
                control_fds=self._family.control_fds(),
                killed=at - self._killed_at < KILL_SECONDS,
                settled=self._family.settled(),
            )
        )
        self.status, self._causes = status, causes

    def _told_causes(self) -> tuple[int, ...]:
        """Return how many underflows came from what so far."""
        return tuple(self._engine.ask("/engine/underflows"))

    def _take(self) -> int:
        """Return how often the bare client was late since the last call."""
        late = self._watch.take().late
        self.late += late
        return late


def growth(seconds: list[Second], value: Callable[[Second], float]) -> tuple[float, float]:
    """Return how much more the last fifth has at least than the first one, and than the middle one.

    At least, since effects come and go: a delay takes 92 MB, with twins and spares, in the standby too. A leak stays.
    Seconds do not count in which a killed process is missing or new.
    """
    seconds = [second for second in seconds if second.settled] or seconds
    fifth = max(1, len(seconds) // 5)
    parts = seconds[:fifth], seconds[2 * fifth : 3 * fifth], seconds[-fifth:]
    first, middle, last = (min((value(second) for second in part), default=0.0) for part in parts)
    return last - first, last - middle


def add_growth(report: Report, seconds: list[Second]) -> None:
    """Say what has grown since it was warm: all processes, then those of each role."""
    warm = [second for second in seconds if second.at >= GROWTH_AFTER_SECONDS] or seconds
    bars = {"": 20, "control": 10}
    for role in ("", SUPERVISOR, *ROLES.values()):
        whole, late = growth(warm, lambda second, role=role: second.own_mb(role))
        now = warm[-1].own_mb(role) if warm else 0.0
        what = f"memory of {role or 'all processes'}, growth after {GROWTH_AFTER_SECONDS:g} s"
        note = f"{late:+.1f} in the second half; {now:.0f} at the end"
        report.add(what, whole, "MB", note=note, **({"at_most": bars[role]} if role in bars else {}))
    shared = sum(part.shared for part in warm[-1].memory.values()) if warm else 0.0
    report.add("of the memory reserved in full at start, touched", shared, "MB")
    report.add("descriptors of the supervisor, growth", growth(warm, lambda second: second.fds)[0], "", at_most=0)
    report.add(
        "descriptors of the control process, growth", growth(warm, lambda second: second.control_fds)[0], "", at_most=2
    )


def report_on(show: Show, block: int, minutes: float, left: dict[str, int]) -> Report:
    report = Report(
        "soak", f"{minutes:g} minutes at {block} frames: {', '.join(f'{n} {k}' for k, n in show.done.items())}"
    )
    calm = [second for second in show.seconds if not second.killed]
    unshared = [second for second in calm if not second.stalls]
    shared = sum(second.underflows for second in calm if second.stalls)
    report.add(
        "underflows that the bare client did not share", sum(each.underflows for each in unshared), "", at_most=0
    )
    for place, cause in enumerate(CAUSES):
        count = sum(each.causes[place] for each in unshared)
        report.add(f"of these {cause.replace('_', ' ')}", count, "", **({"at_most": 0} if cause in OURS else {}))
    report.add("underflows that it shared", shared, "", reference=show.late, reference_name="its own late cycles")
    killed = sum(second.underflows for second in show.seconds if second.killed)
    report.add("underflows within 4 s of a kill of the audio process", killed, "", note=f"{show.done['audio']} kills")
    report.add("late starts", show.status["late_starts"], "")
    add_growth(report, show.seconds)
    for what, count in left.items():
        report.add(what, count, "", at_most=0)
    report.facts["block"] = str(block)
    report.facts["callback under SCHED_FIFO"] = "yes" if show.realtime else "no"
    report.facts["messages refused while control was away"] = str(show.refused)
    report.facts["seconds without an answer"] = str(show.lost_status)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long (default: 30)")
    parser.add_argument("--block", type=int, default=256, help="frames of JACK's period (default: 256)")
    parser.add_argument("--no-kills", action="store_true", help="let all processes live")
    arguments = parser.parse_args()
    names = shared_names()
    server = JackServer(period=arguments.block, realtime=True, sync=False)
    server.start()
    folder = Path(tempfile.mkdtemp(prefix="cuevox-soak-"))
    try:
        show, family = soak(server, folder, arguments.minutes, kill=not arguments.no_kills)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    _, alive = psutil.wait_procs(family, timeout=20)
    left = {
        "processes left at the end": len(alive),
        "names in shared memory left at the end": len(shared_names() - names),
    }
    path = report_on(show, arguments.block, arguments.minutes, left).finish()
    path.with_name("soak-seconds.json").write_bytes(msgspec.json.encode(show.seconds))


def soak(server: JackServer, folder: Path, minutes: float, *, kill: bool) -> tuple[Show, list[psutil.Process]]:
    """Run the show and stop the engine; return what was seen, and every process that ran at the end."""
    os.environ.update(server.env)
    story = folder / "story.yaml"
    story.write_text(story_text("highpass"))
    tone = 0.2 * np.sin(2 * np.pi * 220.0 * np.arange(4 * 48000) / 48000)
    soundfile.write(folder / "tone.wav", tone.astype(np.float32), 48000, subtype="FLOAT")
    env = {**server.env, "CUEVOX_STATE_DIR": str(folder / "state")}
    with (
        StallWatch(server.env) as watch,
        Cuevox(story, ["--device", "JACK"], env, folder / "cache") as engine,
    ):
        NOTES.print(f"playing on {engine.facts['device']}, block {engine.facts['block_frames']}")
        engine.wait_takes()
        family = Family(engine.pid)
        show = Show(engine, family, watch, story, kill)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        show.run(60.0 * minutes)
        running = family.all()
    NOTES.print(f"the last lines of the log:\n{tail(engine.log)}")
    return show, running


def tail(path: Path, lines: int = 8) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def shared_names() -> set[str]:
    folder = Path("/dev/shm")
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return {name for name in names if name.startswith(("cuevox", "psm_", "sem."))}


if __name__ == "__main__":
    main()
