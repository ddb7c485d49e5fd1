"""A session with a recording stage and a loader that does what the test says: no process, no audio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.commands import Command, Edit
from engine.errors import NotReady
from engine.events import Event, StoryEdited
from engine.realtime.records import REPORT, Kind, Report
from engine.session.builder import Mixes, no_mixes
from engine.session.library import Loaded, Source, describe
from engine.session.session import Session
from engine.session.voices import EmbeddedVoices
from engine.story.history import History
from engine.story.model import (
    After,
    At,
    Bus,
    Clip,
    Cue,
    Effect,
    Line,
    Marker,
    PlayClip,
    PlaySection,
    Send,
    Slot,
    SpeakLine,
    Story,
    Strip,
    Track,
)
from engine.story.steps import Historic
from engine.voices.take import Word


class RecordingStage:
    """Keeps every order; takes none when ``full``."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.timelines: list[NDArray[np.void]] = []
        self.full = False

    def push(self, records: NDArray[np.void]) -> int:
        if self.full:
            return 0
        names = records.dtype.names or ()
        self.orders.extend({n: r[n].item() for n in names} | {"kind": Kind(int(r["kind"]))} for r in records)
        return len(records)

    def publish(self, entries: NDArray[np.void]) -> int:
        self.timelines.append(entries.copy())
        return len(self.timelines)

    def automate(self, moves: NDArray[np.void]) -> None:
        self.moves = moves.copy()

    def kinds(self) -> list[Kind]:
        return [o["kind"] for o in self.orders]

    def take(self, kind: Kind) -> list[dict[str, Any]]:
        """Return the orders of one kind, and forget them all."""
        found = [o for o in self.orders if o["kind"] is kind]
        self.orders.clear()
        return found


class HandLoader:
    """Notes what is asked for; the test delivers."""

    def __init__(self) -> None:
        self.asked: list[tuple[Source, bool]] = []
        self.cancelled: list[Source] = []
        self.released: list[Loaded] = []
        self.preferred: list[Source] = []
        self.capacity_floats = 1 << 40
        self.room_floats = 0

    def request(self, source: Source, *, urgent: bool) -> None:
        self.asked.append((source, urgent))

    def stream(self, source: Source) -> Loaded:
        if not self.room_floats:
            raise NotReady(f"{describe(source)} is queued")
        header = 10_000_000 + 100_000 * [s for s, _ in self.asked].index(source)
        frames = self.room_floats
        return Loaded(offset=header + 16, frames=frames, channels=1, digest="", header=header, making=True)

    def prefer(self, sources: Sequence[Source]) -> None:
        self.preferred = list(sources)

    def cancel(self, source: Source) -> None:
        self.cancelled.append(source)

    def release(self, loaded: Loaded) -> None:
        self.released.append(loaded)


class NotedEdits:
    """A keeper that only notes."""

    def __init__(self) -> None:
        self.edits: list[Edit] = []
        self.client = ""
        self.saves = 0
        self.reloads = 0

    def append(self, command: Edit) -> None:
        self.edits.append(command)

    def save(self) -> None:
        self.saves += 1

    def reload(self) -> None:
        self.reloads += 1


def line(text: str, voice: str = "narrator") -> Line:
    return Line(text=text, voice=voice)


def small_story() -> Story:
    """Two tracks, a bus, four cues, slots of every mode."""
    hello = Clip(id="hello", start=At(frame=1000), line=line("hello there"), gain_db=-6.0, fade_in_frames=48)
    after = Clip(id="after", start=After(gap_frames=100), line=line("and then"), trim_start_frames=10)
    boo = Clip(id="boo", start=At(frame=0), line=line("boo", "ghost"), length_frames=500, pan=0.5)
    modes = ("oneshot", "gate", "toggle", "retrigger", "layer")
    slots = [Slot(bank="a", index=i + 1, target=PlayClip(clip="boo"), mode=m) for i, m in enumerate(modes)]
    return Story(
        title="Small",
        tracks=(
            Track(id="voice", voice="narrator", clips=(hello, after), strip=Strip(sends=(Send(to="hall"),))),
            Track(id="spook", voice="ghost", clips=(boo,), strip=Strip(inserts=(Effect(effect="highpass"),))),
        ),
        buses=(Bus(id="hall"),),
        cues=(
            Cue(id="1", target=PlayClip(clip="hello"), gain_db=-3.0),
            Cue(id="2", target=SpeakLine(line=line("curtain"), track="voice")),
            Cue(id="3", target=PlaySection(from_marker="begin", to_marker="end")),
        ),
        slots=(
            *slots,
            Slot(bank="b", index=1, target=PlayClip(clip="boo"), choke="ghosts", mode="layer"),
            Slot(bank="b", index=2, target=PlayClip(clip="boo"), choke="ghosts", mode="layer"),
        ),
        markers=(Marker(id="begin", at=At(frame=500)), Marker(id="end", at=At(frame=4000))),
    )


def words(source: Source) -> tuple[Word, ...]:
    """Return made-up word times of a line: 400 frames each, one after the other."""
    texts = source.text.split() if isinstance(source, Line) else []
    return tuple(
        Word(text=text, start_frame=400 * i, end_frame=400 * (i + 1), text_start=0, text_end=1)
        for i, text in enumerate(texts)
    )


class Studio:
    """The session, its stage, its loader, its keeper and everything it has told."""

    FRAMES = 2000

    def __init__(
        self,
        story: Story | None = None,
        *,
        load: bool = True,
        mixes: Mixes = no_mixes,
        history: History | None = None,
    ) -> None:
        self.stage = RecordingStage()
        self.loader = HandLoader()
        self.keeper = NotedEdits()
        self.told: list[Event] = []
        self.now = 0
        """The engine frame that an order can still meet: a second passes with every command."""
        self.session = Session(
            story or small_story(),
            self.stage,
            self.loader,
            soon=lambda: self.now,
            keeper=self.keeper,
            voices=EmbeddedVoices(("narrator", "ghost")),
            mixes=mixes,
            history=history,
        )
        self.session.listen(self.told.extend)
        self.session.open()
        if load:
            self.deliver_all()
        self.stage.orders.clear()
        self.told.clear()

    def deliver(self, source: Source, frames: int = FRAMES, channels: int = 1) -> None:
        """Have ``source`` lie in the arena."""
        offset = 100_000 * (1 + [s for s, _ in self.loader.asked].index(source))
        made = Loaded(offset=offset, frames=frames, channels=channels, digest="d" * 8, words=words(source))
        self.session.loaded(source, made)

    def deliver_all(self) -> None:
        for source, _ in tuple(self.loader.asked):
            self.deliver(source)
        self.session.publish()

    def do(self, command: Command, at_frame: int | None = None) -> tuple[Event, ...]:
        """Apply a command; the history's note of an edit is left out."""
        told = self.session.apply(command, at_frame)
        self.now += 48_000
        if isinstance(command, Historic):
            self.told[:] = [event for event in self.told if not isinstance(event, StoryEdited)]
        return told

    def report(self, kind: Report, **fields: Any) -> list[Event]:
        """Have the audio process report; return what the session told of it."""
        block = np.zeros(1, REPORT)
        block["kind"] = kind
        for name, value in fields.items():
            block[name] = value
        self.told.clear()
        self.session.hear(block)
        return list(self.told)
