"""POST /v1/audio/speech in OpenAI's form: whatever can use a speech server can use our voices."""

from __future__ import annotations

import struct
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bridge.access import Right
from bridge.http.command import Answer, body_of, problem, status_of
from bridge.http.stream import Stream
from bridge.hub import Hub
from engine.errors import EngineError, UnknownThing

RATE_HZ = 24_000
MAX_TEXT_CHARACTERS = 5000
MAX_AT_ONCE = 4
"""Texts that are spoken at the same time; more are refused as busy."""

FORMATS = {"wav": "audio/wav", "pcm": "audio/pcm"}


class SpeechWish(msgspec.Struct):
    """What is to be spoken. response_format: wav, or pcm: 16 bits, mono, 24 kHz, little-endian."""

    input: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT_CHARACTERS)]
    voice: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    model: str = ""
    response_format: Literal["wav", "pcm"] = "wav"
    speed: Annotated[float, msgspec.Meta(ge=1.0, le=1.0)] = 1.0


class SpeechDesk:
    """Speaks into responses."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._speaking = 0

    async def __call__(self, request: Request) -> Response:
        """Answer one request: the first sound is there before the response begins, so that errors are answered."""
        if request.state.right < Right.TRIGGER:
            return problem("denied", "needs the right to trigger", 403)
        try:
            wish = msgspec.json.decode(await body_of(request), type=SpeechWish)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return problem("bad_type", str(error), 400)
        except OverflowError as error:
            return problem("too_big", str(error), 413)
        if not wish.input.strip():
            return problem("bad_range", "there is nothing to speak", 400)
        if self._speaking >= MAX_AT_ONCE:
            return problem("busy", f"{MAX_AT_ONCE} texts are being spoken already", 429)
        return await self._speak(wish)

    async def _speak(self, wish: SpeechWish) -> Response:
        self._speaking += 1
        sound = self._sound(wish)
        try:
            if wish.voice not in (known := self._hub.engine.voice_ids()):
                raise UnknownThing("voice", wish.voice, known)
            first = await anext(sound)
        except EngineError as error:
            await sound.aclose()
            self._speaking -= 1
            return problem(error.code, str(error), status_of(Answer("", "error", code=error.code)))
        except BaseException:
            self._speaking -= 1
            raise
        return Stream(_spoken(first, sound), media_type=FORMATS[wish.response_format], ended=self._rest)

    def _rest(self) -> None:
        self._speaking -= 1

    async def _sound(self, wish: SpeechWish) -> AsyncGenerator[bytes]:
        if wish.response_format == "wav":
            header = wav_header(RATE_HZ)
            async for data in self._hub.engine.dictate(wish.input, wish.voice, RATE_HZ):
                yield header + data
                header = b""
        else:
            async for data in self._hub.engine.dictate(wish.input, wish.voice, RATE_HZ):
                yield data


async def _spoken(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for data in rest:
        yield data


def wav_header(rate_hz: int) -> bytes:
    """Return the header of a WAV whose length is not known yet: 16 bits, mono."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    return b"RIFF\xff\xff\xff\xffWAVE" + form + b"data\xff\xff\xff\xff"
