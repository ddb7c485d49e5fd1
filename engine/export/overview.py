"""The picture of an export: lanes with clips, waveforms and words, returns, the mix; in rows like a score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.export.canvas import Canvas, Colour, fitted, mixed, text_width, wrapped
from engine.export.loudness import Levels
from engine.story.model import Story
from engine.story.timeline import Placed
from engine.voices.take import Word

WIDTH = 1920
MARGIN, NAMES_WIDTH = 32, 150
TIME_LEFT = MARGIN + NAMES_WIDTH
TIME_WIDTH = WIDTH - MARGIN - TIME_LEFT
TITLE_HEIGHT, RULER_HEIGHT, LANE_HEIGHT, RETURN_HEIGHT, MIX_HEIGHT, ROW_GAP, LANE_GAP = 92, 34, 66, 38, 58, 30, 4
TALLEST = 4000
"""Longer stories get longer rows rather than a taller picture."""

ROW_SECONDS = (10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900, 1800, 3600, 7200, 14400)
TICK_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800)

PAPER, LANE, GRID = (15, 18, 23), (23, 27, 34), (34, 40, 49)
TEXT, SOFT, FAINT = (232, 236, 241), (160, 170, 183), (104, 114, 128)
MARKER, RETURN, MIX = (255, 200, 87), (122, 132, 148), (201, 209, 219)
COLOURS: tuple[Colour, ...] = (
    (94, 190, 200), (232, 134, 108), (142, 196, 140), (186, 152, 210),
    (240, 178, 100), (116, 164, 222), (222, 140, 164), (196, 200, 112),
)  # fmt: skip


class Wave(NamedTuple):
    """Magnitudes, each of so many frames; a clip's wave begins where it begins to sound."""

    peaks: NDArray[np.float32]
    bucket_frames: int


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn. markers: frame by id. clips, words: by clip id, words with frames in the untrimmed take.

    returns: by bus id. Whatever has no wave gets none.
    """

    story: Story
    placed: Sequence[Placed]
    markers: Mapping[str, int]
    frames: int
    clips: Mapping[str, Wave] = {}
    words: Mapping[str, Sequence[Word]] = {}
    returns: Mapping[str, Wave] = {}
    mix: Wave | None = None
    mix_levels: Levels | None = None


def draw_overview(picture: Picture, path: Path) -> None:
    """Write ``picture`` as a PNG to ``path``."""
    layout = _Layout(picture)
    sheet = Image.new("RGB", (WIDTH, TITLE_HEIGHT + layout.rows * layout.row_height + MARGIN // 2), PAPER)
    sheet.paste(_title(picture), (0, 0))
    for row in range(layout.rows):
        sheet.paste(_Row(picture, layout, row).draw(), (0, TITLE_HEIGHT + row * layout.row_height))
    sheet.save(path, optimize=True)


class _Layout:
    """Where lanes and times lie on the sheet, the same in every row."""

    def __init__(self, picture: Picture) -> None:
        story = picture.story
        lanes = [LANE_HEIGHT] * len(story.tracks) + [RETURN_HEIGHT] * len(story.buses) + [MIX_HEIGHT]
        tops = np.cumsum([RULER_HEIGHT, *(height + LANE_GAP for height in lanes)])
        self.tops = [int(top) for top in tops[:-1]]
        self.row_height = int(tops[-1]) + ROW_GAP
        seconds = max(1.0, picture.frames / story.sample_rate)
        most_rows = max(1, TALLEST // self.row_height)
        fitting = (each for each in ROW_SECONDS if seconds <= each * min(most_rows, 1 if each < 30 else most_rows))
        self.row_seconds = float(next(fitting, math.ceil(seconds / most_rows)))
        self.rows = max(1, math.ceil(seconds / self.row_seconds))
        self.colours = {track.id: COLOURS[i % len(COLOURS)] for i, track in enumerate(story.tracks)}

    def x(self, seconds: float) -> float:
        """Return where a time of a row lies, counted from the row's start."""
        return TIME_LEFT + seconds / self.row_seconds * TIME_WIDTH


