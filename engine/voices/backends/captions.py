"""Captioned speech: JSON lines that carry sound and the times of its words, as Kokoro-FastAPI streams them."""

from __future__ import annotations

import base64
import binascii

import msgspec

from engine.errors import VoiceError
from engine.voices.server_words import ToldWord

LONGEST_LINE_BYTES = 64 * 1024 * 1024


class _Stamp(msgspec.Struct):
    word: str
    start_time: float | None = None
    end_time: float | None = None


class _Line(msgspec.Struct):
    """audio: base64. timestamps: in seconds of the whole sound; none where the server has none."""

    audio: str = ""
    timestamps: list[_Stamp] | None = None


_decoder = msgspec.json.Decoder(_Line)


class Captions:
    """Takes what a server sends, wherever it was cut. url: for messages."""

    def __init__(self, url: str) -> None:
        self.words: list[ToldWord] = []
        self._url = url
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """Return the sound in the lines that are whole by now. Raises VoiceError for what is no such line."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE_BYTES:
            raise VoiceError(f"{self._url} sends a line of more than {LONGEST_LINE_BYTES:,} bytes")
        return b"".join(self._read(line) for line in lines)

    def finish(self) -> bytes:
        """Return the sound of a last line without an end."""
        rest, self._rest = self._rest, b""
        return self._read(rest)

    def _read(self, line: bytes) -> bytes:
        if not line.strip():
            return b""
        try:
            read = _decoder.decode(line)
            audio = base64.b64decode(read.audio, validate=True)
        except (msgspec.MsgspecError, binascii.Error, UnicodeDecodeError) as error:
            raise VoiceError(f"{self._url} sends no captioned speech: {error}") from error
        self.words += [
            ToldWord(text=stamp.word, start_seconds=stamp.start_time, end_seconds=stamp.end_time)
            for stamp in read.timestamps or ()
            if stamp.start_time is not None and stamp.end_time is not None
        ]
        return audio
