"""Placing: a captured line, or what a voice said after one, as a clip of a track."""

from __future__ import annotations

from pathlib import Path

from engine.capture.kept import CAPTURES, read_kept
from engine.edits import AddAudio, AddCapture

MOST_NAME = 60


def clip_of(project: Path, edit: AddCapture, sample_rate: int) -> AddAudio:
    """Return the edit that puts a capture of a project's folder on a track: where it is wanted, or where it was said.

    sample_rate: the story's. Raises UnknownThing, BadRange, MediaError.
    """
    kept = read_kept(project / CAPTURES, edit.capture)
    said = None if edit.place else kept.said_frame
    return AddAudio(
        track=edit.track,
        audio=f"{CAPTURES}/{kept.name}.wav",
        place=edit.place,
        start_frame=None if said is None else round(said * sample_rate / kept.sample_rate),
        clip=edit.clip,
        name=" ".join(kept.text.split())[:MOST_NAME].strip() or kept.name,
    )
