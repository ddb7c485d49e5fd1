"""VBAN's packets: the bytes of its specification, and whatever comes instead of them."""

from __future__ import annotations

import contextlib
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadRange, PacketError
from engine.io.network import vban
from engine.io.network.vban import RATES, Format, check_name, check_rate, pack, packet_frames, unpack
from tests.signals import noise

HEAD = b"VBAN" + bytes([3, 1, 1, 1]) + b"Stream1" + bytes(9) + bytes([7, 0, 0, 0])
GOLDEN = HEAD + bytes.fromhex("0040 00c0 ff7f 0080")


def test_a_packet_is_byte_for_byte_what_the_specification_says() -> None:
    block = np.array([[0.5, -0.5], [2.0, -2.0]], np.float32)  # what is over full scale is clipped
    assert pack(b"Stream1", 48000, 7, block, Format.INT16) == GOLDEN
    sound = unpack(GOLDEN)
    assert (sound.name, sound.sample_rate, sound.number) == ("Stream1", 48000, 7)
    np.testing.assert_array_equal(sound.block, np.array([[0.5, -0.5], [1.0 - 2.0**-15, -1.0]], np.float32))


@pytest.mark.parametrize("format", Format)
@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_every_format_gives_back_what_it_can_hold(format: Format, rate: int) -> None:
    block = np.stack([noise(200, seed=1), noise(200, seed=2)], axis=1) * np.float32(0.9)
    block = block[: packet_frames(2, format)]
    sound = unpack(pack(b"x", rate, 2**32 + 5, block, format))
    step = {Format.UINT8: 2.0**-7, Format.INT16: 2.0**-15, Format.INT24: 2.0**-23}.get(format, 2.0**-24)
    assert (sound.sample_rate, sound.number) == (rate, 5)
    assert np.abs(sound.block - block).max() <= step / 2 + 2.0**-25


@pytest.mark.parametrize(
    ("channels", "format", "frames"),
    [(2, Format.INT16, 256), (2, Format.INT24, 239), (2, Format.FLOAT32, 179), (1, Format.INT16, 256)],
)
def test_packets_fit_into_what_the_network_carries(channels: int, format: Format, frames: int) -> None:
    assert packet_frames(channels, format) == frames
    assert len(pack(b"x", 48000, 0, np.zeros((frames, channels), np.float32), format)) <= 1464


def test_a_rate_that_it_does_not_have_is_refused() -> None:
    assert [check_rate(rate) for rate in (48000, 44100)] == [3, 16]
    assert len(RATES) == 21
    with pytest.raises(BadRange, match="no 48001 Hz"):
        check_rate(48001)


@pytest.mark.parametrize("name", ["", "x" * 17, "hören", "a\0"])
def test_a_name_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(BadRange, match="stream name"):
        check_name(name)


FORMATS = st.sampled_from(Format)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.binary(max_size=100) | st.tuples(st.binary(min_size=4, max_size=4), st.binary(max_size=80)).map(
    lambda parts: b"VBAN" + parts[0] + GOLDEN[8:28] + parts[1]))  # fmt: skip
def test_any_bytes_are_a_packet_or_refused(data: bytes) -> None:
    with contextlib.suppress(PacketError):
        assert np.isfinite(unpack(data).block).all()


@settings(derandomize=True, max_examples=60, deadline=None)
@given(FORMATS, st.integers(1, 256), st.integers(1, 4), st.integers(0, 20), st.integers(-3, 3), st.data())
def test_any_samples_are_finite_and_a_wrong_length_is_refused(
    format: Format, frames: int, channels: int, rate: int, wrong: int, data: st.DataObject
) -> None:
    size = frames * channels * vban._BYTES[format]
    seed = data.draw(st.binary(min_size=1, max_size=64))
    samples = (seed * (size // len(seed) + 1))[: size + wrong] + b"\xff" * wrong
    head = b"VBAN" + bytes([rate, frames - 1, channels - 1, format]) + GOLDEN[8:28]
    if len(samples) != size:
        with pytest.raises(PacketError, match="frames"):
            unpack(head + samples)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sound = unpack(head + samples)
    assert (sound.sample_rate, sound.block.shape, sound.block.dtype) == (RATES[rate], (frames, channels), np.float32)
    assert np.isfinite(sound.block).all()


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    st.sampled_from((Format.UINT8, Format.INT16, Format.INT24, Format.FLOAT32)),
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?"), min_size=1, max_size=16),
    st.sampled_from(RATES), st.integers(0, 2**32 - 1), st.integers(1, 256), st.integers(1, 8), st.binary(min_size=1),
)  # fmt: skip
def test_what_is_packed_again_is_the_same_to_the_byte(
    format: Format, name: str, rate: int, number: int, frames: int, channels: int, seed: bytes
) -> None:
    size = frames * channels * vban._BYTES[format]
    if format is Format.FLOAT32:
        samples = np.resize(np.frombuffer(seed, np.int8), size // 4).astype("<f4").tobytes()
    else:
        samples = (seed * (size // len(seed) + 1))[:size]
    head = vban._HEAD.pack(b"VBAN", check_rate(rate), frames - 1, channels - 1, format, check_name(name), number)
    sound = unpack(head + samples)
    assert (sound.name, sound.number) == (name, number)
    assert pack(check_name(sound.name), sound.sample_rate, sound.number, sound.block, format) == head + samples


def test_what_another_program_sends_is_read() -> None:
    """aiovban is by people who know the protocol from VB-Audio's side."""
    packets, enums = pytest.importorskip("aiovban.packet"), pytest.importorskip("aiovban.enums")
    audio = pytest.importorskip("aiovban.packet.headers.audio")
    samples = np.array([[1, -1], [16384, -16384], [32767, -32768]], "<i2")
    header = audio.VBANAudioHeader(
        sample_rate=enums.VBANSampleRate.RATE_44100, samples_per_frame=3, channels=2, streamname="Desk", framecount=9,
        bit_resolution=audio.BitResolution.INT16, codec=audio.Codec.PCM,
    )  # fmt: skip
    sound = unpack(bytes(packets.VBANPacket(header, samples.tobytes()).pack()))
    assert (sound.name, sound.sample_rate, sound.number) == ("Desk", 44100, 9)
    np.testing.assert_array_equal(sound.block, samples / 2.0**15)
