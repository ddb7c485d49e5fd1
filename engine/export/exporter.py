"""Export: a story becomes stems, a mix, sessions for DAWs, a picture and a manifest, in one pass of the mixer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from engine.export.folder import Target
from engine.export.manifest import Manifest
from engine.export.media import TakeFiles
from engine.export.options import ExportOptions
from engine.export.package import expected_files, needed_bytes, sessions, write_package
from engine.export.plan import make_plan
from engine.story.model import Line, Story
from engine.voices.take import Take

Progress = Callable[[float, str], None]
"""Hears how much is done, 0 to 1, and the stage; what it raises cancels the export."""


def export_story(
    story: Story,
    *,
    base_folder: Path,
    takes: Mapping[Line, Take],
    cache: TakeFiles,
    out_folder: Path,
    options: ExportOptions | None = None,
    progress: Progress | None = None,
    made_at: datetime | None = None,
) -> Manifest:
    """Export ``story`` to ``out_folder`` and return the manifest that lies there.

    base_folder: where the story's audio paths start. takes: the take of every line of its clips; their audio lies in
    ``cache``. All files start at frame 0 and are equally long. Either everything is there at the end or nothing has
    changed: an earlier export stays whole, and files that no export wrote are never touched. An export that was killed
    goes on: what it had finished is verified and kept.
    Raises MediaError naming everything that is missing, ExportError for what the folder or the disk refuses, Busy while
    another process exports to the same folder, and whatever ``progress`` raises.
    """
    tell = progress or _nobody
    tell(0.0, "check")
    plan = make_plan(
        story, base_folder, takes, cache, options or ExportOptions(), made_at or datetime.now().astimezone()
    )
    for _, session in sessions(plan):
        session.check(plan)
    target = Target(out_folder)
    target.check(expected_files(plan), needed_bytes(plan), replace_changed=plan.options.replace_changed)
    with target.staging(plan.key, plan.made_at) as journal:
        return write_package(msgspec.structs.replace(plan, made_at=journal.made_at), journal, tell)


def _nobody(fraction: float, stage: str) -> None:
    """Hear nothing."""
