"""Package: writes everything that a plan says into a folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import msgspec

from engine.export.folder import MANIFEST, sha256
from engine.export.manifest import (
    TAPS,
    FileEntry,
    Manifest,
    MarkerEntry,
    Tail,
    clip_entries,
    cuevox_version,
    take_entries,
    write_manifest,
)
from engine.export.media import Source, copy_as_wav
from engine.export.overview import Picture, draw_overview
from engine.export.passes import extra_passes
from engine.export.plan import OVERVIEW_FILE, README_FILE, Plan, Stem, mix_file
from engine.export.readme import readme_text
from engine.export.sessions.base import Session, SessionFormat
from engine.export.sessions.registry import SESSIONS
from engine.export.shelf import Shelf
from engine.export.stems import WORKSPACE, Printed, print_stems
from engine.story.model import ExportFormat

Progress = Callable[[float, str], None]

_CONVERTED, _MIXED, _WRITTEN, _DRAWN = 0.05, 0.85, 0.9, 0.95
"""Fractions of the work that are done after each stage."""

_SPARE_BYTES = 4_000_000


def write_package(plan: Plan, folder: Path, progress: Progress) -> Manifest:
    """Write all files of ``plan`` into the empty ``folder`` and return their manifest."""
    wavs = _convert_media(plan, folder, progress)
    printed = print_stems(plan, folder, wavs, lambda part: progress(_CONVERTED + part * (_MIXED - _CONVERTED), "mix"))
    _write_sessions(plan, folder, wavs, printed, progress)
    shutil.rmtree(folder / WORKSPACE, ignore_errors=True)
    progress(_WRITTEN, "draw")
    if plan.options.overview:
        draw_overview(_picture(plan, printed), folder / OVERVIEW_FILE)
    progress(_DRAWN, "check sums")
    manifest = _manifest(plan, printed)
    (folder / README_FILE).write_text(readme_text(plan, manifest), encoding="utf-8", newline="\r\n")
    manifest = msgspec.structs.replace(manifest, files=_file_entries(plan, folder, printed))
    write_manifest(manifest, folder / MANIFEST)
    progress(1.0, "done")
    return manifest


def sessions(plan: Plan) -> Iterator[tuple[ExportFormat, SessionFormat]]:
    """Iterate over the session formats that ``plan`` asks for."""
    return ((name, SESSIONS[name]) for name in dict.fromkeys(plan.options.formats) if name in SESSIONS)


def expected_files(plan: Plan) -> tuple[str, ...]:
    """Return the package's files, with ``/``, media not among them."""
    extra = (stem.file for each in extra_passes(plan) for stem in each.plan.stems)
    names = [*(stem.file for stem in plan.stems), *extra, MANIFEST, README_FILE]
    names += [OVERVIEW_FILE] if plan.options.overview else []
    return (*names, *(f"{name}/{file}" for name, session in sessions(plan) for file in session.files(plan)))


def needed_bytes(plan: Plan) -> int:
    """Return about how much room the package takes."""
    copies = sum(session.has_media for _, session in sessions(plan))
    return plan.stems_bytes() + plan.media_bytes() * copies + _SPARE_BYTES


def _convert_media(plan: Plan, folder: Path, progress: Progress) -> dict[Source, Path]:
    """Resample and decode once what isn't a WAV of the project's rate; return where every source's WAV lies."""
    wavs = {source: medium.path for source, medium in plan.media.items()}
    waiting = {source: medium for source, medium in plan.media.items() if medium.convert}
    if waiting and (plan.stems or any(session.has_media for _, session in sessions(plan))):
        (folder / WORKSPACE).mkdir(exist_ok=True)
        for number, (source, medium) in enumerate(waiting.items()):
            progress(_CONVERTED * number / len(waiting), "convert")
            wavs[source] = folder / WORKSPACE / medium.name
            copy_as_wav(medium, wavs[source], plan.story.sample_rate)
    return wavs


