"""What programs that nobody here wrote find in an exported session: every clip's place, in frames of the project."""

from __future__ import annotations

import gzip
import itertools
import json
import subprocess
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import aaf2
import mido
import opentimelineio
import pysubs2
import rpp
import webvtt
from logic2ableton import ableton_parser
from sessions import Exported


class Found(NamedTuple):
    """A clip; None: the format or its reader does not tell."""

    start: float
    length: float | None = None
    trim: float | None = None
    fade_in: float | None = None
    fade_out: float | None = None


def reaper(exported: Exported) -> Iterator[Found]:
    rate = exported.story.sample_rate
    project = rpp.loads(exported.file("reaper/*.rpp").read_text(encoding="utf-8"))
    for track in project.findall("TRACK"):
        for item in track.findall("ITEM"):
            lines = {child[0]: child[1:] for child in item.children if isinstance(child, list)}
            places = (("POSITION", 0), ("LENGTH", 0), ("SOFFS", 0), ("FADEIN", 1), ("FADEOUT", 1))
            yield Found(*(float(lines[name][index]) * rate for name, index in places))


class Steps:
    """Beats to frames by the tempos that a session tells."""

    def __init__(self, points: Iterable[tuple[float, float]], rate: int) -> None:
        self.points = sorted(dict(points).items())
        self.rate = rate

    def __call__(self, beats: float) -> float:
        seconds, (last, tempo) = 0.0, self.points[0]
        for at, following in self.points[1:]:
            if at > beats:
                break
            seconds += (at - last) * 60 / tempo
            last, tempo = at, following
        return (seconds + (beats - last) * 60 / tempo) * self.rate


def live(exported: Exported) -> Iterator[Found]:
    """By logic2ableton; fades and lengths of sounds, which it does not tell, straight from the XML."""
    rate, path = exported.story.sample_rate, exported.file("live/*/*.als")
    root = ElementTree.fromstring(gzip.decompress(path.read_bytes()))

    def value(element: ElementTree.Element, name: str) -> float:
        return float(element.find(name).get("Value"))

    master = root.find("LiveSet/MasterTrack")
    target = master.find("DeviceChain/Mixer/Tempo/AutomationTarget").get("Id")
    envelopes = {e.find("EnvelopeTarget/PointeeId").get("Value"): e for e in master.iter("AutomationEnvelope")}
    frame = Steps(
        ((max(0.0, float(e.get("Time"))), float(e.get("Value"))) for e in envelopes[target].iter("FloatEvent")), rate
    )
    read = [clip for track in ableton_parser.parse_ableton_project(path).audio_tracks for clip in track.clips]
    for clip, element in zip(read, root.iter("AudioClip"), strict=True):
        start, end = clip.start_beats, clip.end_beats
        yield Found(
            frame(start),
            frame(end) - frame(start),
            clip.source_in_seconds * rate,
            frame(start + value(element, "Fades/FadeInLength")) - frame(start),
            frame(end) - frame(end - value(element, "Fades/FadeOutLength")),
        )


def dawproject(exported: Exported) -> Iterator[Found]:
    """No reader of it is on PyPI: the XML by the words of its schema, which another test has validate it."""
    rate = exported.story.sample_rate
    with zipfile.ZipFile(exported.file("dawproject/*.dawproject")) as package:
        project = ElementTree.fromstring(package.read("project.xml"))
    start_tempo = (0.0, float(project.find("Transport/Tempo").get("value")))
    points = [(float(p.get("time")), float(p.get("value"))) for p in project.iterfind(".//TempoAutomation/RealPoint")]
    frame = Steps([start_tempo, *points], rate)
    for clip in project.iterfind("Arrangement/Lanes/Lanes/Clips/Clip"):
        start, length, content, rising, falling = (
            float(clip.get(key)) for key in ("time", "duration", "playStart", "fadeInTime", "fadeOutTime")
        )
        warps = [(float(w.get("time")), float(w.get("contentTime"))) for w in clip.iterfind("Clips/Clip/Warps/Warp")]
        end = frame(start + length)
        yield Found(
            frame(start), end - frame(start), between(warps, content) * rate,
            frame(start + rising) - frame(start), end - frame(start + length - falling),
        )  # fmt: skip


def between(warps: list[tuple[float, float]], beats: float) -> float:
    """Return the seconds of a sound at ``beats`` of its own, by the two warps around."""
    for (a, x), (b, y) in itertools.pairwise(warps):
        if a <= beats <= b:
            return x + (beats - a) * (y - x) / (b - a)
    raise AssertionError(f"{beats} is not within {warps}")


