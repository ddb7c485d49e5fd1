"""Rendering a story: every line of it becomes a take in the cache."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable

from engine.errors import EngineError, MediaError, VoiceError
from engine.render.cache import TakeCache
from engine.render.locks import Locks
from engine.render.plan import plan
from engine.story.model import Line, Story
from engine.voices.catalog import Catalog
from engine.voices.direction import direct
from engine.voices.pool import VoicePool
from engine.voices.take import Take

Progress = Callable[[Line, int, int], None]
"""Hears which line is done, how many are, and how many there are."""

Made = Callable[[Line, Take], None]
"""Hears of each take as soon as it is in the cache."""

AHEAD = 16
"""Lines that wait for each worker, so that none is idle and those that speak several at once find them."""


class LinesFailed(VoiceError):
    """Some lines can't be spoken. failures: why, by line; takes: of all the others, which are in the cache."""

    def __init__(self, wanted: Iterable[Line], failures: dict[Line, EngineError], takes: dict[Line, Take]) -> None:
        super().__init__("\n".join(f"{_told(line)}: {failures[line]}" for line in wanted if line in failures))
        self.failures, self.takes = failures, takes


def render_story(
    story: Story,
    catalog: Catalog,
    cache: TakeCache,
    progress: Progress | None = None,
    *,
    workers: int = 1,
    model_workers: int = 1,
    model_bytes: int | None = None,
    lines: Iterable[Line] | None = None,
    made: Made | None = None,
    follow_locks: bool = True,
) -> dict[Line, Take]:
    """Return the take of every line of clips, cues and slots (or of ``lines``); all are in the cache then.

    workers, model_workers, model_bytes: see ``VoicePool``. follow_locks: a line that keeps a take gets that one, see
    ``Locks``.

    What is cached already starts no worker. Raises LinesFailed that names every line that can't be spoken once all
    others are, and MediaError when the cache can't be written. Not from inside an event loop: see ``render_lines``.
    """
    wanted = plan(story) if lines is None else tuple(lines)

    async def run() -> dict[Line, Take]:
        pool = VoicePool(
            catalog=catalog,
            cache=cache,
            sample_rate=story.sample_rate,
            workers=workers,
            model_workers=model_workers,
            model_bytes=model_bytes,
            locks=Locks(cache.folder) if follow_locks else None,
        )
        try:
            return await render_lines(pool, wanted, progress, ahead=AHEAD * max(workers, model_workers), made=made)
        finally:
            await pool.close()

    return asyncio.run(run())


async def render_lines(
    pool: VoicePool,
    lines: Iterable[Line],
    progress: Progress | None = None,
    *,
    ahead: int = AHEAD,
    made: Made | None = None,
) -> dict[Line, Take]:
    """Return the take of each line through ``pool``, ``ahead`` at a time; see ``render_story``.

    Lines of one voice and of about one length follow each other: those that are spoken together waste the least.
    """
    wanted = tuple(dict.fromkeys(lines))
    _check_voices(pool.catalog, wanted)
    takes: dict[Line, Take] = {}
    failures: dict[Line, EngineError] = {}
    places = asyncio.Semaphore(ahead)

    async def render(line: Line) -> None:
        async with places:
            try:
                takes[line] = await pool.render(line, stored=True)
            except MediaError:  # the disk: no other line could be kept either
                raise
            except EngineError as error:
                failures[line] = error
        if made is not None and line in takes:
            made(line, takes[line])
        if progress is not None:
            progress(line, len(takes) + len(failures), len(wanted))

    await _all_or_none(render(line) for line in sorted(wanted, key=lambda line: (line.voice, len(line.text))))
    if failures:
        raise LinesFailed(wanted, failures, takes)
    return {line: takes[line] for line in wanted}


async def _all_or_none(work: Iterable[Coroutine[None, None, None]]) -> None:
    """Do all of it; the first error ends the rest and is raised."""
    tasks = [asyncio.create_task(part) for part in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _check_voices(catalog: Catalog, lines: Iterable[Line]) -> None:
    problems: dict[str, None] = {}
    for line in lines:
        try:
            direct(line, catalog.get(line.voice))
        except EngineError as error:
            problems[f"{_told(line)}: {error}"] = None
    if problems:
        raise VoiceError("\n".join(problems))


def _told(line: Line) -> str:
    shown = line.text if len(line.text) <= 40 else f"{line.text[:39]}…"
    return f"line {shown!r} of voice {line.voice!r}"
