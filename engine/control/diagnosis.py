"""Diagnosis: what is written down about a session: the black box, and a transcript where one is wanted."""

from __future__ import annotations

import contextlib
import importlib.metadata
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engine.commands import Command
from engine.control.blackbox import BlackBox
from engine.control.transcript import Header, Transcript
from engine.errors import EngineError, NotReady
from engine.events import Event, ProcessReplaced
from engine.mixer.graph import Graph
from engine.realtime.black_ring import BlackRing
from engine.realtime.causes import CAUSES, Blame
from engine.realtime.link import AudioLink, Handed
from engine.realtime.records import Report
from engine.realtime.shared import EngineMemory
from engine.session.inputs import Did, Flow, Flowed, Input, Swapped
from engine.session.session import Session

COUNTED = (
    "frame", "timeline_frame", "playing", "active_players", "underflows", "clock_resets", "late_starts",
    "dropped_records", "dropped_reports", "errors", "callbacks", "callback_ns", "callback_max_ns", "callback_sum_ns",
)  # fmt: skip
FLOWED: dict[Report, Flow] = {Report.STARTED: "began", Report.UNDERRUN: "dry", Report.REFILLED: "went_on"}


class Diagnosis:
    """Listens to one session and to what the audio process took.

    facts: what a reader of the black box must know. deaths: how many voice workers have died.
    """

    def __init__(
        self,
        session: Session,
        link: AudioLink,
        memory: EngineMemory,
        folder: Path,
        facts: Callable[[], dict[str, Any]],
        deaths: Callable[[], int] = lambda: 0,
    ) -> None:
        self._session, self._link, self._deaths = session, link, deaths
        self._transcript: Transcript | None = None
        self._graphs: deque[Graph] = deque(maxlen=1)
        self.black_box = BlackBox(BlackRing(memory.black), folder, counters=self._counters, facts=facts)
        session.context.scribes.append(self._wrote)
        session.listen(self._heard)
        link.on_taken = self._taken

    def start(self) -> None:
        """Begin to count."""
        self.black_box.start()

    def record(self, path: Path, folder: Path, block_frames: int, max_players: int) -> None:
        """Write a transcript from now on; the session has not been opened yet. Raises MediaError."""
        story = self._session.story
        header = Header(
            cuevox=importlib.metadata.version("cuevox"),
            folder=str(folder),
            sample_rate=story.sample_rate,
            block_frames=block_frames,
            max_players=max_players,
            story=story,
            history=self._session.editor.history.past,
        )
        self._transcript = Transcript(path, header, self._link.handed)

    def sent(self, graph: Graph) -> None:
        """Note a graph that the audio process is to build."""
        self._graphs.append(graph)

    def refused(self, command: Command, at_frame: int | None, error: EngineError) -> None:
        """Note a command that could not be carried out."""
        self.black_box.command(command, at_frame, error)

    async def close(self) -> None:
        """Finish both."""
        await self.black_box.close()
        if self._transcript is not None:
            self._transcript.close(self.frame())

    def _wrote(self, what: Input) -> None:
        if isinstance(what, Did):
            self.black_box.command(what.command, what.at_frame)
        if self._transcript is not None:
            self._transcript.note(what, self._link.handed)

    def _heard(self, events: tuple[Event, ...]) -> None:
        self.black_box.events(events)
        for event in events:
            if isinstance(event, ProcessReplaced):
                self.black_box.happened(f"{event.process} process replaced")
                if self._transcript is not None and event.process == "audio":
                    self._transcript.taken(self._link.handed, self.frame())  # it may have told less than it took

    def _taken(self, report: np.void) -> None:
        if self._transcript is None:
            return
        frame = int(report["actual_frame"])
        match int(report["kind"]):
            case Report.TAKEN:
                self._transcript.taken(Handed(records=int(report["serial"])), frame)
            case Report.TIMELINE:
                self._transcript.taken(Handed(timeline=int(report["serial"])), frame)
            case Report.AUTOMATED:
                self._transcript.taken(Handed(automation=int(report["serial"])), frame)
            case Report.SWAPPED if self._graphs:
                self._transcript.happened(Swapped(graph=self._graphs.popleft()), frame)
            case Report.STARTED | Report.UNDERRUN | Report.REFILLED as kind:
                self._flowed(self._transcript, report, Report(kind), frame)

    def _flowed(self, transcript: Transcript, report: np.void, kind: Report, frame: int) -> None:
        player = int(report["player"])
        source = self._session.context.players.source(player)
        if source is not None:
            frames = int(report["value"]) if kind is Report.UNDERRUN else 0
            transcript.happened(Flowed(player=player, source=source, did=FLOWED[kind], frames=frames), frame)

    def _counters(self) -> dict[str, Any]:
        counters: dict[str, Any] = {"worker_deaths": self._deaths()}
        with contextlib.suppress(NotReady):
            status = self._link.status()
            counters.update((name, getattr(status, name)) for name in COUNTED)
            counters["underflow_causes"] = dict(zip(CAUSES, status.causes, strict=True))
            if status.blame is not None:
                counters["last_underflow"] = underflow_told(status.blame)
        return counters

    def frame(self) -> int:
        """Return the engine frame of the last block, 0 before the first one."""
        try:
            return self._link.status().frame
        except NotReady:
            return 0


def underflow_told(blame: Blame) -> dict[str, Any]:
    """Return an underflow as people read it: its cause, and the block's times in ms, see ``Blame``."""
    times = {name.replace("_ns", "_ms"): ns / 1e6 for name, ns in blame._asdict().items() if name != "cause"}
    return {"cause": CAUSES[blame.cause], **times}
