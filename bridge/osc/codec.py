"""OSC bytes to messages and back. python-osc decodes the arguments; bounds, bundles and time tags are kept here.

python-osc reads time tags as doubles (half a microsecond off), sends no ``t``, ``d`` by hand only, skips types that
it does not know (so that what follows is read wrong) and lets foreign errors through: hence the walk beforehand.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from pythonosc import osc_message
from pythonosc.parsing import osc_types

from bridge.errors import BadPacket, TooBig
from bridge.message import IMMEDIATELY, Bundle, Double, Message, TimeTag

MAX_ADDRESS_BYTES = 256
MAX_DEPTH = 8


class Bounds(NamedTuple):
    """What one packet may hold: beyond it is refused before it costs anything."""

    packet_bytes: int
    arguments: int
    messages: int


ASKED = Bounds(packet_bytes=16_384, arguments=64, messages=256)
"""What anybody may send to the engine."""

TOLD = Bounds(packet_bytes=60_000, arguments=15_000, messages=5_000)
"""What the engine itself sends: the meters of 256 strips, a clip's thousand words. It fits one datagram."""

REPLY_BYTES = 1_400
"""What we put into one datagram, so that no network splits it."""

MAX_LATELY = 256
_lately: dict[int, tuple[Message, bytes]] = {}


class _Packed(NamedTuple):
    """Messages, and the datagrams that carry them."""

    messages: tuple[Message, ...]
    limit: int
    datagrams: tuple[bytes, ...]


_last = [_Packed((), 0, ())]

_BUNDLE = b"#bundle\0"
_HEADER = struct.Struct(">8sQ")
_SIZE = struct.Struct(">i")
_KNOWN_TYPES = frozenset("ifsbhdtTFNrm[]")
_FIXED_BYTES = {ord(t): 4 for t in "ifrm"} | {ord(t): 8 for t in "hdt"}
_STRING, _BLOB = ord("s"), ord("b")
_NTP_EPOCH = datetime(1900, 1, 1)
_INT32 = range(-(1 << 31), 1 << 31)
_INT64 = range(-(1 << 63), 1 << 63)


def parse(packet: bytes, bounds: Bounds = ASKED) -> tuple[Bundle, ...]:
    """Return what a packet says, in order; a lone message counts as an immediate bundle.

    Nested bundles follow the messages of the enclosing one; an immediate tag inside takes the enclosing time.
    Raises BadPacket for everything that is no OSC or goes beyond the bounds.
    """
    if len(packet) > bounds.packet_bytes:
        raise BadPacket(f"a packet of {len(packet)} bytes: at most {bounds.packet_bytes} are read")
    if not packet.startswith(_BUNDLE):
        return (Bundle(tag=IMMEDIATELY, messages=(_message(packet, bounds.arguments),)),)
    bundles = tuple(_bundles(packet, bounds.arguments, IMMEDIATELY, 1))
    if sum(len(b.messages) for b in bundles) > bounds.messages:
        raise BadPacket(f"a packet of more than {bounds.messages} messages")
    return bundles


def _bundles(packet: bytes, arguments: int, enclosing: TimeTag, depth: int) -> Iterator[Bundle]:
    if depth > MAX_DEPTH:
        raise BadPacket(f"bundles nested deeper than {MAX_DEPTH}")
    if len(packet) < _HEADER.size:
        raise BadPacket("a bundle that ends before its time tag does")
    tag = TimeTag(_HEADER.unpack_from(packet)[1])
    if tag.immediate:
        tag = enclosing
    elif not enclosing.immediate and tag.unix < enclosing.unix:
        raise BadPacket("a nested bundle with a time tag before that of the bundle around it")
    messages, nested = [], []
    for element in _elements(packet):
        if element.startswith(_BUNDLE):
            nested.append(element)
        else:
            messages.append(_message(element, arguments))
    yield Bundle(tag=tag, messages=tuple(messages))
    for element in nested:
        yield from _bundles(element, arguments, tag, depth + 1)


