"""The picture of the timeline: what lies where, across rows."""

from pathlib import Path

import numpy as np
from PIL import Image

from engine.export import overview
from engine.export.overview import LANE_HEIGHT, LANES_LEFT, PIXELS_PER_SECOND, ROW_SECONDS, Source, draw_overview
from engine.story.model import At, Clip, Line, Marker, Story, Track
from engine.story.timeline import place
from engine.voices.take import Word

RATE = 48000


def draw(path: Path, start_seconds: float, length_seconds: float, trim_seconds: float = 0.0) -> Image.Image:
    frames = round(length_seconds * RATE)
    clip = Clip(
        id="a",
        start=At(frame=round(start_seconds * RATE)),
        line=Line(text="A very long sentence that has to be cut somewhere because the clip is so short.", voice="v"),
        trim_start_frames=round(trim_seconds * RATE),
        length_frames=frames,
    )
    story = Story(
        title="T",
        tracks=(Track(id="one", clips=(clip,)), Track(id="two")),
        markers=(Marker(id="m", at=At(frame=40 * RATE)),),
    )
    source = np.zeros((frames + round(trim_seconds * RATE), 1), np.float32)
    source[-frames // 2 :] = 0.9  # the second half of what sounds is loud
    words = (Word(text="A", start_frame=round(trim_seconds * RATE), end_frame=9, text_start=0, text_end=1),)
    draw_overview(story, place(story, {"a": source.shape[0]}), {"a": Source(source, words)}, {"m": 40 * RATE}, path)
    return Image.open(path)


def wave_columns(image: Image.Image, row: int) -> np.ndarray:
    """Seconds within ``row`` at which the first lane's waveform is tall."""
    row_height = overview.RULER_HEIGHT + 2 * LANE_HEIGHT + overview.ROW_GAP
    y = overview.TITLE_HEIGHT + row * row_height + overview.RULER_HEIGHT + LANE_HEIGHT - 19 - 10
    colour = tuple(int(overview.COLOURS[0][i : i + 2], 16) for i in (1, 3, 5))
    pixels = np.asarray(image)[y, LANES_LEFT:]
    return np.flatnonzero((pixels == colour).all(axis=1)) / PIXELS_PER_SECOND


def test_a_clip_lies_at_its_time_with_its_waveform(tmp_path):
    loud = wave_columns(draw(tmp_path / "o.png", start_seconds=10.0, length_seconds=8.0), 0)
    assert abs(loud.min() - 14.0) < 0.05
    assert abs(loud.max() - 18.0) < 0.05


def test_trim_moves_the_waveform_not_the_clip(tmp_path):
    loud = wave_columns(draw(tmp_path / "o.png", start_seconds=10.0, length_seconds=8.0, trim_seconds=2.0), 0)
    assert abs(loud.min() - 14.0) < 0.05
    assert abs(loud.max() - 18.0) < 0.05


def test_a_clip_goes_on_in_the_next_row(tmp_path):
    image = draw(tmp_path / "o.png", start_seconds=ROW_SECONDS - 2, length_seconds=8.0)
    assert abs(wave_columns(image, 1).min() - 2.0) < 0.05
    assert abs(wave_columns(image, 1).max() - 6.0) < 0.05
    assert wave_columns(image, 0).size == 0


def test_a_clip_of_a_few_frames_and_an_empty_story_can_be_drawn(tmp_path):
    assert draw(tmp_path / "o.png", start_seconds=1.0, length_seconds=0.001).width > LANES_LEFT
    draw_overview(Story(title="Nothing"), (), {}, {}, tmp_path / "empty.png")
    assert Image.open(tmp_path / "empty.png").height > 100


def test_nothing_is_left_beside_the_picture(tmp_path):
    draw(tmp_path / "o.png", 0.0, 1.0)
    assert [p.name for p in tmp_path.iterdir()] == ["o.png"]
