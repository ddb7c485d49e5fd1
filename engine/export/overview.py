"""The picture of a story's timeline: tracks, clips with waveforms, words, markers, in rows like a score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from engine.story.model import Story
from engine.story.timeline import Placed
from engine.voices.take import Word

ROW_SECONDS = 30.0
PIXELS_PER_SECOND = 60
MARGIN, NAMES_WIDTH, TITLE_HEIGHT, RULER_HEIGHT, LANE_HEIGHT, ROW_GAP = 24, 130, 56, 34, 62, 26
LANES_LEFT = MARGIN + NAMES_WIDTH

PAPER, LANE, GRID, TEXT, FAINT, MARKER = "#14171c", "#1c2129", "#2b323d", "#e8eaed", "#8b94a3", "#ffc857"
COLOURS = ("#4fb3bf", "#e07a5f", "#81b29a", "#b48ead", "#f2a65a", "#6d9dc5", "#d08c9f", "#a3be8c")


class Source(NamedTuple):
    """What a clip's picture is made of: its whole source (frames, channels) and its words, both before any trim."""

    audio: NDArray[np.float32]
    words: Sequence[Word] = ()


def draw_overview(
    story: Story, placed: Sequence[Placed], sources: Mapping[str, Source], markers: Mapping[str, int], path: Path
) -> None:
    """Write the picture of ``story`` as a PNG to ``path``, in place of what was there.

    sources: by clip id; a clip without one gets no waveform. markers: timeline frame by marker id.
    """
    end = max((p.end_frame for p in placed), default=0) / story.sample_rate
    rows = max(1, int(np.ceil(end / ROW_SECONDS)))
    picture = _Picture(story, rows)
    picture.title(f"{len(placed)} clips, {len(story.tracks)} tracks, {int(end // 60)}:{end % 60:04.1f}")
    for row in range(rows):
        picture.row(row)
    for each in placed:
        picture.clip(each, sources.get(each.clip.id))
    for marker in story.markers:
        picture.marker(marker.name or marker.id, markers[marker.id] / story.sample_rate)
    unfinished = path.with_suffix(".part.png")
    picture.image.save(unfinished)
    unfinished.replace(path)


