"""The io process: ``python -m engine.io.io_process``.

First line in: an IoConfig as JSON; each further line is an Ask. First line out: Started; each further one is a Told.
The end of the input stops it. Files, loudness, recordings and the microphone have a thread each: none of them waits
for another one's disk. What they do with samples is done outside the interpreter's lock. When one of them hangs the
process gives no sign of life any more.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import TracebackType

import msgspec
import numpy as np

from engine.io.measuring import Measuring
from engine.io.messages import (
    Ask,
    Begin,
    Capture,
    Close,
    EndCapture,
    Greet,
    Heads,
    IoConfig,
    Listen,
    Measure,
    Open,
    Play,
    Receive,
    Record,
    Running,
    Send,
    Started,
    Told,
)
from engine.io.microphone import LOOK_SECONDS as LISTEN_SECONDS
from engine.io.microphone import Microphone
from engine.io.network import receiver, sender
from engine.io.outlets import Outlets
from engine.io.pulse import Pulse
from engine.io.recorder import LOOK_SECONDS, Recorder
from engine.io.streamer import Streamer
from engine.platform import die_with_parent
from engine.realtime.beats import Beats, Heart
from engine.realtime.shared import EngineMemory
from engine.realtime.status import StatusReader

log = logging.getLogger("io")

STOP_SECONDS = 2.0
"""A device that lets go no sooner holds up nobody."""

PLAYING_SECONDS, IDLE_SECONDS = 0.005, 0.02
"""How often what is wanted is looked at while something plays from the disk, and while nothing does."""


class IoProcess:
    """The threads and what they share. ``obey`` belongs to the main thread."""

    def __init__(self, config: IoConfig) -> None:
        self._memory = EngineMemory.attach(config.memory)
        beats = Beats(self._memory.beats)
        self._pulse = Pulse(lambda: beats.beat(Heart.IO))
        status = StatusReader(self._memory.status)
        self._writing = threading.Lock()
        self._streamer = Streamer(
            self._memory.arena.view(np.float32),
            (self._memory.arena_floats, self._memory.pool_floats),
            config.sample_rate,
            blocks=lambda: status.blocks,
            frame=lambda: status.frame,
            tell=self.tell,
        )
        self._measuring = Measuring(self._memory.tap, config.sample_rate, self.tell, self._pulse)
        self._recorder = Recorder(self._memory.tape, config.sample_rate, self.tell)
        self._outlets = Outlets(config.sample_rate, self.tell)
        self._sender = sender.Sender(self._memory.feed, config.sample_rate, self.tell, self._outlets)
        self._receivers = receiver.Receivers(self._memory.inlets, config.sample_rate, self.tell)
        self._microphone = Microphone(config.sample_rate, self.tell)
        self._listens: threading.Thread | None = None
        self._stopping = threading.Event()
        self._threads = [
            self._thread("streams", self._stream),
            self._thread("recordings", self._record),
            self._thread("network", lambda alive: sender.run(self._sender, self._stopping, alive)),
            self._thread("inlets", lambda alive: receiver.run(self._receivers, self._stopping, alive)),
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()
        self.tell(Started(pid=os.getpid()))

    def obey(self, ask: Ask) -> None:
        """Do what is asked."""
        match ask:
            case Greet():
                self.tell(Running(pid=os.getpid()))
            case Open():
                self._streamer.open(ask)
            case Heads():
                self._streamer.set_heads(ask)
            case Close(table=table):
                self._streamer.close(table)
            case Begin():
                self._streamer.begin()
            case Measure(anew=anew):
                self._measuring.begin(anew=anew)
            case Record():
                self._recorder.record(ask)
            case Send():
                self._sender.send(ask)
            case Listen() | Capture() | EndCapture():
                self._listen(ask)
            case Play():
                self._outlets.play(ask)
            case Receive():
                self._receivers.receive(ask)

    def tell(self, told: Told) -> None:
        """Write a line. Any thread."""
        with self._writing:
            sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
            sys.stdout.buffer.flush()

    def stop(self) -> None:
        """End what must not be cut off."""
        self._stopping.set()
        self._outlets.close()
        self._recorder.close()
        if self._listens is not None:
            self._listens.join(STOP_SECONDS)

    def _listen(self, ask: Listen | Capture | EndCapture) -> None:
        """Pass on what the microphone is asked; its thread begins with the first of it."""
        self._microphone.ask(ask)
        if self._listens is None:
            self._listens = self._thread("microphone", self._hear)
            self._listens.start()

    def _thread(self, name: str, work: Callable[[Callable[[], None]], None]) -> threading.Thread:
        """Return a thread that works until the process stops, and calls what ``work`` is given as its sign of life."""
        self._pulse.begin(name)
        return threading.Thread(target=work, args=(lambda: self._pulse.beat(name),), name=name, daemon=True)

    def _hear(self, alive: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            alive()
            self._microphone.look()
            self._stopping.wait(LISTEN_SECONDS)
        self._microphone.close()

    def _stream(self, alive: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            alive()
            if not self._streamer.work():
                self._stopping.wait(PLAYING_SECONDS if self._streamer.plays else IDLE_SECONDS)

    def _record(self, alive: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            alive()
            self._recorder.look(alive)
            self._stopping.wait(LOOK_SECONDS)


def main() -> None:
    """Run until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's business
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    die_with_parent(int(os.environ.get("CUEVOX_PARENT_PID", os.getppid())))
    threading.excepthook = _fall
    lines = _lines()
    process = IoProcess(msgspec.json.decode(next(lines), type=IoConfig))
    process.start()
    decoder = msgspec.json.Decoder(Ask)
    for line in lines:
        process.obey(decoder.decode(line))
    process.stop()
    logging.shutdown()
    os._exit(0)  # a disk that answers no more holds up nobody


def _fall(failed: threading.ExceptHookArgs) -> None:
    """End the process with a thread that failed: another one takes over."""
    trace: TracebackType | None = failed.exc_traceback
    error = failed.exc_value or failed.exc_type()
    log.error("the io process failed", exc_info=(failed.exc_type, error, trace))
    logging.shutdown()
    os._exit(1)


def _lines() -> Iterator[bytes]:
    for line in sys.stdin.buffer:
        if line.strip():
            yield line


if __name__ == "__main__":
    main()
