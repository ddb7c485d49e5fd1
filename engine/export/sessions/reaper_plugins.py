"""Plug-ins in a Reaper project: a chain of a track's effects, each block with what the plug-in itself has saved.

A block is three pieces of base64: a head (the plug-in's number, its pins, how long the state is), the state (the
component's stream, then the controller's, each behind its length), and a tail with the name of a preset. The number is
the FNV-1a hash of the class id, as Reaper makes it; it was checked against numbers in projects that Reaper has saved.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from engine.export.kept import KeptPlugin
from engine.plugins.facts import PluginFacts
from engine.plugins.vst_preset import VstPreset

_MAGIC = 0xFEED5EEE
_PINS = struct.pack("<IQQ", 2, 1, 2)
"""Two channels, each from or to the track's one of that number."""

_HAS_STATE, _FLAGS = 1, 0x0010FFFF
_COMPONENT, _CONTROLLER = 1, 0
_TAIL = b"\0\0\x10\0\0\0"
_LINE_BYTES = 96
_FNV_START, _FNV_PRIME = 0x811C9DC5, 0x01000193


def chain(plugins: Sequence[tuple[KeptPlugin, str]], tag: str, quoted: Callable[[str], str]) -> Iterator[str]:
    """Yield the lines of a track's chain; nothing without plug-ins. plugins: each with the id of its place."""
    if not plugins:
        return
    yield from (f"<{tag}", "SHOW 0", "LASTSEL 0", "DOCKED 0")
    for plugin, guid in plugins:
        facts, preset = plugin.facts, plugin.preset
        yield f"BYPASS {int(plugin.bypass)} 0 0"
        identity = f"{plugin_number(preset.class_id)}{{{preset.class_id}}}"
        yield f'<VST {quoted(_title(facts))} {quoted(Path(facts.path).name)} 0 "" {identity} ""'
        yield from _state_lines(preset)
        yield ">"
        yield from ("FLOATPOS 0 0 0 0", f"FXID {guid}", "WAK 0 0")
    yield ">"


def plugin_number(class_id: str) -> int:
    """Return the number by which Reaper knows a VST3 class; its bytes count in the order that Windows has them in."""
    raw = bytes.fromhex(class_id)
    number = _FNV_START
    for byte in raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]:
        number = ((number ^ byte) * _FNV_PRIME) & 0xFFFFFFFF
    return number & 0x7FFFFFFF


def _title(facts: PluginFacts) -> str:
    return f"VST3: {facts.name} ({facts.vendor})" if facts.vendor else f"VST3: {facts.name}"


def _state_lines(preset: VstPreset) -> Iterator[str]:
    state = struct.pack("<II", len(preset.component), _COMPONENT) + preset.component
    state += struct.pack("<II", len(preset.controller), _CONTROLLER) + preset.controller
    head = struct.pack("<II", plugin_number(preset.class_id), _MAGIC) + _PINS + _PINS
    yield _text(head + struct.pack("<III", len(state), _HAS_STATE, _FLAGS))
    yield from (_text(state[begin : begin + _LINE_BYTES]) for begin in range(0, len(state), _LINE_BYTES))
    yield _text(_TAIL)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
