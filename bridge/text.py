"""Messages as lines of text, for shells and stream decks: ``/say anna "good evening"``."""

from __future__ import annotations

import re

from bridge.errors import BadPacket
from bridge.message import Double, Message, TimeTag, Value

MAX_LINE_BYTES = 8_192
MAX_WORDS = 64

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,3})?", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t"}
_NAMED: dict[str, Value] = {"true": True, "false": False, "nil": None}
_TAG = re.compile(r"@([0-9a-f]{16})")


def message(text: str) -> Message:
    """Return what a line says: an address and words. A word in quotes is a text, and so is what is no number.

    Whole numbers are ints, others doubles; ``true``, ``false`` and ``nil`` are themselves, ``@`` and 16 hexadecimal
    digits a time tag. Inside quotes a backslash stands before quotes and before itself, and before n and t for the end
    of a line and a tabulator. Raises BadPacket.
    """
    address, _, rest = text.strip().partition(" ")
    if not address.startswith("/"):
        raise BadPacket(f"a line starts with an address such as /ping, got {address[:40]!r}")
    words: list[Value] = []
    for found in _WORD.finditer(rest):
        if len(words) >= MAX_WORDS:
            raise BadPacket(f"a line of more than {MAX_WORDS} words")
        if found[2] and found[2].startswith('"'):
            raise BadPacket(f"a text whose quotes do not end: {found[2][:40]}")
        words.append(_plain(found[2]) if found[2] else _quoted(found[1]))
    return Message(address, tuple(words))


def _quoted(inside: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), inside)


def _plain(word: str) -> Value:
    if word in _NAMED:
        return _NAMED[word]
    if _WHOLE.fullmatch(word):
        return int(word)
    if _NUMBER.fullmatch(word):
        return Double(word)
    tag = _TAG.fullmatch(word)
    return TimeTag(int(tag[1], 16)) if tag else word


def line(message: Message) -> str:
    """Return a message as one line, without the end of line; reading it gives the same values again.

    Blobs are told by their size, arrays in brackets: these two are for people only.
    """
    return " ".join([message.address, *map(_written, message.args)])


def _written(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case None:
            return "nil"
        case str():
            return _written_text(value)
        case float():
            return f"{value:.7g}" if type(value) is float else repr(float(value))
        case TimeTag():
            return f"@{value.ntp:016x}"
        case bytes():
            return f"<{len(value)} bytes>"
        case list():
            return f"[{' '.join(map(_written, value))}]"
    return str(value)


def _written_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
