"""Consolidated clips: each clip a WAV of its own, time-stamped, with handles, so that any DAW can spot it to its place.

Without fades and gain, which stand in the manifest: they are the mix engineer's to make. ``bext`` says where on the
timeline the file begins (Pro Tools, Logic, Reaper, Ardour: "spot to original position"). A mono sound stays mono.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from engine.errors import MediaError
from engine.export.chunks import Broadcast, CuePoint, bext, cues, ixml
from engine.export.manifest import cuevox_version
from engine.export.media import source_of
from engine.export.naming import file_name, unique
from engine.export.plan import Plan
from engine.export.sessions.base import Session, SessionFormat, clip_title, heard_words
from engine.export.sessions.identity import clip_note
from engine.export.wav import SAMPLE_BYTES, WavWriter
from engine.story.timeline import Placed
from engine.units import seconds_to_frames

_BLOCK_FRAMES = 65536


def _files(plan: Plan) -> tuple[str, ...]:
    """Return one name per clip, numbered by track and place: ``narrator/001_The_sea_is_calm.wav``."""
    lanes: dict[str, list[Placed]] = {track.id: [] for track in plan.story.tracks}
    for placed in plan.placed:
        lanes[placed.track.id].append(placed)
    names = []
    for track in plan.story.tracks:
        clips = lanes[track.id]
        names += [
            f"{file_name(track.name or track.id, track.id)}/{number:03}_{file_name(clip_title(placed), 'clip')[:40]}"
            for number, placed in enumerate(clips, 1)
        ]
    return tuple(f"{name}.wav" for name in unique(names))


def write(session: Session) -> None:
    """Write all clips."""
    plan = session.plan
    order = [placed for track in plan.story.tracks for placed in session.clips_of(track)]
    for name, placed in zip(_files(plan), order, strict=True):
        (session.folder / name).parent.mkdir(exist_ok=True)
        _write_clip(session, placed, session.folder / name)


FORMAT = SessionFormat(what="clips with time stamps and handles", files=_files, write=write)


def _write_clip(session: Session, placed: Placed, target: Path) -> None:
    """Write what a clip plays and, as far as there is any, its handles."""
    plan, medium, first = session.plan, session.medium(placed), placed.clip.trim_start_frames
    rate, encoding = plan.story.sample_rate, plan.options.encoding
    handle = seconds_to_frames(plan.options.handle_seconds, rate)
    before = min(handle, first, placed.start_frame)
    begin, end = first - before, min(medium.frames, first + placed.length_frames + handle)
    reference = placed.start_frame - before
    lead = bext(_broadcast(plan, placed, reference), None) + ixml(
        project=plan.story.title, note=clip_note(placed, medium), tracks=[clip_title(placed)] * medium.channels,
        sample_rate=rate, bits=8 * SAMPLE_BYTES[encoding], time_reference=reference,
    )  # fmt: skip
    words = [
        CuePoint(frame=word.start_frame - begin, label=word.text, frames=word.end_frame - word.start_frame)
        for word in heard_words(placed, medium)
    ]
    writer = WavWriter(target, sample_rate=rate, encoding=encoding, channels=medium.channels, lead=lead)
    try:
        for block in _blocks(session.shelf.wavs[source_of(placed.clip)], begin, end):
            writer.write(block)
        writer.finish(end - begin, trail=cues(words), sync=False)
    finally:
        writer.close()


def _blocks(wav: Path, begin: int, end: int) -> Iterator[np.ndarray]:
    try:
        with soundfile.SoundFile(wav) as file:
            file.seek(begin)
            while begin < end:
                block = file.read(min(_BLOCK_FRAMES, end - begin), dtype="float32", always_2d=True)
                begin += len(block)
                yield np.ascontiguousarray(block)
    except soundfile.SoundFileError as error:
        raise MediaError(f"audio file {wav} can't be read: {error}") from error


def _broadcast(plan: Plan, placed: Placed, reference: int) -> Broadcast:
    originator = f"Cuevox {cuevox_version()}"
    return Broadcast(
        description=f"{plan.story.title} / {clip_title(placed)}",
        originator=originator,
        reference=f"CUEVOX{plan.made_at:%Y%m%d%H%M%S}"[:32],
        made_at=plan.made_at,
        coding_history=f"A=PCM,F={plan.story.sample_rate},T={originator}\r\n",
        time_reference=reference,
    )
