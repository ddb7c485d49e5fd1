"""The picture of an export: lanes with clips, waveforms and words, returns, the mix; in rows like a score."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.export.canvas import Canvas, Colour, fitted, mixed, text_width
from engine.export.colours import COLOURS
from engine.export.loudness import Levels
from engine.export.svg_canvas import SvgCanvas
from engine.speech.markup import shown as shown_text
from engine.story.model import MASTER, Story
from engine.story.timeline import Placed
from engine.voices.take import Word

WIDTH = 1920
MARGIN, NAMES_WIDTH = 32, 150
TIME_LEFT = MARGIN + NAMES_WIDTH
TIME_WIDTH = WIDTH - MARGIN - TIME_LEFT
TITLE_HEIGHT, RULER_HEIGHT, LANE_HEIGHT, RETURN_HEIGHT, MIX_HEIGHT, ROW_GAP, LANE_GAP = 96, 40, 60, 34, 54, 24, 4
TALLEST = 2900
"""Longer stories get longer rows rather than a taller picture."""

ROW_SECONDS = (10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900, 1800, 3600, 7200, 14400)
TICK_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800)

PAPER, LANE, GRID = (15, 18, 23), (23, 27, 34), (34, 40, 49)
TEXT, SOFT, FAINT = (232, 236, 241), (160, 170, 183), (104, 114, 128)
MARKER, RETURN, MIX = (255, 200, 87), (122, 132, 148), (201, 209, 219)


class Wave(NamedTuple):
    """Magnitudes, each of so many frames; a clip's wave begins where it begins to sound."""

    peaks: NDArray[np.float32]
    bucket_frames: int


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn. markers: frame by id. clips, words: by clip id, words with frames in the untrimmed take.

    strips: waves of returns and master, by id. Whatever has no wave gets none.
    """

    story: Story
    placed: Sequence[Placed]
    markers: Mapping[str, int]
    frames: int
    clips: Mapping[str, Wave] = {}
    words: Mapping[str, Sequence[Word]] = {}
    strips: Mapping[str, Wave] = {}
    mix_levels: Levels | None = None


def draw_overview(picture: Picture, path: Path) -> None:
    """Write ``picture`` to ``path``, as an SVG where it ends so, else as a PNG."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(overview_svg(picture).encode() if path.suffix.lower() == ".svg" else overview_png(picture))
    part.replace(path)


def overview_png(picture: Picture) -> bytes:
    """Return ``picture`` as a PNG."""
    rows = _fitting(picture)
    sheet = Image.new("RGB", (WIDTH, _height(rows)), PAPER)
    title = Canvas(WIDTH, TITLE_HEIGHT, PAPER)
    _title(picture, title)
    sheet.paste(title.image(), (0, 0))
    top = TITLE_HEIGHT
    for row in rows:
        canvas = Canvas(WIDTH, row.height, PAPER)
        row.draw(canvas)
        sheet.paste(canvas.image(), (0, top))
        top += row.height
    written = io.BytesIO()
    sheet.save(written, "PNG")
    return written.getvalue()


def overview_svg(picture: Picture) -> str:
    """Return ``picture`` as an SVG."""
    rows = _fitting(picture)
    sheet = SvgCanvas(WIDTH, _height(rows), PAPER)
    _title(picture, sheet)
    top = TITLE_HEIGHT
    for row in rows:
        sheet.move_to(top)
        row.draw(sheet)
        top += row.height
    return sheet.text_of()


def _fitting(picture: Picture) -> list[_Row]:
    seconds = max(1.0, picture.frames / picture.story.sample_rate)
    rows: list[_Row] = []
    for row_seconds in ROW_SECONDS:
        rows = _rows(picture, seconds, row_seconds)
        if _height(rows) <= TALLEST or len(rows) == 1:  # one row of many tracks: longer rows would make it no lower
            break
    return rows


def _rows(picture: Picture, seconds: float, row_seconds: int) -> list[_Row]:
    return [_Row(picture, row_seconds, number) for number in range(math.ceil(seconds / row_seconds))]


def _height(rows: Sequence[_Row]) -> int:
    return TITLE_HEIGHT + sum(row.height for row in rows) + MARGIN // 2


class _Lane(NamedTuple):
    """A lane of one row. strip: the id of what lies in it."""

    strip: str
    name: str
    detail: str
    colour: Colour
    top: int
    height: int


