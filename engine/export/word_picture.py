"""A picture of a take: its waveform, and where each word lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import MediaError
from engine.export.canvas import Canvas, Colour, fitted, mixed
from engine.voices.take import Take

HEIGHT, MARGIN, SECOND_POINTS = 200, 16, 220
_PAPER: Colour = (22, 24, 30)
_INK: Colour = (228, 230, 236)
_SURE: Colour = (94, 176, 239)
_UNSURE: Colour = (235, 120, 80)


def draw_words(take: Take, audio: NDArray[np.float32], path: Path) -> None:
    """Write a PNG of ``take``; audio: (frames, channels). What is unsure of its time is warmer in colour.

    Raises MediaError where the disk refuses; half a picture is never left.
    """
    seconds = take.frames / take.sample_rate
    width = min(8000, max(480, round(seconds * SECOND_POINTS) + 2 * MARGIN))
    points = (width - 2 * MARGIN) / max(1, take.frames)
    canvas = Canvas(width, HEIGHT, _PAPER)
    for word in take.words:
        x0, x1 = (MARGIN + frame * points for frame in (word.start_frame, word.end_frame))
        colour = mixed(_UNSURE, _SURE, word.confidence)
        canvas.box((x0, 36, x1 - 1, HEIGHT - 36), mixed(colour, _PAPER, 0.75), radius=3)
        canvas.line(x0, 36, x0, HEIGHT - 36, colour)
        canvas.text(x0 + 3, 24, fitted(word.text, max(12.0, x1 - x0), 13), _INK, 13)
    level = np.abs(audio).max(axis=1, initial=0.0)
    heights = level / max(float(level.max(initial=0.0)), 1e-6) * (HEIGHT / 2 - 44)
    canvas.wave(MARGIN, width - MARGIN, HEIGHT / 2, heights.astype(np.float32), mixed(_INK, _PAPER, 0.2))
    source = f"{take.voice} · {seconds:.2f} s · words: {take.source}"
    canvas.text(MARGIN, HEIGHT - 12, source, mixed(_INK, _PAPER, 0.4), 12)
    unfinished = path.with_name(f".{path.name}.part")
    try:
        canvas.image().save(unfinished, "PNG")
        unfinished.replace(path)
    except OSError as error:
        raise MediaError(f"the picture {path} can't be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
