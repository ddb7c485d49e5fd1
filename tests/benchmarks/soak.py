"""A long show: play, trigger, turn faders, change the mix, render, record, kill; then: what was lost, what has grown?

    make soak                        # half an hour at 256 frames
    make soak ARGS="--block 128"

The engine runs on a private JACK server (dummy backend); beside it a bare C client that does nothing but look at the
clock. An underflow within a second in which that client was late, too, is shared with it. It sleeps nearly all the
time, so that a core which stands still while the engine mixes passes it by: of the others the engine itself tells what
they came from (``engine.realtime.causes``). No clock runs on each core for that: a thread above the callback that wakes
each millisecond moves it from core to core. Underflows within KILL_SECONDS of a kill of the audio process, or of the
graph's change that it makes in the server, are counted apart.

Every fourth trigger is a cue in a bundle with a time tag 50 to 150 ms ahead: each is waited for, and heard at its tag
or told as late, or never came. A long file plays from the disk throughout, each frame of which tells its place; it is
recorded again and again, by time tags, and each recording is looked through: whether it can be read, is as long as it
should be, and where the long file in it does not go on. Meters and loudness are subscribed to. Of each process the
descriptors and the mappings of shared memory are counted.
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
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psutil
import soundfile
from family import (
    AUDIO,
    CONTROL,
    IO,
    WORKER,
    Block,
    Family,
    Mapped,
    Memory,
    all_blocks,
    descriptors,
    holders,
)
from jack_clients import StallWatch
from kills import Kills
from long_file import write
from report import NOTES
from running import Cuevox
from soak_report import report_on
from witness import TAGGED, Witness, hear_out

sys.path.insert(0, str(Path(__file__).parents[1]))
from jack_server import JackServer

from engine.realtime.causes import CAUSES

WARM_SECONDS = 20.0
EVERY = {"mix": 3.0, "worker": 20.0, "reload": 15.0, "io": 35.0, "audio": 60.0, "control": 90.0}
"""How often the mix is changed, live and on disk, and a worker, the io, audio and control process are killed."""
KILLED = {"worker": WORKER, "io": IO, "audio": AUDIO, "control": CONTROL}
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
TAGS = 64
"""Cues that are fired by time tags, one after the other: a second one of its kind comes 6 s later."""
AHEAD_SECONDS = (0.05, 0.15)
STILL_SECONDS = 1.0
LONG = "music"
"""The long file's clip, cue and track."""
LAST_SECONDS = 15.0
"""So long the last recording and the last starts are waited for."""
BEYOND_SECONDS = 120.0
"""The long file is so much longer than the show."""


class Second(msgspec.Struct, frozen=True, kw_only=True):
    """What one second was like.

    at: seconds from the start. causes: what the underflows came from, see ``CAUSES``. stalls: of the bare client.
    fds, parts: descriptors, and mappings of shared memory without a name, of that process of each role that has most of
    them and is no longer getting ready. blocks: how much of that memory there is. settled: nobody is getting ready.
    """

    at: float
    underflows: int
    causes: tuple[int, ...]
    stalls: int
    memory: dict[str, Memory]
    fds: dict[str, int]
    parts: dict[str, int]
    blocks: int
    blocks_mb: float
    killed: bool
    settled: bool

    def own_mb(self, role: str = "") -> float:
        """What the processes of a role have taken by themselves; of all without one."""
        parts = [self.memory.get(role, Memory())] if role else self.memory.values()
        return sum(part.own for part in parts)


