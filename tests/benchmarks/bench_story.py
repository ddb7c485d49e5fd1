"""A story of 10,000 clips: what opening, editing, undoing, saving, playing and recovering cost.

The references are PyYAML's C reader and writer on the same file, which know nothing of stories, comments or errors.
Edits go through a running session and its journal on the disk, as a client's do; the takes are made up.
"""

from __future__ import annotations

import argparse
import gc
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from report import NOTES, Report, quantile

sys.path.insert(0, str(Path(__file__).parents[1] / "session"))
from studio import HandLoader, RecordingStage, words

from engine.commands import Command, Edit, SetClip, SetStripGain
from engine.edits import (
    AddLine,
    AlignWord,
    CopyClip,
    FadeClip,
    InsertTime,
    MoveClip,
    OrderClip,
    Redo,
    RemoveClip,
    SetLine,
    SlipClip,
    SplitClip,
    SpreadLines,
    TrimClip,
    Undo,
)
from engine.mixer.graph import compile_graph
from engine.mixer.mixer import Mixer
from engine.realtime.records import ENTRY, NOW, Kind, records
from engine.session.keeper import NoKeeper
from engine.session.library import Loaded
from engine.session.session import Session
from engine.story.document import StoryDocument
from engine.story.edit_clips import edit_clips
from engine.story.history import History
from engine.story.journal import Journal
from engine.story.known import NothingKnown
from engine.story.layout import Layout
from engine.story.model import Story
from engine.story.script import import_script

CLIPS, TRACKS = 10_000, 8
RATE = 48_000
FRAMES = 4_800
"""How long every take is."""
OPEN_SECONDS, EDIT_MS, SAVE_SECONDS, RECOVERY_SECONDS = 1.0, 5.0, 0.5, 1.0
TURNS = 25
EDITS = 2_000
BLOCK = 128
BLOCKS = 2_000
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def main() -> None:
    """Measure, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=CLIPS)
    count = parser.parse_args().clips
    report = Report("story", f"A story of {count:,} clips")
    with tempfile.TemporaryDirectory(prefix="cuevox-bench-") as folder:
        path = Path(folder) / "story.yaml"
        path.write_text(story_text(count), encoding="utf-8")
        session = _open(report, path)
        _edit(report, session, Random(count))
        _chain(report, count, Path(folder))
        _save(report, path)
        _play(report, count)
        _recover(report, path)
    report.finish()


class Random(random.Random):
    """Chooses clips, the same ones in every run."""

    def __init__(self, count: int) -> None:
        super().__init__(1)
        self._per_track = count // TRACKS

    def clip(self) -> str:
        """Return a clip's id, one that has neighbours."""
        return f"t{self.randrange(TRACKS)}-{self.randrange(2, self._per_track - 2)}"


