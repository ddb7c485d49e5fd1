"""A server's voice: the line goes there, 16-bit samples come back as they are made. Worker processes only."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import urllib3

from engine.errors import VoiceError
from engine.voices.aligning import in_frames
from engine.voices.backends.captions import Captions
from engine.voices.backends.remote import CAPTIONED, addresses
from engine.voices.base import Chunk, Settings, Timing
from engine.voices.media import Stopped, never
from engine.voices.server_words import ToldWord, server_spans
from engine.voices.words import tokens

log = logging.getLogger(__name__)

PATH, CAPTIONED_PATH = "/v1/audio/speech", "/dev/captioned_speech"
CONNECT_SECONDS = 3.0
ASK_SECONDS = 0.05
"""How often it is asked whether to stop while the server says nothing."""

READ_BYTES = 4096
RETRIES = urllib3.Retry(
    total=3,
    backoff_factor=0.2,
    backoff_jitter=0.1,
    status_forcelist=(408, 425, 429, 500, 502, 503, 504),
    allowed_methods=None,
    redirect=0,
    raise_on_status=False,
)
"""What is tried again, before any sound came: busy and ailing servers, connections that fail; later each time."""

SHOWN_BYTES = 300


class RemoteVoice:
    """One voice of one or several servers; each line goes to the one that has the least to do."""

    channels = 1

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._captioned = settings["words"] == CAPTIONED
        self.timing: Timing = "server" if self._captioned else "none"
        urls = addresses(settings)
        if not urls or any(not url.startswith(("http://", "https://")) for url in urls):
            raise VoiceError(f"urls: expected http://… or https://…, got {settings['urls']!r}")
        self._servers = _Servers(urls)
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=float(settings["timeout_seconds"]))
        self._client = urllib3.PoolManager(retries=RETRIES, timeout=timeout, maxsize=8)

    @property
    def sample_rate(self) -> int:
        """Frames per second."""
        return round(float(self._settings["sample_rate"]))

    def speak(self, text: str, *, seed: int = 0, stopped: Callable[[], bool] = never) -> Generator[Chunk, None, None]:
        """Return ``text`` as a stream of chunks, as the server sends them; see ``Voice``."""
        if not tokens(text):
            raise VoiceError(f"there is nothing to speak in {text!r}: no letter, digit or sign")
        return self._stream(text, seed, stopped)

    def speak_all(
        self, texts: Sequence[str], *, seeds: Sequence[int], stopped: Callable[[], bool] = never
    ) -> Generator[tuple[int, Chunk], None, None]:
        """Ask for several lines at once; see ``BatchVoice``."""

        def whole(text: str, seed: int) -> Chunk:
            chunks = list(self.speak(text, seed=seed, stopped=stopped))
            words = tuple(word for chunk in chunks for word in chunk.words)
            return Chunk(audio=np.concatenate([chunk.audio for chunk in chunks]), words=words)

        with ThreadPoolExecutor(len(texts)) as threads:
            yield from enumerate(threads.map(whole, texts, seeds))

    def _stream(self, text: str, seed: int, stopped: Callable[[], bool]) -> Generator[Chunk, None, None]:
        failures: list[str] = []
        while True:
            with self._servers.least_busy(avoiding=failures) as url:
                made, told = 0, list[ToldWord]()
                try:
                    for audio in self._sound(url, text, seed, stopped, told):
                        made += len(audio)
                        yield Chunk(audio=audio)
                except (urllib3.exceptions.HTTPError, OSError) as error:
                    if made:
                        seconds = made / self.sample_rate
                        raise VoiceError(
                            f"{url} broke off after {seconds:.2f} s of the line: {_reason(error)}"
                        ) from error
                    failures.append(url)
                    if len(failures) >= len(self._servers):
                        raise VoiceError(f"no server answers ({', '.join(failures)}): {_reason(error)}") from error
                    continue
            if not made:
                raise VoiceError(f"{url} sent no sound for {text[:40]!r}")
            if spans := server_spans(text, told):
                words = in_frames(spans, text, self.sample_rate, made)
                yield Chunk(audio=np.zeros((0, 1), np.float32), words=words)
            elif self._captioned:
                log.info("%s did not time every word of %r: they are aligned", url, text[:40])
            return

    def _sound(
        self, url: str, text: str, seed: int, stopped: Callable[[], bool], told: list[ToldWord]
    ) -> Iterator[np.ndarray]:
        """Yield float samples, (frames, 1); ``told`` takes words. Raises VoiceError if the server says no, Stopped."""
        reading = _Reading(lambda: self._ask(url, text, seed))
        samples = _Samples(self.sample_rate, url)
        try:
            parts = reading.parts(stopped)
            for data in _captioned(parts, Captions(url), told) if self._captioned else parts:
                audio = samples.feed(data)
                if len(audio):
                    yield audio
        finally:
            reading.close()

    def _ask(self, url: str, text: str, seed: int) -> urllib3.BaseHTTPResponse:
        settings = self._settings
        body: dict[str, Any] = {
            "model": settings["model"],
            "voice": settings["voice"],
            "input": text,
            "response_format": "pcm",
            "stream": True,
            "speed": settings["speed"],
        }
        if settings["instructions"]:
            body["instructions"] = settings["instructions"]
        if seed:
            body["seed"] = seed
        if self._captioned:
            body["return_timestamps"] = True
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if key := os.environ.get(str(settings["key_variable"]), ""):
            headers["Authorization"] = f"Bearer {key}"
        path = CAPTIONED_PATH if self._captioned else PATH
        response = self._client.request(
            "POST", url + path, body=json.dumps(body).encode(), headers=headers, preload_content=False
        )
        if response.status != 200:
            told = response.read(SHOWN_BYTES).decode("utf-8", "replace").strip()
            response.release_conn()
            raise VoiceError(f"{url} refuses the line ({response.status}): {told or 'it does not say why'}")
        return response


class _Servers:
    """Counts how many lines each server is at."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._outstanding = dict.fromkeys(urls, 0)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._outstanding)

    @contextmanager
    def least_busy(self, avoiding: Sequence[str]) -> Iterator[str]:
        """Give the one with the least to do of those that did not just fail."""
        with self._lock:
            url = min((u for u in self._outstanding if u not in avoiding), key=self._outstanding.__getitem__)
            self._outstanding[url] += 1
        try:
            yield url
        finally:
            with self._lock:
                self._outstanding[url] -= 1