def _elements(packet: bytes) -> Iterator[bytes]:
    position = _HEADER.size
    while position < len(packet):
        if position + _SIZE.size > len(packet):
            raise BadPacket("a bundle that ends inside an element's size")
        (size,) = _SIZE.unpack_from(packet, position)
        position += _SIZE.size
        if size <= 0 or size % 4 or position + size > len(packet):
            raise BadPacket(f"a bundle element of {size} bytes where {len(packet) - position} are left")
        yield packet[position : position + size]
        position += size


def _message(packet: bytes, arguments: int) -> Message:
    _walk(packet, arguments)
    try:
        message = osc_message.OscMessage(packet)
        return Message(message.address, tuple(map(_received, message.params)))
    except (osc_message.ParseError, ValueError, OverflowError, struct.error, RecursionError) as error:
        raise BadPacket(f"a message that can't be read: {error}") from error


def _walk(packet: bytes, arguments: int) -> None:
    """Check a message's outline before anything is decoded: cheap, and bounded whatever the bytes are."""
    if not packet.startswith(b"/"):
        raise BadPacket("a message whose address does not start with '/'")
    if len(packet) % 4:
        raise BadPacket(f"a message of {len(packet)} bytes: OSC counts in fours")
    end = packet.find(b"\0", 0, MAX_ADDRESS_BYTES + 1)
    if end < 0:
        raise BadPacket(f"an address that does not end within {MAX_ADDRESS_BYTES} bytes")
    types_at = end + 4 - end % 4
    if types_at >= len(packet):
        return
    types_end = packet.find(b"\0", types_at, types_at + arguments + 2)
    if types_end < 0:
        raise BadPacket(f"more than {arguments} arguments, or type tags that do not end")
    _check_types(packet[types_at:types_end])
    _check_extent(packet, packet[types_at + 1 : types_end], types_end + 4 - types_end % 4)


def _check_types(tags: bytes) -> None:
    if not tags.startswith(b","):
        raise BadPacket("type tags that do not start with ','")
    unknown = sorted(set(tags[1:].decode("latin-1")) - _KNOWN_TYPES)
    if unknown:
        raise BadPacket(f"type tags {''.join(unknown)!r}: known are {''.join(sorted(_KNOWN_TYPES))}")
    if tags.count(b"[") > MAX_DEPTH:
        raise BadPacket(f"arrays nested deeper than {MAX_DEPTH}")


def _check_extent(packet: bytes, tags: bytes, position: int) -> None:
    """Check that the arguments fill the packet exactly: python-osc would make up what is cut off."""
    for tag in tags:
        if tag == _STRING:
            position = packet.find(b"\0", position)
            position = len(packet) + 1 if position < 0 else position + 4 - position % 4
        elif tag == _BLOB:
            position = _blob_end(packet, position)
        else:
            position += _FIXED_BYTES.get(tag, 0)
        if position > len(packet):
            raise BadPacket(f"a message that ends inside its arguments (type tags {tags.decode()!r})")
    if position != len(packet):
        raise BadPacket(f"a message with {len(packet) - position} bytes after its arguments")


def _blob_end(packet: bytes, position: int) -> int:
    if position + _SIZE.size > len(packet):
        return len(packet) + 1
    size: int = _SIZE.unpack_from(packet, position)[0]
    if size < 0:
        raise BadPacket(f"a blob of {size} bytes")
    return position + _SIZE.size + size + -size % 4


def _received(value: object) -> object:
    """python-osc gives a time tag as (date, fraction): put it together again, nothing is lost."""
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], datetime):
        since = value[0] - _NTP_EPOCH
        return TimeTag(((since.days * 86_400 + since.seconds) << 32) + value[1])
    return value


def encode(message: Message, bounds: Bounds = ASKED) -> bytes:
    """Return one message as bytes. Raises TooBig when it is beyond the bounds, ValueError for what OSC can't carry."""
    tags, data = [","], []
    for value in message.args:
        tag, coded = _argument(value)
        tags.append(tag)
        data.append(coded)
    packet = b"".join((osc_types.write_string(message.address), osc_types.write_string("".join(tags)), *data))
    if len(packet) > bounds.packet_bytes:
        raise TooBig(f"{message.address}: {len(packet)} bytes where a packet holds {bounds.packet_bytes}")
    return packet


