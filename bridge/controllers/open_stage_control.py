"""A session of Open Stage Control: the mixer, cues, pads and transport of one story."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import msgspec

from bridge.places import HostPort
from bridge.port import EnginePort
from engine.params import FADER

Widget = dict[str, object]

STRIP_WIDTH, STRIP_HEIGHT, METER_WIDTH, BUTTON = 90, 420, 20, 80
ROW = 10
"""Buttons in a row."""

VERSION = "1.29.0"


def open_stage_control(engine: EnginePort, osc: HostPort) -> str:
    """Return the session."""
    target = [f"{osc[0]}:{osc[1]}"]
    first, *others = engine.cue_lists()
    tabs = [
        _tab("Mixer", [w for n, strip in enumerate(engine.strip_ids()) for w in _strip(n, strip, target)]),
        _tab("Cues", _buttons(((c, f"/cue/{c}/go") for c in engine.cue_ids(first)), target, _steady(target))),
        *(_tab(f"Cues {name}", _buttons(_cues_of(engine, name), target)) for name in others),
        _tab("Pads", _buttons(((f"{b} {i}", f"/slot/{b}/{i}/trigger") for b, i in engine.slot_keys()), target)),
    ]
    root: Widget = {"type": "root", "id": "root", "tabs": tabs}
    session = {"createdWith": "Open Stage Control", "version": VERSION, "type": "session", "content": root}
    return msgspec.json.format(msgspec.json.encode(session), indent=2).decode() + "\n"


def _tab(label: str, widgets: list[Widget]) -> Widget:
    return {"type": "tab", "id": label.lower().replace(" ", "_"), "label": label, "widgets": widgets}


def _cues_of(engine: EnginePort, cuelist: str) -> list[tuple[str, str]]:
    """Return the buttons of a list that is not the first one: its own GO, then its cues."""
    node = f"/cuelist/{cuelist}"
    return [("GO", f"{node}/go"), *((cue, f"{node}/cue/{cue}/go") for cue in engine.cue_ids(cuelist))]


def _strip(number: int, strip: str, target: list[str]) -> list[Widget]:
    left = number * STRIP_WIDTH + 10
    place = {"left": left, "width": STRIP_WIDTH - 10}
    address = f"/strip/{strip}"
    return [
        {"type": "text", "id": f"{strip}_name", "top": 10, "height": 30, "value": strip, **place},
        {
            "type": "fader", "id": f"{strip}_gain", "top": 50, "height": STRIP_HEIGHT, "address": f"{address}/gain",
            "range": {"min": FADER.low, "max": FADER.high}, "default": 0, "target": target, "decimals": 2, **place,
            "width": STRIP_WIDTH - 10 - METER_WIDTH,
        },
        {
            "type": "fader", "id": f"{strip}_meter", "top": 50, "height": STRIP_HEIGHT, "design": "compact",
            "address": f"{address}/meter/norm", "range": {"min": 0, "max": 1}, "interaction": False, "bypass": True,
            "left": left + STRIP_WIDTH - 10 - METER_WIDTH, "width": METER_WIDTH,
        },
        {
            "type": "knob", "id": f"{strip}_pan", "top": 60 + STRIP_HEIGHT, "height": 80, "address": f"{address}/pan",
            "range": {"min": -1, "max": 1}, "default": 0, "target": target, **place,
        },
        {
            "type": "button", "id": f"{strip}_mute", "top": 150 + STRIP_HEIGHT, "height": 40, "label": "mute",
            "mode": "toggle", "on": 1, "off": 0, "address": f"{address}/mute", "target": target, **place,
        },
        {
            "type": "button", "id": f"{strip}_solo", "top": 200 + STRIP_HEIGHT, "height": 40, "label": "solo",
            "mode": "toggle", "on": 1, "off": 0, "address": f"{address}/solo", "target": target, **place,
        },
    ]  # fmt: skip


def _steady(target: list[str]) -> list[Widget]:
    names = (
        ("GO", "/go"),
        ("BACK", "/back"),
        ("PANIC", "/panic"),
        ("PLAY", "/transport/play"),
        ("STOP", "/transport/stop"),
    )
    return _buttons(names, target)


def _buttons(named: Iterable[tuple[str, str]], target: list[str], before: list[Widget] | None = None) -> list[Widget]:
    first_row = 1 if before else 0
    made = list(before or ())
    for number, (label, address) in zip(itertools.count(first_row * ROW), named):
        made.append(
            {
                "type": "button", "id": address.strip("/").replace("/", "_"), "label": label, "mode": "push",
                "left": 10 + number % ROW * (BUTTON + 10), "top": 10 + number // ROW * (BUTTON + 10),
                "width": BUTTON, "height": BUTTON, "address": address, "on": 1, "off": 0, "target": target,
            }
        )  # fmt: skip
    return made
