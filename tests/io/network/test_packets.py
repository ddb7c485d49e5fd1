"""Packets: no frame is missing, however the sound comes in; and when they leave."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.io.messages import Sent
from engine.io.network import reastream, vban
from engine.io.network.frame_clock import FrameClock
from engine.io.network.packets import Cutter, Packet, packer_for
from tests.signals import noise

RATE = 48000
SOUND = np.stack([noise(9000, seed=1), noise(9000, seed=2)], axis=1)
VBAN = Sent(name="Mix", kind="vban", lane=0, host="127.0.0.1", port=6980, format="float32")
REASTREAM = Sent(name="mix", kind="reastream", lane=0, host="127.0.0.1", port=58710)


def joined(packets: list[Packet]) -> np.ndarray:
    read = [vban.unpack(p.data) if p.data[:4] == b"VBAN" else reastream.unpack(p.data) for p in packets]
    return np.concatenate([sound.block for sound in read])  # type: ignore[union-attr]


@settings(derandomize=True, max_examples=30, deadline=None)
@given(
    st.sampled_from([VBAN, REASTREAM]), st.lists(st.integers(1, 700), min_size=1, max_size=12), st.integers(0, 10**12)
)
def test_every_frame_is_sent_once_and_in_order(sent: Sent, blocks: list[int], begin: int) -> None:
    cutter, packets, at = Cutter(packer_for(sent, RATE), RATE), [], 0
    for frames in blocks:
        packets += list(cutter.put(begin + at, SOUND[at : at + frames]))
        at += frames
    size = packer_for(sent, RATE).frames
    assert [p.end_frame for p in packets] == [begin + size * (n + 1) for n in range(at // size)]
    if packets:
        np.testing.assert_array_equal(joined(packets), SOUND[: size * len(packets)])


def steps(got: np.ndarray) -> float:
    return float(np.abs(np.diff(got, axis=0)).max())


def test_what_never_came_is_silence_of_the_same_length_and_no_click() -> None:
    cutter = Cutter(packer_for(VBAN, RATE), RATE)
    packets = [*cutter.put(0, SOUND[:1000]), *cutter.put(1500, SOUND[1500:4000])]
    got = joined(packets)
    np.testing.assert_array_equal(got[:1000], SOUND[:1000])
    assert steps(got[999:1500]) <= 0.02 and np.abs(got[1400:1500]).max() < 1e-3
    np.testing.assert_array_equal(got[2500:], SOUND[2500 : len(got)])
    assert cutter.lost_frames == 500
    cutter = Cutter(packer_for(VBAN, RATE), RATE)
    ones = np.ones((3000, 2), np.float32)
    blocks = ((0, ones[:1000]), (1020, ones), (4025, ones[:10]), (4040, ones))
    got = joined([packet for start, block in blocks for packet in cutter.put(start, block)])
    assert steps(got) < 0.04 and got.max() < 1.7 and (got[5000:] == 1.0).all()


def test_after_a_jump_the_stream_begins_anew_and_its_counter_goes_on() -> None:
    cutter = Cutter(packer_for(VBAN, RATE), RATE)
    before = list(cutter.put(0, SOUND[:400]))
    after = list(cutter.put(10 * RATE, SOUND[:2000]))
    got = joined(after)[400 - 2 * 179 :]  # first what was still held
    np.testing.assert_allclose(got[1000:], SOUND[1000 : len(got)], atol=1e-6)
    assert [vban.unpack(p.data).number for p in (*before, *after)] == list(range(13))
    assert cutter.lost_frames == 0


def test_packets_leave_by_the_sound_cards_clock_and_not_when_they_are_noticed() -> None:
    clock, chance = FrameClock(RATE), np.random.default_rng(1)
    drift = 1.0 + 80e-6
    errors = []
    for block in range(1, 20_000):
        end, true = 256 * block, 5.0 + 256 * block / RATE * drift
        clock.saw(end, true + chance.exponential(0.002))  # it is seen late, never early
        if block > 500:
            errors.append(clock.time_of(end) - true)
    assert max(np.abs(errors)) < 0.002


def test_the_clock_begins_anew_after_the_machine_slept() -> None:
    clock = FrameClock(RATE)
    clock.saw(256, 1.0)
    clock.saw(512, 100.0)
    assert clock.time_of(512) == 100.0
