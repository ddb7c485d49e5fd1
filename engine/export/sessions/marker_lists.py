"""Lists of markers, clips and words for programs that read no session: Reaper, Audition, Audacity, a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from engine.export.plan import Plan
from engine.export.sessions.base import Session, SessionFormat, clip_title, heard_words

REAPER, AUDITION, AUDACITY, WORDS = (
    "reaper_markers.csv",
    "audition_markers.csv",
    "audacity_labels.txt",
    "words.csv",
)


def _files(_plan: Plan) -> tuple[str, ...]:
    return REAPER, AUDITION, AUDACITY, WORDS


def write(session: Session) -> None:
    """Write all lists. Times are seconds, to the microsecond."""
    for name, rows, delimiter in (
        (REAPER, _reaper(session), ","),
        (AUDITION, _audition(session), "\t"),
        (AUDACITY, _audacity(session), "\t"),
        (WORDS, _words(session), ","),
    ):
        (session.folder / name).write_text(_table(rows, delimiter), encoding="utf-8", newline="\r\n")


FORMAT = SessionFormat(
    what="lists of markers, clips and words for Reaper, Audition, Audacity", files=_files, write=write, has_media=False
)


def _reaper(session: Session) -> Iterator[tuple[str, ...]]:
    """Markers as they are, clips as regions. Reaper reads the times by its ruler: set that to seconds first."""
    yield "#", "Name", "Start", "End", "Length"
    for number, (frame, marker) in enumerate(session.markers(), 1):
        yield f"M{number}", marker.name or marker.id, _seconds(session, frame), "", ""
    for number, placed in enumerate(session.plan.placed, 1):
        times = (placed.start_frame, placed.end_frame, placed.length_frames)
        yield f"R{number}", clip_title(placed), *(_seconds(session, frame) for frame in times)


def _audition(session: Session) -> Iterator[tuple[str, ...]]:
    yield "Name", "Start", "Duration", "Time Format", "Type", "Description"
    for frame, marker in session.markers():
        yield marker.name or marker.id, _clock(session, frame), _clock(session, 0), "decimal", "Cue", ""
    for placed in session.plan.placed:
        start, length = _clock(session, placed.start_frame), _clock(session, placed.length_frames)
        yield clip_title(placed), start, length, "decimal", "Cue", placed.track.name or placed.track.id


def _audacity(session: Session) -> Iterator[tuple[str, ...]]:
    for frame, marker in session.markers():
        yield _seconds(session, frame), _seconds(session, frame), marker.name or marker.id
    for placed in session.plan.placed:
        yield _seconds(session, placed.start_frame), _seconds(session, placed.end_frame), clip_title(placed)


def _words(session: Session) -> Iterator[tuple[str, ...]]:
    yield "track", "clip", "word", "start", "end", "start_frame", "end_frame"
    for placed in session.plan.placed:
        offset = placed.start_frame - placed.clip.trim_start_frames
        for word in heard_words(placed, session.medium(placed)):
            frames = (offset + word.start_frame, min(offset + word.end_frame, placed.end_frame))
            seconds = (_seconds(session, frame) for frame in frames)
            yield placed.track.id, placed.clip.id, word.text, *seconds, *(str(frame) for frame in frames)


def _seconds(session: Session, frame: int) -> str:
    return f"{frame / session.plan.story.sample_rate:.6f}"


def _clock(session: Session, frame: int) -> str:
    """Return minutes and seconds, the decimal time of Audition."""
    minutes, rest = divmod(round(1000 * frame / session.plan.story.sample_rate), 60_000)
    return f"{minutes}:{rest // 1000:02}.{rest % 1000:03}"


def _table(rows: Iterable[tuple[str, ...]], delimiter: str) -> str:
    text = io.StringIO()
    if delimiter == ",":
        csv.writer(text, lineterminator="\n").writerows(rows)
    else:  # these readers know no quotes
        text.writelines(delimiter.join(" ".join(field.split()) for field in row) + "\n" for row in rows)
    return text.getvalue()
