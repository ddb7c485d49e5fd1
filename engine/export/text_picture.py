"""A story's picture in letters, for a terminal: a ruler, and for each track its waveform and its words, row by row."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from engine.export.colours import Colour, track_colour
from engine.export.overview import Picture
from engine.speech.markup import shown as shown_text
from engine.story.timeline import Placed

BARS = " ▁▂▃▄▅▆▇█"
NAME_WIDTH = 12
TICK_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800)
FEWEST_BETWEEN_TICKS = 10


class TextLine(NamedTuple):
    """A line; its colour is its track's, None: of a ruler."""

    text: str
    colour: Colour | None = None


def draw_text(picture: Picture, width: int, row_seconds: float) -> Iterator[TextLine]:
    """Iterate over the lines of the picture. width: in letters; row_seconds: how much time a row of it holds."""
    columns = max(20, width - NAME_WIDTH - 1)
    rate = picture.story.sample_rate
    rows = max(1, math.ceil(picture.frames / rate / row_seconds - 1e-9))
    for row in range(rows):
        start, end = (round((row + side) * row_seconds * rate) for side in (0, 1))
        yield from _row(picture, start, end, columns)


def _row(picture: Picture, start: int, end: int, columns: int) -> Iterator[TextLine]:
    scale = columns / (end - start)
    yield TextLine(" " * (NAME_WIDTH + 1) + _ruler(picture.story.sample_rate, start, end, columns))
    marks = _marks(picture, start, end, columns)
    if marks.strip():
        yield TextLine(" " * (NAME_WIDTH + 1) + marks)
    for number, track in enumerate(picture.story.tracks):
        placed = [p for p in picture.placed if p.track.id == track.id and p.start_frame < end and p.end_frame > start]
        if placed:
            name = (track.name or track.id)[:NAME_WIDTH].ljust(NAME_WIDTH)
            colour = track_colour(number)
            yield TextLine(f"{name} {_bars(picture, placed, start, scale, columns)}".rstrip(), colour)
            yield TextLine(f"{'':{NAME_WIDTH}} {_said(picture, placed, start, scale, columns)}".rstrip(), colour)
    yield TextLine("")


def _ruler(rate: int, start: int, end: int, columns: int) -> str:
    seconds = (end - start) / rate
    step = next((t for t in TICK_SECONDS if t * columns / seconds >= FEWEST_BETWEEN_TICKS), TICK_SECONDS[-1])
    letters = [" "] * columns
    first = math.ceil(start / rate / step - 1e-9) * step
    for tick in range(first, math.ceil(end / rate), step):
        _write(letters, round((tick * rate - start) * columns / (end - start)), f"|{tick // 60}:{tick % 60:02}")
    return "".join(letters)


def _marks(picture: Picture, start: int, end: int, columns: int) -> str:
    letters = [" "] * columns
    names = {marker.id: marker.name or marker.id for marker in picture.story.markers}
    for marker, frame in sorted(picture.markers.items(), key=lambda item: item[1]):
        if start <= frame < end:
            _write(letters, round((frame - start) * columns / (end - start)), f"▾{names[marker]}"[:24])
    return "".join(letters)


def _bars(picture: Picture, placed: list[Placed], start: int, scale: float, columns: int) -> str:
    """Return the waveforms: the loudest place of each clip is a whole letter high."""
    letters = [" "] * columns
    for each in placed:
        wave = picture.clips.get(each.clip.id)
        top = float(wave.peaks.max(initial=0.0)) if wave is not None else 0.0
        first, last = (round((frame - start) * scale) for frame in (each.start_frame, each.end_frame))
        for column in range(max(0, first), min(columns, max(last, first + 1))):
            if wave is None or top <= 0.0:
                letters[column] = "·"
                continue
            begin = (start + column / scale - each.start_frame) / wave.bucket_frames
            until = begin + 1.0 / scale / wave.bucket_frames
            part = wave.peaks[max(0, int(begin)) : max(1, math.ceil(until))]
            level = float(np.max(part, initial=0.0)) / top
            letters[column] = BARS[max(1, math.ceil(level * (len(BARS) - 1)))]
    return "".join(letters)


def _said(picture: Picture, placed: list[Placed], start: int, scale: float, columns: int) -> str:
    """Return the words, each where it is said as far as there is room; what has no words says what it is."""
    letters = [" "] * columns
    for each in placed:
        first = round((each.start_frame - start) * scale)
        trim, heard = each.clip.trim_start_frames, []
        for word in picture.words.get(each.clip.id, ()):
            frame = each.start_frame + word.start_frame - trim
            if each.start_frame <= frame < each.end_frame:
                heard.append((round((frame - start) * scale), word.text))
        if not heard and each.start_frame >= start:
            text = shown_text(each.clip.line.text) if each.clip.line is not None else each.clip.name or each.clip.id
            heard = [(first, " ".join(text.split())[: max(1, round(each.length_frames * scale))])]
        for column, said in heard:
            _write(letters, column, said)
    return "".join(letters)


def _write(letters: list[str], column: int, text: str) -> None:
    """Write where there is room: never over what stands there, a letter free on either side."""
    end = column + len(text)
    if column >= 0 and end <= len(letters) and not "".join(letters[max(0, column - 1) : end + 1]).strip():
        letters[column:end] = text
