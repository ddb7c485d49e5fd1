"""Surface presets as YAML: every problem with file and line, all at once; and the text that MIDI learn writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec

from bridge.errors import BridgeError
from bridge.midi.encoders import ENCODINGS
from bridge.midi.grids import GRIDS
from bridge.midi.lights import FAMILIES
from bridge.midi.pickup import TAKEOVERS
from bridge.midi.source import FORMS, Source, parse_source
from bridge.midi.surface import FEEDBACKS, KEYINGS, PROGRAMS, SHAPES, Control, Keys, Pads, Surface, extended
from bridge.midi.velocity import CURVES
from engine.errors import StoryError
from engine.story.fields import Fields, Notes
from engine.story.nodes import Node, compose
from engine.story.problems import Path, story_error

KIND, VERSION = "surface", 1
TOP = (
    "kind", "version", "name", "about", "tried", "base", "ports", "not_ports", "hello", "goodbye", "pads", "keys",
    "controls", "programs", "sustain", "panic", "mackie",
)  # fmt: skip
PADS = ("notes", "channel", "first", "bank", "curve", "floor", "pressure", "lights", "light_channel")
KEYS = ("slot", "notes", "channel", "root", "plays", "first_word", "curve", "floor")
CONTROLS = (
    "on", "to", "shape", "invert", "low", "high", "takeover", "encoder", "step", "toggle", "feedback", "debounce_ms",
)  # fmt: skip

Value = TypeVar("Value")


class SurfaceError(BridgeError):
    """A surface preset that can't be read, or a surface that is not there."""

    code = "bad_surface"


def read_surface(text: str, surface_id: str, name: str, find: Callable[[str], Surface | None]) -> Surface:
    """Return the surface in ``text``. find: gives the preset that another one is based on.

    Raises SurfaceError that lists every problem, naming the file ``name`` and the line.
    """
    if not text.strip():
        raise SurfaceError(f"{name}: the file is empty; a surface begins with kind: surface")
    try:
        reader = _Reader(compose(text, name), surface_id, find)
        if reader.notes.problems:
            raise story_error(name, reader.notes.problems)
    except StoryError as error:
        raise SurfaceError(str(error)) from error
    return reader.surface


class _Reader:
    def __init__(self, root: Node, surface_id: str, find: Callable[[str], Surface | None]) -> None:
        self.notes = Notes()
        self.surface = self._surface(Fields(root, (), self.notes, TOP), surface_id, find)

    def _surface(self, top: Fields, surface_id: str, find: Callable[[str], Surface | None]) -> Surface:
        if top.required("kind", KIND) != KIND:
            top.complain("kind", KIND)
        if top.whole("version", VERSION) != VERSION:
            top.complain("version", f"{VERSION}, the one that this Cuevox reads")
        own = Surface(
            id=surface_id,
            name=top.text("name"),
            about=top.text("about"),
            tried=top.text("tried"),
            ports=self._words(top, "ports"),
            not_ports=self._words(top, "not_ports"),
            hello=self._messages(top, "hello"),
            goodbye=self._messages(top, "goodbye"),
            pads=tuple(self._pads(node, path) for node, path in top.items("pads")),
            keys=tuple(self._keys(node, path) for node, path in top.items("keys")),
            controls=tuple(self._control(node, path) for node, path in top.items("controls")),
            programs=_choice(top, "programs", PROGRAMS, "none"),
            sustain=top.switch("sustain") if "sustain" in top else True,
            panic=top.switch("panic") if "panic" in top else True,
            mackie=top.switch("mackie"),
        )
        if (base_id := top.word("base")) is None:
            return own
        base = find(base_id)
        if base is None:
            top.complain("base", "the id of another surface")
            return own
        return extended(base, own)

    def _words(self, fields: Fields, key: str) -> tuple[str, ...]:
        if fields.child(key) is None:
            return ()
        words = tuple(filter(None, fields.words(key)))
        if not words:
            fields.complain(key, "a word, or a list of words")
        return words

    def _messages(self, fields: Fields, key: str) -> tuple[bytes, ...]:
        messages: list[bytes] = []
        for text in self._words(fields, key):
            message = _message(text)
            if message is None:
                fields.complain(key, "MIDI messages in hex, such as F0 00 20 29 02 0D 0E 01 F7")
                return ()
            messages.append(message)
        return tuple(messages)

    def _pads(self, node: Node, path: Path) -> Pads:
        f = Fields(node, path, self.notes, PADS)
        return Pads(
            notes=self._notes(f),
            channel=self._whole(f, "channel", 0, 0, 16),
            first=self._whole(f, "first", 0, 0, 9999),
            bank=f.word("bank"),
            curve=_choice(f, "curve", CURVES, "linear"),
            floor=self._share(f, "floor", 0.0),
            pressure=f.word("pressure"),
            lights=_choice(f, "lights", FAMILIES, "off"),
            light_channel=self._whole(f, "light_channel", 1, 1, 16),
        )

    def _keys(self, node: Node, path: Path) -> Keys:
        f = Fields(node, path, self.notes, KEYS)
        bank, _, index = f.required("slot", "a/0").rpartition("/")
        if not bank or not index.isdecimal():
            f.complain("slot", "a slot: bank/index")
            bank, index = "a", "0"
        low, high = _span(f.text("notes", "0-127")) or (-1, -1)
        if low < 0:
            f.complain("notes", "two notes: 36-84")
        return Keys(
            bank=bank,
            index=int(index),
            low=low,
            high=high,
            channel=self._whole(f, "channel", 0, 0, 16),
            root=self._whole(f, "root", 60, 0, 127),
            plays=_choice(f, "plays", KEYINGS, "pitch"),
            first_word=self._whole(f, "first_word", 1, 1, 9999),
            curve=_choice(f, "curve", CURVES, "linear"),
            floor=self._share(f, "floor", 0.0),
        )

    def _control(self, node: Node, path: Path) -> Control:
        f = Fields(node, path, self.notes, CONTROLS)
        source = parse_source(f.required("on", "cc 0"))
        if source is None:
            f.complain("on", FORMS)
        address = f.required("to", "/")
        if not address.startswith("/"):
            f.complain("to", "an address of the table, such as /strip/narrator/gain or /strip/#1/gain")
        return Control(
            on=source or Source("cc"),
            to=address,
            shape=_choice(f, "shape", SHAPES, "linear"),
            invert=f.switch("invert"),
            low=self._share(f, "low", 0.0),
            high=self._share(f, "high", 1.0),
            takeover=_choice(f, "takeover", TAKEOVERS, "pickup"),
            encoder=_choice(f, "encoder", ENCODINGS, "twos") if f.child("encoder") is not None else None,
            step=self._share(f, "step", 0.01),
            toggle=f.switch("toggle"),
            feedback=_choice(f, "feedback", FEEDBACKS, "none"),
            debounce_ms=self._whole(f, "debounce_ms", 0, 0, 10_000),
        )

    def _notes(self, fields: Fields) -> tuple[int, ...]:
        """Return the notes of pads: a grid's name, a span, or a list in the order of the slots."""
        notes: list[int] = []
        if "notes" not in fields:
            fields.missing("notes")
        for word in fields.words("notes") if "notes" in fields else ():
            span = _span(word)
            if word in GRIDS:
                notes += GRIDS[word]
            elif span is not None:
                notes += range(span[0], span[1] + 1)
            else:
                fields.complain("notes", f"notes (36, 36-99) or one of the grids {', '.join(GRIDS)}")
                return ()
        return tuple(notes)

    def _whole(self, fields: Fields, key: str, default: int, low: int, high: int) -> int:
        number = fields.whole(key, default)
        if not low <= number <= high:
            fields.complain(key, f"{low} to {high}")
            return default
        return number

    def _share(self, fields: Fields, key: str, default: float) -> float:
        number = fields.number(key, default)
        if not 0.0 <= number <= 1.0:
            fields.complain(key, "0 to 1")
            return default
        return number


