"""Recordings made while everything else goes on, each looked through when it is finished."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from pathlib import Path

import msgspec
import soundfile
from kills import Kills
from long_file import RATE, Break, breaks

from bridge.client import OscClient
from bridge.errors import NoAnswer

MANIFEST = "recording.json"
EXACT_FRAMES = RATE // 100
"""A recording that begins and ends by time tags may be so much longer or shorter: clocks drift."""
LENGTH_SECONDS, PAUSE_SECONDS = 8.0, 4.0
"""How long each is, and how long none is made after it."""
AHEAD_SECONDS = 0.15
PATIENCE_SECONDS = 5.0
"""Who has not answered by then was gone when asked."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a finished recording is. faults: what is wrong with it, in words. lost: (first frame, frames) of silence.

    off: frames by which it is longer than it should be; 0 where nobody knows. gaps: where the long file in it does not
    go on.
    """

    frames: int = 0
    off: int = 0
    faults: tuple[str, ...] = ()
    lost: tuple[tuple[int, int], ...] = ()
    gaps: tuple[Break, ...] = ()


def check(folder: Path, long_lane: str, expected: int | None) -> Checked:
    """Look through a finished recording. expected: frames that it should have, None where nobody knows."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        return Checked(faults=(f"{folder.name}: its manifest can't be read: {error}",))
    frames = int(manifest["frames"])
    faults = [] if manifest["ended"] else ["it has not ended"]
    if manifest["text"]:
        faults.append(f"it ended by itself: {manifest['text']}")
    gaps: list[Break] = []
    for lane in manifest["lanes"]:
        try:
            audio, rate = soundfile.read(folder / lane["file"], dtype="float32", always_2d=True)
        except (OSError, soundfile.LibsndfileError) as error:
            faults.append(f"{lane['file']} can't be read: {error}")
            continue
        if (len(audio), rate) != (frames, RATE):
            faults.append(f"{lane['file']} has {len(audio)} frames at {rate} Hz, not {frames} at {RATE}")
        if lane["strip"] == long_lane:
            gaps = breaks(audio[:, 1])
    lost = tuple((int(first), int(count)) for first, count in manifest["lost"])
    told = tuple(f"{folder.name}: {fault}" for fault in faults)
    off = 0 if expected is None else frames - expected
    return Checked(frames=frames, off=off, faults=told, lost=lost, gaps=tuple(gaps))


class Take(msgspec.Struct, kw_only=True):
    """A recording under way. begin, end: the tags with which it was started and stopped, as Unix times.

    begin_frame, end_frame: the engine frames of these, as the engine's clock went when they were sent. Blocks that the
    device goes without meanwhile are no frames.
    """

    name: str
    begin: float
    folder: Path | None = None
    end: float | None = None
    begin_frame: int | None = None
    end_frame: int | None = None
    asked_again: float = 0.0


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that is over. begin, end: the Unix times of its first frame and of its end."""

    name: str
    begin: float
    end: float
    checked: Checked


class Recordings:
    """Makes one recording after the other, each of LENGTH_SECONDS, by time tags. client: also hears what is told."""

    def __init__(self, client: OscClient, strips: str, long_lane: str, kills: Kills) -> None:
        self._client, self._strips, self._long_lane, self._kills = client, strips, long_lane, kills
        self._now: Take | None = None
        self._due = 0.0
        self._count = 0
        self.finished: list[Finished] = []
        self.never_began: list[Take] = []

    def look(self, now: float) -> None:
        """Begin or end a recording when it is time; ``now``: Unix time."""
        take = self._now
        if take is None:
            if now >= self._due:
                self._begin(now)
        elif take.end is None:
            if now - take.begin >= LENGTH_SECONDS:
                take.end = take.asked_again = now + AHEAD_SECONDS
                self._send("/record/stop", at=take.end)
                self._send("/clock/now")
            elif take.folder is None and now - take.begin > PATIENCE_SECONDS:
                self.never_began.append(take)
                self._over(now)
        elif now - take.asked_again > PATIENCE_SECONDS:
            self._ask_again(take, now)

    def started(self, name: str, folder: str) -> None:
        """Hear that a recording has begun."""
        if self._now is not None and self._now.name == name:
            self._now.folder = Path(folder)

    def ended(self, name: str, now: float) -> None:
        """Hear that a recording is written, and look it through."""
        take = self._now
        if take is None or take.name != name:
            return
        self._over(now)
        if take.folder is None:
            self.never_began.append(take)
            return
        checked = check(take.folder, self._long_lane, self._expected(take))
        if take.end is None:
            checked = msgspec.structs.replace(checked, faults=(*checked.faults, f"{name}: nobody ended it"))
        self.finished.append(Finished(name=name, begin=take.begin, end=take.end or now, checked=checked))
        shutil.rmtree(take.folder, ignore_errors=True)  # a long show records more than a disk may have

    def finish(self) -> bool:
        """End what is under way; return whether nothing is."""
        if self._now is not None and self._now.end is None:
            self._now.end = self._now.asked_again = time.time() + AHEAD_SECONDS
            self._send("/record/stop", at=self._now.end)
        return self._now is None

    def _begin(self, now: float) -> None:
        self._count += 1
        self._now = Take(name=f"soak {self._count}", begin=now + AHEAD_SECONDS)
        self._send("/record/start", 1, self._now.name, self._strips, at=self._now.begin)
        self._send("/clock/now")

    def _ask_again(self, take: Take, now: float) -> None:
        """Have it ended once more: who was to be told, or to tell, was gone. One that is off has ended."""
        take.asked_again = now
        self._send("/record/stop")
        self._send("/record/status")

    def status(self, state: str, now: float) -> None:
        """Hear whether anything is recorded."""
        if state == "off" and self._now is not None and self._now.end is not None:
            self.ended(self._now.name, now)

    def clock(self, now: float, frame: int) -> None:
        """Hear which engine frame sounds at a Unix time: asked for with each tag."""
        take = self._now
        if take is None:
            return
        if take.begin_frame is None:
            take.begin_frame = frame + round((take.begin - now) * RATE)
        elif take.end is not None and take.end_frame is None:
            take.end_frame = frame + round((take.end - now) * RATE)

    def _expected(self, take: Take) -> int | None:
        """Return how many frames it should have; None if somebody was away who had to begin or to end it in time."""
        if take.end is None or take.begin_frame is None or take.end_frame is None:
            return None
        if any(self._kills.near(at, "control", "audio") for at in (take.begin, take.end)):
            return None
        return take.end_frame - take.begin_frame

    def _over(self, now: float) -> None:
        self._now, self._due = None, now + PAUSE_SECONDS

    def _send(self, address: str, *values: int | str, at: float | None = None) -> None:
        with contextlib.suppress(NoAnswer):
            self._client.send(address, *values, at=at)
