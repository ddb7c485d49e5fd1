"""The mapper: from what a device sends to messages of the address table, as its surface says."""

from __future__ import annotations

from collections.abc import Callable

from bridge.errors import BridgeError
from bridge.message import Message
from bridge.midi.banks import Banks
from bridge.midi.controllers import Controllers, Moved
from bridge.midi.encoders import steps
from bridge.midi.keyboard import Keyboard
from bridge.midi.pickup import Pickup
from bridge.midi.source import Source
from bridge.midi.surface import Control, Pads, Surface
from bridge.midi.targets import Target, Targets
from bridge.midi.velocity import level
from bridge.midi.voiced import BEND_CENTRE, Voiced
from engine.errors import EngineError

SUSTAIN, SOUND_OFF, NOTES_OFF = 64, 120, 123
HELD = 64
"""A pedal is down, a button pressed, from here on."""
SHAPE_POWER = {"linear": 1.0, "fine-low": 2.0, "fine-high": 0.5}

Do = Callable[[Message, float | None], None]
"""Has a message done, at a Unix time or at once (None)."""


class Mapper:
    """One device's input. ``do`` takes what comes of it; what it returns says what that was, for people.

    Presses are passed on with their time, movements at once: those glide anyway.
    """

    def __init__(self, surface: Surface, targets: Targets, banks: Banks, do: Do) -> None:
        self.surface = surface
        self.banks = banks
        self._targets, self._do = targets, do
        self._keyboard = Keyboard(surface.keys, self._send)
        channels = range(1, 17)
        pairs = {(n, c.on.number) for c in surface.controls if c.on.kind == "cc14" for n in channels}
        self._controllers = Controllers(pairs)
        self._bound: dict[Source, list[Control]] = {}
        for control in surface.controls:
            self._bound.setdefault(control.on, []).append(control)
        self._pads = _by_note(surface)
        self._pickups: dict[Control, Pickup] = {}
        self._pressed_at: dict[Control, float] = {}
        self._held: dict[tuple[int, int], tuple[str, int]] = {}
        self._sustained: dict[int, list[tuple[int, int]]] = {}

    def hear(self, event: Voiced, at: float) -> str:
        """Do what a channel message asks for; return what that was, an empty text: nothing."""
        try:
            match event.kind:
                case "note":
                    return self._note(event, at)
                case "control":
                    return self._control(event, at)
                case "program":
                    return self._program(event, at)
            return self._moved(event, at)
        except (BridgeError, EngineError) as error:
            return f"{error.code}: {error}"

    def _note(self, event: Voiced, at: float) -> str:
        done = self._fire(("note",), event, event.value / 127.0, at)
        if done:
            return done
        key = event.channel, event.number
        if event.value == 0:
            if event.channel in self._sustained:
                self._sustained[event.channel].append(key)
                return "held by the pedal"
            return self._let_go(key, at)
        pad = self._pad(event)
        if pad is None:
            return self._keyboard.press(event, at)
        slot = self.banks.slot(*pad)
        if slot is None:
            return "no slot there"
        self._let_go(key, at)
        self._held[key] = slot
        return self._send(_slot(slot, "trigger", level(event.value, pad[0].curve, pad[0].floor)), at)

    def _let_go(self, key: tuple[int, int], at: float) -> str:
        slot = self._held.pop(key, None)
        if slot is None:
            return self._keyboard.let_go(key, at)
        return self._send(_slot(slot, "trigger", 0.0), at)

    def _pad(self, event: Voiced) -> tuple[Pads, int] | None:
        return next((p for p in self._pads.get(event.number, ()) if p[0].channel in (0, event.channel)), None)

    def _control(self, event: Voiced, at: float) -> str:
        if self.surface.panic and event.number in (SOUND_OFF, NOTES_OFF):
            return self._send(Message("/panic"), None)
        moved = self._controllers.take(event)
        if moved is None:
            return ""
        done = self._turned(moved, at)
        if not done and self.surface.sustain and event.number == SUSTAIN:
            return self._pedal(event, at)
        return done

    def _pedal(self, event: Voiced, at: float) -> str:
        if event.value >= HELD:
            self._sustained.setdefault(event.channel, [])
            return "pedal down"
        for key in self._sustained.pop(event.channel, []):
            self._let_go(key, at)
        return "pedal up"

    def _turned(self, moved: Moved, at: float) -> str:
        done = ""
        for control in self._of(moved.kind, moved.number, moved.channel):
            if control.encoder is not None or moved.step:
                by = moved.value if moved.step else steps(control.encoder or "twos", moved.value)
                done = self._step(control, by)
            else:
                done = self._move(control, moved.value / moved.top, at)
        return done

    def _moved(self, event: Voiced, at: float) -> str:
        if event.kind == "bend":
            top = BEND_CENTRE * 2 - 1
            return self._fire(("bend",), event, event.value / top, at)
        done = self._fire((event.kind,), event, event.value / 127.0, at)
        pads = [p for p, _ in self._pads.get(event.number, ())] if event.kind == "touch" else self.surface.pads
        for address in dict.fromkeys(p.pressure for p in pads if p.pressure):
            done = self._send(self._targets.message(self._targets.find(address), event.value / 127.0), None)
        return done

    def _fire(self, kinds: tuple[str, ...], event: Voiced, position: float, at: float) -> str:
        done = ""
        for kind in kinds:
            for control in self._of(kind, event.number, event.channel):
                done = self._move(control, position, at)
        return done

    def _of(self, kind: str, number: int, channel: int) -> list[Control]:
        bound = self._bound
        return [*bound.get(Source(kind, number, channel), ()), *bound.get(Source(kind, number), ())]  # type: ignore[arg-type]

    def _move(self, control: Control, position: float, at: float) -> str:
        target = self._targets.find(control.to)
        if target.arg is None or control.toggle or control.on.kind in ("note", "program"):
            return self._press(control, target, position, at)
        wanted = _shaped(control, position)
        current = self._targets.position(target)
        if current is not None and not target.arg.truth:
            pickup = self._pickups.setdefault(control, Pickup(control.takeover))
            taken = pickup.take(wanted, current)
            if taken is None:
                return f"{target.address} waits for the control to meet it"
            wanted = taken
        return self._send(self._targets.message(target, wanted), None)

    def _press(self, control: Control, target: Target, position: float, at: float) -> str:
        pressed = position > 0.0 if control.on.kind == "note" else position >= HELD / 127.0
        if pressed and control.debounce_ms:
            if at - self._pressed_at.get(control, float("-inf")) < control.debounce_ms / 1000.0:
                return "passed over: too soon after the last press"
            self._pressed_at[control] = at
        if target.arg is None:
            return self._send(Message(target.address, (position if pressed else 0,)), at)
        if not control.toggle:
            return self._send(self._targets.message(target, _shaped(control, position)), None)
        if not pressed:
            return ""
        current = self._targets.position(target) or 0.0
        return self._send(self._targets.message(target, 0.0 if current >= 0.5 else 1.0), None)

    def _step(self, control: Control, by: int) -> str:
        target = self._targets.find(control.to)
        if target.arg is None:
            return self._send(Message(target.address), None) if by > 0 else ""
        current = self._targets.position(target)
        if current is None:
            return f"{target.address} can't be read, so it can't be stepped"
        moved = current + by * control.step * (-1.0 if control.invert else 1.0)
        return self._send(self._targets.message(target, min(control.high, max(control.low, moved))), None)

    def _program(self, event: Voiced, at: float) -> str:
        done = self._fire(("program",), event, 1.0, at)
        number = event.number + 1
        if done or self.surface.programs == "none":
            return done
        if self.surface.programs == "bank":
            bank = self.banks.choose(number)
            return f"bank {bank}" if bank else f"no bank number {number}"
        return self._send(Message(f"/cue/{number}/go"), at)

    def _send(self, message: Message, at: float | None) -> str:
        self._do(message, at)
        return " ".join([message.address, *(f"{v:.3g}" if isinstance(v, float) else str(v) for v in message.args)])


def _shaped(control: Control, position: float) -> float:
    shaped = (1.0 - position if control.invert else position) ** SHAPE_POWER[control.shape]
    return float(control.low + (control.high - control.low) * shaped)


def unshaped(control: Control, travel: float) -> float:
    """Return the position of a control that stands for a parameter's position: the inverse of its shape."""
    span = control.high - control.low
    inside = min(1.0, max(0.0, (travel - control.low) / span)) if span else 0.0
    position = inside ** (1.0 / SHAPE_POWER[control.shape])
    return float(1.0 - position if control.invert else position)


def _slot(slot: tuple[str, int], verb: str, value: float) -> Message:
    return Message(f"/slot/{slot[0]}/{slot[1]}/{verb}", (value,))


def _by_note(surface: Surface) -> dict[int, list[tuple[Pads, int]]]:
    found: dict[int, list[tuple[Pads, int]]] = {}
    for pads in surface.pads:
        for place, note in enumerate(pads.notes):
            found.setdefault(note, []).append((pads, place))
    return found
