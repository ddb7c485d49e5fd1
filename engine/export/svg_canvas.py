"""The same drawing as on a canvas, as SVG: sharp at any size, its text found by a search."""

from __future__ import annotations

from itertools import pairwise
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from engine.export.canvas import Anchor, Box, Colour

_ANCHORS = {"l": "start", "r": "end"}
WAVE_STEP = 1.0
"""A waveform has a point so often."""


class SvgCanvas:
    """A picture of ``width`` by ``height`` points; what is drawn after ``move_to`` lies below a place."""

    def __init__(self, width: int, height: int, background: Colour) -> None:
        self.width, self.height = width, height
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            f'font-family="DejaVu Sans, Verdana, sans-serif">',
            f'<rect width="100%" height="100%" fill="{_hex(background)}"/>',
        ]
        self._open = False

    def move_to(self, top: float) -> None:
        """Draw from here on ``top`` points lower."""
        self._close()
        self._parts.append(f'<g transform="translate(0 {_number(top)})">')
        self._open = True

    def text_of(self) -> str:
        """Return the whole picture."""
        self._close()
        return "\n".join([*self._parts, "</svg>\n"])

    def box(self, box: Box, fill: Colour, radius: float = 0.0, outline: Colour | None = None) -> None:
        """Fill a box; radius: of its corners."""
        x0, y0, x1, y1 = box
        place = f'x="{_number(x0)}" y="{_number(y0)}" width="{_number(max(0.5, x1 - x0))}" height="{_number(y1 - y0)}"'
        stroke = f' stroke="{_hex(outline)}" stroke-width="1"' if outline else ""
        self._parts.append(f'<rect {place} rx="{_number(radius)}" fill="{_hex(fill)}"{stroke}/>')

    def line(self, x0: float, y0: float, x1: float, y1: float, colour: Colour, width: float = 1.0) -> None:
        """Draw a straight line."""
        ends = f'x1="{_number(x0)}" y1="{_number(y0)}" x2="{_number(x1)}" y2="{_number(y1)}"'
        self._parts.append(f'<line {ends} stroke="{_hex(colour)}" stroke-width="{_number(width)}"/>')

    def text(self, x: float, y: float, text: str, colour: Colour, size: int, anchor: Anchor = "ls") -> None:
        """Write ``text``."""
        middle = ' dominant-baseline="central"' if anchor.endswith("m") else ""
        place = f'x="{_number(x)}" y="{_number(y)}" text-anchor="{_ANCHORS[anchor[0]]}"{middle}'
        self._parts.append(f'<text {place} font-size="{size}" fill="{_hex(colour)}">{escape(_clean(text))}</text>')

    def wave(self, x0: float, x1: float, middle: float, heights: NDArray[np.float32], colour: Colour) -> None:
        """Draw a mirrored waveform from ``x0`` to ``x1``; heights: half heights in points, spread over the width."""
        count = max(1, round((x1 - x0) / WAVE_STEP))
        if not len(heights) or x1 <= x0:
            return
        edges = np.linspace(0, len(heights), count + 1).astype(int)
        pairs = pairwise(edges)
        halves = [max(0.25, float(heights[a : max(a + 1, b)].max())) for a, b in pairs]
        places = [x0 + (i + 0.5) * (x1 - x0) / count for i in range(count)]
        upper = [f"{_number(x)} {_number(middle - half)}" for x, half in zip(places, halves, strict=True)]
        lower = [f"{_number(x)} {_number(middle + half)}" for x, half in zip(places, halves, strict=True)]
        self._parts.append(f'<path d="M{" L".join([*upper, *reversed(lower)])}Z" fill="{_hex(colour)}"/>')

    def _close(self) -> None:
        if self._open:
            self._parts.append("</g>")
        self._open = False


def _hex(colour: Colour) -> str:
    red, green, blue = colour
    return f"#{red:02x}{green:02x}{blue:02x}"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _clean(text: str) -> str:
    """Return a text without what XML can't hold."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
