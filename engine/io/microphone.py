"""The microphone: the last seconds of an input, and captures that are cut from it, each into a file.

A capture begins before the key was pressed, as far back as is asked for and was heard. Its first frame is exactly where
it was asked to be: times are mapped onto the input's frames, never onto when somebody got round to it.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.errors import EngineError
from engine.input.base import Input
from engine.input.ring import InputRing
from engine.io.lane_file import LaneFile
from engine.io.messages import Capture, Captured, Capturing, EndCapture, Listen, Listening, Told

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.05
TELL_SECONDS = 0.5
SILENT_SECONDS = 3.0
"""An input that gives nothing for so long is gone."""
MOST_SECONDS = 1800.0
"""A line is shorter: who forgot to end a capture need not fill the disk."""
SPARE_SECONDS = 5.0
"""Kept beside what is asked for: what may come while the disk is written to."""

Opener = Callable[[Listen, int], Input]


def open_input(ask: Listen, sample_rate: int) -> Input:
    """Return the input that is asked for. Raises EngineError."""
    from engine.input.file import PREFIX, FileInput

    if ask.device.startswith(PREFIX):
        return FileInput(Path(ask.device.removeprefix(PREFIX)), sample_rate, ask.channels)
    from engine.input.device import DeviceInput  # PortAudio, for those who listen

    return DeviceInput(ask.device, sample_rate, ask.channels)


class Microphone:
    """One input and one capture at a time. ``ask`` belongs to any thread, ``look`` and ``close`` to one."""

    def __init__(self, sample_rate: int, tell: Callable[[Told], object], opener: Opener = open_input) -> None:
        self._sample_rate, self._tell, self._opener = sample_rate, tell, opener
        self._asks: queue.SimpleQueue[Listen | Capture | EndCapture] = queue.SimpleQueue()
        self._listen: Listen | None = None
        self._input: Input | None = None
        self._ring: InputRing | None = None
        self._cut: _Cut | None = None
        self._put_off: Capture | None = None
        self._heard, self._heard_at = 0, 0.0

    def ask(self, ask: Listen | Capture | EndCapture) -> None:
        """Have something done at the next look."""
        self._asks.put(ask)

    def look(self) -> None:
        """Do what was asked, and write what has come; to be called again after a moment."""
        while self._put_off is not None or not self._asks.empty():
            ask, self._put_off = self._put_off or self._asks.get(), None
            if isinstance(ask, Capture) and self._ring is not None and not self._ring.written:
                self._put_off = ask  # until it is known when its first frame was heard
                break
            self._obey(ask)
        self._watch()
        self._write()

    def close(self) -> None:
        """Close the input; what is being captured stays readable."""
        if self._cut is not None:
            self._cut.file.close()
        self._let_go()

    def _obey(self, ask: Listen | Capture | EndCapture) -> None:
        match ask:
            case Listen():
                self._open(ask)
            case Capture():
                self._begin(ask)
            case EndCapture(take=take, until=until, kept=kept):
                if self._cut is not None and self._cut.ask.take == take and self._ring is not None:
                    self._cut.until = max(self._cut.first + 1, self._ring.frame_at(until))
                    self._cut.kept = kept

    def _open(self, ask: Listen) -> None:
        if ask == self._listen and self._input is not None:
            self._tell(Listening(device=self._input.name))
            return
        self._end("another input is listened to")
        self._let_go()
        self._listen = ask if ask.on else None
        if not ask.on:
            self._tell(Listening(device=""))
            return
        frames = round((ask.keep_seconds + SPARE_SECONDS) * self._sample_rate)
        ring = InputRing(frames, len(ask.channels), self._sample_rate)
        try:
            opened = self._opener(ask, self._sample_rate)
            opened.start(ring.hear)
        except EngineError as error:
            self._listen = None
            self._tell(Listening(device="", text=str(error)))
            return
        self._input, self._ring = opened, ring
        self._heard, self._heard_at = 0, time.monotonic()
        self._tell(Listening(device=opened.name))

    def _begin(self, ask: Capture) -> None:
        if self._ring is None:
            self._tell(Captured(take=ask.take, text="no input is open"))
            return
        self._end("another capture began")
        try:
            self._cut = _Cut(ask, self._ring, self._sample_rate)
        except OSError as error:
            self._tell(Captured(take=ask.take, text=f"{ask.path}: {error.strerror or error}"))

    def _watch(self) -> None:
        """Notice an input that is gone."""
        if self._input is None or self._ring is None:
            return
        now = time.monotonic()
        if self._ring.written != self._heard:
            self._heard, self._heard_at = self._ring.written, now
        elif now - self._heard_at > SILENT_SECONDS or not self._input.answers():
            text = f"the input {self._input.name} gives no more sound"
            self._end(text)
            self._let_go()
            self._listen = None
            self._tell(Listening(device="", text=text))

    def _write(self) -> None:
        cut = self._cut
        if cut is None:
            return
        try:
            done = cut.write()
        except OSError as error:
            log.error("the capture ends: %s: %s", cut.ask.path, error)
            self._end(f"{cut.ask.path}: {error.strerror or error}")
            return
        if done:
            self._end()
        elif (progress := cut.progress()) is not None:
            self._tell(progress)

    def _end(self, text: str = "") -> None:
        """End the capture where it is."""
        cut, self._cut = self._cut, None
        if cut is not None:
            self._tell(cut.finish(text))

    def _let_go(self) -> None:
        opened, self._input, self._ring = self._input, None, None
        if opened is not None:
            opened.stop()


class _Cut:
    """A capture under way. Raises OSError where the disk does."""

    def __init__(self, ask: Capture, ring: InputRing, sample_rate: int) -> None:
        self.ask, self._ring = ask, ring
        pressed = ring.frame_at(ask.since)
        self.first = max(ring.oldest, pressed - round(ask.pre_seconds * sample_rate))
        self.until: int | None = None
        self.kept = True
        self._last = self.first + round(MOST_SECONDS * sample_rate)
        self.text = ""
        self._pressed = pressed - self.first
        self._lost, self._lost_before = 0, ring.lost
        self._next = self.first
        self._peak = 0.0
        self._told_at = time.monotonic()
        Path(ask.path).parent.mkdir(parents=True, exist_ok=True)
        self.file = LaneFile(Path(ask.path), sample_rate, ring.channels)

    def write(self) -> bool:
        """Write what has come; return whether that was all."""
        if self.until is None and self._ring.written >= self._last:
            self.until, self.text = self._last, f"a capture may last {MOST_SECONDS:.0f} s"
        end = self._ring.written if self.until is None else min(self.until, self._ring.written)
        if end > self._next:
            start, block = self._ring.read(self._next, end)
            self._lost += start - self._next
            self.file.write(start - self.first, block)
            self._peak = max(self._peak, float(np.abs(block).max(initial=0.0)))
            self._next = end
        return self.until is not None and self._next >= self.until

    def progress(self) -> Capturing | None:
        """Return how it goes when it is time to tell."""
        now = time.monotonic()
        if now - self._told_at < TELL_SECONDS:
            return None
        self._told_at = now
        self.file.refresh()
        told = Capturing(take=self.ask.take, frames=self.file.frames, peak=self._peak)
        self._peak = 0.0
        return told

    def finish(self, text: str) -> Captured:
        """Close the file, or remove it where it is not wanted, and return what became of it."""
        text = text or self.text
        try:
            frames = self.file.frames if self.until is None else min(self.file.frames, self.until - self.first)
            self.file.finish(frames, sync=not text)
        except OSError as error:
            text = text or f"{self.ask.path}: {error.strerror or error}"
            self.file.close()
        if not self.kept:
            self.file.path.unlink(missing_ok=True)
        return Captured(
            take=self.ask.take,
            kept=self.kept,
            frames=self.file.frames,
            pressed=max(0, self._pressed),
            lost=self._lost + self._ring.lost - self._lost_before,
            began=self._ring.time_at(self.first),
            text=text,
        )
