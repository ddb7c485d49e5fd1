"""The voices of a running engine: the session's wishes go to the pool, its models' states become events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Iterable

from engine.errors import EngineError
from engine.events import Dropped, Event, VoiceChanged
from engine.voices.model_state import ModelState
from engine.voices.pool import VoicePool
from engine.voices.preset import model_of
from engine.voices.take import Take

log = logging.getLogger(__name__)


class PoolVoices:
    """Fits the session's ``Voices``. ``tell`` takes events; set it before anything is loaded."""

    def __init__(self, pool: VoicePool) -> None:
        self._pool = pool
        self._work: set[asyncio.Task[None]] = set()
        self.tell: Callable[[tuple[Event, ...]], object] = lambda _: None
        pool.on_notes = self.noted

    @property
    def ids(self) -> Collection[str]:
        """The voices there are."""
        return self._pool.catalog.presets.keys()

    def load(self, voice: str, *, warm: bool) -> None:
        """Begin to load a voice's model. Raises UnknownThing."""
        self._pool.catalog.get(voice)
        self._begin(voice, self._pool.load(voice, warm=warm))

    def unload(self, voice: str) -> None:
        """Begin to give its memory back. Raises UnknownThing."""
        self._pool.catalog.get(voice)
        self._begin(voice, self._pool.unload(voice))

    def state(self, voice: str) -> VoiceChanged:
        """Return how a voice is now. Raises UnknownThing."""
        return _changed(voice, self._pool.state(voice))

    def preload(self, voices: Iterable[str]) -> None:
        """Warm those that a performer wants ready; one that does not exist is reported."""
        for voice in voices:
            try:
                self.load(voice, warm=True)
            except EngineError as error:
                self._dropped(voice, error)

    def hear(self, state: ModelState) -> None:
        """Tell of every voice that speaks with that model."""
        presets = self._pool.catalog.presets.items()
        self.tell(tuple(_changed(voice, state) for voice, preset in presets if model_of(preset) == state.model))

    def noted(self, take: Take) -> None:
        """Tell what a voice could not do of what a line asks for."""
        what = f"part of line {take.text[:40]!r} of voice {take.voice!r}"
        log.warning("%s: %s", what, "; ".join(take.notes))
        self.tell((Dropped(what=what, code="not_supported", text="; ".join(take.notes)),))

    async def close(self) -> None:
        """Stop waiting for what is being loaded."""
        for task in tuple(self._work):
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    def _begin(self, voice: str, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(self._guard(voice, work))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _guard(self, voice: str, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except EngineError as error:
            self._dropped(voice, error)

    def _dropped(self, voice: str, error: EngineError) -> None:
        log.error("voice %s: %s", voice, error)
        self.tell((Dropped(what=f"voice {voice}", code=error.code, text=str(error)),))


def _changed(voice: str, state: ModelState) -> VoiceChanged:
    return VoiceChanged(voice=voice, state=state.state, fraction=state.fraction, text=state.reason or state.stage)
