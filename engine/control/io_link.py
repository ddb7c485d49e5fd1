"""Control's way to the io process: what it keeps ready from the disk, what it measures, and what it has to tell."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from engine.errors import MediaError
from engine.io.loudness import Loudness
from engine.io.messages import (
    Ask,
    Begin,
    Capture,
    Captured,
    Capturing,
    Close,
    Closed,
    Crowded,
    EndCapture,
    Failing,
    Greet,
    Heads,
    Listen,
    Listening,
    Measure,
    Measured,
    Open,
    Opened,
    Play,
    Played,
    Playing,
    Receive,
    Received,
    Receiving,
    Record,
    Recorded,
    Recording,
    Refused,
    Running,
    Send,
    Sending,
    Sent,
    Started,
    Told,
)

log = logging.getLogger(__name__)

Message = dict[str, Any]


class IoLink:
    """Asks and hears the io process through the supervisor. Event loop of the control process only.

    send: takes a message; the first one has the process started. An io process that takes over is told everything
    again, and so is one that a control process before this one had started, once it says that it runs.
    """

    def __init__(self, send: Callable[[Message], object]) -> None:
        self._send = send
        self._running = False
        self.pid = 0
        """Of the io process that answered last; 0: none has been needed."""
        self._open: dict[int, Open] = {}
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._closing: dict[int, Callable[[], object]] = {}
        self._heads: tuple[tuple[int, int], ...] = ()
        self._measure: Measure | None = None
        self._record: Record | None = None
        self._sent: tuple[Sent, ...] = ()
        self._listen: Listen | None = None
        self._played: tuple[Played, ...] = ()
        self._received: tuple[Received, ...] = ()
        self.loudness = Loudness()
        """The newest reading."""
        self.on_failing: Callable[[str, str], object] = lambda _path, _text: None
        """Hears the path of a file that can't be read while it is played, and why; an empty text: it can, again."""
        self.on_crowded: Callable[[int], object] = lambda _missing: None
        """Hears how many pages find no place."""
        self.on_started_anew: Callable[[], object] = lambda: None
        """Hears that another io process has taken over."""
        self.on_recording: Callable[[Recording], object] = lambda _: None
        self.on_recorded: Callable[[Recorded], object] = lambda _: None
        """Hear how far a recording is, and of its end."""
        self.on_sending: Callable[[Sending], object] = lambda _: None
        self.on_playing: Callable[[Playing], object] = lambda _: None
        self.on_receiving: Callable[[Receiving], object] = lambda _: None
        """Hear how streams go, strips on further devices, and what comes from the network."""
        self.on_listening: Callable[[Listening], object] = lambda _: None
        self.on_capturing: Callable[[Capturing], object] = lambda _: None
        self.on_captured: Callable[[Captured], object] = lambda _: None
        """Hear of the input, of how far a capture is, and of its end."""

    @property
    def has_files(self) -> bool:
        """Whether any file is kept ready."""
        return bool(self._open)

    async def open(self, table: int, path: str) -> None:
        """Have a file kept ready; returns when one may begin to play it. Raises MediaError."""
        waiting = self._waiting[table] = asyncio.get_running_loop().create_future()
        self.keep(table, path)
        try:
            await waiting
        finally:
            self._waiting.pop(table, None)

    def keep(self, table: int, path: str) -> None:
        """Have a file kept ready; nobody waits for it."""
        self._open[table] = Open(table=table, path=path)
        self._ask(self._open[table])
        self._need()

    def close(self, table: int, then: Callable[[], object]) -> None:
        """Let go of a file; ``then`` is called once its table is not touched any more."""
        self._open.pop(table, None)
        waiting = self._waiting.pop(table, None)
        if waiting is not None:
            waiting.cancel()
        self._closing[table] = then
        self._ask(Close(table=table))

    def set_heads(self, heads: Iterable[tuple[int, int]]) -> None:
        """Say where one may begin at any moment: (table, frame), the most likely first."""
        wanted = tuple(dict.fromkeys(heads))
        if wanted != self._heads:
            self._heads = wanted
            self._ask(Heads(heads=wanted))

    def measure(self, *, anew: bool = False) -> None:
        """Have loudness measured; anew: from now on."""
        if anew:
            self.loudness = Loudness()
        if anew or self._measure is None:
            self._measure = Measure(anew=anew)
            self._ask(self._measure)
            self._need()

    def record(self, ask: Record) -> None:
        """Have a recording written down."""
        self._record = ask
        self._ask(ask)
        self._need()

    def send(self, streams: Sequence[Sent]) -> None:
        """Have these streams sent over the network, and no others."""
        self._sent = tuple(streams)
        self._ask(Send(streams=self._sent))
        if streams:
            self._need()

    def listen(self, ask: Listen) -> None:
        """Have an input listened to, or none."""
        self._listen = ask if ask.on else None
        self._ask(ask)
        if ask.on:
            self._need()

    def capture(self, ask: Capture | EndCapture) -> None:
        """Have a capture begun or ended. An io process that takes over knows nothing of it: it is over."""
        self._ask(ask)

    def play(self, outputs: Sequence[Played]) -> None:
        """Have these strips played on further devices, and no others."""
        self._played = tuple(outputs)
        self._ask(Play(outputs=self._played))
        if outputs:
            self._need()

    def receive(self, receivers: Sequence[Received]) -> None:
        """Have these streams received from the network, and no others."""
        self._received = tuple(receivers)
        self._ask(Receive(receivers=self._received))
        if receivers:
            self._need()

    def resume(self) -> None:
        """Go on after a control process that is gone: the io process may run, and may never have been needed."""
        if self._open or self._record or self._sent or self._listen or self._played or self._received:
            self._running = True
            self._tell_everything()
            self._send({})

    def hear(self, message: Message) -> None:
        """Take what the io process says."""
        told = msgspec.convert(message, Told)
        match told:
            case Started(pid=pid):
                self.pid = pid
                self._start()
            case Running(pid=pid):
                self.pid = pid
                self._find_running()
            case Opened(table=table):
                if (waiting := self._waiting.get(table)) is not None and not waiting.done():
                    waiting.set_result(None)
            case Refused(table=table, text=text):
                self._refused(table, text)
            case Closed(table=table):
                if (then := self._closing.pop(table, None)) is not None:
                    then()
            case Failing(table=table, text=text):
                if table in self._open:
                    self.on_failing(self._open[table].path, text)
            case Crowded(missing=missing):
                self.on_crowded(missing)
            case Measured(loudness=loudness):
                self.loudness = loudness
            case Recording():
                self.on_recording(told)
            case Sending():
                self.on_sending(told)
            case Playing():
                self.on_playing(told)
            case Receiving():
                self.on_receiving(told)
            case Recorded():
                self._record = None
                self.on_recorded(told)
            case Listening():
                self._listen = self._listen if told.device else None
                self.on_listening(told)
            case Capturing():
                self.on_capturing(told)
            case Captured():
                self.on_captured(told)

    def _start(self) -> None:
        if self._running:
            self.on_started_anew()
        self._running = True
        for then in self._closing.values():  # the process that touched these tables is gone
            then()
        self._closing.clear()
        self._tell_everything()

    def _find_running(self) -> None:
        """Go on with a process that a control process before this one had started: all that was asked was dropped."""
        if self._running:
            return
        self._running = True
        for table in self._closing:
            self._ask(Close(table=table))
        self._tell_everything()

    def _tell_everything(self) -> None:
        for ask in self._open.values():
            self._ask(ask)
        if self._heads:
            self._ask(Heads(heads=self._heads))
        self._ask(Begin())
        if self._measure is not None:
            self._ask(self._measure)
        if self._record is not None:
            self._ask(self._record)
        if self._sent:
            self._ask(Send(streams=self._sent))
        if self._listen is not None:
            self._ask(self._listen)
        if self._played:
            self._ask(Play(outputs=self._played))
        if self._received:
            self._ask(Receive(receivers=self._received))

    def _refused(self, table: int, text: str) -> None:
        waiting = self._waiting.get(table)
        if waiting is not None and not waiting.done():
            del self._open[table]
            waiting.set_exception(MediaError(text))
        elif table in self._open:
            self.on_failing(self._open[table].path, text)

    def _need(self) -> None:
        """Have the process started, unless it is known to run; one that runs without our knowing says so."""
        if not self._running:
            self._send(msgspec.to_builtins(Greet()))

    def _ask(self, ask: Ask) -> None:
        if self._running:
            self._send(msgspec.to_builtins(ask))
