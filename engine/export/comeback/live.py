"""Reading an edited Live set: the arrangement's audio clips."""

from __future__ import annotations

import gzip
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path, PurePosixPath

from engine.export.comeback.edited import EditedClip, TempoPoints, unreadable
from engine.export.sessions.identity import clip_of_note
from engine.units import gain_to_db

Element = ElementTree.Element

_LAYER = re.compile(r" \(\d+\)$")
"""What the export added to the name of a track's second layer."""


def read(path: Path, sample_rate: int) -> list[EditedClip]:
    """Return every audio clip of a set's arrangement. Raises MediaError for a file that is none."""
    try:
        root = ElementTree.fromstring(gzip.decompress(path.read_bytes()))
        live_set = root.find("LiveSet")
        if live_set is None:
            raise ValueError("there is no LiveSet in it")
    except (OSError, EOFError, ValueError, ElementTree.ParseError) as error:
        raise unreadable(path, "a Live set", error) from error
    tempo = _tempo(live_set, sample_rate)
    return [
        _clip(clip, _LAYER.sub("", _value(track, "Name/EffectiveName")), tempo, sample_rate)
        for track in live_set.iterfind("Tracks/AudioTrack")
        for clip in track.iterfind("DeviceChain/MainSequencer/Sample/ArrangerAutomation/Events/AudioClip")
    ]


def _tempo(live_set: Element, sample_rate: int) -> TempoPoints:
    """Return the tempo map; of the events that share a place the last one holds from there on."""
    master = next((found for name in ("MasterTrack", "MainTrack") if (found := live_set.find(name)) is not None), None)
    if master is None:
        return TempoPoints([], sample_rate)
    mixer = "DeviceChain/Mixer/Tempo"
    target = master.find(f"{mixer}/AutomationTarget")
    points = {0.0: float(_value(master, f"{mixer}/Manual") or 120.0)}
    for envelope in master.iter("AutomationEnvelope"):
        if target is not None and _value(envelope, "EnvelopeTarget/PointeeId") == target.get("Id"):
            for event in envelope.iter("FloatEvent"):
                points[max(0.0, float(event.get("Time", 0)))] = float(event.get("Value", 120))
    return TempoPoints(list(points.items()), sample_rate)


def _clip(clip: Element, track: str, tempo: TempoPoints, rate: int) -> EditedClip:
    start, end = (float(_value(clip, key) or 0.0) for key in ("CurrentStart", "CurrentEnd"))
    begin, stop = tempo.frame(start), tempo.frame(end)
    fade_in, fade_out = (float(_value(clip, f"Fades/{key}") or 0.0) for key in ("FadeInLength", "FadeOutLength"))
    has_fades = _value(clip, "Fade") != "false"
    first = float(_value(clip, "Loop/LoopStart") or 0.0) + float(_value(clip, "Loop/StartRelative") or 0.0)
    return EditedClip(
        clip=clip_of_note(_value(clip, "Annotation")),
        name=_value(clip, "Name"),
        track=track,
        media=PurePosixPath(_value(clip, "SampleRef/FileRef/RelativePath")).name,
        start_frame=begin,
        length_frames=stop - begin,
        trim_start_frames=round(first * rate),
        fade_in_frames=tempo.frame(start + fade_in) - begin if has_fades else 0,
        fade_out_frames=stop - tempo.frame(end - fade_out) if has_fades else 0,
        gain_db=gain_to_db(float(_value(clip, "SampleVolume") or 1.0)),
        muted=_value(clip, "Disabled") == "true",
        why_not="it is warped now: its sound is stretched" if _value(clip, "IsWarped") == "true" else "",
    )


def _value(element: Element, path: str) -> str:
    found = element.find(path)
    return "" if found is None else found.get("Value", "")
