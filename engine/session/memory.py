"""Memory: what a session keeps in its notes, and how the session of a successor goes on from them.

Notes are pickled: both sides are the same program, and nobody else can reach the memory that they lie in.
"""

from __future__ import annotations

import pickle
from collections.abc import Collection
from typing import NamedTuple, get_args

from engine.commands import Turn
from engine.mixer.graph import Graph, compile_graph
from engine.realtime.notes import Notes
from engine.session.cold import KeptCold
from engine.session.inputs import Did, Input
from engine.session.library import Loaded, Source
from engine.session.sections import KeptSections
from engine.session.session import Session
from engine.session.speech import Waiting
from engine.session.transport import KeptTransport

SMALL, RUNS, CLIPS, GRAPH, PLAYER, TAKE = "session", "runs", "clips", "graph", "player/", "take/"

_LEVELS = frozenset(get_args(Turn))

_NO_RUNS = pickle.dumps((((), (), 0), None))


class Small(NamedTuple):
    """The small things that commands change. Players, takes and the timeline's players have notes of their own."""

    playheads: dict[str, str | None]
    transport: KeptTransport
    sections: KeptSections
    paused_playing: bool | None
    bank: str | None
    cold: KeptCold
    waiting: tuple[Waiting, ...]
    renders: tuple[str, ...]


class Memory:
    """A scribe: its notes are up to date before whoever asked for something hears that it is done."""

    def __init__(self, session: Session, notes: Notes) -> None:
        self._session, self._notes = session, notes
        self._recalled = False
        self._small: Small | None = None
        self._clips = 0
        self._graph: Graph | None = None

    def hear(self, what: Input) -> None:
        """Keep what has changed: nothing of it where a level was turned."""
        if not self._recalled or (isinstance(what, Did) and type(what.command) in _LEVELS):
            return
        session, transport = self._session, self._session.transport
        small = Small(
            playheads=session.cues.playheads,
            transport=transport.kept,
            sections=session.sections.kept,
            paused_playing=session.paused_playing,
            bank=session.prefetch.bank,
            cold=session.cold.kept,
            waiting=session.speech.waiting,
            renders=session.jobs.renders,
        )
        if small != self._small:
            self._small = small
            self._notes.set(SMALL, pickle.dumps(small))
        self._notes.set(RUNS, pickle.dumps(session.cues.kept))
        if len(transport.rows.player_ids) != self._clips:
            self._clips = len(transport.rows.player_ids)
            self._notes.set(CLIPS, pickle.dumps(transport.rows.player_ids))

        if session.context.graph is not self._graph:
            self._graph = session.context.graph
            self._notes.set(GRAPH, pickle.dumps(self._graph))

    def recall_graph(self) -> None:
        """Let the session know the graph as the mixer plays it, with the places of its strips, if it fits the story."""
        if (note := self._notes.get(GRAPH)) is not None:
            graph: Graph = pickle.loads(note)
            if _parts(graph) == _parts(compile_graph(self._session.story)):
                self._session.context.graph = graph

    def shelve(self, source: Source, loaded: Loaded) -> None:
        """Keep that ``source`` lies in the arena, or is being laid there; before anything plays it."""
        self._notes.set(f"{TAKE}{loaded.block}", pickle.dumps((source, loaded)))

    def forget(self, loaded: Loaded) -> None:
        """Keep that its place is free."""
        self._notes.forget(f"{TAKE}{loaded.block}")

    def recall(self) -> Collection[tuple[Source, Loaded]]:
        """Let a fresh session go on where the one before was; return what lies in the arena, or was being laid there.

        Call it before the session is opened, and tell the loader. Lines that waited for takes are asked for again.
        """
        self._recalled = True
        session, notes = self._session, self._notes
        shelved: list[tuple[Source, Loaded]] = [pickle.loads(note) for note in notes.all(TAKE).values()]
        for source, loaded in shelved:
            if not loaded.making:
                session.context.library.load(source, loaded)
        sounding = {int(n): pickle.loads(note) for n, note in notes.all(PLAYER).items()}
        session.context.players.recall(sounding, session.context.soon())
        if (note := notes.get(CLIPS)) is not None:
            session.transport.rows.player_ids.update(pickle.loads(note))
        session.recording.recall()
        session.streams.recall()
        session.outputs.recall()
        session.receivers.recall()
        if (note := notes.get(SMALL)) is not None:
            small: Small = pickle.loads(note)
            session.transport.recall(small.transport)
            session.sections.recall(small.sections)
            session.cues.recall(small.playheads, pickle.loads(notes.get(RUNS) or _NO_RUNS))
            session.paused_playing = small.paused_playing
            session.prefetch.recall(small.bank)
            session.cold.recall(small.cold)
            session.speech.recall(small.waiting)
            session.jobs.recall(small.renders)
        return shelved


def _parts(graph: Graph) -> dict[tuple[str, str], tuple[list[str], int]]:
    """Return what a graph is made of, wherever it stands in it."""
    living = [spec for spec in graph.strips if spec.lives]
    return {(s.id, s.kind): ([effect.effect for effect in s.inserts], len(s.sends)) for s in living}
