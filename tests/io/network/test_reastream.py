"""ReaStream's packets: the bytes of its author's text, and whatever comes instead of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadRange, PacketError
from engine.io.network.reastream import (
    Note,
    Notes,
    Sound,
    check_identifier,
    pack,
    pack_notes,
    packet_frames,
    unpack,
)
from tests.signals import noise

GOLDEN = (
    b"MRSR" + bytes([47 + 16, 0, 0, 0]) + b"default" + bytes(25)
    + bytes([2]) + bytes.fromhex("80bb0000") + bytes([16, 0])
    + bytes.fromhex("0000803f 0000003f 000080bf 000000bf")
)  # fmt: skip


def test_a_packet_of_sound_is_byte_for_byte_what_the_text_says() -> None:
    block = np.array([[1.0, -1.0], [0.5, -0.5]], np.float32)
    assert pack(b"default", 48000, block) == GOLDEN
    sound = unpack(GOLDEN)
    assert isinstance(sound, Sound)
    assert (sound.identifier, sound.sample_rate) == ("default", 48000)
    np.testing.assert_array_equal(sound.block, block)


def test_a_packet_of_midi_is_byte_for_byte_what_vst_says() -> None:
    data = pack_notes(b"pads", (Note(data=b"\x90\x3c\x7f", delta_frames=17),))
    assert data[:8] == b"mRSR" + bytes([40 + 32, 0, 0, 0])
    assert data[8:40] == b"pads" + bytes(28)
    assert data[40:] == bytes([1, 0, 0, 0, 24, 0, 0, 0, 17, 0, 0, 0]) + bytes(12) + b"\x90\x3c\x7f\x00" + bytes(4)
    assert unpack(data) == Notes(identifier="pads", notes=(Note(data=b"\x90\x3c\x7f", delta_frames=17),))


@pytest.mark.parametrize(("channels", "frames"), [(1, 300), (2, 150), (6, 50), (8, 37), (64, 4)])
def test_packets_hold_what_receivers_take(channels: int, frames: int) -> None:
    assert packet_frames(channels) == frames
    sound = unpack(pack(b"x", 44100, np.repeat(noise(frames)[:, None], channels, axis=1)))
    assert isinstance(sound, Sound)
    assert sound.block.shape == (frames, channels)


@pytest.mark.parametrize("name", ["", "x" * 32, "ü" * 16, "a\0b"])
def test_an_identifier_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(BadRange, match="identifier"):
        check_identifier(name)


EVENTS = pack_notes(b"pads", (Note(data=b"\x90\x3c\x7f", delta_frames=17), Note(data=b"\xb0\x07\x00", delta_frames=0)))


@settings(derandomize=True, max_examples=80, deadline=None)
@given(
    st.binary(max_size=200)
    | st.binary(max_size=120).map(lambda tail: GOLDEN[:40] + tail)
    | st.binary(max_size=70).map(lambda tail: EVENTS[:40] + tail)
    | st.tuples(st.sampled_from((GOLDEN, EVENTS)), st.integers(0, 62), st.binary(min_size=1, max_size=9)).map(
        lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + len(parts[2]) :]
    )
)
def test_any_bytes_are_a_packet_or_refused(data: bytes) -> None:
    try:
        got = unpack(data)
    except PacketError:
        return
    if isinstance(got, Sound):
        assert np.isfinite(got.block).all()
    else:
        assert all(len(note.data) == 3 and note.data[0] >= 0x80 and note.delta_frames >= 0 for note in got.notes)


NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1).filter(
    lambda name: len(name.encode()) <= 31
)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(NAMES, st.integers(1, 2**32 - 1), st.integers(1, 64), st.integers(1, 300), st.integers(0, 99))
def test_a_packet_that_is_read_and_packed_again_is_the_same_to_the_byte(
    name: str, rate: int, channels: int, frames: int, seed: int
) -> None:
    block = noise(channels * min(frames, packet_frames(channels)), seed=seed).reshape(-1, channels)
    data = pack(check_identifier(name), rate, block)
    sound = unpack(data)
    assert isinstance(sound, Sound) and (sound.identifier, sound.sample_rate) == (name, rate)
    np.testing.assert_array_equal(sound.block, block)
    assert pack(check_identifier(sound.identifier), sound.sample_rate, sound.block) == data


@settings(derandomize=True, max_examples=40, deadline=None)
@given(
    NAMES, st.lists(st.tuples(st.integers(0x80, 0xFF), st.binary(min_size=2, max_size=2), st.integers(0, 2**31 - 1)))
)
def test_notes_that_are_read_are_those_that_were_packed(name: str, events: list[tuple[int, bytes, int]]) -> None:
    notes = tuple(Note(data=bytes([status]) + rest, delta_frames=frames) for status, rest, frames in events)
    assert unpack(pack_notes(check_identifier(name), notes)) == Notes(identifier=name, notes=notes)


def test_what_is_no_number_is_silence() -> None:
    block = np.array([[np.nan, np.inf]], np.float32)
    sound = unpack(pack(b"x", 48000, block))
    assert isinstance(sound, Sound)
    np.testing.assert_array_equal(sound.block, [[0.0, 0.0]])
