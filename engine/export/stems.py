"""Stems: plays a plan through the mixer into its WAV files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec

from engine.export.bounce import BLOCK_FRAMES, MIX, Ending, bounce, rest_frames
from engine.export.chunks import Broadcast, CuePoint, bext, cues
from engine.export.feed import Feed, Reel
from engine.export.loudness import Levels, Meter
from engine.export.manifest import cuevox_version
from engine.export.media import Source, source_of
from engine.export.overview import Wave
from engine.export.plan import STEMS_FOLDER, Plan, Stem
from engine.export.printer import Print, Printer
from engine.export.wav import SAMPLE_BYTES, WavWriter
from engine.mixer.mixer import Mixer
from engine.story.timeline import Placed
from engine.units import seconds_to_frames

_PICTURE_BUCKETS = 65536
"""Into how many pieces the timeline's length is divided where waveforms are drawn."""

_SPARE_PLAYERS = 16
_FINISHERS = 4


class Printed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. levels: by file. clips: the waveform of each clip by id, of what sounds of it."""

    frames: int
    is_capped: bool = False
    levels: Mapping[str, Levels] = {}
    clips: Mapping[str, Wave] = {}
    lanes: Mapping[str, Wave] = {}


def print_stems(plan: Plan, folder: Path, sources: Mapping[Source, Path], progress: Callable[[float], None]) -> Printed:
    """Write every stem of ``plan`` into ``folder``, equally long, described and measured.

    sources: where each source's WAV of the project's rate lies. progress: hears the fraction that is mixed.
    """
    if not plan.stems:
        return Printed(frames=plan.end_frame)
    (folder / STEMS_FOLDER).mkdir()
    bucket = max(1, plan.end_frame // _PICTURE_BUCKETS) if plan.options.overview else 0
    feed = Feed(_reels(plan, sources, bucket))
    mixer = Mixer(
        plan.graph,
        sample_rate=plan.story.sample_rate,
        arena=feed.arena.samples,
        max_block_frames=BLOCK_FRAMES,
        max_players=_most_at_once(plan.placed) + _SPARE_PLAYERS,
    )
    ending = _ending(plan, mixer.latency_frames)
    taps = [stem.tap for stem in plan.stems]
    with ExitStack() as stack:
        stack.enter_context(closing(feed))
        prints = [_open(plan, stem, folder, mixer.latency_frames, bucket, stack) for stem in plan.stems]
        printer = stack.enter_context(closing(Printer(prints, BLOCK_FRAMES)))
        bounce(mixer, feed, printer, taps, ending, lambda frame: progress(min(1.0, frame / plan.end_frame)))
        levels = _finish(plan, prints, ending.frames)
    return Printed(
        frames=ending.frames,
        is_capped=ending.is_capped,
        levels=levels,
        clips={reel.placed.clip.id: Wave(reel.outline, bucket) for reel in feed.reels},
        lanes={stem.strip: Wave(each.outline, bucket) for stem, each in zip(plan.stems, prints, strict=True)},
    )


def _reels(plan: Plan, sources: Mapping[Source, Path], bucket: int) -> list[Reel]:
    return [
        Reel(
            placed,
            sources[source_of(placed.clip)],
            plan.medium(placed).channels,
            plan.graph.index(placed.track.id),
            bucket,
        )
        for placed in plan.placed
    ]


def _most_at_once(placed: Sequence[Placed]) -> int:
    """Return how many clips sound at the same time at most."""
    changes = sorted(
        [(p.start_frame, 1) for p in placed] + [(p.end_frame, -1) for p in placed], key=lambda c: (c[0], -c[1])
    )
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def _ending(plan: Plan, latency_frames: int) -> Ending:
    return Ending(
        plan.end_frame,
        tail_db=plan.options.tail_db,
        cap_frames=seconds_to_frames(plan.options.tail_cap_seconds, plan.story.sample_rate),
        rest_frames=rest_frames(plan.story),
        latency_frames=latency_frames,
    )


def _open(plan: Plan, stem: Stem, folder: Path, latency_frames: int, bucket: int, stack: ExitStack) -> Print:
    rate = plan.story.sample_rate
    lead = bext(_broadcast(plan, stem), None)
    writer = WavWriter(folder / stem.file, sample_rate=rate, encoding=plan.options.encoding, lead=lead)
    stack.enter_context(closing(writer))
    skip = latency_frames if stem.tap == MIX else 0
    return Print(writer, Meter(rate), skip=skip, outline_bucket=0 if stem.role == "track" else bucket)


def _finish(plan: Plan, prints: Sequence[Print], frames: int) -> dict[str, Levels]:
    """Describe and close every file; several at a time, since each waits for the disk."""
    names = {marker.id: marker.name or marker.id for marker in plan.story.markers}
    points = sorted((frame, names[marker]) for marker, frame in plan.markers.items())
    trail = cues([CuePoint(frame=frame, label=label) for frame, label in points if frame < frames])

    def finish(stem: Stem, each: Print) -> Levels:
        levels = each.meter.levels()
        lead = bext(_broadcast(plan, stem), levels)
        each.writer.finish(frames, lead=lead, trail=trail if stem.tap == MIX else b"")
        return levels

    with ThreadPoolExecutor(_FINISHERS) as pool:
        return dict(zip((stem.file for stem in plan.stems), pool.map(finish, plan.stems, prints), strict=True))


def _broadcast(plan: Plan, stem: Stem) -> Broadcast:
    bits = 8 * SAMPLE_BYTES[plan.options.encoding]
    kind = "PCM" if plan.options.encoding == "pcm24" else "PCM_FLOAT"
    originator = f"Cuevox {cuevox_version()}"
    number = plan.stems.index(stem) + 1
    return Broadcast(
        description=plan.story.title if stem.tap == MIX else f"{plan.story.title} / {stem.name}",
        originator=originator,
        reference=f"CUEVOX{plan.made_at:%Y%m%d%H%M%S}{number:04}",
        made_at=plan.made_at,
        coding_history=f"A={kind},F={plan.story.sample_rate},W={bits},M=stereo,T={originator}\r\n",
    )