def _write_sessions(plan: Plan, folder: Path, wavs: dict[Source, Path], printed: Printed, progress: Progress) -> None:
    shelf = Shelf(plan.media, wavs, folder / WORKSPACE)
    wanted = list(sessions(plan))
    for number, (name, session) in enumerate(wanted):
        progress(_MIXED + (_WRITTEN - _MIXED) * number / len(wanted), name)
        (folder / name).mkdir()
        session.write(
            Session(plan=plan, frames=printed.frames, folder=folder / name, root=folder, shelf=shelf),
        )


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
        mix_levels=printed.levels.get(mix_file(plan.options)),
    )


def _file_entries(plan: Plan, folder: Path, printed: Printed) -> tuple[FileEntry, ...]:
    """List every file with its digest: stems and mix first, then whatever lies in the folder by name."""
    stems = {stem.file: stem for stem in printed.stems}
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    ordered = [*stems, *(name for name in names if name not in stems)]
    digests = _digests(folder, ordered)
    return tuple(_with_stem(_entry(plan, folder, name, digests[name]), stems.get(name), printed) for name in ordered)


def _digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the digest of every file, each read once however many links it has."""
    files = {name: (folder / name).stat().st_ino for name in names}
    first = {inode: name for name, inode in reversed(files.items())}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        known = dict(zip(first, pool.map(lambda name: sha256(folder / name), first.values()), strict=True))
    return {name: known[inode] for name, inode in files.items()}


def _entry(plan: Plan, folder: Path, name: str, digest: str) -> FileEntry:
    top, _, below = name.partition("/")
    entry = FileEntry(path=name, role="overview", bytes=(folder / name).stat().st_size, sha256=digest)
    if name == README_FILE:
        return msgspec.structs.replace(entry, role="readme")
    if top not in SESSIONS:
        return entry
    is_main = below in SESSIONS[cast(ExportFormat, top)].files(plan)
    return msgspec.structs.replace(entry, role="session" if is_main else "media", format=cast(ExportFormat, top))


def _with_stem(entry: FileEntry, stem: Stem | None, printed: Printed) -> FileEntry:
    """Say of an audio file which strip it is of, and how loud."""
    if stem is None:
        return entry
    return msgspec.structs.replace(
        entry,
        role=stem.role,
        strip=stem.strip,
        name=stem.name,
        tap=stem.tap_text or TAPS.get(stem.role),
        levels=printed.levels[stem.file],
    )


def _manifest(plan: Plan, printed: Printed) -> Manifest:
    """Return everything of the manifest but its files."""
    story, options = plan.story, plan.options
    names = {marker.id: marker.name for marker in story.markers}
    return Manifest(
        cuevox=cuevox_version(),
        made_at=plan.made_at.isoformat(timespec="seconds"),
        title=story.title,
        sample_rate=story.sample_rate,
        encoding=options.encoding,
        dither="triangular" if options.encoding == "pcm16" else "none",
        file_format=options.file_format,
        start_frame=plan.start_frame,
        residuals=printed.residuals,
        mix_gain_db=printed.mix_gain_db,
        acx=printed.acx,
        frames=printed.frames,
        story_end_frame=plan.end_frame,
        tail=Tail(
            tail_db=options.tail_db,
            cap_seconds=options.tail_cap_seconds,
            frames=max(0, plan.start_frame + printed.frames - plan.end_frame),
            capped=printed.is_capped,
        ),
        warnings=tuple(_warnings(plan, printed)),
        files=(),
        markers=tuple(MarkerEntry(id=key, name=names[key], frame=frame) for key, frame in plan.markers.items()),
        clips=clip_entries(plan.placed, plan.media),
        takes=take_entries(plan.media.values()),
    )


def _warnings(plan: Plan, printed: Printed) -> Iterator[str]:
    for name, levels in printed.levels.items():
        if plan.options.encoding != "float32" and levels.peak_dbfs is not None and levels.peak_dbfs > 0.0:
            yield (
                f"{name} reaches {levels.peak_dbfs:+.1f} dBFS and is clipped; lower its fader or export 32-bit float"
            )
    if printed.is_capped:
        yield (
            f"the tail was cut after {plan.options.tail_cap_seconds:g} s before it fell to "
            f"{plan.options.tail_db:g} dBFS; raise tail_cap_seconds to keep more"
        )
    for clip in plan.silent:
        yield f"clip {clip} is silent: its trim leaves nothing of it"
