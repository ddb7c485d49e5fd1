"""Packets in streams: however the stream is cut, the same packets come out; framings are told apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadPacket
from bridge.message import Message
from bridge.osc import codec
from bridge.osc.framing import LengthPrefix, Lines, Slip, framing_of
from bridge.text import message

MESSAGES = st.lists(
    st.builds(Message, st.sampled_from(["/a", "/b/c"]), st.tuples(st.text(max_size=9), st.integers(-999, 999))),
    min_size=1, max_size=9,
)  # fmt: skip
CUTS = st.lists(st.integers(1, 40), max_size=60)


def fed(framing, stream, cuts):
    frames = []
    for cut in cuts:
        frames += framing.feed(stream[:cut])
        stream = stream[cut:]
    return [*frames, *framing.feed(stream)]


def read(frames):
    bundles = [b for frame in frames if isinstance(frame, bytes) for b in codec.parse(frame)]
    return [m for b in bundles for m in b.messages] + [message(f) for f in frames if isinstance(f, str)]


@pytest.mark.parametrize("kind", [Slip, LengthPrefix, Lines])
@given(messages=MESSAGES, cuts=CUTS)
def test_however_a_stream_is_cut(kind, messages, cuts):
    messages = [Message(m.address, (m.args[0].replace("\0", ""), m.args[1])) for m in messages]
    stream = kind().wrap(messages)
    assert read(fed(kind(), stream, cuts)) == messages
    assert type(framing_of(stream)) is kind


@pytest.mark.parametrize("kind", [Slip, LengthPrefix, Lines])
@given(stream=st.binary(max_size=400), cuts=CUTS)
def test_any_stream_is_taken_apart_or_refused(kind, stream, cuts):
    try:
        frames = fed(kind(), stream, cuts)
    except BadPacket:
        return
    assert sum(map(len, frames)) <= 3 * len(stream)


def test_slip_without_its_first_end_is_known():
    packet = codec.encode(Message("/ping", (1,)))
    assert isinstance(framing_of(packet + b"\xc0"), Slip)
    assert framing_of(b"/pin") is None
    assert isinstance(framing_of(b"/ping 1\n\0"), Lines)


@pytest.mark.parametrize(
    ("framing", "stream"), [(Slip(), b"x" * 40_000), (LengthPrefix(), b"\0\1\0\0"), (Lines(), b"/x" * 5_000)]
)
def test_there_is_an_end_to_a_frame(framing, stream):
    with pytest.raises(BadPacket):
        list(framing.feed(stream))