def _choice(fields: Fields, key: str, allowed: tuple[Value, ...], default: Value) -> Value:
    word: Any = fields.choice(key, cast("tuple[str, ...]", allowed), cast("str", default))
    return cast("Value", word)


def _span(text: str) -> tuple[int, int] | None:
    low, dash, high = text.replace(" ", "").partition("-")
    if not low.isdecimal() or (dash and not high.isdecimal()):
        return None
    span = int(low), int(high or low)
    return span if span[0] <= span[1] <= 127 else None


def _message(text: str) -> bytes | None:
    try:
        message = bytes.fromhex(text)
    except ValueError:
        return None
    return message if message and message[0] >= 0x80 else None


def read_control(on: Source, to: str, options: str) -> Control:
    """Return a control with options as in a preset: ``invert: true, takeover: jump``. Raises SurfaceError."""
    text = f"kind: {KIND}\ncontrols:\n  - {{on: {on}, to: {_quoted(to)}{', ' if options else ''}{options}}}\n"
    try:
        return read_surface(text, "options", "options", lambda _: None).controls[0]
    except (SurfaceError, IndexError) as error:
        raise SurfaceError(f"{options!r}: {error}") from error


def control_options(control: Control) -> str:
    """Return what of a control differs from the default, as it stands in a preset."""
    parts = []
    for field in msgspec.structs.fields(Control):
        value = getattr(control, field.name)
        if field.name not in ("on", "to") and value != field.default:
            shown = str(value).lower() if isinstance(value, bool) else value
            parts.append(f"{field.name}: {shown:g}" if isinstance(value, float) else f"{field.name}: {shown}")
    return ", ".join(parts)


def control_text(control: Control) -> str:
    """Return a control as one line of a preset."""
    parts = (f"on: {control.on}", f"to: {_quoted(control.to)}", control_options(control))
    return "  - {" + ", ".join(filter(None, parts)) + "}"


def learned_text(name: str, base: str, port: str, controls: tuple[Control, ...]) -> str:
    """Return the preset that holds what was learned for a port, beside what ``base`` says of it."""
    head = [
        "# What MIDI learn was taught. Edit and share it as you like; learning again keeps every control, no comments.",
        f"kind: {KIND}",
        f"version: {VERSION}",
        f"name: {_quoted(name)}",
        f"base: {base}",
        f"ports: [{_quoted(port)}]",
        "controls:" if controls else "controls: []",
    ]
    return "\n".join([*head, *map(control_text, controls)]) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