def story_text(effect: str) -> str:
    """Return a story with speech, tones, effects, a reverb and a long file; ``effect`` changes with every reload."""
    tracks = "".join(
        f"  - id: t{n}\n    voice: narrator\n    inserts: [{{{effect}: {{}}}}]\n    sends: {{hall: -9}}\n"
        f'    clips:\n      - {{id: line-{n}, say: "This is the line of track number {n}.", start: {n * 0.7}}}\n'
        f"      - {{id: tone-{n}, audio: tone.wav, start: {n}, gain_db: -24}}\n"
        for n in range(TRACKS)
    )
    cues = "".join(f'  - {{id: "{n}", clip: line-{n}}}\n' for n in range(TRACKS))
    tags = "".join(f"  - {{id: {TAGGED}{n}, clip: tap}}\n" for n in range(TAGS))
    slots = "".join(f"  - {{bank: a, index: {n + 1}, clip: tone-{n}, mode: layer}}\n" for n in range(TRACKS))
    return (
        f"kind: story\nversion: 1\ntitle: Soak\ntracks:\n{tracks}"
        f"  - {{id: taps, clips: [{{id: tap, audio: tap.wav, start: 3000, gain_db: -30}}]}}\n"
        f"  - {{id: {LONG}, clips: [{{id: {LONG}, audio: long.flac, start: 3001}}]}}\n"
        f"buses:\n  - {{id: hall, inserts: [{{reverb: {{}}}}]}}\n"
        f"cues:\n{cues}{tags}  - {{id: {LONG}, clip: {LONG}}}\nslots:\n{slots}"
    )


