"""Controllers, encoders, velocity and soft take-over, byte by byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.midi.controllers import Controllers, Moved
from bridge.midi.encoders import ENCODINGS, steps
from bridge.midi.grids import GRIDS
from bridge.midi.pickup import NEAR, TAKEOVERS, Pickup
from bridge.midi.velocity import CURVES, level
from bridge.midi.voiced import Voiced, decode, describe, encode


def turn(controllers, *changes, channel=1):
    """Return what control changes come to."""
    moved = [controllers.take(Voiced("control", channel, n, v)) for n, v in changes]
    return [m for m in moved if m is not None]


def test_a_pair_counts_at_once_and_is_refined():
    controllers = Controllers({(1, 7)})
    assert turn(controllers, (7, 64), (39, 5)) == [
        Moved("cc14", 1, 7, 64 << 7, 16383),
        Moved("cc14", 1, 7, 64 << 7 | 5, 16383),
    ]
    assert turn(controllers, (8, 3), (40, 3)) == [Moved("cc", 1, 8, 3, 127), Moved("cc", 1, 40, 3, 127)]


def test_a_low_half_alone_refines_the_high_half_that_is_known():
    controllers = Controllers({(1, 7)})
    assert turn(controllers, (39, 5)) == []
    turn(controllers, (7, 64))
    assert turn(controllers, (39, 9))[0].value == 64 << 7 | 9


def test_nrpn():
    controllers = Controllers()
    assert turn(controllers, (99, 2), (98, 44), (6, 100), (38, 9), (96, 0), (97, 3)) == [
        Moved("nrpn", 1, 300, 100 << 7, 16383),
        Moved("nrpn", 1, 300, 100 << 7 | 9, 16383),
        Moved("nrpn", 1, 300, 1, 16383, True),
        Moved("nrpn", 1, 300, -3, 16383, True),
    ]
    assert turn(controllers, (99, 127), (98, 127), (6, 1)) == [Moved("cc", 1, 6, 1, 127)], "null: nothing is chosen"
    assert turn(controllers, (99, 2), (98, 44), (101, 0), (100, 0), (6, 2))[-1].kind == "cc", "an RPN is not ours"
    assert turn(controllers, (6, 2), channel=2) == [Moved("cc", 2, 6, 2, 127)], "channels choose for themselves"


@pytest.mark.parametrize(
    ("encoding", "up", "down", "five_up", "five_down"),
    [("twos", 1, 127, 5, 123), ("offset", 65, 63, 69, 59), ("sign", 1, 65, 5, 69), ("sign-up", 65, 1, 69, 5)],
)
def test_encoders(encoding, up, down, five_up, five_down):
    assert [steps(encoding, v) for v in (up, down, five_up, five_down)] == [1, -1, 5, -5]


def test_an_encoder_of_directions():
    assert [steps("direction", v) for v in (127, 65, 63, 1, 0)] == [1, 1, -1, -1, -1]


@given(st.sampled_from(ENCODINGS), st.integers(0, 127))
def test_no_step_is_beyond_a_turn(encoding, value):
    assert -64 <= steps(encoding, value) <= 63


@given(st.sampled_from(CURVES), st.integers(1, 126), st.floats(0, 1))
def test_velocity_rises_and_is_never_nothing(curve, velocity, floor):
    lower, upper = level(velocity, curve, floor), level(velocity + 1, curve, floor)
    assert 0 < lower <= upper <= 1


def test_velocity_curves():
    assert level(127, "hard") == level(1, "fixed") == 1.0
    assert level(32, "soft") > level(32) > level(32, "hard")


def test_a_fader_takes_hold_when_it_crosses():
    pickup = Pickup()
    assert pickup.take(0.1, 0.5) is None
    assert pickup.take(0.3, 0.5) is None
    assert pickup.take(0.6, 0.5) == 0.6
    assert pickup.take(0.9, 0.6) == 0.9, "held, however fast it moves"
    assert pickup.take(0.8, 0.2) is None, "somebody else moved the parameter"
    assert pickup.take(0.1, 0.2) == 0.1


def test_a_scaled_fader_moves_at_once_and_meets_at_the_end():
    pickup, current = Pickup("scale"), 0.8
    assert pickup.take(0.2, current) is None, "where it stood before is not known"
    for position in (0.3, 0.5, 0.7, 0.9, 1.0):
        moved = pickup.take(position, current)
        assert moved is not None and moved >= current
        current = moved
    assert current == 1.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0, 1), st.sampled_from(TAKEOVERS))
def test_no_jump_beyond_the_way_of_the_hand(positions, current, mode):
    pickup, last = Pickup(mode), None
    for position in positions:
        moved = pickup.take(position, current)
        if moved is not None:
            assert 0 <= moved <= 1 + 1e-9
            if mode == "pickup":
                assert abs(moved - current) <= abs(position - (position if last is None else last)) + 2 * NEAR + 1e-9
            current = moved
        last = position


CHANNEL_BYTES = st.builds(
    lambda s, a, b: bytes((s, a, b)) if s & 0xF0 not in (0xC0, 0xD0) else bytes((s, a)),
    st.integers(0x90, 0xEF), st.integers(0, 127), st.integers(0, 127),
)  # fmt: skip


@given(CHANNEL_BYTES)
def test_a_channel_message_comes_back_from_its_meaning(message):
    voiced = decode(message)
    assert voiced is not None and encode(voiced) == message
    assert f"ch {voiced.channel}" in describe(message)


def test_a_note_let_go_is_one_thing_however_it_is_sent():
    assert decode(b"\x90\x3c\x00") == decode(b"\x80\x3c\x7f") == Voiced("note", 1, 60, 0)
    assert describe(b"\x99\x3c\x64") == "note C4 (60) velocity 100 ch 10"


def test_grids_read_like_a_page():
    assert GRIDS["launchpad"][0] == 81 and GRIDS["launchpad"][-1] == 18
    assert GRIDS["apc-mini"][0] == 56 and GRIDS["push"][-1] == 43
    assert all(len(set(notes)) == 64 for notes in GRIDS.values())
