"""A stream's messages are the same however it is cut, and whatever it is interrupted by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.midi.stream import MAX_SYSEX_BYTES, MidiStream

DATA = st.integers(0, 127)
CHANNEL = st.sampled_from([s | c for s in (0x80, 0x90, 0xA0, 0xB0, 0xE0) for c in (0, 9, 15)])
MESSAGES = st.one_of(
    st.builds(lambda s, a, b: bytes((s, a, b)), CHANNEL, DATA, DATA),
    st.builds(lambda s, a: bytes((s, a)), st.sampled_from([0xC0, 0xD3, 0xF1, 0xF3]), DATA),
    st.builds(lambda a, b: bytes((0xF2, a, b)), DATA, DATA),
    st.builds(lambda d: b"\xf0" + bytes(d) + b"\xf7", st.lists(DATA, max_size=20)),
    st.just(b"\xf6"),
)
REALTIME = st.sampled_from([b"\xf8", b"\xfa", b"\xfb", b"\xfc", b"\xfe", b"\xff"])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("90 3c 64 3c 00", ["90 3c 64", "90 3c 00"]),
        ("90 3c f8 64", ["f8", "90 3c 64"]),
        ("f0 01 f8 02 f7", ["f8", "f0 01 02 f7"]),
        ("90 3c 64 f8 3c 00", ["90 3c 64", "f8", "90 3c 00"]),
        ("90 3c 64 f1 05 3c 00", ["90 3c 64", "f1 05"]),
        ("90 3c 64 f0 01 f7 3c 00", ["90 3c 64", "f0 01 f7"]),
        ("f0 01 02 90 3c 64", ["90 3c 64"]),
        ("3c 64 b0 07 7f", ["b0 07 7f"]),
        ("c0 05 06", ["c0 05", "c0 06"]),
        ("f7 f6 f4 f5 f2 10 20", ["f6", "f2 10 20"]),
        ("90 3c 90 3d 40", ["90 3d 40"]),
    ],
)
def test_bytes_become_messages(data, expected):
    assert [m.hex(" ") for m in MidiStream().feed(bytes.fromhex(data))] == expected


@given(st.lists(st.tuples(MESSAGES, REALTIME, st.integers(0, 20)), max_size=12), st.integers(1, 7))
def test_cuts_and_real_time_bytes_change_nothing(sent, cut):
    data = bytearray()
    for message, realtime, place in sent:
        at = place % (len(message) + 1)
        data += message[:at] + realtime + message[at:]
    stream, found = MidiStream(), []
    for start in range(0, len(data), cut):
        found += stream.feed(bytes(data[start : start + cut]))
    assert [m for m in found if m[0] < 0xF8] == [m for m, _, _ in sent]
    assert [m for m in found if m[0] >= 0xF8] == [r for _, r, _ in sent]
    assert stream.lost_bytes == 0


@given(st.binary(max_size=200))
def test_any_bytes_give_whole_messages_and_a_count(data):
    stream = MidiStream()
    for message in stream.feed(data):
        assert message[0] >= 0x80
        assert all(b < 0x80 for b in message[1:-1])


def test_a_sysex_without_end_is_dropped_and_the_next_message_is_heard():
    stream = MidiStream()
    assert stream.feed(b"\xf0" + bytes(MAX_SYSEX_BYTES + 10)) == []
    assert stream.feed(b"\xf7\x90\x3c\x40") == [b"\x90\x3c\x40"]
    assert stream.lost_bytes > MAX_SYSEX_BYTES
