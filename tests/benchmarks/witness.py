"""Listens to a running engine: starts with a time tag, gaps, recordings, meters."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from types import TracebackType

from kills import Kills
from recordings import Recordings
from tagged import Starts

from bridge.client import OscClient
from bridge.errors import NoAnswer
from bridge.message import Message, TimeTag

TAGGED = "tagged-"
"""Cues begin so that are fired by time tags."""
EVENTS = ("/late", "/event/cue/started", "/event/dry", "/event/dropped", "/event/record/*", "/event/process/replaced")
METERS = ("/meters", "/loudness")
LEASE_SECONDS, RENEW_SECONDS = 60.0, 20.0


class Witness:
    """Sends what has a time tag, and hears what became of it; use it as a context manager.

    strips: what is recorded; long_cue, long_lane: the cue that plays the long file, and its track.
    """

    def __init__(self, port: int, kills: Kills, *, strips: str, long_cue: str, long_lane: str) -> None:
        self._client, self._meters = OscClient(port=port), OscClient(port=port)
        self._kills, self._long_cue = kills, long_cue
        self.starts = Starts()
        self.recordings = Recordings(self._client, strips, long_lane, kills)
        self.refused = 0
        """Bundles that nobody was there to hear."""
        self.dry: list[float] = []
        """When the engine told that the long file ran out, as Unix times."""
        self.dropped: Counter[str] = Counter()
        self.replaced: Counter[str] = Counter()
        self.meters: Counter[str] = Counter()
        """How many values of each came."""
        self.told: Counter[str] = Counter()
        self._renewed = float("-inf")

    def __enter__(self) -> Witness:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()
        self._meters.close()

    def fire(self, number: int, ahead_seconds: float) -> None:
        """Send a cue's GO in a bundle whose tag lies so far ahead."""
        now = time.time()
        cue, at = f"{TAGGED}{number}", now + ahead_seconds
        try:
            self._client.send(f"/cue/{cue}/go", at=at)
        except NoAnswer:
            self.refused += 1
        else:
            self.starts.sent(cue, at, now)

    def look(self) -> None:
        """Hear what has come, and have recordings made."""
        now = time.time()
        if now - self._renewed > RENEW_SECONDS:
            self._renewed = now
            self._subscribe(self._client, EVENTS)
            self._subscribe(self._meters, METERS)
        self.listen()
        self.recordings.look(now)

    def listen(self) -> None:
        """Hear what has come."""
        for message in self._client.pending():
            self.told[message.address] += 1
            self.hear(message, time.time())
        self.meters.update(message.address for message in self._meters.pending())

    def _subscribe(self, client: OscClient, patterns: tuple[str, ...]) -> None:
        with contextlib.suppress(NoAnswer):
            for pattern in patterns:
                client.send("/subscribe", pattern, 0, LEASE_SECONDS)

    def hear(self, message: Message, now: float) -> None:
        """Take note of a message that came at a Unix time."""
        match message.address, message.args:
            case "/event/cue/started", (str(cue), TimeTag() as heard):
                self.starts.heard(cue, heard.unix)
            case "/late", (str(what), float(late_ms), *_):
                cue = what.removeprefix("cue ").removeprefix("/cue/").removesuffix("/go")
                if cue.startswith(TAGGED):
                    self.starts.late(cue, late_ms, now)
            case "/event/dry", (str(what), *_) if what == f"cue {self._long_cue}":
                self.dry.append(now)
            case "/event/dropped", (str(what), str(code), *_):
                self.dropped[f"{what}: {code}" if what.startswith(f"cue {TAGGED}") else code] += 1
            case "/event/process/replaced", (str(process), *_):
                self.replaced[process] += 1
                self._kills.back(process, now)
            case "/event/record/started", (str(name), str(folder)):
                self.recordings.started(name, folder)
            case "/event/record/ended", (str(name), *_):
                self.recordings.ended(name, now)
            case "/clock/now", (TimeTag() as at, int(frame)):
                self.recordings.clock(at.unix, frame)
            case "/record/status", (str(state), *_):
                self.recordings.status(state, now)
            case _:
                pass


def hear_out(witness: Witness, seconds: float) -> None:
    """Have the last recording ended and hear of it, and of the last starts, for so long at most."""
    deadline = time.monotonic() + seconds
    while not witness.recordings.finish() and time.monotonic() < deadline:
        time.sleep(0.1)
        witness.look()
