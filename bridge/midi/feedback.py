"""What a device shows: from the engine's values, told through the table, to lights, motors and rings."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bridge.errors import BridgeError
from bridge.message import Message
from bridge.midi.banks import Banks
from bridge.midi.lights import pad_light
from bridge.midi.looks import PATTERNS, Looks
from bridge.midi.mapper import unshaped
from bridge.midi.painter import Painter
from bridge.midi.source import Source
from bridge.midi.surface import Control, Pads, Surface
from bridge.midi.targets import Target, Targets
from bridge.midi.voiced import Voiced, encode

_SLOT = re.compile(r"/slot/([^/]+)/([0-9]+)/state")


class SurfaceFeedback:
    """One device's lights, as its surface says; everything it knows it was told through its subscriptions."""

    def __init__(self, surface: Surface, targets: Targets, banks: Banks, looks: Looks, painter: Painter) -> None:
        self._surface, self._targets, self._banks, self._painter = surface, targets, banks, painter
        self._looks = looks
        self._states: dict[tuple[str, int], str] = {}
        self._values: dict[str, float] = {}

    @property
    def patterns(self) -> tuple[str, ...]:
        """Return what has to be subscribed to."""
        patterns = ["/slot/*/*/state", *PATTERNS] if any(p.lights != "off" for p in self._surface.pads) else []
        return tuple(dict.fromkeys((*patterns, *(t.address for _, t in self._told_controls()))))

    def told(self, message: Message) -> None:
        """Take notice of a value."""
        slot = _SLOT.fullmatch(message.address)
        if slot and message.args:
            self._states[slot[1], int(slot[2])] = str(message.args[0])
            self._light_pads((slot[1], int(slot[2])))
        elif message.args:
            if message.address == "/cue/next" or message.address.endswith("/mute"):
                self.light_all()
            self._light_controls(message)

    def light_all(self) -> None:
        """Show every pad anew: another bank, another story."""
        self._light_pads(None)

    def start_over(self) -> None:
        """Forget what was told: another story comes, and tells everything."""
        self._states.clear()
        self._light_pads(None)

    def _light_pads(self, changed: tuple[str, int] | None) -> None:
        for pads in self._surface.pads:
            for place, note in enumerate(pads.notes):
                slot = self._banks.slot(pads, place)
                if changed is None or slot == changed:
                    self._light(pads, note, slot)

    def _light(self, pads: Pads, note: int, slot: tuple[str, int] | None) -> None:
        look = self._looks.of(slot, self._states.get(slot, "off")) if slot else "off"
        message = pad_light(pads.lights, note, look, pads.light_channel)
        if message is not None:
            self._painter.show(("pad", note), message)

    def _light_controls(self, message: Message) -> None:
        for control, target in self._told_controls():
            if target.address != message.address:
                continue
            value = message.args[0]
            travel = float(value) if target.arg and target.arg.norm else self._targets.travel(target, value)  # type: ignore[arg-type]
            if travel is not None:
                for place, shown in enumerate(control_lights(control, travel)):
                    self._painter.show(("control", control.on, place), shown)

    def _told_controls(self) -> list[tuple[Control, Target]]:
        found = []
        for control in self._surface.controls:
            if control.feedback != "none":
                try:
                    target = self._targets.find(control.to)
                except BridgeError:
                    continue  # this story has no such strip
                if target.leaf.route.read is not None:
                    found.append((control, target))
        return found


def control_lights(control: Control, travel: float) -> Sequence[bytes]:
    """Return what puts a control to where its parameter stands, 0 to 1."""
    if control.feedback == "light":
        return (_sent(control.on, 127 if travel >= 0.5 else 0),)
    position = unshaped(control, travel)
    match control.on.kind:
        case "bend":
            return (encode(Voiced("bend", control.on.channel or 1, 0, round(position * 16383))),)
        case "cc14":
            value, channel = round(position * 16383), control.on.channel or 1
            low = Voiced("control", channel, control.on.number + 32, value & 0x7F)
            return encode(Voiced("control", channel, control.on.number, value >> 7)), encode(low)
        case "nrpn":
            value, channel, number = round(position * 16383), control.on.channel or 1, control.on.number
            parts = ((99, number >> 7), (98, number & 0x7F), (6, value >> 7), (38, value & 0x7F))
            return (b"".join(encode(Voiced("control", channel, n, v)) for n, v in parts),)
    return (_sent(control.on, round(position * 127)),)


def _sent(source: Source, value: int) -> bytes:
    is_note = source.kind in ("note", "touch")
    return encode(Voiced("note" if is_note else "control", source.channel or 1, source.number, value))