def _argument(value: object) -> tuple[str, bytes]:
    match value:
        case bool():
            return "T" if value else "F", b""
        case None:
            return "N", b""
        case str():
            return "s", _text(value)
        case Double():
            return "d", osc_types.write_double(value)
        case float():
            return "f", _float32(value)
        case int():
            return _integer(value)
        case TimeTag():
            return "t", struct.pack(">Q", value.ntp)
        case bytes():
            return "b", _SIZE.pack(len(value)) + value + bytes(-len(value) % 4)
    raise ValueError(f"OSC can't carry {value!r}")


def _text(value: str) -> bytes:
    """A text as OSC may carry it: no NUL inside, and names from a file system may hold bytes that are no UTF-8."""
    return osc_types.write_string(value.replace("\0", "").encode("utf-8", "replace").decode("utf-8"))


def _float32(value: float) -> bytes:
    try:
        return osc_types.write_float(value)
    except OverflowError as error:
        raise ValueError(f"{value:g} does not fit 32 bits: send a Double") from error


def _integer(value: int) -> tuple[str, bytes]:
    if value in _INT32:
        return "i", osc_types.write_int(value)
    if value in _INT64:
        return "h", osc_types.write_int64(value)
    raise ValueError(f"{value} does not fit 64 bits")


def encode_bundle(messages: Iterable[Message], tag: TimeTag = IMMEDIATELY) -> bytes:
    """Return messages as one bundle with that time tag."""
    return _bundle((encode(m) for m in messages), tag)


def _bundle(elements: Iterable[bytes], tag: TimeTag) -> bytes:
    parts = [_HEADER.pack(_BUNDLE, tag.ntp)]
    for element in elements:
        parts += (_SIZE.pack(len(element)), element)
    return b"".join(parts)


def pack(messages: Sequence[Message], limit: int = REPLY_BYTES) -> Sequence[bytes]:
    """Return datagrams of at most ``limit`` bytes that carry these messages in order; a lone one goes unbundled.

    A message that is larger by itself gets a datagram of its own; in the place of one that fits none there is the error
    ``too_big``. What was packed just before, for somebody else, is not packed again.
    """
    known = _last[0]
    same = len(known.messages) == len(messages) and all(map(operator.is_, known.messages, messages))
    if not same or known.limit != limit:
        known = _last[0] = _Packed(tuple(messages), limit, tuple(_pack(messages, limit)))
    return known.datagrams


def _pack(messages: Sequence[Message], limit: int) -> Iterator[bytes]:
    waiting: list[bytes] = []
    size = _HEADER.size
    for element in map(_encoded, messages):
        if waiting and size + _SIZE.size + len(element) > limit:
            yield _packed(waiting)
            waiting, size = [], _HEADER.size
        waiting.append(element)
        size += _SIZE.size + len(element)
    if waiting:
        yield _packed(waiting)


def _encoded(message: Message) -> bytes:
    """Encode a message, or find the bytes again: what fifty clients hear is one message, told fifty times."""
    known = _lately.get(id(message))
    if known is not None and known[0] is message:
        return known[1]
    if len(_lately) >= MAX_LATELY:
        _lately.clear()
    try:
        data = encode(message, TOLD)
    except TooBig as error:
        data = encode(_refusal(message, error))
    _lately[id(message)] = message, data
    return data


def _refusal(message: Message, error: TooBig) -> Message:
    """What is told in place of a message that no packet carries: an answer says so itself."""
    asked = message.address.startswith("/reply/")
    address, request = (message.address, message.args[0]) if asked else (f"/reply{message.address}", 0)
    return Message(address, (request, "error", error.code, str(error)))


def _packed(elements: Sequence[bytes]) -> bytes:
    return elements[0] if len(elements) == 1 else _bundle(elements, IMMEDIATELY)
