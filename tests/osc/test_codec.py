"""Packets: what goes in comes out, and nothing that is no OSC comes through."""

import contextlib
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge.errors import BadPacket, TooBig
from bridge.message import IMMEDIATELY, NTP_DELTA_SECONDS, Bundle, Double, Message, TimeTag
from bridge.osc import codec

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
VALUES = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(width=32, allow_nan=False),
    TEXT,
    st.booleans(),
    st.none(),
    st.binary(max_size=20),
    st.integers(0, (1 << 64) - 1).map(TimeTag),
)
ADDRESSES = st.lists(st.from_regex(r"[a-z0-9_-]{1,8}", fullmatch=True), min_size=1, max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)
MESSAGES = st.builds(Message, ADDRESSES, st.lists(VALUES, max_size=8).map(tuple))
TAGS = st.integers(0, (1 << 64) - 1).map(TimeTag)


def only(packet: bytes) -> Message:
    ((message,),) = [b.messages for b in codec.parse(packet)]
    return message


def nested(depth: int, tag: int = 1) -> bytes:
    inside = codec.encode(Message("/ping"))
    for _ in range(depth):
        inside = b"#bundle\0" + struct.pack(">Qi", tag, len(inside)) + inside
    return inside


@given(MESSAGES)
def test_a_message_comes_back_as_it_went(message):
    assert only(codec.encode(message)) == message


@given(st.lists(MESSAGES, min_size=1, max_size=5), TAGS)
@example([Message("/a")], TimeTag(0))
@example([Message("/a")], TimeTag(1))
@example([Message("/a")], TimeTag((1 << 64) - 1))
@example([Message("/a")], TimeTag(0x00000001_00000000))
def test_a_bundle_comes_back_with_its_exact_tag(messages, tag):
    (bundle,) = codec.parse(codec.encode_bundle(messages, tag))
    assert bundle.messages == tuple(messages)
    assert bundle.tag == (IMMEDIATELY if tag.ntp <= 1 else tag)


@given(MESSAGES)
def test_a_message_cut_anywhere_is_refused(message):
    packet = codec.encode(message)
    for end in range(len(packet)):
        try:
            shorter = only(packet[:end])
        except BadPacket:
            continue
        assert shorter == Message(message.address), "only an address without type tags may be left"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(packet):
    with contextlib.suppress(BadPacket):
        codec.parse(packet)


@given(st.lists(MESSAGES, min_size=1, max_size=4), st.data())
def test_a_damaged_bundle_is_read_or_refused(messages, data):
    packet = bytearray(codec.encode_bundle(messages, TimeTag(1 << 40)))
    for _ in range(data.draw(st.integers(1, 6))):
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadPacket):
        codec.parse(bytes(packet))


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"x",
        b"ping",
        b"/ping",
        b"/ping\0\0\0i\0\0\0",
        b"/a\0\0,i\0\0",
        b"/a\0\0,f\0\0\0\0",
        b"/a\0\0,s\0\0abcd",
        b"/a\0\0,s\0\0\xff\xfe\0\0",
        b"/a\0\0,b\0\0\xff\xff\xff\xff",
        b"/a\0\0,b\0\0\x7f\xff\xff\xff",
        b"/a\0\0,X\0\0",
        b"/a\0\0,[\0\0",
        b"/a\0\0,]\0\0",
        b"/a\0\0,i\0\0\0\0\0\1\0\0\0\1",
        b"#bundle\0",
        b"#bundle\0\0\0\0\0",
        b"#bundle\0\0\0\0\0\0\0\0\1\0\0",
        b"#bundle\0\0\0\0\0\0\0\0\1\0\0\0\0",
        b"#bundle\0\0\0\0\0\0\0\0\1\xff\xff\xff\xfc/a\0\0",
        b"#bundle\0\0\0\0\0\0\0\0\1\0\0\0\x40/a\0\0",
        b"#bundle\0\0\0\0\0\0\0\0\1\0\0\0\4ping",
        b"/" + b"a" * 400 + b"\0\0\0",
        b"/a\0\0," + b"i" * 100 + b"\0\0\0" + bytes(400),
        b"/a\0\0," + b"[" * 20 + b"]" * 20 + b"\0\0\0",
        bytes(70_000),
        nested(codec.MAX_DEPTH + 1),
        nested(300),
    ],
)
def test_what_is_no_osc_is_refused(packet):
    with pytest.raises(BadPacket):
        codec.parse(packet)


def test_an_empty_bundle_asks_for_nothing():
    assert codec.parse(b"#bundle\0\0\0\0\0\0\0\0\1") == (Bundle(tag=IMMEDIATELY, messages=()),)


def test_a_packet_of_too_many_messages_is_refused():
    packet = codec.encode_bundle([Message("/ping")] * (codec.ASKED.messages + 1))
    with pytest.raises(BadPacket, match="more than 256"):
        codec.parse(packet)


def test_nested_bundles_follow_the_enclosing_and_inherit_its_time():
    late, later = TimeTag(10 << 32), TimeTag(20 << 32)
    inner = codec.encode_bundle([Message("/later")], later)
    same = codec.encode_bundle([Message("/same")])
    packet = b"#bundle\0" + struct.pack(">Q", late.ntp)
    for element in (inner, same, codec.encode(Message("/first"))):
        packet += struct.pack(">i", len(element)) + element
    assert [(b.tag, b.messages[0].address) for b in codec.parse(packet)] == [
        (late, "/first"),
        (later, "/later"),
        (late, "/same"),
    ]