class Show:
    """One engine under all that."""

    def __init__(
        self,
        engine: Cuevox,
        family: Family,
        watch: StallWatch,
        witness: Witness,
        story: Path,
        kills: Kills,
        *,
        kill: bool,
    ) -> None:
        self._engine, self._family, self._watch, self._story = engine, family, watch, story
        self.witness, self.kills, self._kill = witness, kills, kill
        self._rng = random.Random(1)
        self._due = {name: WARM_SECONDS + seconds for name, seconds in EVERY.items()}
        self._effects = 0
        self.done = {
            "triggers": 0,
            "faders": 0,
            "lines": 0,
            "mix changes": 0,
            "reloads": 0,
            **dict.fromkeys(KILLED, 0),
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
        self.began_at = self.ended_at = 0.0
        self.long_state = ""
        """How the long file's cue was at the end."""

    def run(self, length_seconds: float) -> None:
        began, self.began_at = time.monotonic(), time.time()
        self.status, self._causes = self._engine.status(), self._told_causes()
        self._take()
        self.realtime = self._family.has_realtime()
        self._engine.send("/transport/loop", 0.0, 8.0)
        self._engine.send("/transport/play")
        self._engine.send(f"/cue/{LONG}/go")
        while (at := time.monotonic() - began) < length_seconds:
            self._act()
            self._disturb(at)
            time.sleep(max(0.0, began + at + STILL_SECONDS / 10 - time.monotonic()))
            if int(at) != int(time.monotonic() - began):
                self._look(time.monotonic() - began)
        hear_out(self.witness, LAST_SECONDS)
        self.ended_at = time.time()
        self.long_state = str(self._engine.ask(f"/cue/{LONG}/state")[0])

    def troubled(self, at: float) -> bool:
        """Whether the device went without sound, or the bare client was late, about that Unix time."""
        offset = at - self.began_at
        return any(abs(each.at - 0.5 - offset) < 1.5 and (each.underflows or each.stalls) for each in self.seconds)

    def told(self) -> dict[str, Any]:
        """Return every start, recording and kill; times are Unix times, those of seconds begin at ``began``."""
        witness = self.witness
        return {
            "began": self.began_at,
            "kills": self.kills.all,
            "starts": witness.starts.all,
            "recordings": witness.recordings.finished,
            "heard": witness.told,
        }

    def _send(self, address: str, *values: int | float | str) -> None:
        """Send a message; one that nobody is there to hear, while control comes back, is counted."""
        try:
            self._engine.send(address, *values)
        except ConnectionRefusedError:
            self.refused += 1

    def _act(self) -> None:
        """Do what a performer does, ten times a second."""
        rng, send = self._rng, self._send
        for _ in range(3):
            send(f"/slot/a/{rng.randrange(1, TRACKS + 1)}/trigger", rng.uniform(0.1, 0.6))
            self.done["triggers"] += 1
        self.witness.fire(self.done["triggers"] // 4 % TAGS, rng.uniform(*AHEAD_SECONDS))
        self.done["triggers"] += 1
        for _ in range(20):
            send(f"/strip/t{rng.randrange(TRACKS)}/gain", rng.uniform(-40.0, -6.0))
            self.done["faders"] += 1
        if rng.random() < 0.3:
            send(f"/cue/{rng.randrange(TRACKS)}/go")
        if rng.random() < 0.1:
            send("/say", "narrator", f"A line that nobody has said before: {rng.random()}.")
            self.done["lines"] += 1
        self.witness.look()

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
            elif self._kill and self._family.kill(KILLED[name]):
                self.done[name] += 1
                self.kills.note(name, time.time())

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
        grown, held = self._family.grown_up(), self._family.mapped()
        blocks = all_blocks(held.values())
        self.seconds.append(
            Second(
                at=at,
                underflows=sum(causes) - sum(self._causes),
                causes=tuple(now - before for now, before in zip(causes, self._causes, strict=True)),
                stalls=late + self._pending,
                memory=self._family.memory(),
                fds={role: max(descriptors(pid) for pid in pids) for role, pids in grown.items()},
                parts={role: max(held.get(pid, Mapped()).parts for pid in pids) for role, pids in grown.items()},
                blocks=len(blocks),
                blocks_mb=sum(blocks.values()),
                killed=self.kills.near(time.time(), "audio"),
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
        show, family, blocks = soak(server, folder, arguments.minutes, kill=not arguments.no_kills)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    _, alive = psutil.wait_procs(family, timeout=20)
    left = {
        "processes left at the end": len(alive),
        "names in shared memory left at the end": len(shared_names() - names),
        "shared memory without a name left at the end": holders(blocks),
    }
    path = report_on(show, arguments.block, arguments.minutes, left).finish()
    path.with_name("soak-seconds.json").write_bytes(msgspec.json.encode(show.seconds))
    path.with_name("soak-told.json").write_bytes(msgspec.json.encode(show.told()))


def soak(
    server: JackServer, folder: Path, minutes: float, *, kill: bool
) -> tuple[Show, list[psutil.Process], set[Block]]:
    """Run the show and stop the engine; return what was seen, and every process and shared block of the end."""
    os.environ.update(server.env)
    story = folder / "story.yaml"
    story.write_text(story_text("highpass"))
    tone = 0.2 * np.sin(2 * np.pi * 220.0 * np.arange(4 * 48000) / 48000)
    soundfile.write(folder / "tone.wav", tone.astype(np.float32), 48000, subtype="FLOAT")
    soundfile.write(folder / "tap.wav", tone[:4800].astype(np.float32), 48000, subtype="FLOAT")
    write(folder / "long.flac", 60.0 * minutes + BEYOND_SECONDS)
    env = {**server.env, "CUEVOX_STATE_DIR": str(folder / "state")}
    with (
        StallWatch(server.env) as watch,
        Cuevox(story, ["--device", "JACK"], env, folder / "cache") as engine,
    ):
        NOTES.print(f"playing on {engine.facts['device']}, block {engine.facts['block_frames']}")
        engine.wait_takes()
        family, kills = Family(engine.pid), Kills()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        with Witness(engine.port, kills, strips=f"{LONG} taps t0", long_cue=LONG, long_lane=LONG) as witness:
            show = Show(engine, family, watch, witness, story, kills, kill=kill)
            show.run(60.0 * minutes)
        running, blocks = family.all(), set(all_blocks(family.mapped().values()))
    NOTES.print(f"the last lines of the log:\n{tail(engine.log)}")
    return show, running, blocks


def tail(path: Path, lines: int = 8) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def shared_names() -> set[str]:
    folder = Path("/dev/shm")
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return {name for name in names if name.startswith(("cuevox", "psm_", "sem."))}


if __name__ == "__main__":
    main()