class _Reading:
    """Reads a response in a thread of its own, so that stopping need not wait for a server that says nothing."""

    def __init__(self, ask: Callable[[], urllib3.BaseHTTPResponse]) -> None:
        self._ask = ask
        self._parts: SimpleQueue[bytes | Exception | None] = SimpleQueue()
        self._response: urllib3.BaseHTTPResponse | None = None
        self._closed = False
        threading.Thread(target=self._run, name="remote", daemon=True).start()

    def parts(self, stopped: Callable[[], bool]) -> Iterator[bytes]:
        """Yield what comes. Raises what the thread ran into, and Stopped."""
        while True:
            try:
                part = self._parts.get(timeout=ASK_SECONDS)
            except Empty:
                if stopped():
                    raise Stopped from None
                continue
            if part is None:
                return
            if isinstance(part, Exception):
                raise part
            if stopped():
                raise Stopped
            yield part

    def close(self) -> None:
        """Read no more; the thread ends, also one that waits for the server."""
        self._closed = True
        if self._response is not None:
            with contextlib.suppress(ValueError, OSError, RuntimeError):  # it has all been read
                self._response.shutdown()

    def _run(self) -> None:
        try:
            self._response = response = self._ask()
            for part in response.stream(READ_BYTES):
                if self._closed:
                    break
                self._parts.put(part)
            if self._closed:
                response.close()
            response.release_conn()
            self._parts.put(None)
        except Exception as error:  # noqa: BLE001 - it is raised where the parts are read
            self._parts.put(error)


class _Samples:
    """Makes samples of bytes, wherever they were cut; a WAV header before them is read and checked."""

    def __init__(self, sample_rate: int, url: str) -> None:
        self._sample_rate, self._url = sample_rate, url
        self._rest = b""
        self._begun = False

    def feed(self, data: bytes) -> np.ndarray:
        """Return the whole samples that are there by now: float32, (frames, 1)."""
        data = self._rest + data
        if not self._begun:
            if len(data) < 4:
                self._rest = data
                return np.zeros((0, 1), np.float32)
            if data.startswith(b"RIFF"):
                place = data.find(b"data")
                if place < 0 or len(data) < place + 8:
                    self._rest = data
                    return np.zeros((0, 1), np.float32)
                self._check(data[:place])
                data = data[place + 8 :]
            self._begun = True
        whole = len(data) // 2 * 2
        self._rest = data[whole:]
        return (np.frombuffer(data[:whole], "<i2").astype(np.float32) / 32768.0)[:, np.newaxis]

    def _check(self, header: bytes) -> None:
        place = header.find(b"fmt ") + 8
        kind, channels, rate = np.frombuffer(header[place : place + 8], "<u2,<u2,<u4")[0].tolist()
        bits = int.from_bytes(header[place + 14 : place + 16], "little")
        if (kind, channels, bits) != (1, 1, 16) or rate != self._sample_rate:
            raise VoiceError(
                f"{self._url} sends {channels} channels of {bits} bits at {rate} Hz;"
                f" expected 16-bit mono at sample_rate, {self._sample_rate} Hz"
            )


def _captioned(parts: Iterator[bytes], captions: Captions, told: list[ToldWord]) -> Iterator[bytes]:
    """Yield the sound in captioned speech; ``told`` takes its words."""
    for data in parts:
        yield captions.feed(data)
    yield captions.finish()
    told.extend(captions.words)


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", None) or error
    return f"{type(inner).__name__}: {inner}"[:SHOWN_BYTES]