def test_a_nested_bundle_before_the_enclosing_is_refused():
    inner = codec.encode_bundle([Message("/early")], TimeTag(5 << 32))
    packet = b"#bundle\0" + struct.pack(">Qi", 10 << 32, len(inner)) + inner
    with pytest.raises(BadPacket, match="before that of the bundle around it"):
        codec.parse(packet)


def test_python_osc_writes_what_we_read_and_reads_what_we_write():
    builder = OscMessageBuilder("/strip/voice/gain")
    for value in (-3.5, 7, "zwölf", True, b"blob", None):
        builder.add_arg(value)
    ours = Message("/strip/voice/gain", (-3.5, 7, "zwölf", True, b"blob", None))
    assert only(builder.build().dgram) == ours
    assert OscMessage(codec.encode(ours)).params == list(ours.args)


def test_arrays_arrive_as_lists():
    assert only(b"/a\0\0,[ii]\0\0\0\0\0\0\1\0\0\0\2") == Message("/a", ([1, 2],))


def test_doubles_travel_as_doubles():
    assert only(codec.encode(Message("/a", (Double(0.1),)))).args == (0.1,)
    assert only(codec.encode(Message("/a", (0.1,)))).args == (struct.unpack("f", struct.pack("f", 0.1))[0],)


@pytest.mark.parametrize("value", [1e39, 1 << 63, object(), [1]])
def test_what_osc_cannot_carry_is_refused(value):
    with pytest.raises(ValueError):
        codec.encode(Message("/a", (value,)))


def test_names_that_are_no_unicode_travel_all_the_same():
    assert only(codec.encode(Message("/a", ("caf\udce9\0",)))).args == ("caf?",)


def test_a_message_larger_than_a_packet_is_refused():
    with pytest.raises(TooBig):
        codec.encode(Message("/a", ("x" * codec.ASKED.packet_bytes,)))


def test_what_the_engine_tells_may_be_longer_than_what_it_is_asked():
    meters = Message("/meters", tuple(value for n in range(256) for value in (f"strip-{n}", -3.0, -3.0, -9.0, -9.0)))
    (datagram,) = codec.pack((meters,))
    assert len(codec.parse(datagram, codec.TOLD)[0].messages[0].args) == 1280
    with pytest.raises(BadPacket, match="more than 64 arguments"):
        codec.parse(datagram)


@pytest.mark.parametrize(
    ("told", "where", "request_number"),
    [
        (Message("/reply/clip/a/words", (7, "ok")), "/reply/clip/a/words", 7),
        (Message("/clip/a/words"), "/reply/clip/a/words", 0),
    ],
)
def test_in_place_of_what_no_packet_carries_there_is_an_error(told, where, request_number):
    long = Message(told.address, (*told.args, *["word"] * 10_000))
    datagrams = codec.pack((Message("/a"), long, Message("/b")))
    first, refused, last = (m for datagram in datagrams for bundle in codec.parse(datagram) for m in bundle.messages)
    assert (first.address, last.address) == ("/a", "/b")
    assert refused.address == where
    assert refused.args[:3] == (request_number, "error", "too_big")
    assert refused.args[3].endswith("bytes where a packet holds 60000")


@given(st.lists(MESSAGES, min_size=1, max_size=40))
def test_packing_keeps_order_and_size(messages):
    datagrams = list(codec.pack(messages, limit=200))
    assert [m for d in datagrams for b in codec.parse(d) for m in b.messages] == messages
    for datagram in datagrams:
        assert len(datagram) <= 200 or not datagram.startswith(b"#bundle")


def test_what_was_packed_just_before_is_not_packed_again():
    messages = (Message("/a", (1,)), Message("/b", (2,)))
    assert codec.pack(messages) is codec.pack(list(messages))
    (floats,) = codec.pack((Message("/a", (1.0,)), Message("/b", (2,))))
    assert codec.parse(floats)[0].messages[0].args == (1.0,)
    assert isinstance(codec.parse(floats)[0].messages[0].args[0], float), "1 and 1.0 are equal, but not the same"
    assert len(codec.pack(messages, limit=20)) == 2


@given(st.floats(0, 4e9))
def test_a_time_becomes_a_tag_and_back_within_half_a_microsecond(seconds):
    assert abs(TimeTag.from_unix(seconds).unix - seconds) <= 5e-7


def test_tags_after_the_wrap_of_2036_are_in_the_future():
    wrap = (1 << 32) - NTP_DELTA_SECONDS
    assert TimeTag.from_unix(wrap + 10.25) == TimeTag((10 << 32) + (1 << 30))
    assert TimeTag((10 << 32) + (1 << 30)).unix == wrap + 10.25


def test_frames_apart_are_frames_apart():
    """Two tags that lie N frames apart in 64 bits lie N frames apart as we read them: less than 1/50 frame off."""
    first = TimeTag.from_unix(1_800_000_000.0)
    for frames in (1, 7, 480, 47_999):
        second = TimeTag(first.ntp + round(frames * (1 << 32) / 48_000))
        assert abs((second.unix - first.unix) * 48_000 - frames) < 0.02
