"""Stems: plays a plan through the mixer into its audio files, the passes beside it in parallel, and finishes them."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec

from engine.export.bounce import LEAD_BLOCKS, Ending, bounce, rest_frames
from engine.export.describe import lead_chunks, trail_chunks
from engine.export.finish import Acx, Louder, check_acx, encode, folded, louder_for, measure
from engine.export.journal import Journal
from engine.export.loudness import Levels, Meter
from engine.export.media import Source
from engine.export.overview import Wave
from engine.export.passes import Pass, extra_passes
from engine.export.plan import WORKSPACE, Plan, Stem
from engine.export.printer import Print, Printer
from engine.export.residual import residual_dbfs
from engine.export.station import make_stations
from engine.export.taps import MIX, PREMASTER, block_frames
from engine.export.wav import WavWriter
from engine.platform import cores
from engine.units import seconds_to_frames

log = logging.getLogger(__name__)

_PICTURE_BUCKETS = 65536
"""Into how many pieces the timeline's length is divided where waveforms are drawn."""

_FINISHERS = 4
_PREMASTER_FILE = f"{WORKSPACE}/premaster.wav"
_FIRST_PASS = 0.5
"""The part of the work that the pass with the mix is, where there are others."""


class Printed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. levels: by file. clips: the waveform of each clip by id, of what sounds of it.

    stems: of all passes. residuals: by set, see Manifest. mono: files whose sides are the same.
    """

    frames: int
    is_capped: bool = False
    stems: tuple[Stem, ...] = ()
    levels: Mapping[str, Levels] = {}
    clips: Mapping[str, Wave] = {}
    lanes: Mapping[str, Wave] = {}
    mono: frozenset[str] = frozenset()
    residuals: Mapping[str, float | None] = {}
    mix_gain_db: float = 0.0
    acx: Acx | None = None


def print_stems(
    plan: Plan, journal: Journal, sources: Mapping[Source, Path], progress: Callable[[float], None]
) -> Printed:
    """Write mix and stems of ``plan`` and of its passes into the journal's folder, described and measured.

    sources: where each source's WAV of the project's rate lies. progress: hears the fraction that is mixed.
    """
    if not plan.stems:
        return Printed(frames=plan.end_frame)
    passes = extra_passes(plan)
    sets = {each.set for each in passes if each.is_timeline and each.plan.stems[0].tap == PREMASTER}
    first = _with_premaster(plan) if sets else plan
    share = _FIRST_PASS if passes else 1.0
    printed = _print_once(first, journal, "mix", sources, lambda part: progress(part * share), share=cores())
    others = _print_passes(passes, printed.frames, journal, sources, lambda part: progress(share + part * (1 - share)))
    whole = _joined(printed, others)
    residuals = {each: _residual(each, passes, journal.folder) for each in sorted(sets)}
    return msgspec.structs.replace(_finish_all(plan, whole, journal), residuals=residuals)


def _print_once(
    plan: Plan,
    journal: Journal,
    unit: str,
    sources: Mapping[Source, Path],
    progress: Callable[[float], None],
    frames: int | None = None,
    share: int = 1,
) -> Printed:
    """Print a pass, or return what came of it before the export was killed. share: how many cores it may take."""
    if unit not in journal:
        printed = _print_pass(plan, journal.folder, sources, progress, frames, share)
        journal.finish(unit, [_path(plan, stem, journal.folder) for stem in plan.stems], printed)
    return journal.result(unit, Printed)


def _with_premaster(plan: Plan) -> Plan:
    """Have the master's input printed, too: what stems with printed returns are compared with."""
    premaster = Stem(tap=PREMASTER, role="mix", strip="", name="", file=_PREMASTER_FILE)
    return msgspec.structs.replace(plan, stems=(*plan.stems, premaster))


def _residual(kind: str, passes: Sequence[Pass], folder: Path) -> float | None:
    parts = [_path(each.plan, each.plan.stems[0], folder) for each in passes if each.set == kind]
    return residual_dbfs(folder / _PREMASTER_FILE, parts)


