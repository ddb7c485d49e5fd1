"""Hands: processes that align pieces of a long recording, several at once. Command line only."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from engine.platform import die_with_parent
from engine.speech.align.aligner import Begin, Means, aligned, means_for
from engine.speech.align.heard import AlignError, Audio, Span

MOST_HANDS = 8
WORTH_SECONDS = 120.0
"""A recording that is shorter is aligned before the processes would be there."""

_means: tuple[Means, ...] = ()


@contextmanager
def hands(language: str, count: int) -> Iterator[Begin]:
    """Lend what aligns pieces of speech in ``count`` processes, which end with this one. Main thread only."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, context, initializer=_start, initargs=(os.getpid(), language)) as pool:

        def begin(audio: Audio, text: str) -> Callable[[], tuple[Span, ...]]:
            try:
                return _words(pool.submit(_align, audio, text))
            except BrokenExecutor as error:
                raise _gone() from error

        try:
            yield begin
        finally:
            _let_go(pool)
            pool.shutdown(cancel_futures=True)


def _let_go(pool: ProcessPoolExecutor) -> None:
    """Let a thread go that hands speech to a process which has died: Python did not before 3.11.5 (gh-94777)."""
    inside: Any = pool
    if sys.version_info < (3, 11, 5) and inside._broken and inside._call_queue is not None:
        inside._call_queue._reader.close()


def _words(future: Future[tuple[Span, ...]]) -> Callable[[], tuple[Span, ...]]:
    def words() -> tuple[Span, ...]:
        try:
            return future.result()
        except BrokenExecutor as error:
            raise _gone() from error

    return words


def _gone() -> AlignError:
    return AlignError("a process that aligned the recording has ended before it was done")


def _start(parent_pid: int, language: str) -> None:
    global _means
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the parent that is interrupted
    die_with_parent(parent_pid)
    _means = means_for(language)


def _align(audio: Audio, text: str) -> tuple[Span, ...]:
    return aligned(_means, audio, text)
