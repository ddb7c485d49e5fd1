"""The picture of the timeline: its size, and that what is drawn lies where it belongs."""

import numpy as np
import pytest
from export_stories import RATE, Workshop, nasty, scene
from PIL import Image

from engine.export.canvas import fitted, mixed, text_width
from engine.export.overview import (
    COLOURS,
    LANE,
    LANE_GAP,
    LANE_HEIGHT,
    MARKER,
    PAPER,
    ROW_SECONDS,
    RULER_HEIGHT,
    TALLEST,
    TIME_LEFT,
    TIME_WIDTH,
    TITLE_HEIGHT,
    WIDTH,
    Picture,
    Wave,
    draw_overview,
)
from engine.story.model import At, Clip, Line, Marker, Story, Track
from engine.story.timeline import marker_frames, place
from engine.voices.take import Word

SECONDS = ROW_SECONDS[0]


def drawn(tmp_path, story: Story, lengths: dict[str, int], **more) -> np.ndarray:
    """Draw ``story`` and return its pixels, (height, width, 3)."""
    placed = place(story, lengths)
    frames = more.pop("frames", SECONDS * RATE)
    picture = Picture(story=story, placed=placed, markers=marker_frames(story, placed), frames=frames, **more)
    draw_overview(picture, tmp_path / "o.png")
    return np.asarray(Image.open(tmp_path / "o.png")).astype(int)


def one_clip(start: int = 2 * RATE, length: int = 3 * RATE, name: str = " ", **clip) -> tuple[Story, dict[str, int]]:
    each = Clip(id="c", start=At(frame=start), line=Line(text=name, voice="v"), **clip)
    return Story(title="T", tracks=(Track(id="one", clips=(each,)),)), {"c": length}


def x_of(seconds: float) -> int:
    return round(TIME_LEFT + seconds / SECONDS * TIME_WIDTH)


def lane_y(lane: int = 0, part: float = 0.5) -> int:
    return round(TITLE_HEIGHT + RULER_HEIGHT + lane * (LANE_HEIGHT + LANE_GAP) + part * LANE_HEIGHT)


def is_like(pixels: np.ndarray, colour: tuple[int, int, int], off: int = 12) -> np.ndarray:
    return np.abs(pixels - np.array(colour)).max(axis=-1) <= off


def test_a_clip_is_a_box_from_its_start_to_its_end(tmp_path):
    pixels = drawn(tmp_path, *one_clip())
    inside = is_like(pixels[lane_y()], mixed(COLOURS[0], LANE, 0.72)).nonzero()[0]
    assert inside[0] == pytest.approx(x_of(2), abs=2)
    assert inside[-1] == pytest.approx(x_of(5), abs=2)
    assert len(inside) == inside[-1] - inside[0] + 1


