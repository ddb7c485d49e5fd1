"""Timecode and its messages against bytes that others have published."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.midi import mtc
from bridge.midi.machine import MachineCommand, machine_message, parse_machine
from bridge.midi.mtc_follower import MtcFollower
from bridge.midi.show import ShowCommand, parse_show, show_message
from bridge.midi.timecode import Timecode, day_frames, frame_seconds, from_number, from_seconds

RATES = (0, 1, 2, 3)


@given(st.sampled_from(RATES), st.integers(0, 2_592_000))
def test_a_frame_and_its_label(rate, number):
    label = from_number(number, rate)
    assert label.valid and label.number == number % day_frames(rate)
    assert from_seconds(label.real_seconds, rate) == label


def test_drop_frame_leaves_out_two_labels_a_minute_but_every_tenth():
    assert from_number(1800, 2) == Timecode(0, 1, 0, 2, 2)
    assert from_number(17982, 2) == Timecode(0, 10, 0, 0, 2)
    assert not Timecode(0, 1, 0, 0, 2).valid and Timecode(0, 10, 0, 0, 2).valid
    assert Timecode(1, 0, 0, 0, 2).real_seconds == pytest.approx(3600, abs=0.004)


def test_full_frames():
    published = bytes.fromhex("F0 7F 7F 01 01 61 1E 23 14 F7")
    assert mtc.full_frame(Timecode(1, 30, 35, 20, 3)) == published
    assert mtc.parse_full_frame(published) == Timecode(1, 30, 35, 20, 3)
    assert mtc.parse_full_frame(bytes.fromhex("F0 7F 7F 01 01 79 1E 23 14 F7")) is None, "no 25 o'clock"


def test_quarter_frames():
    pieces = [mtc.quarter_frame(Timecode(1, 37, 52, 16, 3), piece).hex(" ") for piece in range(8)]
    assert pieces == ["f1 00", "f1 11", "f1 24", "f1 33", "f1 45", "f1 52", "f1 61", "f1 76"]


class Tape:
    """Sends quarter frames; latched or filled from the running counter, with jitter."""

    def __init__(self, rate, start, speed=1.0, latched=True, jitter=0.0, seed=1):
        self.rate, self.speed, self.latched = rate, speed, latched
        self.jitter, self.random = jitter, random.Random(seed)
        self.start, self.quarter = start, 0

    def __iter__(self):
        return self

    def __next__(self):
        """Return data byte, time of arrival, true position in seconds."""
        n, self.quarter = self.quarter, self.quarter + 1
        step = 1 if self.speed > 0 else -1
        place = self.start * 4 + n * step
        frame = (place // 8 * 2 if self.start % 2 == 0 else (place - 4) // 8 * 2 + 1) if self.latched else place // 4
        piece = (place - 4 * (self.start % 2)) % 8
        at = n * frame_seconds(self.rate) / 4 / abs(self.speed)
        data = mtc.quarter_frame(from_number(frame, self.rate), piece)[1]
        return data, at + self.random.uniform(-self.jitter, self.jitter), place * frame_seconds(self.rate) / 4


def follow(tape, quarters, follower=None, shift=0.0):
    """Feed a tape; return the follower and (true, told) after each quarter."""
    follower, told = follower or MtcFollower(), []
    for _, (data, at, place) in zip(range(quarters), tape, strict=False):
        follower.quarter(data, at + shift)
        told.append((place, follower.position(at + shift), at + shift))
    return follower, told


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("start", [1000, 1001])
@pytest.mark.parametrize("speed", [1.0, -1.0, 0.9])
def test_it_locks_after_two_sequences_and_knows_the_position(rate, start, speed):
    follower, told = follow(Tape(rate, start, speed), 200)
    first = next(i for i, (_, position, _) in enumerate(told) if position is not None)
    assert first <= 3 * 8 - 1, "two whole sequences, the first may have begun before we listened"
    assert all(abs(position - place) < 1e-6 for place, position, _ in told[first:])
    assert follower.state(told[-1][2]) == "locked" and follower.rate == rate
    assert follower.speed == pytest.approx(speed, rel=1e-6)


@pytest.mark.parametrize("rate", RATES)
def test_pieces_from_a_running_counter_do_not_throw_it(rate):
    """Over roll-overs of seconds and minutes the spliced labels are wrong; the position is not."""
    follower, told = follow(Tape(rate, from_seconds(57.0, rate).number, latched=False), 2000)
    first = next(i for i, (_, position, _) in enumerate(told) if position is not None)
    assert all(abs(position - place) <= 2 * frame_seconds(rate) for place, position, _ in told[first:])
    assert follower.jumps == 0


def test_jitter_is_filtered_and_positions_never_turn_back():
    _, told = follow(Tape(1, 5000, jitter=0.002), 4000)
    positions = [position for _, position, _ in told[24:]]
    assert positions == sorted(positions)
    errors = [abs(position - 5000 * frame_seconds(1) - at) for _, position, at in told[24:]]
    assert sorted(errors)[int(len(errors) * 0.99)] <= 0.001


def test_drop_outs_are_passed_over():
    follower, tape = MtcFollower(), Tape(1, 100)
    lost = {40, 41, 90, *range(150, 161), 300}
    for n, (data, at, place) in zip(range(500), tape, strict=False):
        if n not in lost:
            follower.quarter(data, at)
        if n > 24:
            assert follower.position(at) == pytest.approx(place, abs=1e-6)
    assert follower.jumps == 0


def test_it_freewheels_then_stops():
    follower, told = follow(Tape(1, 100), 100)
    end = told[-1][2]
    assert follower.state(end + 0.2) == "freewheel"
    assert follower.position(end + 0.2) == pytest.approx(told[-1][0] + 0.2)
    assert follower.state(end + 0.6) == "stopped" and follower.position(end + 0.6) is None


def test_a_jump_of_the_tape_is_believed_when_confirmed():
    follower, told = follow(Tape(1, 100), 80)
    shift = told[-1][2] + 0.01
    follower, after = follow(Tape(1, 9000), 80, follower, shift)
    assert after[-1][1] == pytest.approx(after[-1][0], abs=1e-6) and follower.jumps == 1
    assert follower.rejected >= 1


def test_turning_round_locks_again():
    follower, told = follow(Tape(1, 1000), 80)
    follower, after = follow(Tape(1, 1019, -1.0), 80, follower, told[-1][2] + 0.01)
    assert after[-1][1] == pytest.approx(after[-1][0], abs=1e-6) and follower.direction == -1


@given(st.lists(st.tuples(st.integers(0, 127), st.floats(0, 0.6)), max_size=100))
def test_any_quarter_frames_leave_it_alive(quarters):
    follower, at = MtcFollower(), 0.0
    for data, wait in quarters:
        at += wait
        follower.quarter(data, at)
        follower.position(at)


@pytest.mark.parametrize(
    ("data", "command"),
    [
        ("F0 7F 7F 06 01 F7", MachineCommand("stop")),
        ("F0 7F 10 06 02 F7", MachineCommand("play", 0x10)),
        ("F0 7F 7F 06 06 F7", MachineCommand("record")),
        ("F0 7F 7F 06 44 06 01 20 03 0A 03 00 F7", MachineCommand("locate", target=Timecode(0, 3, 10, 3, 1))),
    ],
)
def test_machine_control(data, command):
    assert parse_machine(bytes.fromhex(data)) == command
    assert machine_message(command) == bytes.fromhex(data)


@pytest.mark.parametrize(
    ("data", "command"),
    [
        ("F0 7F 7F 02 10 01 31 32 2E 35 00 32 F7", ShowCommand("go", "12.5", "2")),
        ("F0 7F 01 02 7F 01 F7", ShowCommand("go", device=1, format=0x7F)),
        ("F0 7F 7F 02 10 02 37 F7", ShowCommand("stop", "7")),
        ("F0 7F 7F 02 10 04 00 00 00 00 00 33 F7", ShowCommand("timed go", "3")),
        ("F0 7F 7F 02 10 08 F7", ShowCommand("all off")),
    ],
)
def test_show_control(data, command):
    assert parse_show(bytes.fromhex(data)) == command
    assert show_message(command) == bytes.fromhex(data)


@given(st.binary(max_size=20))
def test_any_sysex_is_read_or_left(data):
    message = b"\xf0\x7f" + bytes(b & 0x7F for b in data) + b"\xf7"
    for read in (parse_machine, parse_show, mtc.parse_full_frame):
        read(message)
