"""Canvas: drawing in points, smooth because everything is drawn larger and scaled down at the end."""

from __future__ import annotations

import contextlib
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SCALE = 2
"""Pixels drawn per pixel kept, in each direction."""

SYSTEM_FONTS = ("DejaVuSans.ttf", "NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "arial.ttf", "msgothic.ttc")
"""Typefaces for scripts that Pillow's own does not know, where a system has them."""

NO_LETTER = "\uffff"

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]
Anchor = Literal["ls", "rs", "lm", "rm"]
"""Where a text's position lies in it: left or right, on the baseline or in the middle."""


class Canvas:
    """A picture of ``width`` by ``height`` points; a point is a pixel of the result."""

    def __init__(self, width: int, height: int, background: Colour) -> None:
        self.width, self.height = width, height
        self._image = Image.new("RGB", (width * SCALE, height * SCALE), background)
        self._draw = ImageDraw.Draw(self._image)

    def image(self) -> Image.Image:
        """Return the picture at its real size."""
        return self._image.reduce(SCALE)

    def box(self, box: Box, fill: Colour, radius: float = 0.0, outline: Colour | None = None) -> None:
        """Fill a box; radius: of its corners."""
        x0, y0, x1, y1 = (round(edge * SCALE) for edge in box)
        edges = (x0, y0, max(x0, x1 - 1), max(y0, y1 - 1))
        limit = min(edges[2] - edges[0], edges[3] - edges[1]) / 2
        self._draw.rounded_rectangle(edges, min(radius * SCALE, limit), fill, outline, SCALE if outline else 0)

    def line(self, x0: float, y0: float, x1: float, y1: float, colour: Colour, width: float = 1.0) -> None:
        """Draw a straight line."""
        ends = (x0 * SCALE, y0 * SCALE, x1 * SCALE, y1 * SCALE)
        self._draw.line(ends, colour, max(1, round(width * SCALE)))

    def shape(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon([(x * SCALE, y * SCALE) for x, y in points], colour)

    def text(self, x: float, y: float, text: str, colour: Colour, size: int, anchor: Anchor = "ls") -> None:
        """Write ``text``."""
        self._draw.text((x * SCALE, y * SCALE), text, colour, _font_for(text, size), anchor)

    def wave(self, x0: float, x1: float, middle: float, heights: NDArray[np.float32], colour: Colour) -> None:
        """Draw a mirrored waveform from ``x0`` to ``x1``; heights: half heights in points, spread over the width."""
        columns = range(round(x0 * SCALE), round(x1 * SCALE))
        if not len(heights) or not columns:
            return
        edges = np.linspace(0, len(heights), len(columns) + 1).astype(int)
        for x, first, last in zip(columns, edges, edges[1:], strict=False):
            half = max(0.5, float(heights[first : max(first + 1, last)].max()) * SCALE)
            self._draw.line((x, middle * SCALE - half, x, middle * SCALE + half), colour)


def text_width(text: str, size: int) -> float:
    """Return how wide ``text`` is, in points."""
    return float(_font_for(text, size).getlength(text)) / SCALE


def fitted(text: str, width: float, size: int) -> str:
    """Return as much of ``text`` as fits into ``width``, with an ellipsis where something is missing."""
    if text_width(text, size) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if text_width(f"{text[:middle].rstrip()}…", size) <= width:
            low = middle
        else:
            high = middle - 1
    return f"{text[:low].rstrip()}…" if low else ""


def mixed(colour: Colour, other: Colour, part: float) -> Colour:
    """Return ``colour`` with ``part`` (0 to 1) of ``other`` in it."""
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def _font_for(text: str, size: int) -> ImageFont.FreeTypeFont:
    """Return the typeface that Pillow carries with it, or one of the system's where that has more of the letters."""
    carried = _carried_font(size)
    if text.isascii():
        return carried
    return min((carried, *_system_fonts(size)), key=lambda font: _lacking(font, text))


def _lacking(font: ImageFont.FreeTypeFont, text: str) -> int:
    """Count the letters of ``text`` for which ``font`` draws the box that stands for a letter it does not know."""
    return sum(_glyph(font, letter) == _glyph(font, NO_LETTER) for letter in set(text) if not letter.isspace())


@lru_cache(maxsize=4096)
def _glyph(font: ImageFont.FreeTypeFont, letter: str) -> bytes:
    return bytes(font.getmask(letter))


@lru_cache(maxsize=16)
def _carried_font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size * SCALE)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("this Pillow was built without FreeType; install one from PyPI")
    return font


@lru_cache(maxsize=16)
def _system_fonts(size: int) -> tuple[ImageFont.FreeTypeFont, ...]:
    fonts = []
    for name in SYSTEM_FONTS:
        with contextlib.suppress(OSError):  # not on this system
            fonts.append(ImageFont.truetype(name, size * SCALE))
    return tuple(fonts)