class _Picture:
    """Knows where on the page a time and a track lie."""

    def __init__(self, story: Story, rows: int) -> None:
        self.story = story
        self.lanes = {track.id: i for i, track in enumerate(story.tracks)}
        self.row_height = RULER_HEIGHT + LANE_HEIGHT * max(1, len(self.lanes)) + ROW_GAP
        width = LANES_LEFT + int(ROW_SECONDS * PIXELS_PER_SECOND) + MARGIN
        self.image = Image.new("RGB", (width, TITLE_HEIGHT + rows * self.row_height + MARGIN), PAPER)
        self.draw = ImageDraw.Draw(self.image)
        self.small, self.normal, self.large = (ImageFont.load_default(size) for size in (11, 14, 24))

    def title(self, facts: str) -> None:
        self.draw.text((MARGIN, 16), self.story.title, TEXT, self.large)
        left = MARGIN + 24 + self.draw.textlength(self.story.title, self.large)
        self.draw.text((left, 25), facts, FAINT, self.normal)

    def row(self, row: int) -> None:
        """Draw an empty row: track names, lanes, a tick per five seconds."""
        top = TITLE_HEIGHT + row * self.row_height
        right = self.image.width - MARGIN
        for track in self.story.tracks:
            y = top + RULER_HEIGHT + LANE_HEIGHT * self.lanes[track.id]
            self.draw.rectangle((LANES_LEFT, y + 2, right, y + LANE_HEIGHT - 3), LANE)
            self.draw.text((MARGIN, y + 20), _fit(track.name or track.id, 17), self._colour(track.id), self.normal)
        for tick in range(0, int(ROW_SECONDS), 5):
            x, seconds = LANES_LEFT + tick * PIXELS_PER_SECOND, int(row * ROW_SECONDS) + tick
            self.draw.line((x, top + RULER_HEIGHT - 8, x, top + self.row_height - ROW_GAP), GRID)
            self.draw.text((x + 4, top + RULER_HEIGHT - 14), f"{seconds // 60}:{seconds % 60:02}", FAINT, self.small)

    def clip(self, placed: Placed, source: Source | None) -> None:
        """Draw a clip into every row that it reaches into."""
        rate = self.story.sample_rate
        start, end = placed.start_frame / rate, placed.end_frame / rate
        for row, left, right in _rows_of(start, end):
            x0, x1, top = *self._x_range(row, left, right), self._lane_top(row, placed.track.id)
            self.draw.rounded_rectangle(
                (x0, top + 3, x1, top + LANE_HEIGHT - 4), 4, _dim(self._colour(placed.track.id))
            )
            if source is not None:
                self._waveform(placed, source, (x0, x1), top, left - start)
                self._words(placed, source, (row, top))
        row, left, right = next(_rows_of(start, end))
        self._caption(placed, *self._x_range(row, left, right), self._lane_top(row, placed.track.id))

    def marker(self, name: str, seconds: float) -> None:
        """Draw a flag above the lanes."""
        row = min(int(seconds // ROW_SECONDS), (self.image.height - TITLE_HEIGHT) // self.row_height - 1)
        x = LANES_LEFT + (seconds - row * ROW_SECONDS) * PIXELS_PER_SECOND
        top = TITLE_HEIGHT + row * self.row_height
        self.draw.line((x, top + 6, x, top + self.row_height - ROW_GAP), MARKER)
        self.draw.text((x + 4, top + 3), name, MARKER, self.small)

    def _waveform(self, placed: Placed, source: Source, span: tuple[int, int], top: int, from_seconds: float) -> None:
        x0, x1 = span
        first = placed.clip.trim_start_frames + round(from_seconds * self.story.sample_rate)
        peaks = _peaks(
            source.audio[first : placed.clip.trim_start_frames + placed.length_frames], self._frames_per_pixel
        )
        middle, half = top + LANE_HEIGHT - 19, 14
        for x, peak in zip(range(x0, x1), peaks, strict=False):
            height = max(0.5, half * min(1.0, float(peak)))
            self.draw.line((x, middle - height, x, middle + height), self._colour(placed.track.id))

    def _words(self, placed: Placed, source: Source, at: tuple[int, int]) -> None:
        row, top = at
        for word in source.words:
            frame = placed.start_frame + word.start_frame - placed.clip.trim_start_frames
            seconds = frame / self.story.sample_rate - row * ROW_SECONDS
            if placed.start_frame <= frame < placed.end_frame and 0 <= seconds < ROW_SECONDS:
                x = LANES_LEFT + int(seconds * PIXELS_PER_SECOND)
                self.draw.line((x, top + LANE_HEIGHT - 9, x, top + LANE_HEIGHT - 5), TEXT)

    def _caption(self, placed: Placed, x0: int, x1: int, top: int) -> None:
        text = placed.clip.line.text if placed.clip.line else placed.clip.name or placed.clip.id
        for number, line in enumerate(self._wrap(text, x1 - x0 - 8)[:2]):
            self.draw.text((x0 + 5, top + 4 + 12 * number), line, TEXT, self.small)

    def _wrap(self, text: str, width: int) -> list[str]:
        lines = [""]
        for word in text.split():
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and self.draw.textlength(longer, self.small) > width:
                lines.append(word)
            else:
                lines[-1] = longer
        cut = [line for line in lines if self.draw.textlength(line, self.small) <= width]
        return cut if len(cut) <= 2 else [cut[0], _fit(cut[1], max(1, len(cut[1]) - 1), always=True)]

    def _colour(self, track: str) -> str:
        return COLOURS[self.lanes[track] % len(COLOURS)]

    def _lane_top(self, row: int, track: str) -> int:
        return TITLE_HEIGHT + row * self.row_height + RULER_HEIGHT + LANE_HEIGHT * self.lanes[track]

    def _x_range(self, row: int, left: float, right: float) -> tuple[int, int]:
        x0 = LANES_LEFT + int((left - row * ROW_SECONDS) * PIXELS_PER_SECOND)
        return x0, max(x0 + 2, LANES_LEFT + int((right - row * ROW_SECONDS) * PIXELS_PER_SECOND))

    @property
    def _frames_per_pixel(self) -> int:
        return max(1, self.story.sample_rate // PIXELS_PER_SECOND)


def _rows_of(start: float, end: float) -> Iterator[tuple[int, float, float]]:
    """Yield each row that the seconds ``start`` to ``end`` touch, with the part that lies in it."""
    for row in range(int(start // ROW_SECONDS), int(max(start, end - 1e-9) // ROW_SECONDS) + 1):
        yield row, max(start, row * ROW_SECONDS), min(end, (row + 1) * ROW_SECONDS)


def _peaks(audio: NDArray[np.float32], frames_per_pixel: int) -> NDArray[np.float32]:
    """Return the largest magnitude under each pixel."""
    pixels = audio.shape[0] // frames_per_pixel
    if pixels == 0:
        return np.zeros(0, np.float32)
    magnitude = np.abs(audio[: pixels * frames_per_pixel]).reshape(pixels, -1)
    return np.asarray(magnitude.max(axis=1), np.float32)


def _fit(text: str, length: int, *, always: bool = False) -> str:
    return f"{text[: length - 1]}…" if always or len(text) > length else text


def _dim(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red // 3 + 10, green // 3 + 10, blue // 3 + 12
