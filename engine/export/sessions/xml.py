"""Writing XML: elements with their attributes in one call, and text that XML can hold."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Any

Element = ElementTree.Element

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def child(parent: Element, tag: str, **attributes: object) -> Element:
    """Add an element; attributes become text as XML schemas want it. ``id_`` is ``id``."""
    return ElementTree.SubElement(parent, tag, {key.rstrip("_"): xml_text(value) for key, value in attributes.items()})


def root(tag: str, **attributes: object) -> Element:
    """Return a first element."""
    return ElementTree.Element(tag, {key.rstrip("_"): xml_text(value) for key, value in attributes.items()})


def xml_text(value: object) -> str:
    """Return a value as XML text: ``true``, a number that reads back the same, or text without control characters."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value + 0.0) if value != int(value) or abs(value) >= 1e15 else str(int(value))
    return _FORBIDDEN.sub("", str(value))


def document(element: Element, **options: Any) -> bytes:
    """Return the whole document, indented, in UTF-8."""
    ElementTree.indent(element, "  ")
    text: bytes = ElementTree.tostring(element, encoding="UTF-8", xml_declaration=True, **options)
    return text + b"\n"
