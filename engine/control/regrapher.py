"""The regrapher: has the audio process take over another graph whenever the session's mix has changed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import TypeVar

from engine.errors import EngineError, NotReady
from engine.events import Dropped, Event
from engine.mixer.graph import Graph
from engine.mixer.regraph import leaving
from engine.session.context import Context

log = logging.getLogger(__name__)

T = TypeVar("T")

GRAPH_SECONDS = 10.0
"""How long the audio process may take to build another graph."""
RING_OUT_SECONDS = 20.0
"""How long strips that were removed may ring out before they are let go."""


class Regrapher:
    """Sends the newest graph, one at a time. ``send`` hands it over; ``taken`` must be called with the answer."""

    def __init__(
        self, context: Context, send: Callable[[Graph], None], tell: Callable[[tuple[Event, ...]], object]
    ) -> None:
        self._context, self._send, self._tell = context, send, tell
        self._wanted = asyncio.Event()
        self._turn = asyncio.Lock()
        self._answer: asyncio.Future[str | None] | None = None
        self._unanswered = 0
        """Graphs that were sent; answers come in their order, also to one that was given up."""
        self._task: asyncio.Task[None] | None = None
        self._sweeping: asyncio.TimerHandle | None = None
        self._left_at: dict[int, float] = {}
        """Since when strips are leaving, by their places."""
        context.on_graph = self._wanted.set

    def start(self) -> None:
        """Begin to follow the session."""
        self._sweep_later()
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Follow no more."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def taken(self, error: str | None) -> None:
        """Hear that the audio process plays the graph that was sent, or why it can't."""
        self._unanswered = max(0, self._unanswered - 1)
        if self._unanswered == 0 and self._answer is not None and not self._answer.done():
            self._answer.set_result(error)

    async def play(self, graph: Callable[[], Graph], then: Callable[[], T]) -> T:
        """Have a graph of another story built and taken over, then adopt the story and return what ``then`` does.

        Raises EngineError: it is not.
        """
        async with self._turn:
            wanted = graph()
            if wanted != self._context.graph:
                await self._build(wanted)
            result = then()
        self._sweep_later()
        return result

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            async with self._turn:
                self._wanted.clear()
                count = self._context.graphs_waiting
                try:
                    await self._build(self._context.graph)
                except EngineError as error:
                    log.error("the mix was not changed: %s", error)
                    self._tell((Dropped(what="mix", code=error.code, text=str(error)),))
                self._context.graphs_taken(count)
            self._sweep_later()

    async def _build(self, graph: Graph) -> None:
        self._answer = asyncio.get_running_loop().create_future()
        self._unanswered += 1
        self._send(graph)
        try:
            async with asyncio.timeout(GRAPH_SECONDS):  # wait_for goes on if it is cancelled just as the answer comes
                error = await self._answer
        except TimeoutError as late:
            raise NotReady(f"the audio process has not built the mix within {GRAPH_SECONDS:g} s") from late
        if error is not None:
            raise EngineError(f"the audio process can't build this mix: {error}")

    def _sweep_later(self) -> None:
        """Have each strip that is leaving swept in its own time, however often the mix is changed meanwhile."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._left_at = {place: self._left_at.get(place, now) for place in leaving(self._context.graph)}
        if self._sweeping is not None:
            self._sweeping.cancel()
        if self._left_at:
            first = min(self._left_at.values())
            self._sweeping = loop.call_at(first + RING_OUT_SECONDS, self._sweep, first)

    def _sweep(self, left_at: float) -> None:
        gone = [place for place, at in self._left_at.items() if at <= left_at]
        for place in gone:
            del self._left_at[place]
        self._context.sweep(gone)
