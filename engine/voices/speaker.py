"""What a worker speaks with: open voices, and the recordings that they make."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError, MemoryShort
from engine.params import SPEED
from engine.platform import resident_bytes
from engine.realtime.stream import HEADER_FLOATS, StreamHeader
from engine.speech.script import Script, script_of
from engine.story.model import Delivery, Line
from engine.voices import wire
from engine.voices.aligning import PassageAligner
from engine.voices.base import BatchVoice, Chunk, Report, Voice, unheard
from engine.voices.direction import direct, language_of, reading_of
from engine.voices.media import Stopped
from engine.voices.performance import Times, joined
from engine.voices.preset import Preset
from engine.voices.recording import Hear, Recorder, Recording, record, stretched
from engine.voices.registry import backend

Audio = NDArray[np.float32]

SEAM_PART = 200
"""Of a second: how long it takes to go over from one telling of a line to another."""
Send = Callable[[wire.Answer], None]
Stop = Callable[[], bool]

OPEN_VOICES = 16
PROGRESS_SECONDS = 5.0
"""How much sound lies between two reports of progress, where nobody listens meanwhile."""

WARMING_TEXT = "Ready."

NEAR_ENOUGH, MOST_TRIES = 0.02, 3
"""A line that is to last so long is spoken again until it is as near as this, and at most so often."""


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
        taken = Counter(cpu=resident_bytes())
        taken.update(backend(request.preset.backend).memory())
        return dict(taken)

    def record(self, request: wire.Render, stopped: Stop) -> Recording:
        """Speak a line. Raises VoiceError, MemoryShort, Stopped."""
        layer = Layer(self._arena, request, self._send) if request.offset >= 0 else None
        if request.delivery.seconds is not None:
            made = self._fit(request, round(request.delivery.seconds * request.sample_rate), stopped)
            if layer is not None:
                layer.hear(made.audio)
                layer.finish()
        else:
            heard = (self._counter(request), None) if layer is None else (layer.hear, layer.finish)
            made = self._record(request, stopped, *heard)
        return made

    def _record(
        self, request: wire.Render, stopped: Stop, hear: Hear, hear_end: Callable[[], object] | None = None
    ) -> Recording:
        voice = self._voice(request.preset)
        return record(
            voice,
            request.preset,
            request.text,
            request.sample_rate,
            script=script_for(request),
            tone=request.tone,
            times=_times(voice, request),
            seed=request.seed,
            stopped=stopped,
            hear=hear,
            hear_end=hear_end,
        )

    def _fit(self, request: wire.Render, frames: int, stopped: Stop) -> Recording:
        """Speak a line so that it lasts so long: at another rate if need be, then stretched."""
        made = self._record(request, stopped, self._counter(request))
        for _ in range(MOST_TRIES):
            ratio = len(made.audio) / frames
            if abs(ratio - 1.0) <= NEAR_ENOUGH or not SPEED.low <= ratio <= SPEED.high:
                break
            line = Line(text=request.text, voice=request.preset.id, delivery=Delivery(speed=ratio))
            faster = direct(line, request.preset)
            again = msgspec.structs.replace(request, preset=faster.preset, tone=faster.tone.within(request.tone))
            other = self._record(again, stopped, self._counter(request))
            if abs(len(other.audio) / frames - 1.0) >= abs(ratio - 1.0):
                break
            made, request = other, again
        return stretched(made, frames, request.sample_rate)

    def record_all(
        self, request: wire.RenderAll, stopped: Stop
    ) -> Iterator[tuple[wire.Render, Recording | EngineError]]:
        """Speak several lines at once, and return each with its recording, or why there is none. Raises Stopped."""
        renders = request.renders
        voice = cast(BatchVoice, self._voice(renders[0].preset))
        scripts = [_script_or_error(render) for render in renders]
        passages = [p for script in scripts if isinstance(script, Script) for p in script.passages]
        owners = [r for r, s in zip(renders, scripts, strict=True) if isinstance(s, Script) for _ in s.passages]
        spoken: list[list[Chunk]] = [[] for _ in passages]
        texts, seeds = [p.text for p in passages], [r.seed for r in owners]
        with closing(voice.speak_all(texts, seeds=seeds, stopped=stopped)) as chunks:
            for index, chunk in chunks:
                if stopped():
                    raise Stopped
                spoken[index].append(chunk)
        parts = iter(spoken)
        for render, script in zip(renders, scripts, strict=True):
            if isinstance(script, EngineError):
                yield render, script
            else:
                made = _joined(voice, render, script, [next(parts) for _ in script.passages])
                seconds = render.delivery.seconds
                yield render, made if seconds is None else _stretched(made, render, seconds)

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


def _stretched(made: Recording | EngineError, render: wire.Render, seconds: float) -> Recording | EngineError:
    try:
        return (
            made
            if isinstance(made, EngineError)
            else stretched(made, round(seconds * render.sample_rate), render.sample_rate)
        )
    except EngineError as error:
        return error


class Layer:
    """Lays a line into the arena while it is made, and tells of each part. What finds no room stays unheard.

    What another worker has laid there before it died may be sounding: it stays, and the rest follows, blended.
    """

    def __init__(self, arena: Audio | None, request: wire.Render, send: Send) -> None:
        self._room = place_in(arena, request.offset, request.room_floats)[HEADER_FLOATS:]
        self._header = StreamHeader(cast(Audio, arena), request.offset)
        self._job, self._send = request.job, send
        self._made, self._laid = 0, self._header.ready
        self._seam = request.sample_rate // SEAM_PART
        self._fits = True

    def hear(self, part: Audio) -> None:
        """Lay the next part, (frames, channels), and let it be played."""
        frames, channels = part.shape
        start, end = self._made, self._made + frames
        self._made = end
        self._fits = self._fits and end * channels <= len(self._room)
        if self._fits:
            place = self._room[start * channels : end * channels].reshape(frames, channels)
            again = max(0, self._laid - start)
            place[again:] = part[again:]
            self._blend(place[:again], part[:again], start)
            self._header.publish(max(end, self._laid), channels)
        self._send(wire.Progress(job=self._job, frames=end))

    def finish(self) -> None:
        """Say that it is all there, if it is."""
        if self._fits:
            self._header.finish(max(self._made, self._laid))

    def _blend(self, place: Audio, part: Audio, start: int) -> None:
        """Go over from what is there, from frame ``start`` on, to ``part``: a voice may not speak twice alike."""
        share = (np.arange(start, start + len(place)) - (self._laid - self._seam) + 1) / np.float32(self._seam + 1)
        place += np.maximum(share, 0.0).astype(np.float32)[:, np.newaxis] * (part - place)


def place_in(arena: Audio | None, offset: int, floats: int) -> Audio:
    """Return that part of the arena. Raises MemoryShort for what is not in it."""
    if arena is None:
        raise MemoryShort("this voice worker was started without a clip arena")
    if offset < 0 or offset + floats > len(arena):
        raise MemoryShort(f"{floats:,} floats at {offset:,} lie outside the arena of {len(arena):,}")
    return arena[offset : offset + floats]


def script_for(request: wire.Render) -> Script:
    """Return what is to be spoken for a line. Raises MarkupError, VoiceError."""
    reading = reading_of(request.preset, backend(request.preset.backend).abilities)
    return script_of(request.text, reading, request.pronounce)


def _times(voice: Voice, request: wire.Render) -> Times | None:
    """Return what times the words that a voice leaves untimed."""
    return PassageAligner(language_of(request.preset)) if voice.timing != "exact" else None


def _script_or_error(request: wire.Render) -> Script | EngineError:
    try:
        return script_for(request)
    except EngineError as error:
        return error


def _joined(voice: Voice, request: wire.Render, script: Script, spoken: list[list[Chunk]]) -> Recording | EngineError:
    """Return the recording of a line whose passages were spoken beside others."""
    recorder = Recorder(voice, request.preset, request.text, request.sample_rate)
    parts = iter(spoken)
    try:
        rate, times = voice.sample_rate, _times(voice, request)
        for chunk in joined(script, lambda _: next(parts), rate, voice.channels, request.tone, times):
            recorder.feed(chunk)
        return recorder.finish()
    except EngineError as error:
        return error
