"""Package: writes everything that a plan says into a folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import cast

import msgspec

from engine.export.digest import sha256
from engine.export.folder import MANIFEST
from engine.export.journal import Journal
from engine.export.kept import keep_plugins
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
from engine.export.passes import extra_passes
from engine.export.plan import OVERVIEW_FILE, README_FILE, WORKSPACE, Plan, Stem, mix_file
from engine.export.readme import readme_text
from engine.export.sessions.base import Session, SessionFormat
from engine.export.sessions.registry import SESSIONS
from engine.export.shelf import Shelf
from engine.export.stems import Printed, print_stems
from engine.story.model import ExportFormat

Progress = Callable[[float, str], None]

_CONVERTED, _MIXED, _WRITTEN, _DRAWN = 0.05, 0.85, 0.9, 0.95
"""Fractions of the work that are done after each stage."""

_LOUDNESS_TOLERANCE_LU = 0.2
_SPARE_BYTES = 4_000_000


def write_package(plan: Plan, journal: Journal, progress: Progress) -> Manifest:
    """Write all files of ``plan`` that ``journal`` does not have yet into its folder, and return their manifest."""
    folder = journal.folder
    kept = keep_plugins(plan) if "reaper" in dict(sessions(plan)) else {}
    wavs = _convert_media(plan, journal, progress)
    printed = print_stems(plan, journal, wavs, lambda part: progress(_CONVERTED + part * (_MIXED - _CONVERTED), "mix"))
    shelf = Shelf(plan.media, wavs, folder / WORKSPACE)
    blank = Session(plan=plan, frames=printed.frames, folder=folder, root=folder, shelf=shelf, kept=kept)
    _write_sessions(blank, journal, progress)
    progress(_WRITTEN, "draw")
    if plan.options.overview:
        draw_overview(_picture(plan, printed), folder / OVERVIEW_FILE)
    progress(_DRAWN, "check sums")
    manifest = _manifest(plan, printed)
    (folder / README_FILE).write_text(readme_text(plan, manifest), encoding="utf-8", newline="\r\n")
    manifest = msgspec.structs.replace(manifest, files=_file_entries(plan, journal, printed))
    write_manifest(manifest, folder / MANIFEST)
    shutil.rmtree(folder / WORKSPACE, ignore_errors=True)
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


def _convert_media(plan: Plan, journal: Journal, progress: Progress) -> dict[Source, Path]:
    """Resample and decode once what isn't a WAV of the project's rate; return where every source's WAV lies."""
    wavs = {source: medium.path for source, medium in plan.media.items()}
    waiting = {source: medium for source, medium in plan.media.items() if medium.convert}
    if not waiting or not (plan.stems or any(session.has_media for _, session in sessions(plan))):
        return wavs
    workspace = journal.folder / WORKSPACE
    workspace.mkdir(exist_ok=True)
    wavs |= {source: workspace / medium.name for source, medium in waiting.items()}
    if "convert" not in journal:
        for number, (source, medium) in enumerate(waiting.items()):
            progress(_CONVERTED * number / len(waiting), "convert")
            copy_as_wav(medium, wavs[source], plan.story.sample_rate)
        journal.finish("convert", [wavs[source] for source in waiting])
    return wavs


def _write_sessions(blank: Session, journal: Journal, progress: Progress) -> None:
    """Write every format into a folder of its own. blank: what they all get, but for that folder."""
    folder, wanted = journal.folder, list(sessions(blank.plan))
    mixed = _MIXED if blank.plan.stems else _CONVERTED
    for number, (name, session) in enumerate(wanted):
        progress(mixed + (_WRITTEN - mixed) * number / len(wanted), name)
        if name in journal:
            continue
        (folder / name).mkdir()
        session.write(msgspec.structs.replace(blank, folder=folder / name))
        journal.finish(name, (path for path in (folder / name).rglob("*") if path.is_file()))


def _picture(plan: Plan, printed: Printed) -> Picture:
    words = {each.clip.id: words for each in plan.placed if (words := plan.medium(each).words)}
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


def _file_entries(plan: Plan, journal: Journal, printed: Printed) -> tuple[FileEntry, ...]:
    """List every file with its digest: stems and mix first, then whatever lies in the folder by name."""
    folder = journal.folder
    stems = {stem.file: stem for stem in printed.stems}
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    names = [name for name in names if not name.startswith(f"{WORKSPACE}/")]
    ordered = [*stems, *(name for name in names if name not in stems)]
    known = journal.digests
    digests = {name: known.get(name) or sha256(folder / name) for name in ordered}
    mains = {f"{name}/{file}" for name, session in sessions(plan) for file in session.files(plan)}
    return tuple(_with_stem(_entry(folder, name, digests[name], mains), stems.get(name), printed) for name in ordered)


def _entry(folder: Path, name: str, digest: str, mains: Collection[str]) -> FileEntry:
    """Return a file's entry. mains: the main files of all sessions; what else lies in a session's folder is media."""
    top = name.partition("/")[0]
    entry = FileEntry(path=name, role="overview", bytes=(folder / name).stat().st_size, sha256=digest)
    if name == README_FILE:
        return msgspec.structs.replace(entry, role="readme")
    if top not in SESSIONS:
        return entry
    role: Role = "session" if name in mains else "media"
    return msgspec.structs.replace(entry, role=role, format=cast(ExportFormat, top))


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
        dither="triangular" if options.is_dithered else "none",
        file_format=options.file_format,
        start_frame=plan.start_frame,
        residuals=printed.residuals,
        mix_target_lufs=options.mix_lufs,
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


def _loudness_warnings(plan: Plan, printed: Printed) -> Iterator[str]:
    """Tell where the mix did not come to its target, and which of ACX's limits it breaks."""
    target, levels = plan.options.mix_lufs, printed.levels.get(mix_file(plan.options))
    if target is not None and levels is not None:
        reached = levels.integrated_lufs
        if reached is None:
            yield f"the mix has no loudness to bring to {target:g} LUFS: it never rises above the gate of -70"
        elif abs(reached - target) > _LOUDNESS_TOLERANCE_LU:
            yield f"the mix reaches {reached:.1f} LUFS, not {target:g}: more would take the limiter too far"
    if printed.acx is not None:
        yield from (f"ACX: {problem}" for problem in printed.acx.problems())


def _warnings(plan: Plan, printed: Printed) -> Iterator[str]:
    for name, levels in printed.levels.items():
        if plan.options.encoding != "float32" and levels.peak_dbfs is not None and levels.peak_dbfs > 0.0:
            yield (
                f"{name} reaches {levels.peak_dbfs:+.1f} dBFS and is clipped; lower its fader or export 32-bit float"
            )
    yield from _loudness_warnings(plan, printed)
    if printed.is_capped:
        yield (
            f"the tail was cut after {plan.options.tail_cap_seconds:g} s before it fell to "
            f"{plan.options.tail_db:g} dBFS; raise tail_cap_seconds to keep more"
        )
    for name, session in sessions(plan):
        for what in session.missing(plan):
            if what.startswith(("automation", "ducking")):
                yield f"{what}: not in {name}/, only in stems and mix"
    for clip in plan.silent:
        yield f"clip {clip} is silent: its trim leaves nothing of it"
