"""Reading an edited DAWproject: clips in beats or seconds, as any of its writers leaves them."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from engine.export.comeback.edited import EditedClip, TempoPoints, unreadable
from engine.export.sessions.identity import clip_of_note

Element = ElementTree.Element


def read(path: Path, sample_rate: int) -> list[EditedClip]:
    """Return every audio clip of a project. Raises MediaError for a file that is none."""
    try:
        with zipfile.ZipFile(path) as package:
            project = ElementTree.fromstring(package.read("project.xml"))
    except (OSError, zipfile.BadZipFile, KeyError, ElementTree.ParseError) as error:
        raise unreadable(path, "a DAWproject", error) from error
    return list(_Reader(project, sample_rate).clips())


class _Reader:
    def __init__(self, project: Element, sample_rate: int) -> None:
        self.project, self.rate = project, sample_rate
        points = [
            (float(point.get("time", 0)), float(point.get("value", 120)))
            for point in project.iterfind("Arrangement/TempoAutomation/RealPoint")
        ]
        tempo = project.find("Transport/Tempo")
        start = 120.0 if tempo is None else float(tempo.get("value", 120))
        self.tempo = TempoPoints(points or [(0.0, start)], sample_rate)
        self.names = {track.get("id", ""): track.get("name", "") for track in project.iter("Track")}

    def clips(self) -> Iterator[EditedClip]:
        """Iterate over the clips of the arrangement."""
        lanes = self.project.find("Arrangement/Lanes")
        if lanes is not None:
            yield from self._walk(lanes, lanes.get("timeUnit", "beats"), "")

    def _walk(self, lanes: Element, unit: str, track: str) -> Iterator[EditedClip]:
        unit, track = lanes.get("timeUnit", unit), self.names.get(lanes.get("track", ""), track)
        for each in lanes:
            if each.tag == "Lanes":
                yield from self._walk(each, unit, track)
            elif each.tag == "Clips":
                inner = each.get("timeUnit", unit)
                name = self.names.get(each.get("track", ""), track)
                yield from (
                    self._clip(clip, inner, name) for clip in each.findall("Clip") if clip.find(".//Audio") is not None
                )

    def _clip(self, clip: Element, unit: str, track: str) -> EditedClip:
        def at(key: str) -> float:
            return float(clip.get(key) or 0.0)

        start = at("time")
        begin, end = self._frame(start, unit), self._frame(start + at("duration"), unit)
        content, fades = clip.get("contentTimeUnit", unit), clip.get("fadeTimeUnit", unit)
        file = clip.find(".//Audio/File")
        return EditedClip(
            clip=clip_of_note(clip.get("comment", "")),
            name=clip.get("name", ""),
            track=track,
            media=PurePosixPath("" if file is None else file.get("path", "")).name,
            start_frame=begin,
            length_frames=end - begin,
            trim_start_frames=self._before(start, begin, at("playStart"), unit, content),
            fade_in_frames=self._after(start, begin, at("fadeInTime"), unit, fades),
            fade_out_frames=self._before(start + at("duration"), end, at("fadeOutTime"), unit, fades),
            muted=clip.get("enable", "true") == "false",
        )

    def _frame(self, time: float, unit: str) -> int:
        return self.tempo.frame(time) if unit == "beats" else round(time * self.rate)

    def _before(self, time: float, frame: int, span: float, unit: str, span_unit: str) -> int:
        """Return how many frames ``span`` is that ends at ``time``; beats where both count in them."""
        if unit == span_unit == "beats":
            return frame - self._frame(time - span, unit)
        return self._frame(span, span_unit)

    def _after(self, time: float, frame: int, span: float, unit: str, span_unit: str) -> int:
        if unit == span_unit == "beats":
            return self._frame(time + span, unit) - frame
        return self._frame(span, span_unit)
