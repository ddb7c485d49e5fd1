"""OSC over UDP, as much of it as this script needs: ints, floats and texts, and bundles that are taken apart."""

from __future__ import annotations

import contextlib
import socket
import struct

MAX_BYTES = 65536


class Wire:
    """A UDP socket that never waits."""

    def __init__(self, engine, port=0):
        self._engine = engine
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", port))

    @property
    def port(self):
        """Where it hears."""
        return self._socket.getsockname()[1]

    def send(self, address, *values):
        """Send a message to the engine; where nobody hears it is lost, as on any wire."""
        self.send_to(self._engine, address, *values)

    def send_to(self, place, address, *values):
        """Send a message to a place, such as where one came from."""
        with contextlib.suppress(OSError):
            self._socket.sendto(encode(address, values), place)

    def receive(self, most=200):
        """Return the messages that have come, as (address, values, where from), at most about ``most`` of them."""
        found = []
        while len(found) < most:
            try:
                data, source = self._socket.recvfrom(MAX_BYTES)
            except (BlockingIOError, ConnectionError):
                break
            except OSError:
                break
            found.extend((address, values, source) for address, values in decode(data))
        return found

    def close(self):
        """Give the port back."""
        self._socket.close()


def encode(address, values):
    """Return a message as bytes."""
    tags, data = ",", b""
    for value in values:
        if isinstance(value, bool):
            tags += "T" if value else "F"
        elif isinstance(value, int):
            tags, data = tags + "i", data + struct.pack(">i", value)
        elif isinstance(value, float):
            tags, data = tags + "d", data + struct.pack(">d", value)
        else:
            tags, data = tags + "s", data + _padded(value)
    return _padded(address) + _padded(tags) + data


def decode(data):
    """Return the messages of a packet as (address, values); what can't be read is left out."""
    try:
        if data.startswith(b"#bundle\0"):
            return _bundle(data)
        address, at = _text(data, 0)
        tags, at = _text(data, at)
        return [(address, _values(data, at, tags[1:]))]
    except (struct.error, ValueError, IndexError):
        return []


def _bundle(data):
    found, at = [], 16
    while at + 4 <= len(data):
        (size,) = struct.unpack_from(">i", data, at)
        if size <= 0:
            break
        found.extend(decode(data[at + 4 : at + 4 + size]))
        at += 4 + size
    return found


def _values(data, at, tags):
    values = []
    for tag in tags:
        if tag in "TF":
            values.append(tag == "T")
        elif tag == "s":
            text, at = _text(data, at)
            values.append(text)
        else:
            kind = {"i": ">i", "f": ">f", "d": ">d", "h": ">q", "t": ">Q"}[tag] if tag in "ifdht" else ""
            if not kind:
                raise ValueError(tag)
            values.append(struct.unpack_from(kind, data, at)[0])
            at += struct.calcsize(kind)
    return tuple(values)


def _padded(text):
    data = text.encode("utf-8") + b"\0"
    return data + b"\0" * (-len(data) % 4)


def _text(data, at):
    end = data.index(b"\0", at)
    return data[at:end].decode("utf-8", "replace"), end + 4 - (end % 4)
