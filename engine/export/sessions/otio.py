"""An OpenTimelineIO timeline (.otio): tracks of clips and gaps in frames, exact; markers, gains and words as metadata.

Clips that overlap on a track go on a second, third … layer of it, since a track of OTIO is a plain sequence. What the
format has no words for (gain, pan, fades, sends) stands in metadata under ``cuevox``; no reader acts on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from engine.export.plan import Plan
from engine.export.sessions.base import Session, SessionFormat, clip_title, heard_words, layers
from engine.story.model import Track
from engine.story.timeline import Placed

MEDIA_FOLDER = "media"


def _files(plan: Plan) -> tuple[str, ...]:
    return (f"{plan.title_file}.otio",)


def write(session: Session) -> None:
    """Write the timeline and the media of its clips."""
    for source in session.plan.media:
        session.shelf.put(source, session.folder / MEDIA_FOLDER)
    (session.folder / _files(session.plan)[0]).write_bytes(msgspec.json.encode(_timeline(session)) + b"\n")


FORMAT = SessionFormat(what="OpenTimelineIO timeline", files=_files, write=write, has=frozenset({"mutes"}))

_Json = dict[str, Any]


def _timeline(session: Session) -> _Json:
    story = session.plan.story
    tracks = [
        _track(session, track, number, layer)
        for track in story.tracks
        for number, layer in enumerate(layers(session.clips_of(track)) or [()], 1)
    ]
    markers = [_marker(session, frame, marker.name or marker.id) for frame, marker in session.markers()]
    stack: _Json = {
        "OTIO_SCHEMA": "Stack.1", "name": "tracks", "source_range": None, "effects": [], "markers": markers,
        "enabled": True, "metadata": {}, "children": tracks,
    }  # fmt: skip
    tempo = [{"bar": p.bar, "tempo_bpm": p.tempo_bpm, "beats_per_bar": p.beats_per_bar} for p in story.tempo]
    return {
        "OTIO_SCHEMA": "Timeline.1", "name": story.title, "global_start_time": None, "tracks": stack,
        "metadata": {"cuevox": {"sample_rate": story.sample_rate, "tempo": tempo}},
    }  # fmt: skip


def _track(session: Session, track: Track, number: int, layer: Sequence[Placed]) -> _Json:
    name = track.name or track.id
    strip = track.strip
    facts = {"track": track.id, "gain_db": strip.gain_db, "pan": strip.pan, "mute": strip.mute, "solo": strip.solo}
    return {
        "OTIO_SCHEMA": "Track.1", "name": name if number == 1 else f"{name} ({number})", "kind": "Audio",
        "source_range": None, "effects": [], "markers": [], "enabled": not strip.mute,
        "metadata": {"cuevox": facts}, "children": list(_children(session, layer)),
    }  # fmt: skip


def _children(session: Session, layer: Sequence[Placed]) -> Iterator[_Json]:
    now = 0
    for placed in layer:
        if placed.start_frame > now:
            yield {
                "OTIO_SCHEMA": "Gap.1", "name": "", "source_range": _range(session, 0, placed.start_frame - now),
                "effects": [], "markers": [], "enabled": True, "metadata": {},
            }  # fmt: skip
        yield _clip(session, placed)
        now = placed.end_frame


def _clip(session: Session, placed: Placed) -> _Json:
    clip, medium = placed.clip, session.medium(placed)
    facts = {
        "clip": clip.id, "take": medium.take.digest if medium.take else None, "gain_db": clip.gain_db, "pan": clip.pan,
        "fade_in_frames": clip.fade_in_frames, "fade_out_frames": clip.fade_out_frames,
        "fade_in_shape": clip.fade_in_shape, "fade_out_shape": clip.fade_out_shape,
    }  # fmt: skip
    media = {
        "OTIO_SCHEMA": "ExternalReference.1", "name": medium.name, "target_url": f"{MEDIA_FOLDER}/{medium.name}",
        "available_range": _range(session, 0, medium.frames), "available_image_bounds": None, "metadata": {},
    }  # fmt: skip
    words = [_marker(session, word.start_frame, word.text) for word in heard_words(placed, medium)]
    return {
        "OTIO_SCHEMA": "Clip.2", "name": clip_title(placed), "effects": [], "markers": words, "enabled": True,
        "source_range": _range(session, clip.trim_start_frames, placed.length_frames),
        "media_references": {"DEFAULT_MEDIA": media}, "active_media_reference_key": "DEFAULT_MEDIA",
        "metadata": {"cuevox": facts},
    }  # fmt: skip


def _marker(session: Session, frame: int, name: str) -> _Json:
    return {
        "OTIO_SCHEMA": "Marker.2", "name": name, "color": "YELLOW", "comment": "", "metadata": {},
        "marked_range": _range(session, frame, 0),
    }  # fmt: skip


def _range(session: Session, frame: int, frames: int) -> _Json:
    return {"OTIO_SCHEMA": "TimeRange.1", "start_time": _time(session, frame), "duration": _time(session, frames)}


def _time(session: Session, frames: int) -> _Json:
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": float(session.plan.story.sample_rate), "value": float(frames)}
