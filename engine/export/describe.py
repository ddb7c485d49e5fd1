"""Describing stems and mix: what stands in the chunks of their WAVs."""

from __future__ import annotations

from engine.export.chunks import Broadcast, CuePoint, bext, cues, ixml
from engine.export.loudness import Levels
from engine.export.manifest import TAPS, cuevox_version
from engine.export.plan import Plan, Stem
from engine.export.taps import MIX
from engine.export.wav import SAMPLE_BYTES

_KINDS = {"pcm16": "PCM", "pcm24": "PCM", "float32": "PCM_FLOAT"}


def lead_chunks(plan: Plan, stem: Stem, levels: Levels | None, *, channels: int = 2) -> bytes:
    """Return the chunks before the samples; their length does not depend on ``levels``."""
    rate, bits = plan.story.sample_rate, 8 * SAMPLE_BYTES[plan.options.encoding]
    originator = f"Cuevox {cuevox_version()}"
    number = plan.stems.index(stem) + 1 if stem in plan.stems else 0
    mode = "mono" if channels == 1 else "stereo"
    title = plan.story.title
    broadcast = Broadcast(
        description=title if stem.tap == MIX else f"{title} / {stem.name}",
        originator=originator,
        reference=f"CUEVOX{plan.made_at:%Y%m%d%H%M%S}{number:04}",
        made_at=plan.made_at,
        coding_history=f"A={_KINDS[plan.options.encoding]},F={rate},W={bits},M={mode},T={originator}\r\n",
        time_reference=plan.start_frame,
    )
    note = stem.tap_text or TAPS.get(stem.role, "")
    names = [stem.name] if channels == 1 else [f"{stem.name} L", f"{stem.name} R"]
    return bext(broadcast, levels) + ixml(
        project=title, note=note, tracks=names, sample_rate=rate, bits=bits, time_reference=plan.start_frame
    )


def trail_chunks(plan: Plan, stem: Stem, frames: int) -> bytes:
    """Return the chunks after the samples: the mix has the story's markers, a track the words that are spoken on it."""
    points = _markers(plan) if stem.tap == MIX else (_words(plan, stem) if stem.role == "track" else [])
    moved = [CuePoint(frame=point.frame - plan.start_frame, label=point.label, frames=point.frames) for point in points]
    return cues([point for point in moved if 0 <= point.frame < frames])


def _markers(plan: Plan) -> list[CuePoint]:
    names = {marker.id: marker.name or marker.id for marker in plan.story.markers}
    points = sorted((frame, names[key]) for key, frame in plan.markers.items())
    return [CuePoint(frame=frame, label=label) for frame, label in points]


def _words(plan: Plan, stem: Stem) -> list[CuePoint]:
    points = []
    for placed in plan.placed:
        for word in plan.medium(placed).words if placed.track.id == stem.strip else ():
            frame = placed.start_frame + word.start_frame - placed.clip.trim_start_frames
            length = min(word.end_frame - word.start_frame, placed.end_frame - frame)
            if placed.start_frame <= frame < placed.end_frame:
                points.append(CuePoint(frame=frame, label=word.text, frames=max(0, length)))
    return sorted(points, key=lambda point: point.frame)
