"""Orders that start players: those that are remembered are the same as those that are worked out."""

import numpy as np
import pytest
from msgspec.structs import replace

from engine.session.library import AudioFile, Loaded
from engine.session.players import MOST_KNOWN, Sound, Starts, start_order

SOUND = Sound(
    source=AudioFile(path="a.wav"),
    loaded=Loaded(offset=700, frames=4800, channels=2, digest="d"),
    strip=3,
    trim_start_frames=10,
    gain_db=-4.5,
    pan=0.25,
    fade_in_frames=7,
    fade_out_shape="s_curve",
    rate=-0.5,
    loop_frames=100,
    rounds=3,
)


@pytest.mark.parametrize(
    ("player", "frame", "gain_db"), [(1 << 32, None, 0.0), ((1 << 32) + 9, 123_456_789_012, -7.25)]
)
def test_a_remembered_start_is_like_one_that_is_worked_out(player: int, frame: int | None, gain_db: float) -> None:
    starts = Starts()
    starts.order(5, SOUND, 17, 3.0)
    again = starts.order(player, SOUND, frame, gain_db)
    assert again.tobytes() == start_order(player, SOUND, frame, gain_db).tobytes()
    assert again.flags.writeable


def test_another_sound_is_never_taken_for_one_that_is_gone() -> None:
    starts = Starts()
    for strip in range(2 * MOST_KNOWN + 3):
        order = starts.order(1, replace(SOUND, strip=strip), None, 0.0)
        np.testing.assert_equal(order["strip"], [strip])