def test_the_waveform_is_as_high_as_the_sound_is_loud(tmp_path):
    peaks = np.concatenate((np.full(150, 1.0), np.full(150, 0.25))).astype(np.float32)
    story, lengths = one_clip()
    pixels = drawn(tmp_path, story, lengths, clips={"c": Wave(peaks, RATE // 100)})
    lane = pixels[lane_y(part=0) : lane_y(part=1)]
    heights = is_like(lane, mixed(COLOURS[0], LANE, 0.1)).sum(axis=0)
    loud, quiet = heights[x_of(2.5)], heights[x_of(4)]
    assert loud >= 25
    assert quiet == pytest.approx(loud / 4, abs=2)
    assert heights[x_of(5.5)] == 0


def test_words_are_ticked_where_they_begin(tmp_path):
    words = tuple(
        Word(text="w", start_frame=frame, end_frame=frame + 100, text_start=0, text_end=1)
        for frame in (RATE // 2, RATE, 2 * RATE)
    )
    story, lengths = one_clip(length=4 * RATE, trim_start_frames=RATE // 2, length_frames=int(2.25 * RATE))
    bare = drawn(tmp_path, story, lengths)
    ticked = drawn(tmp_path, story, lengths, words={"c": words})
    columns = (ticked != bare).any(axis=(0, 2)).nonzero()[0]
    starts = [column for column in columns if column - 1 not in columns]
    assert starts == pytest.approx([x_of(2) + 1, x_of(2.5) + 1, x_of(3.5) + 1], abs=1)


def test_a_marker_is_a_line_with_its_name(tmp_path):
    story, lengths = one_clip()
    bare = drawn(tmp_path, story, lengths)
    story = Story(title="T", tracks=story.tracks, markers=(Marker(id="m", at=At(frame=7 * RATE), name="Here"),))
    pixels = drawn(tmp_path, story, lengths)
    label = is_like(pixels[TITLE_HEIGHT + 2], MARKER).nonzero()[0]
    assert label[0] == pytest.approx(x_of(7) + 1, abs=3)
    assert len(label) > text_width("Here", 12)
    line = (pixels != bare).any(axis=2)[lane_y()].nonzero()[0]
    assert line == pytest.approx([x_of(7)], abs=1)


def test_the_name_of_a_marker_at_the_very_end_is_not_cut(tmp_path):
    story, lengths = one_clip(start=0, length=SECONDS * RATE)
    at = At(frame=SECONDS * RATE - 1)
    story = Story(title="T", tracks=story.tracks, markers=(Marker(id="m", at=at, name="The very end of it"),))
    pixels = drawn(tmp_path, story, lengths)
    label = is_like(pixels[TITLE_HEIGHT + 2], MARKER).nonzero()[0]
    assert label[-1] < WIDTH - 1
    assert len(label) > text_width("The very end of it", 12)


def test_what_is_said_stands_at_the_clip(tmp_path):
    silent, spoken = (drawn(tmp_path, *one_clip(name=name)) for name in (" ", "Who goes there?"))
    changed = (silent != spoken).any(axis=2)
    rows, columns = changed.nonzero()
    assert columns.min() >= x_of(2)
    assert columns.max() <= x_of(5)
    assert lane_y(part=0) <= rows.min() <= rows.max() <= lane_y(part=0.4)


def test_a_long_story_gets_longer_rows_and_no_taller_picture(tmp_path):
    story, lengths = one_clip(length=6 * 3600 * RATE)
    pixels = drawn(tmp_path, story, lengths, frames=6 * 3600 * RATE)
    assert pixels.shape[1] == WIDTH
    assert pixels.shape[0] <= TALLEST


def test_a_clip_goes_on_in_the_next_row(tmp_path):
    story, lengths = one_clip(start=8 * RATE, length=4 * RATE)
    pixels = drawn(tmp_path, story, lengths, frames=20 * RATE)
    box = is_like(pixels, mixed(COLOURS[0], LANE, 0.72)).sum(axis=1)
    rows = (box > 100).nonzero()[0]
    second = rows[rows > lane_y(1)]
    assert box[lane_y()] == pytest.approx(TIME_WIDTH / 5, abs=6)
    assert box[second].max() == pytest.approx(TIME_WIDTH / 5, abs=6)


@pytest.mark.extra
def test_of_two_hundred_tracks_each_has_a_lane(tmp_path):
    tracks = tuple(
        Track(id=f"t{n}", clips=(Clip(id=f"c{n}", start=At(frame=n * 1000), line=Line(text=" ", voice="v")),))
        for n in range(200)
    )
    pixels = drawn(tmp_path, Story(title="T", tracks=tracks), {f"c{n}": RATE for n in range(200)})
    assert pixels.shape[0] > 200 * LANE_HEIGHT
    for n in (0, 99, 199):
        box = is_like(pixels[lane_y(n)], mixed(COLOURS[n % len(COLOURS)], LANE, 0.72)).nonzero()[0]
        assert box[0] == pytest.approx(x_of(n * 1000 / RATE), abs=2)


def test_an_export_draws_everything_it_wrote(tmp_path):
    shop = Workshop(tmp_path)
    for number, story in enumerate((scene(shop), nasty(shop))):
        shop.export(story, str(number), formats=("stems",))
        image = Image.open(tmp_path / str(number) / "overview.png")
        assert image.size[0] == WIDTH
        assert image.getpixel((WIDTH - 1, image.size[1] - 1)) == PAPER


@pytest.mark.parametrize("text", ["plain", "Grüße – „fünf“", "שלום עולם", "🎙 Mikrofon", ""])
def test_a_text_is_cut_to_the_room_there_is(text):
    for width in (0, 10, 40, 500):
        shown = fitted(text, width, 12)
        assert not shown or text_width(shown, 12) <= width
    assert fitted(text, 1000, 12) == text