class _Row:
    """One row of the sheet: those tracks that have a clip in it, the returns, the mix."""

    def __init__(self, picture: Picture, row_seconds: int, number: int) -> None:
        self.picture, self.story, self.rate = picture, picture.story, picture.story.sample_rate
        self.seconds = row_seconds
        self.start = number * row_seconds * self.rate
        self.end = self.start + row_seconds * self.rate
        self.clips = [each for each in picture.placed if each.start_frame < self.end and each.end_frame > self.start]
        self.lanes = {lane.strip: lane for lane in self._lanes()}
        self.right = min(float(WIDTH - MARGIN), self._x(max(picture.frames, self.start + self.rate)))
        self.bottom = max(lane.top + lane.height for lane in self.lanes.values())
        self.height = self.bottom + ROW_GAP

    def _lanes(self) -> Iterator[_Lane]:
        used = {placed.track.id for placed in self.clips}
        strips = [
            (track.id, track.name, track.voice or "", COLOURS[number % len(COLOURS)], LANE_HEIGHT)
            for number, track in enumerate(self.story.tracks)
            if track.id in used
        ]
        strips += [(bus.id, bus.name, "", RETURN, RETURN_HEIGHT) for bus in self.story.buses]
        strips.append((MASTER, "Mix", _loudness(self.picture.mix_levels), MIX, MIX_HEIGHT))
        top = RULER_HEIGHT
        for strip, name, detail, colour, height in strips:
            yield _Lane(strip, name or strip, detail, colour, top, height)
            top += height + LANE_GAP

    def draw(self, canvas: Canvas | SvgCanvas) -> None:
        """Draw the row, from the top of ``canvas`` on."""
        self.canvas = canvas
        for lane in self.lanes.values():
            self._lane(lane)
        self._ruler()
        for placed in self.clips:
            self._clip(placed)
        for placed, room in zip(self.clips, self._rooms(), strict=True):
            self._caption(placed, room)
        for strip, wave in self.picture.strips.items():
            if strip in self.lanes:
                lane = self.lanes[strip]
                self._wave(wave, 0, self.picture.frames, (lane.top, lane.height), lane.colour)
        self._markers()

    def _lane(self, lane: _Lane) -> None:
        top, bottom, middle, room = lane.top, lane.top + lane.height, lane.top + lane.height / 2, NAMES_WIDTH - 26
        self.canvas.box((TIME_LEFT, top, self.right, bottom), LANE, 5)
        self.canvas.box((MARGIN, top + 6, MARGIN + 3, bottom - 6), lane.colour, 1.5)
        self.canvas.text(MARGIN + 13, middle - 8 * bool(lane.detail), fitted(lane.name, room, 15), TEXT, 15, "lm")
        if lane.detail:
            self.canvas.text(MARGIN + 13, middle + 11, fitted(lane.detail, room, 12), FAINT, 12, "lm")

    def _ruler(self) -> None:
        step = next((t for t in TICK_SECONDS if self.seconds / t <= 16), TICK_SECONDS[-1])
        first, last = (math.ceil(frame / self.rate / step - 1e-9) for frame in (self.start, self.end))
        for seconds in range(first * step, last * step, step):
            x = self._x(seconds * self.rate)
            if x >= self.right:
                break
            for lane in self.lanes.values():
                self.canvas.line(x, lane.top, x, lane.top + lane.height, GRID, 0.5)
            self.canvas.text(x + 1, RULER_HEIGHT - 7, _clock(seconds), FAINT, 12)

    def _rooms(self) -> list[float]:
        """Return up to where each clip's caption may go: the next clip of its lane, or the row's end."""
        rooms, free = [], dict.fromkeys(self.lanes, self.right)
        for placed in reversed(self.clips):
            rooms.append(free[placed.track.id])
            free[placed.track.id] = self._x(max(placed.start_frame, self.start))
        return rooms[::-1]

    def _clip(self, placed: Placed) -> None:
        lane = self.lanes[placed.track.id]
        x0, x1 = self._x(max(placed.start_frame, self.start)), self._x(min(placed.end_frame, self.end))
        box = (x0, lane.top + 3, max(x1, x0 + 2), lane.top + lane.height - 3)
        self.canvas.box(box, mixed(lane.colour, LANE, 0.72), 4, mixed(lane.colour, LANE, 0.45))
        wave, area = self.picture.clips.get(placed.clip.id), (lane.top + 20, lane.height - 28)
        if wave is not None:
            self._wave(wave, placed.start_frame, placed.end_frame, area, mixed(lane.colour, LANE, 0.1))
        self._fades(placed, lane.top)
        self._words(placed, lane.top + lane.height - 8, mixed(lane.colour, TEXT, 0.5))

    def _caption(self, placed: Placed, room: float) -> None:
        """Write what is said from where the clip begins, and on over the empty lane behind it."""
        if placed.start_frame < self.start:
            return
        lane, x = self.lanes[placed.track.id], self._x(placed.start_frame) + 6
        unsaid = placed.clip.name or Path(placed.clip.audio or "").stem
        text = shown_text(placed.clip.line.text) if placed.clip.line else unsaid
        shown = fitted(" ".join(text.split()), room - 8 - x, 12)
        self.canvas.text(x, lane.top + 17, shown, mixed(lane.colour, TEXT, 0.65), 12)

    def _fades(self, placed: Placed, top: int) -> None:
        """Take the corners that fades cut off."""
        bottom, clip = top + LANE_HEIGHT - 3, placed.clip
        for edge, inner in (
            (placed.start_frame, placed.start_frame + clip.fade_in_frames),
            (placed.end_frame, placed.end_frame - clip.fade_out_frames),
        ):
            if edge != inner and self.start <= min(edge, inner) and max(edge, inner) <= self.end:
                x, within = self._x(edge), self._x(inner)
                self.canvas.line(x, bottom, within, top + 3, mixed(TEXT, LANE, 0.55), 0.75)

    def _words(self, placed: Placed, y: float, colour: Colour) -> None:
        """Tick where each word begins."""
        for word in self.picture.words.get(placed.clip.id, ()):
            frame = placed.start_frame + word.start_frame - placed.clip.trim_start_frames
            if max(placed.start_frame, self.start) <= frame < min(placed.end_frame, self.end):
                x = self._x(frame) + 1
                self.canvas.line(x, y, x, y + 4, colour, 0.75)

    def _wave(self, wave: Wave, from_frame: int, until_frame: int, area: tuple[int, int], colour: Colour) -> None:
        """Draw that part of ``wave`` that lies in this row; its loudest place fills the area's height."""
        start, end = max(from_frame, self.start), min(until_frame, self.end)
        if start >= end or not len(wave.peaks):
            return
        first, last = (start - from_frame) // wave.bucket_frames, -(-(end - from_frame) // wave.bucket_frames)
        top, height = area
        scale = np.float32((height / 2 - 2) / max(0.05, float(wave.peaks.max())))
        middle = top + height / 2
        self.canvas.wave(self._x(start) + 2, self._x(end) - 2, middle, wave.peaks[first:last] * scale, colour)

    def _markers(self) -> None:
        names = {marker.id: marker.name or marker.id for marker in self.story.markers}
        free = 0.0
        for frame, name in sorted((frame, names[key]) for key, frame in self.picture.markers.items()):
            if not self.start <= frame < self.end:
                continue
            x = self._x(frame)
            self.canvas.line(x, 8, x, self.bottom, mixed(MARKER, LANE, 0.35), 0.75)
            label = fitted(name, 220, 12)
            width = text_width(label, 12) + 12
            left = min(x, WIDTH - width - 2)
            if left >= free:
                self.canvas.box((left, 0, left + width, 17), MARKER, 3)
                self.canvas.text(left + 6, 9, label, PAPER, 12, "lm")
                free = left + width + 2

    def _x(self, frame: int) -> float:
        return TIME_LEFT + (frame - self.start) / self.rate / self.seconds * TIME_WIDTH


def _title(picture: Picture, canvas: Canvas | SvgCanvas) -> None:
    story = picture.story
    canvas.text(MARGIN, 46, fitted(story.title, WIDTH - 2 * MARGIN - 120, 30), TEXT, 30)
    canvas.text(WIDTH - MARGIN, 46, "Cuevox", FAINT, 15, "rs")
    facts = [
        _clock(round(picture.frames / story.sample_rate)),
        _count(len(story.tracks), "track"),
        _count(len(story.buses), "return") if story.buses else "",
        _count(len(picture.placed), "clip"),
        f"{story.sample_rate / 1000:g} kHz",
        _peak(picture.mix_levels),
    ]
    canvas.text(MARGIN, 71, " · ".join(fact for fact in facts if fact), SOFT, 14)


def _clock(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _loudness(levels: Levels | None) -> str:
    return "" if levels is None or levels.integrated_lufs is None else f"{levels.integrated_lufs:.1f} LUFS"


def _peak(levels: Levels | None) -> str:
    return "" if levels is None or levels.true_peak_dbtp is None else f"{levels.true_peak_dbtp:.1f} dBTP"
