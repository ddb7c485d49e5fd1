"""The recorder: writes what the tape brings into one WAV per lane, all from the recording's first frame on.

Each packet says where it belongs, so nothing is written twice or in a wrong place, whoever dies meanwhile; what got
lost is silence, and is told. A full disk ends a recording, and leaves what it has.
"""

from __future__ import annotations

import errno
import json
import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.io.lane_file import LaneFile
from engine.io.messages import MANIFEST, Lane, Record, Recorded, Recording, Told
from engine.realtime.memory import Segment
from engine.realtime.tape import END, Packet, TapeReader

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.05
REFRESH_SECONDS = 0.5
"""How often headers are brought up to date."""
SYNC_SECONDS = 5.0
"""How often everything is seen on the disk: what a power cut may take."""
RESERVE_BYTES = 64 << 20
"""What a recording leaves free on its disk: the story beside it can still be edited and saved."""
PAGE_BYTES = 4096
"""The manifest takes whole pages, so that there is room in it for how the recording ended."""


class Session:
    """One recording under way. Raises OSError where the disk does."""

    def __init__(self, ask: Record, sample_rate: int) -> None:
        self.ask = ask
        self.folder = Path(ask.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sample_rate = sample_rate
        self._manifest: dict[str, Any] = self._before()
        if self.ended:
            return
        self.files = [LaneFile(self.folder / lane.file, sample_rate) for lane in ask.lanes]
        self._refreshed = self._synced = time.monotonic()
        self._next: int | None = None
        """Where the next packet should begin."""

    @property
    def ended(self) -> bool:
        """Whether nothing more is written."""
        return bool(self._manifest["ended"])

    @property
    def text(self) -> str:
        """Why it ended by itself, or nothing."""
        return str(self._manifest["text"])

    @property
    def frames(self) -> int:
        """How long it is so far."""
        return max((file.frames for file in self.files), default=0)

    @property
    def span(self) -> tuple[int, int]:
        """The engine frames from which to which it goes, once it has ended."""
        since, until = self._manifest["since"], self._manifest["until"]
        return since or 0, until or since or 0

    @property
    def lost(self) -> int:
        """Frames of it that never arrived."""
        return sum(frames for _, frames in self._manifest["lost"])

    def write(self, packet: Packet) -> None:
        """Write what a packet brings."""
        since = self._manifest["since"]
        if since is None:
            since = self._manifest["since"] = packet.since
            self._keep()
        self._note_gap(packet)
        for lane, file, sound in zip(self.ask.lanes, self.files, packet.sound, strict=False):
            first = self._first(lane, packet)
            early = max(0, first - packet.start)
            late = max(early, min(len(sound), first + packet.until - since - packet.start))
            if early < late:
                file.write(packet.start + early - first, sound[early:late])

    def refresh(self) -> None:
        """Bring headers up to date when it is time. Raises OSError also where the disk is nearly full."""
        now = time.monotonic()
        if now - self._refreshed >= REFRESH_SECONDS:
            free = shutil.disk_usage(self.folder).free
            if free < RESERVE_BYTES:
                text = f"{free / 1e6:.0f} MB are left on the disk; {RESERVE_BYTES / 1e6:.0f} MB are kept for the story"
                raise OSError(errno.ENOSPC, text)
            sync = now - self._synced >= SYNC_SECONDS
            for file in self.files:
                file.refresh(sync=sync)
            self._refreshed, self._synced = now, now if sync else self._synced

    def finish(self, until: int | None, text: str = "", *, sync: bool = True) -> None:
        """Make all files equally long and write the manifest.

        until: the engine frame at which it ended; None: with what there is, for the reason that text says. sync: see it
        all on the disk.
        """
        since = self._manifest["since"]
        whole = until is not None and since is not None
        frames = max(0, until - since) if whole else min((file.frames for file in self.files), default=0)
        for file in self.files:
            file.finish(frames, sync=sync)
        end = None if since is None else since + frames
        self._manifest |= {"until": end, "frames": frames, "ended": True, "text": text}
        self._keep()

    def _first(self, lane: Lane, packet: Packet) -> int:
        """Return the engine frame whose block gives the first frame of a lane."""
        since: int = self._manifest["since"]
        return since + (packet.master_latency if lane.master else packet.strip_latency)

    def _note_gap(self, packet: Packet) -> None:
        """Take note of frames that are missing before a packet."""
        if self._next is None and self.frames:  # another io process wrote what is there
            self._next = self._first(self.ask.lanes[0], packet) + self.files[0].frames
        if self._next is not None and packet.start > self._next:
            self._manifest["lost"].append([self._next - self._manifest["since"], packet.start - self._next])
            self._keep()
        self._next = packet.start + packet.sound.shape[1]

    def _before(self) -> dict[str, Any]:
        """Return what an io process before this one noted, or a fresh manifest."""
        fresh = {
            "recording": self.ask.name,
            "story": self.ask.story,
            "sample_rate": self.sample_rate,
            "lanes": [{"strip": lane.strip, "file": lane.file} for lane in self.ask.lanes],
            "since": None,
            "until": None,
            "lost": [],
            "frames": 0,
            "ended": False,
            "text": "",
        }
        path = self.folder / MANIFEST
        if not path.exists():
            return fresh
        return {**fresh, **json.loads(path.read_text())}

    def _keep(self) -> None:
        """Write the manifest; in its place, which is large enough, where the disk has no room for another one."""
        text = json.dumps(self._manifest, indent=1, ensure_ascii=False)
        data = text.encode().ljust(-(-len(text.encode()) // PAGE_BYTES) * PAGE_BYTES - 1) + b"\n"
        path = self.folder / MANIFEST
        part = path.with_suffix(".part")
        try:
            part.write_bytes(data)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            with path.open("r+b") as file:
                file.write(data)


class Recorder:
    """Everything that is recorded. ``look`` belongs to one thread, ``record`` to another."""

    def __init__(self, tape: Segment, sample_rate: int, tell: Callable[[Told], object]) -> None:
        self._tape = TapeReader(tape)
        self._sample_rate, self._tell = sample_rate, tell
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._over = 0
        self._told_at = 0.0

    def record(self, ask: Record) -> None:
        """Write recording ``ask.take`` down from now on."""
        with self._lock:
            if self._session is not None and self._session.ask.take == ask.take:
                return  # it is being written already
            try:
                session = Session(ask, self._sample_rate)
                if session.ended:  # who wanted to hear of it was gone
                    self._end(_recorded(session, session.text))
                else:
                    self._session = session
            except OSError as error:
                self._end(Recorded(take=ask.take, text=f"{ask.folder}: {error.strerror or error}"))

    def look(self, alive: Callable[[], object] = lambda: None) -> None:
        """Write what has come; to be called again after a moment. alive: called before each packet."""
        with self._lock:
            while (packet := self._tape.next()) is not None:
                alive()
                if not self._take(packet):
                    return
                self._tape.done()
            self._refresh()

    def close(self) -> None:
        """End what is under way, and leave everything readable."""
        self.look()
        with self._lock:
            session = self._session
            if session is None:
                return
            try:
                session.finish(None, "the engine was stopped")
            except OSError as error:
                self._fail(session, error)

    def _take(self, packet: Packet) -> bool:
        """Write a packet; False: nobody has said yet where to."""
        session = self._session
        if packet.take == self._over:
            return True  # of one that the disk has ended
        if session is None or session.ask.take != packet.take:
            return False
        try:
            if packet.kind == END:
                session.finish(packet.until)
                self._end(_recorded(session))
            else:
                session.write(packet)
        except OSError as error:
            self._fail(session, error)
        return True

    def _refresh(self) -> None:
        session = self._session
        if session is None:
            return
        try:
            session.refresh()
        except OSError as error:
            self._fail(session, error)
            return
        if (now := time.monotonic()) - self._told_at >= REFRESH_SECONDS:
            self._told_at = now
            part = self._tape.waiting_part
            self._tell(Recording(take=session.ask.take, frames=session.frames, lost=session.lost, waiting=part))

    def _fail(self, session: Session, error: OSError) -> None:
        text = f"{session.folder}: {error.strerror or error}"
        log.error("the recording ends: %s", text)
        try:
            session.finish(None, text, sync=False)
        except OSError:
            log.exception("its manifest could not be written either")
        self._end(_recorded(session, text))

    def _end(self, recorded: Recorded) -> None:
        self._session, self._over = None, recorded.take
        self._tell(recorded)


def _recorded(session: Session, text: str = "") -> Recorded:
    since, until = session.span
    return Recorded(take=session.ask.take, since=since, until=until, lost=session.lost, text=text)