def story_text(count: int) -> str:
    """Return a story as people write it: comments, places, trims, fades, clips that follow one another."""
    lines = ["kind: story", "version: 1", "title: Long", "tracks:"]
    for track in range(TRACKS):
        lines += [f"  - id: t{track}", "    voice: narrator", "    clips:"]
        for number in range(1, count // TRACKS + 1):
            text = f"This is line {number} of track {track}, said once and never again."
            start = f"{number * 4 + track / 4:g}" if number % 2 else "after + 0.25"
            lines += [f"      # scene {number // 50}"] if number % 50 == 0 else []
            more = ", fade_in: 0.004, gain_db: -3" if number % 3 == 0 else ""
            lines.append(f'      - {{say: "{text}", start: {start}{more}}}')
    lines.append("markers:")
    lines += [f"  - {{id: m{number}, at: {number * 20}}}" for number in range(1, 100)]
    lines.append("cues:")
    lines.append("  - {id: '1', clip: t0-1}")
    return "\n".join(lines) + "\n"


class Kept(NoKeeper):
    """A keeper with a journal."""

    def __init__(self, path: Path) -> None:
        self._journal = Journal(path)

    def append(self, command: Edit) -> None:
        """Keep an edit on the disk."""
        self._journal.append(command, self.client)


def _session(story: Story, path: Path) -> Session:
    """Return a session whose takes are all there."""
    loader = HandLoader()
    session = Session(story, RecordingStage(), loader, keeper=Kept(path))
    session.open()
    for offset, (source, _) in enumerate(tuple(loader.asked)):
        loaded = Loaded(offset=offset * FRAMES, frames=FRAMES, channels=1, digest="d", words=words(source))
        session.loaded(source, loaded)
    session.publish()
    return session


def _open(report: Report, path: Path) -> Session:
    text = path.read_text(encoding="utf-8")
    plain = _median(lambda: yaml.load(text, LOADER), 3)
    seconds = _median(lambda: StoryDocument.load(path), 5)
    known = {"at_most": OPEN_SECONDS, "reference": plain, "reference_name": "yaml.load"}
    report.add(f"open: read and check {len(text) / 1e6:.1f} MB", seconds, "s", **known)
    story = StoryDocument.load(path).story
    NOTES.print("opening a session")
    session = _session(story, path)
    _settle()

    def anew() -> None:
        session.transport.rows.forget()
        session.publish()

    report.add("the timeline compiled from nothing", _median(anew, 5) * 1e3, "ms")
    return session


def _edit(report: Report, session: Session, chance: Random) -> None:
    publishing, undoing = [], []
    for what, edits in _edits(chance).items():
        took = []
        for _ in range(TURNS):
            took.append(_timed(lambda edits=edits: session.apply(edits())))  # type: ignore[misc]
            publishing.append(_timed(session.publish))
            undoing.append(_timed(lambda: session.apply(Undo())))
            undoing.append(_timed(lambda: session.apply(Redo())))
            undoing.append(_timed(lambda: session.apply(Undo())))
            publishing.append(_timed(session.publish))
        report.add(f"edit: {what}, 95 %", quantile(took, 0.95), "ms", at_most=EDIT_MS, note=_most(took))
    report.add("undo and redo, 95 %", quantile(undoing, 0.95), "ms", at_most=EDIT_MS, note=_most(undoing))
    report.add("timeline compiled anew after one, 95 %", quantile(publishing, 0.95), "ms", note=_most(publishing))
    for what, edit in {
        "delete the second of a track, closing up": RemoveClip(clip="t3-2", ripple=True),
        "put a second in before everything": InsertTime(timeline_frame=0, length_frames=RATE),
        "spread all lines as a conversation": SpreadLines(gap_frames=RATE // 2),
    }.items():
        took = [_timed(lambda edit=edit: session.apply(edit))]  # type: ignore[misc]
        session.apply(Undo())
        report.add(f"edit of many clips: {what}", took[0], "ms", note="costs what it changes")


def _edits(chance: Random) -> dict[str, Callable[[], Command]]:
    clip = chance.clip
    return {
        "add a line": lambda: AddLine(track="t3", text="a line that is new"),
        "move": lambda: MoveClip(clip=clip(), by_frames=480),
        "move to another track": lambda: MoveClip(clip=clip(), place="0:30", track="t7"),
        "copy": lambda: CopyClip(clip=clip(), place="12.5"),
        "delete": lambda: RemoveClip(clip=clip()),
        "another order": lambda: OrderClip(clip=clip(), position=2),
        "trim": lambda: TrimClip(clip=clip(), from_frame=100, to_frame=4_500),
        "slip": lambda: SlipClip(clip=clip(), by_frames=0),
        "split at a frame": lambda: SplitClip(clip=clip(), at_frame=300),
        "fade": lambda: FadeClip(clip=clip(), fade_out_frames=96),
        "gain": lambda: SetClip(clip=clip(), gain_db=-chance.random() * 20.0),
        "pan": lambda: SetClip(clip=clip(), pan=chance.random()),
        "another text": lambda: SetLine(clip=clip(), text="something else"),
        "align a word": lambda: AlignWord(clip=clip(), word="is", place="0:40.000"),
    }


def _chain(report: Report, count: int, folder: Path) -> None:
    """Move the first line of a script in which each line comes after the one before."""
    names = ("ANNA", "BERT", "CARLA")
    script = "\n".join(f"{names[n % 3]}: Line {n} of a long script.\n" for n in range(count))
    path = folder / "script.yaml"
    StoryDocument.create(path, import_script(script))
    session = _session(StoryDocument.load(path).story, path)
    _settle()
    took, publishing = [], []
    for _ in range(TURNS):
        took.append(_timed(lambda: session.apply(MoveClip(clip="anna-1", by_frames=480))))
        publishing.append(_timed(session.publish))
    report.add(
        "edit: move the line that all others follow, 95 %", quantile(took, 0.95), "ms", at_most=EDIT_MS,
        note=_most(took),
    )  # fmt: skip
    report.add("timeline compiled anew after it, 95 %", quantile(publishing, 0.95), "ms", note=_most(publishing))


def _save(report: Report, path: Path) -> None:
    document = StoryDocument.load(path)
    _settle()
    content = yaml.load(path.read_text(encoding="utf-8"), LOADER)
    plain = _median(lambda: yaml.dump(content, Dumper=DUMPER, sort_keys=False), 1)
    chance, story, took = Random(len(document.story.clips())), document.story, []
    layout = Layout(NothingKnown())
    for turn in range(5):
        for _ in range(1 if turn % 2 else 100):
            story = edit_clips(
                story, FadeClip(clip=chance.clip(), fade_out_frames=turn * 100 + 1), NothingKnown(), layout
            )
        took.append(_timed(lambda story=story: document.save(story)) / 1e3)  # type: ignore[misc]
    assert StoryDocument.load(path).story == story
    known = {"at_most": SAVE_SECONDS, "reference": plain, "reference_name": "yaml.dump"}
    report.add("save, after one edit or 100 of them, the longest of 5", max(took), "s", **known)


def _play(report: Report, count: int) -> None:
    """Mix blocks over the middle of a short story and of a long one, a new clip in every block."""
    short, long = (_mixed(n) for n in (count // 100, count))
    known = {"reference": short[0], "reference_name": f"{count // 100} clips"}
    report.add("a block with the timeline running, mean", long[0], "µs", at_most=1.25 * short[0], **known)
    known["reference"] = short[1]
    report.add("a block with the timeline running, 99 %", long[1], "µs", **known)


def _mixed(count: int) -> tuple[float, float]:
    story = import_script("\n".join(f"A: {n}" for n in range(2)))
    mixer = Mixer(compile_graph(story), sample_rate=RATE, arena=np.full(FRAMES, 0.1, np.float32), max_players=64)
    mixer.set_timeline(_entries(count), 1)
    start = records(2)
    start["kind"], start["frame"] = (Kind.LOCATE, Kind.PLAY), NOW
    start["value"][0] = count * BLOCK // 2
    mixer.dispatch(start)
    took = []
    for number in range(BLOCKS):
        began = time.perf_counter()
        mixer.process(BLOCK)
        took.append((time.perf_counter() - began) * 1e6)
        if number % (count // 4) == count // 4 - 1:
            mixer.dispatch(start)
            mixer.take_reports()
    return sum(took) / len(took), quantile(took, 0.99)


def _entries(count: int) -> Any:
    entries = np.zeros(count, ENTRY)
    entries["start_frame"] = np.arange(count) * BLOCK
    entries["length"], entries["channels"], entries["gain"] = FRAMES, 1, 0.5
    entries["player"] = np.arange(count) + 1
    return entries


def _recover(report: Report, path: Path) -> None:
    """Kill the engine after 2,000 acknowledged edits: how long until the story is back, edits and all."""
    path = Path(shutil.copy(path, path.with_name("recovered.yaml")))
    journal = Journal(path)
    session = _session(StoryDocument.load(path).story, path)
    chance = Random(len(session.context.index.clips))
    for number in range(EDITS // 2):
        session.apply(MoveClip(clip=chance.clip(), by_frames=number))
        session.apply(SetStripGain(strip="t0", gain_db=-number / 100))
    wanted = session.story
    began = time.perf_counter()
    history = History(Journal(path).past())
    story, dropped = Journal(path).replay(StoryDocument.load(path).story, history=history)
    seconds = time.perf_counter() - began
    journal.close()
    assert not dropped and story == wanted and history.past == session.editor.history.past
    what = f"recovery: the story, {EDITS:,} edits behind it, and what can be undone"
    report.add(what, seconds, "s", at_most=RECOVERY_SECONDS)


def _settle() -> None:
    """Have the collector leave alone what is there, as the control process does once it is ready."""
    gc.collect()
    gc.freeze()


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def _median(work: Callable[[], object], turns: int) -> float:
    return sorted(_timed(work) / 1e3 for _ in range(turns))[turns // 2]


def _most(took: list[float]) -> str:
    return f"at most {max(took):.1f} ms, median {quantile(took, 0.5):.2f} ms"


if __name__ == "__main__":
    main()