def aaf(exported: Exported) -> Iterator[Found]:
    with aaf2.open(str(exported.file("aaf/*.aaf"))) as file:
        (composition,) = file.content.compositionmobs()
        for slot in composition.slots:
            if slot.name != "Markers":
                yield from _aaf_clips(slot.segment, 0)


def _aaf_clips(segment: aaf2.components.Segment, now: int) -> Iterator[Found]:
    if isinstance(segment, aaf2.components.OperationGroup):
        for inner in segment.segments:
            yield from _aaf_clips(inner, now)
    elif isinstance(segment, aaf2.components.Sequence):
        for component in segment.components:
            yield from _aaf_clips(component, now)
            now += component.length
    elif isinstance(segment, aaf2.components.SourceClip):
        fades = [segment.getvalue(f"Fade{side}Length", 0) for side in ("In", "Out")]
        yield Found(now, segment.length, segment.start, *fades)


def aaf_by_otio(exported: Exported) -> Iterator[Found]:
    timeline = opentimelineio.adapters.read_from_file(str(exported.file("aaf/*.aaf")), adapter_name="AAF")
    for clip in timeline.find_clips():
        place = clip.transformed_time_range(clip.trimmed_range(), timeline.tracks)
        yield Found(place.start_time.value, place.duration.value, clip.trimmed_range().start_time.value)


def otio(exported: Exported) -> Iterator[Found]:
    timeline = opentimelineio.adapters.read_from_file(str(exported.file("otio/*.otio")))
    for track in timeline.audio_tracks():
        for clip in track.find_clips():
            place, known = clip.trimmed_range_in_parent(), clip.metadata["cuevox"]
            yield Found(
                place.start_time.value, place.duration.value, clip.source_range.start_time.value,
                known["fade_in_frames"], known["fade_out_frames"],
            )  # fmt: skip


def midi(exported: Exported) -> Iterator[Found]:
    """Where clips begin."""
    file = mido.MidiFile(exported.file("midi/*.mid"), charset="utf-8")
    points, now = [], 0
    for message in file.tracks[0]:
        now += message.time
        if message.type == "set_tempo":
            points.append((now / file.ticks_per_beat, 6e7 / message.tempo))
    frame = Steps(points, exported.story.sample_rate)
    for track in file.tracks[1:]:
        now = 0
        for message in track:
            now += message.time
            if message.type == "cue_marker":
                yield Found(frame(now / file.ticks_per_beat))


def srt(exported: Exported) -> Iterator[Found]:
    rate = exported.story.sample_rate
    for event in pysubs2.load(str(exported.file("captions/*.srt"))):
        yield Found(event.start * rate / 1000, event.duration * rate / 1000)


def vtt(exported: Exported) -> Iterator[Found]:
    rate = exported.story.sample_rate
    for caption in webvtt.read(str(exported.file("captions/*.vtt"))):
        start, end = caption.start_in_seconds, caption.end_in_seconds
        exact = [_milliseconds(text) for text in (caption.start, caption.end)]
        assert (int(start), int(end)) == (exact[0] // 1000, exact[1] // 1000)
        yield Found(exact[0] * rate / 1000, (exact[1] - exact[0]) * rate / 1000)


def _milliseconds(clock: str) -> int:
    hours, minutes, seconds = clock.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000 + round(float(seconds) * 1000)


def lrc(exported: Exported) -> Iterator[Found]:
    """By FFmpeg, whose reader goes past the hour."""
    command = ["ffprobe", "-v", "error", "-show_entries", "packet=pts_time", "-of", "json"]
    told = subprocess.run(
        [*command, str(exported.file("captions/*.lrc"))], capture_output=True, check=True, text=True
    ).stdout
    for packet in json.loads(told)["packets"]:
        yield Found(float(packet["pts_time"]) * exported.story.sample_rate)


def ardour(exported: Exported) -> Iterator[Found]:
    session = exported.file("ardour/*/*.ardour")
    script = Path(__file__).with_name("ardour_regions.lua")
    command = ["ardour7-lua", str(script), str(session.parent), session.stem]
    told = subprocess.run(command, capture_output=True, check=True, text=True, timeout=110).stdout
    for row in (line.split("\t") for line in told.splitlines() if line.startswith("REGION")):
        position, start, length = (float(value) for value in row[3:6])
        yield Found(position, length, start)
