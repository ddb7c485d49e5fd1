"""The bench on which captures are trimmed, written down and said again: in processes of their own, a few at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
from msgspec.structs import replace

from engine.capture.capture_process import (
    Cut,
    CutByHand,
    Failed,
    Note,
    Outcome,
    Read,
    SaidAfter,
    SayAfter,
    TimeWords,
    Work,
    Worked,
)
from engine.capture.heard import as_words
from engine.capture.kept import Kept
from engine.capture.score import Residual
from engine.capture.speaking import speak_after
from engine.child import Child
from engine.errors import EngineError, VoiceError
from engine.voices.pool import VoicePool

MODULE = "engine.capture.capture_process"
STOP_SECONDS = 5.0
AT_ONCE = 2
"""Processes at the same time; more work waits."""


class CaptureBench:
    """Works on the captures in ``folder``. listener: a model that hears words; empty: none does. Event loop only."""

    def __init__(self, pool: VoicePool, folder: Path, listener: str) -> None:
        self._pool, self._folder, self._listener = pool, folder, listener
        self._places = asyncio.Semaphore(AT_ONCE)

    async def written_down(self, kept: Kept, file: str) -> Kept:
        """Trim a capture, and find what is said in it, and when."""
        kept = await self._worked(Cut(folder=str(self._folder), kept=kept, file=file))
        if not kept.text and self._listener and not kept.note:
            kept = await self._heard_words(kept)
        if kept.text and not kept.words:
            kept = await self._worked(TimeWords(folder=str(self._folder), kept=kept))
        return kept

    async def cut(self, kept: Kept) -> Kept:
        """Cut a capture as it says. Raises BadRange, MediaError."""
        return await self._worked(CutByHand(folder=str(self._folder), kept=kept))

    async def _heard_words(self, kept: Kept) -> Kept:
        """Return a capture with its text as a listener hears it, or with a note where none can."""
        path = self._folder / f"{kept.name}.wav"
        try:
            heard = await self._pool.transcribe(path, language=kept.language, settings={"model": self._listener})
        except EngineError as error:
            return replace(kept, note=f"nobody has written it down: {error}")
        words = as_words(heard, kept.sample_rate)
        return await self._worked(
            Note(folder=str(self._folder), kept=replace(kept, text=heard.text, language=heard.language, words=words))
        )

    async def said_again(self, capture: str, voice: str, name: str) -> Residual:
        """Have a voice say a capture again, into files of that name; return how well it keeps the timing."""
        folder = str(self._folder)
        kept = await self._worked(Read(folder=folder, capture=capture))
        take = await speak_after(self._pool, kept, voice)
        audio = str(self._pool.cache.audio_path(take.digest))
        outcome = await self._outcome(SayAfter(folder=folder, capture=capture, take=take, audio=audio, name=name))
        if not isinstance(outcome, SaidAfter):
            raise VoiceError(f"the capture process answered {type(outcome).__name__}")
        return outcome.residual

    async def _worked(self, work: Work) -> Kept:
        outcome = await self._outcome(work)
        if not isinstance(outcome, Worked):
            raise VoiceError(f"the capture process answered {type(outcome).__name__}")
        return outcome.kept

    async def _outcome(self, work: Work) -> Outcome:
        """Have something done in a process of its own. Raises EngineError with its words."""
        async with self._places:
            child = await Child.start(MODULE, ())
            try:
                child.send(msgspec.to_builtins(work))
                message = await child.receive()
            finally:
                await child.stop(STOP_SECONDS)
        if message is None:
            raise EngineError(f"the process that works on captures ended (exit code {child.returncode})")
        outcome: Outcome = msgspec.convert(message, Outcome)
        if isinstance(outcome, Failed):
            raise EngineError.relayed(outcome.code, outcome.text)
        return outcome
