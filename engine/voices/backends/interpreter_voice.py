"""A guest as its worker sees it: a process of another Python, orders in, sound out. Worker processes only."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import msgspec
import numpy as np

from engine.errors import VoiceError
from engine.platform import process_bytes, spawn
from engine.voices.backends.interpreter import GUESTS
from engine.voices.base import Chunk, Report, Settings, Timing
from engine.voices.media import Stopped, never
from engine.voices.take import Word
from engine.voices.words import tokens

PROTOCOL = 1
ASK_SECONDS = 0.05
CANCEL_SECONDS = 3.0
"""How long a guest may take to stop a line before it is ended."""

LONGEST_MESSAGE_BYTES = 64 << 20

ENDS = frozenset({"done", "cancelled", "failed"})
"""What a guest says at the end of a line, once."""

Message = tuple[dict[str, Any], bytes]


class InterpreterVoice:
    """One guest, one voice."""

    channels = 1

    def __init__(self, settings: Settings, speaker: Path, report: Report) -> None:
        python = str(settings["python"])
        if not python or not os.access(python, os.X_OK):
            raise VoiceError(f"python: expected the Python of another environment, got {python!r}")
        if not speaker.is_file():
            raise VoiceError(f"speaker: {speaker} is no file")
        self._settings, self._speaker, self._python = settings, speaker, python
        self.timing: Timing = "none"
        self._guest, self.sample_rate = self._start(report)

    def speak(self, text: str, *, seed: int = 0, stopped: Callable[[], bool] = never) -> Generator[Chunk, None, None]:
        """Return ``text`` as the guest gives it; see ``Voice``."""
        if not tokens(text):
            raise VoiceError(f"there is nothing to speak in {text!r}: no letter, digit or sign")
        return self._stream(text, seed, stopped)

    def _stream(self, text: str, seed: int, stopped: Callable[[], bool]) -> Generator[Chunk, None, None]:
        if not self._guest.alive:
            self._guest, self.sample_rate = self._start(lambda *_: None)
        guest = self._guest
        guest.send(do="speak", text=text, seed=seed)
        over = False
        try:
            while not over:
                message, payload = guest.answer(stopped)
                over = message["say"] in ENDS
                if stopped():
                    raise Stopped
                guest.devices = _devices(message) or guest.devices
                if message["say"] == "failed":
                    raise VoiceError(f"{self._speaker.name}: {message['text']}")
                if message["say"] == "chunk":
                    yield self._chunk(text, message["words"], payload)
        finally:
            if not over:
                guest.cancel()

    def _chunk(self, text: str, words: list[list[Any]], payload: bytes) -> Chunk:
        audio = np.frombuffer(payload, "<f4").astype(np.float32)[:, np.newaxis]
        if words:
            self.timing = "exact"
        names = ("text", "start_frame", "end_frame", "text_start", "text_end")
        try:
            told = tuple(msgspec.convert(dict(zip(names, word, strict=True)), Word) for word in words)
        except (ValueError, msgspec.ValidationError) as error:
            raise VoiceError(f"{self._speaker.name} tells of words in {text[:40]!r} that are none: {error}") from error
        return Chunk(audio=audio, words=told)

    def _start(self, report: Report) -> tuple[_Guest, int]:
        guest = _Guest(self._python, self._speaker)
        try:
            hello, _ = guest.answer(never)
            if hello.get("protocol") != PROTOCOL:
                raise VoiceError(f"{self._speaker.name} speaks protocol {hello.get('protocol')}, not {PROTOCOL}")
            guest.send(do="load", settings=self._settings)
            while True:
                message, _ = guest.answer(never)
                if message["say"] == "loading":
                    report(float(message["fraction"]), str(message["stage"]))
                elif message["say"] == "loaded":
                    guest.devices = _devices(message)
                    return guest, int(message["sample_rate"])
                else:
                    raise VoiceError(f"{self._speaker.name} does not load: {message.get('text', message['say'])}")
        except BaseException:
            guest.end()
            raise


def _devices(message: dict[str, Any]) -> dict[str, int]:
    """Return what a guest tells of memory."""
    return {str(device): int(size) for device, size in message.get("memory", {}).items()}


class _Guest:
    """The process. It ends with this one: its standard input does. devices: memory that it takes beside the CPU's."""

    def __init__(self, python: str, speaker: Path) -> None:
        self.devices: dict[str, int] = {}
        self._name = speaker.name
        self._process = spawn([python, str(GUESTS / "guest.py"), str(speaker)], env={"PYTHONPATH": ""})
        self._messages: SimpleQueue[Message | None] = SimpleQueue()
        threading.Thread(target=self._read, name="guest", daemon=True).start()
        _guests[self._process.pid] = self

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self._process.poll() is None

    def send(self, **order: Any) -> None:
        """Give an order. Raises VoiceError when the guest is gone."""
        body = json.dumps(order).encode()
        try:
            if self._process.stdin is not None:
                self._process.stdin.write(len(body).to_bytes(4, "little") + body)
                self._process.stdin.flush()
        except OSError as error:
            raise self._gone() from error

    def answer(self, stopped: Callable[[], bool]) -> Message:
        """Wait for its next message. Raises Stopped while there is none, and VoiceError when it is gone."""
        while True:
            try:
                message = self._messages.get(timeout=ASK_SECONDS)
            except Empty:
                if stopped():
                    raise Stopped from None
                continue
            if message is None:
                raise self._gone()
            return message

    def cancel(self) -> None:
        """Have it stop its line; one that does not in time is ended, and another started for the next line."""
        try:
            self.send(do="cancel")
            while True:
                message = self._messages.get(timeout=CANCEL_SECONDS)
                if message is None or message[0]["say"] in ENDS:
                    return
        except (Empty, VoiceError):
            self.end()

    def end(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        _guests.pop(self._process.pid, None)

    def _gone(self) -> VoiceError:
        code = self._process.wait()
        _guests.pop(self._process.pid, None)
        return VoiceError(f"{self._name} ended (exit {code}); the log says why")

    def _read(self) -> None:
        source = self._process.stdout
        while source is not None and len(head := source.read(4)) == 4:
            length = int.from_bytes(head, "little")
            if length > LONGEST_MESSAGE_BYTES:
                break
            message = json.loads(source.read(length))
            self._messages.put((message, source.read(int(message.get("bytes", 0)))))
        self._messages.put(None)


_guests: dict[int, _Guest] = {}


def memory() -> dict[str, int]:
    """Return what guests take: on the CPU as the system counts it, on other devices as they tell."""
    taken = Counter(cpu=sum(process_bytes(pid) for pid in _guests))
    for guest in _guests.values():
        taken.update(guest.devices)
    return {device: size for device, size in taken.items() if size}