def _print_passes(
    passes: Sequence[Pass],
    frames: int,
    journal: Journal,
    sources: Mapping[Source, Path],
    progress: Callable[[float], None],
) -> list[Printed]:
    """Print the passes, as many at a time as there are processors; an error or a cancelled progress ends all."""
    done = [0.0] * len(passes)

    def hear(number: int, part: float) -> None:
        done[number] = part
        progress(sum(done) / len(passes))

    def run(number: int, each: Pass) -> Printed:
        length = frames if each.is_timeline else None
        share = max(1, cores() // len(passes))
        return _print_once(
            each.plan, journal, f"pass {number}", sources, lambda part: hear(number, part), length, share
        )

    if any(each.plan.graph.plugins for each in passes):  # only this thread may load plug-ins
        return [run(number, each) for number, each in enumerate(passes)]
    with ThreadPoolExecutor(cores(), thread_name_prefix="pass") as pool:
        futures = [pool.submit(run, number, each) for number, each in enumerate(passes)]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _print_pass(
    plan: Plan,
    folder: Path,
    sources: Mapping[Source, Path],
    progress: Callable[[float], None],
    frames: int | None,
    share: int,
) -> Printed:
    """Bounce one plan. frames: how long its files become; None: as the plan says, tails included. share: of cores."""
    draws = plan.options.overview and any(stem.tap == MIX for stem in plan.stems)
    bucket = max(1, plan.end_frame // _PICTURE_BUCKETS) if draws else 0
    with ExitStack() as stack:
        block = block_frames(len(plan.graph.strips))
        stations = make_stations(plan, sources, bucket, share, block)
        for station in stations:
            stack.enter_context(closing(station))
        mixer = stations[-1].mixer
        for effect, fault in mixer.faults.items():
            log.warning("%s is left out of the sound: %s", effect, fault)
        ending = _ending(plan, mixer.latency_frames, frames)
        late = {True: mixer.latency_frames, False: mixer.strip_latency_frames}
        prints = [_open(plan, stem, folder, late[stem.tap == MIX], bucket, stack) for stem in plan.stems]
        ahead = LEAD_BLOCKS * (len(stations) - 1)
        printer = stack.enter_context(closing(Printer(prints, block, ahead, share)))
        length, taps = max(1, plan.end_frame), [stem.tap for stem in plan.stems]
        bounce(stations, printer, taps, ending, lambda frame: progress(min(1.0, frame / length)))
        levels = _close(plan, prints, ending.frames - plan.start_frame)
    clips = {reel.placed.clip.id: Wave(reel.outline, bucket) for station in stations for reel in station.drawn}
    return _printed(plan, ending, prints, levels, clips, bucket)


def _printed(
    plan: Plan,
    ending: Ending,
    prints: Sequence[Print],
    levels: Mapping[str, Levels],
    clips: Mapping[str, Wave],
    bucket: int,
) -> Printed:
    shown = [stem for stem in plan.stems if stem.file != _PREMASTER_FILE]
    named = list(zip(plan.stems, prints, strict=True))
    return Printed(
        frames=ending.frames - plan.start_frame,
        is_capped=ending.is_capped,
        stems=tuple(shown),
        levels={stem.file: levels[stem.file] for stem in shown},
        clips=clips,
        lanes={stem.strip: Wave(each.outline, bucket) for stem, each in named},
        mono=frozenset(stem.file for stem, each in named if each.is_mono),
    )


def _joined(first: Printed, others: Sequence[Printed]) -> Printed:
    """Return all passes as one: stems of other passes before the mix, which stays last."""
    stems = (*first.stems[:-1], *(stem for each in others for stem in each.stems), first.stems[-1])
    every = (first, *others)
    return msgspec.structs.replace(
        first,
        stems=stems,
        levels={
            stem.file: next(each.levels[stem.file] for each in every if stem.file in each.levels) for stem in stems
        },
        mono=frozenset().union(*(each.mono for each in every)),
    )


def _finish_all(plan: Plan, printed: Printed, journal: Journal) -> Printed:
    """Turn what was printed in float into what was asked for; nothing where that is the same."""
    options, mix, folder = plan.options, printed.stems[-1], journal.folder
    louder = Louder(0.0, None)
    if options.mix_lufs is not None:
        ceiling_db = -1.0 if plan.story.master.limiter_db is None else plan.story.master.limiter_db
        louder = louder_for(_path(plan, mix, folder), options.mix_lufs, ceiling_db)
        levels = {**printed.levels, mix.file: measure(louder, _path(plan, mix, folder))}
        printed = msgspec.structs.replace(printed, levels=levels, mix_gain_db=louder.gain_db)
    if options.acx:
        blocks = louder.read(_path(plan, mix, folder))
        printed = msgspec.structs.replace(
            printed, acx=check_acx(blocks, plan.story.sample_rate, printed.levels[mix.file])
        )
    if options.is_finished_later:
        with ThreadPoolExecutor(cores()) as pool:
            list(pool.map(lambda stem: _encode(plan, printed, stem, journal, louder), printed.stems))
    return printed


def _encode(plan: Plan, printed: Printed, stem: Stem, journal: Journal, louder: Louder) -> None:
    target, source = journal.folder / stem.file, _path(plan, stem, journal.folder)
    if stem.file in journal:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    blocks = (louder if stem.tap == MIX else Louder(0.0, None)).read(source)
    is_mono = plan.options.mono and stem.file in printed.mono
    encode(
        folded(blocks) if is_mono else blocks,
        target,
        plan.options,
        sample_rate=plan.story.sample_rate,
        channels=1 if is_mono else 2,
        seed=zlib.crc32(stem.file.encode()),
        title=stem.name,
        lead=lead_chunks(plan, stem, printed.levels[stem.file], channels=1 if is_mono else 2),
        trail=trail_chunks(plan, stem, printed.frames),
    )
    journal.finish(stem.file, [target])


def _ending(plan: Plan, latency_frames: int, frames: int | None) -> Ending:
    ending = Ending(
        plan.end_frame,
        tail_db=plan.options.tail_db,
        cap_frames=seconds_to_frames(plan.options.tail_cap_seconds, plan.story.sample_rate),
        rest_frames=rest_frames(plan.story),
        latency_frames=latency_frames,
    )
    stop = plan.stop_frame if frames is None else plan.start_frame + frames
    if stop is not None:
        ending.stop_at(stop)
    return ending


def _path(plan: Plan, stem: Stem, folder: Path) -> Path:
    """Return where a stem is printed: in its place, or in the workspace to be finished later."""
    is_final = not plan.options.is_finished_later or stem.file == _PREMASTER_FILE
    return folder / stem.file if is_final else folder / WORKSPACE / "printed" / f"{stem.file.replace('/', '_')}.wav"


def _open(plan: Plan, stem: Stem, folder: Path, latency_frames: int, bucket: int, stack: ExitStack) -> Print:
    rate, path = plan.story.sample_rate, _path(plan, stem, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    is_plain = path == folder / stem.file and stem.file != _PREMASTER_FILE
    lead = lead_chunks(plan, stem, None) if is_plain else b""
    encoding = plan.options.encoding if is_plain else "float32"
    writer = WavWriter(path, sample_rate=rate, encoding=encoding, lead=lead)
    stack.enter_context(closing(writer))
    skip = plan.start_frame + latency_frames
    shown = bucket if stem.role != "track" else 0
    return Print(writer, Meter(rate), skip=skip, outline_bucket=shown, compare_sides=plan.options.mono)


def _close(plan: Plan, prints: Sequence[Print], frames: int) -> dict[str, Levels]:
    """Describe and close every file; several at a time, since each waits for the disk."""

    def close(stem: Stem, each: Print) -> Levels:
        levels = each.meter.levels()
        lead, trail = b"", b""
        if each.has_chunks:
            lead, trail = lead_chunks(plan, stem, levels), trail_chunks(plan, stem, frames)
        each.writer.finish(frames, lead=lead, trail=trail)
        return levels

    with ThreadPoolExecutor(_FINISHERS) as pool:
        return dict(zip((stem.file for stem in plan.stems), pool.map(close, plan.stems, prints), strict=True))