class _Row:
    """One row of the sheet, from ``start`` to ``end`` (frames)."""

    def __init__(self, picture: Picture, layout: _Layout, row: int) -> None:
        self.picture, self.layout = picture, layout
        self.story, self.rate = picture.story, picture.story.sample_rate
        self.start = round(row * layout.row_seconds * self.rate)
        self.end = round((row + 1) * layout.row_seconds * self.rate)
        self.canvas = Canvas(WIDTH, layout.row_height, PAPER)

    def draw(self) -> Image.Image:
        """Return the row's picture."""
        self._lanes()
        self._ruler()
        tracks = {track.id: top for track, top in zip(self.story.tracks, self.layout.tops, strict=False)}
        for placed in self.picture.placed:
            if placed.start_frame < self.end and placed.end_frame > self.start:
                self._clip(placed, tracks[placed.track.id])
        for bus, top in zip(self.story.buses, self.layout.tops[len(tracks) :], strict=False):
            self._wave(self.picture.returns.get(bus.id), 0, (top, RETURN_HEIGHT), RETURN)
        self._wave(self.picture.mix, 0, (self.layout.tops[-1], MIX_HEIGHT), MIX)
        self._markers()
        return self.canvas.image()

    def _lanes(self) -> None:
        lanes = [(t.name or t.id, t.voice or "", self.layout.colours[t.id], LANE_HEIGHT) for t in self.story.tracks]
        lanes += [(b.name or b.id, "return", RETURN, RETURN_HEIGHT) for b in self.story.buses]
        lanes.append(("Mix", _loudness(self.picture.mix_levels), MIX, MIX_HEIGHT))
        for (name, detail, colour, height), top in zip(lanes, self.layout.tops, strict=True):
            self.canvas.box((TIME_LEFT, top, WIDTH - MARGIN, top + height), LANE, 5)
            self.canvas.box((MARGIN, top + 6, MARGIN + 3, top + height - 6), colour, 1.5)
            middle, room = top + height / 2, NAMES_WIDTH - 26
            lift = 8 if detail and height >= MIX_HEIGHT else 0
            self.canvas.text(MARGIN + 13, middle - lift, fitted(name, room, 15), TEXT, 15, "lm")
            if lift:
                self.canvas.text(MARGIN + 13, middle + 11, fitted(detail, room, 12), FAINT, 12, "lm")

    def _ruler(self) -> None:
        step = next((t for t in TICK_SECONDS if self.layout.row_seconds / t <= 16), TICK_SECONDS[-1])
        first = math.ceil(self.start / self.rate / step - 1e-9)
        last = math.ceil(self.end / self.rate / step - 1e-9)
        for seconds in range(first * step, last * step, step):
            x = self.layout.x(seconds - self.start / self.rate)
            for top, bottom in zip(self.layout.tops, [*self.layout.tops[1:], 0], strict=True):
                self.canvas.line(x, top, x, (bottom or top + MIX_HEIGHT + LANE_GAP) - LANE_GAP, GRID, 0.5)
            self.canvas.text(x + 1, RULER_HEIGHT - 8, _clock(seconds), FAINT, 12)

    def _clip(self, placed: Placed, top: int) -> None:
        colour = self.layout.colours[placed.track.id]
        x0, x1 = self._x(max(placed.start_frame, self.start)), self._x(min(placed.end_frame, self.end))
        x1 = max(x1, x0 + 2)
        box = (x0, top + 3, x1, top + LANE_HEIGHT - 3)
        self.canvas.box(box, mixed(colour, LANE, 0.72), 4, mixed(colour, LANE, 0.45))
        caption = self._caption(placed, x0, x1, top, mixed(colour, TEXT, 0.65))
        area = (top + 20, LANE_HEIGHT - 26) if caption else (top + 4, LANE_HEIGHT - 8)
        self._wave(self.picture.clips.get(placed.clip.id), placed.start_frame, area, mixed(colour, LANE, 0.1), placed)
        self._fades(placed, top)
        self._words(placed, top + LANE_HEIGHT - 8, mixed(colour, TEXT, 0.5))

    def _caption(self, placed: Placed, x0: float, x1: float, top: int, colour: Colour) -> bool:
        """Write what is said, where the clip begins; tell whether there was room."""
        if placed.start_frame < self.start:
            return False
        text = placed.clip.line.text if placed.clip.line else placed.clip.name or Path(placed.clip.audio or "").stem
        lines = wrapped(text, x1 - x0 - 12, 12, 1)
        for line in lines:
            self.canvas.text(x0 + 6, top + 17, line, colour, 12)
        return bool(lines)

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

    def _wave(
        self, wave: Wave | None, from_frame: int, area: tuple[int, int], colour: Colour, placed: Placed | None = None
    ) -> None:
        """Draw that part of ``wave``, which begins at ``from_frame``, that lies in this row; loudest is full height."""
        if wave is None or not len(wave.peaks):
            return
        until = placed.end_frame if placed else from_frame + len(wave.peaks) * wave.bucket_frames
        start, end = max(from_frame, self.start), min(until, self.end)
        if start >= end:
            return
        first, last = (start - from_frame) // wave.bucket_frames, -(-(end - from_frame) // wave.bucket_frames)
        top, height = area
        scale = (height / 2 - 2) / max(0.05, float(wave.peaks.max()))
        heights = wave.peaks[first:last] * np.float32(scale)
        self.canvas.wave(self._x(start) + 2, self._x(end) - 2, top + height / 2, heights, colour)

    def _markers(self) -> None:
        names = {marker.id: marker.name or marker.id for marker in self.story.markers}
        free = 0.0
        for frame, name in sorted((frame, names[key]) for key, frame in self.picture.markers.items()):
            if not self.start <= frame < self.end:
                continue
            x, bottom = self._x(frame), self.layout.tops[-1] + MIX_HEIGHT
            self.canvas.line(x, 8, x, bottom, mixed(MARKER, LANE, 0.35), 0.75)
            label = fitted(name, 220, 12)
            if x >= free:
                width = text_width(label, 12) + 12
                self.canvas.box((x, 0, x + width, 17), MARKER, 3)
                self.canvas.text(x + 6, 9, label, PAPER, 12, "lm")
                free = x + width + 2

    def _x(self, frame: int) -> float:
        return self.layout.x((frame - self.start) / self.rate)


def _title(picture: Picture) -> Image.Image:
    story = picture.story
    canvas = Canvas(WIDTH, TITLE_HEIGHT, PAPER)
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
    canvas.text(MARGIN, 71, "   ".join(fact for fact in facts if fact), SOFT, 14)
    return canvas.image()


def _clock(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _loudness(levels: Levels | None) -> str:
    return "" if levels is None or levels.integrated_lufs is None else f"{levels.integrated_lufs:.1f} LUFS"


def _peak(levels: Levels | None) -> str:
    return "" if levels is None or levels.true_peak_dbtp is None else f"{levels.true_peak_dbtp:.1f} dBTP"
