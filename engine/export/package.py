"""Package: writes everything that a plan says into a folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from engine.export.folder import MANIFEST, sha256
from engine.export.manifest import (
    TAPS,
    FileEntry,
    Manifest,
    MarkerEntry,
    Role,
    Tail,
    clip_entries,
    cuevox_version,
    take_entries,
    write_manifest,
)
from engine.export.media import Source, copy_as_wav
from engine.export.overview import Picture, draw_overview
from engine.export.plan import MEDIA_FOLDER, OVERVIEW_FILE, Plan, Stem
from engine.export.reaper import project_text
from engine.export.stems import Printed, print_stems

Progress = Callable[[float, str], None]

_CONVERTED, _MIXED, _COPIED, _DRAWN = 0.05, 0.85, 0.9, 0.95
"""Fractions of the work that are done after each stage."""


def write_package(plan: Plan, folder: Path, progress: Progress) -> Manifest:
    """Write all files of ``plan`` into the empty ``folder`` and return their manifest."""
    sources = _convert_media(plan, folder, progress)
    printed = print_stems(
        plan, folder, sources, lambda part: progress(_CONVERTED + part * (_MIXED - _CONVERTED), "mix")
    )
    if plan.options.reaper:
        _copy_media(plan, folder, progress)
        text = project_text(plan, printed.frames)
        (folder / plan.project_file).write_text(text, encoding="utf-8", newline="\r\n")
    else:
        shutil.rmtree(folder / MEDIA_FOLDER, ignore_errors=True)
    progress(_COPIED, "draw")
    if plan.options.overview:
        draw_overview(_picture(plan, printed), folder / OVERVIEW_FILE)
    progress(_DRAWN, "check sums")
    manifest = _manifest(plan, printed, _file_entries(plan, folder, printed))
    write_manifest(manifest, folder / MANIFEST)
    progress(1.0, "done")
    return manifest


def _convert_media(plan: Plan, folder: Path, progress: Progress) -> dict[Source, Path]:
    """Resample and decode once what isn't a WAV of the project's rate; return where every source's WAV lies."""
    sources = {source: medium.path for source, medium in plan.media.items()}
    waiting = {source: medium for source, medium in plan.media.items() if medium.convert}
    if waiting:
        (folder / MEDIA_FOLDER).mkdir()
    for number, (source, medium) in enumerate(waiting.items()):
        progress(_CONVERTED * number / len(waiting), "convert")
        sources[source] = folder / MEDIA_FOLDER / medium.name
        copy_as_wav(medium, sources[source], plan.story.sample_rate)
    return sources


def _copy_media(plan: Plan, folder: Path, progress: Progress) -> None:
    (folder / MEDIA_FOLDER).mkdir(exist_ok=True)
    for number, medium in enumerate(plan.media.values()):
        progress(_MIXED + (_COPIED - _MIXED) * number / len(plan.media), "copy media")
        if not medium.convert:
            shutil.copyfile(medium.path, folder / MEDIA_FOLDER / medium.name)


def _picture(plan: Plan, printed: Printed) -> Picture:
    words = {each.clip.id: take.words for each in plan.placed if (take := plan.medium(each).take)}
    return Picture(
        story=plan.story,
        placed=plan.placed,
        markers=plan.markers,
        frames=printed.frames,
        clips=printed.clips,
        words=words,
        strips=printed.lanes,
        mix_levels=printed.levels[plan.stems[-1].file],
    )


def _file_entries(plan: Plan, folder: Path, printed: Printed) -> tuple[FileEntry, ...]:
    """List every file with its digest."""
    wanted = [name for name in plan.file_names() if name != MANIFEST]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        digests = pool.map(lambda name: sha256(folder / name), wanted)
        entries = [
            FileEntry(path=name, role=_role(plan, name), bytes=(folder / name).stat().st_size, sha256=digest)
            for name, digest in zip(wanted, digests, strict=True)
        ]
    stems = {stem.file: stem for stem in plan.stems}
    return tuple(_with_stem(entry, stems.get(entry.path), printed) for entry in entries)


def _with_stem(entry: FileEntry, stem: Stem | None, printed: Printed) -> FileEntry:
    """Say of an audio file which strip it is of, and how loud."""
    if stem is None:
        return entry
    return msgspec.structs.replace(
        entry,
        role=stem.role,
        strip=stem.strip,
        name=stem.name,
        tap=TAPS[stem.role],
        levels=printed.levels[stem.file],
    )


def _role(plan: Plan, name: str) -> Role:
    if name == plan.project_file:
        return "reaper"
    return "overview" if name == OVERVIEW_FILE else "media"


def _manifest(plan: Plan, printed: Printed, files: tuple[FileEntry, ...]) -> Manifest:
    story, options = plan.story, plan.options
    names = {marker.id: marker.name for marker in story.markers}
    return Manifest(
        cuevox=cuevox_version(),
        made_at=plan.made_at.isoformat(timespec="seconds"),
        title=story.title,
        sample_rate=story.sample_rate,
        encoding=options.encoding,
        frames=printed.frames,
        story_end_frame=plan.end_frame,
        tail=Tail(
            tail_db=options.tail_db,
            cap_seconds=options.tail_cap_seconds,
            frames=printed.frames - plan.end_frame,
            capped=printed.ending.is_capped,
        ),
        warnings=tuple(_warnings(plan, printed)),
        files=files,
        markers=tuple(MarkerEntry(id=key, name=names[key], frame=frame) for key, frame in plan.markers.items()),
        clips=clip_entries(plan.placed, plan.media),
        takes=take_entries(plan.media.values()),
    )


def _warnings(plan: Plan, printed: Printed) -> Iterator[str]:
    for name, levels in printed.levels.items():
        if plan.options.encoding == "pcm24" and levels.peak_dbfs is not None and levels.peak_dbfs > 0.0:
            yield (
                f"{name} reaches {levels.peak_dbfs:+.1f} dBFS and is clipped at 24 bits; "
                "lower its fader or export 32-bit float"
            )
    if printed.ending.is_capped:
        yield (
            f"the tail was cut after {plan.options.tail_cap_seconds:g} s before it fell to "
            f"{plan.options.tail_db:g} dBFS; raise tail_cap_seconds to keep more"
        )
    for clip in plan.silent:
        yield f"clip {clip} is silent: its trim leaves nothing of it"
