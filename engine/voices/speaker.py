"""What a worker speaks with: open voices, and the recordings that they make."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError, MemoryShort, VoiceError
from engine.platform import resident_bytes
from engine.units import db_to_gain
from engine.voices import wire
from engine.voices.base import BatchVoice, Report, Voice, unheard
from engine.voices.media import Stopped
from engine.voices.preset import Preset
from engine.voices.recording import Hear, Recorder, Recording, record
from engine.voices.registry import backend

Audio = NDArray[np.float32]
Send = Callable[[wire.Answer], None]
Stop = Callable[[], bool]

OPEN_VOICES = 16
PROGRESS_SECONDS = 5.0
"""How much sound lies between two reports of progress, where nobody listens meanwhile."""

WARMING_TEXT = "Ready."


class Speaker:
    """Speaks one job at a time. send: takes progress. arena: where lines are laid while they are spoken."""

    def __init__(self, send: Send, arena: Audio | None) -> None:
        self._send, self._arena = send, arena
        self._voices: OrderedDict[bytes, Voice] = OrderedDict()

    def load(self, request: wire.Load, stopped: Stop) -> dict[str, int]:
        """Open the preset's voice, and have it speak if it is to be warm; return the bytes taken, by device."""
        voice = self._voice(request.preset, self._reporter(request.job))
        if request.warm:
            with closing(voice.speak(WARMING_TEXT, stopped=stopped)) as chunks:
                next(chunks)
        return {"cpu": resident_bytes(), **backend(request.preset.backend).memory()}

    def record(self, request: wire.Render, stopped: Stop) -> Recording:
        """Speak a line. Raises VoiceError, MemoryShort, Stopped."""
        voice = self._voice(request.preset)
        hear = self._layer(request, voice.channels) if request.offset >= 0 else self._counter(request)
        return record(
            voice, request.preset, request.text, request.sample_rate, seed=request.seed, stopped=stopped, hear=hear
        )

    def record_all(
        self, request: wire.RenderAll, stopped: Stop
    ) -> Iterator[tuple[wire.Render, Recording | EngineError]]:
        """Speak several lines at once, and return each with its recording, or why there is none. Raises Stopped."""
        renders = request.renders
        voice = cast(BatchVoice, self._voice(renders[0].preset))
        recorders = [Recorder(voice, r.preset, r.text, r.sample_rate) for r in renders]
        texts, seeds = [r.text for r in renders], [r.seed for r in renders]
        with closing(voice.speak_all(texts, seeds=seeds, stopped=stopped)) as chunks:
            for index, chunk in chunks:
                if stopped():
                    raise Stopped
                recorders[index].feed(chunk)
        for render, recorder in zip(renders, recorders, strict=True):
            yield render, _finished(recorder)

    def _voice(self, preset: Preset, report: Report = unheard) -> Voice:
        key = msgspec.msgpack.encode((preset.backend, preset.settings))
        if key not in self._voices:
            self._voices[key] = backend(preset.backend).open(preset.settings, report)
        self._voices.move_to_end(key)
        while len(self._voices) > OPEN_VOICES:
            self._voices.popitem(last=False)
        return self._voices[key]

    def _reporter(self, job: int) -> Report:
        return lambda fraction, stage: self._send(wire.Loading(job=job, fraction=fraction, stage=stage))

    def _counter(self, request: wire.Render) -> Hear:
        """Return what tells every few seconds how much is spoken."""
        every = round(PROGRESS_SECONDS * request.sample_rate)
        made = told = 0

        def hear(part: Audio) -> None:
            nonlocal made, told
            made += len(part)
            if made - told >= every:
                told = made
                self._send(wire.Progress(job=request.job, frames=made))

        return hear

    def _layer(self, request: wire.Render, channels: int) -> Hear:
        """Return what lays each part into the arena and tells of it. Raises MemoryShort once the room is used up."""
        if request.preset.effects:
            raise VoiceError(f"voice {request.preset.id!r} has effects, which need the whole line before it sounds")
        room = place_in(self._arena, request.offset, request.room_floats)
        gain = np.float32(db_to_gain(request.preset.gain_db))
        made = 0

        def hear(part: Audio) -> None:
            nonlocal made
            start, end = made * channels, (made + len(part)) * channels
            if end > len(room):
                raise MemoryShort(f"the line is longer than the {len(room) // channels:,} frames reserved for it")
            np.multiply(part.reshape(-1), gain, out=room[start:end])
            made += len(part)
            self._send(wire.Progress(job=request.job, frames=made))

        return hear


def place_in(arena: Audio | None, offset: int, floats: int) -> Audio:
    """Return that part of the arena. Raises MemoryShort for what is not in it."""
    if arena is None:
        raise MemoryShort("this voice worker was started without a clip arena")
    if offset < 0 or offset + floats > len(arena):
        raise MemoryShort(f"{floats:,} floats at {offset:,} lie outside the arena of {len(arena):,}")
    return arena[offset : offset + floats]


def _finished(recorder: Recorder) -> Recording | EngineError:
    try:
        return recorder.finish()
    except EngineError as error:
        return error
