"""A real Mackie Control before our mixer: eight strips at a time, transport, meters and timecode."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from bridge.message import Message
from bridge.midi import mackie
from bridge.midi.encoders import steps
from bridge.midi.painter import Painter
from bridge.midi.voiced import Voiced
from bridge.port import EnginePort
from engine.errors import EngineError
from engine.story.model import MASTER

SCROLL_PER_SECOND = 4.0
"""Characters by which a line that is longer than its display moves on."""

PAN_STEP = 1.0 / 50.0
JOG_SECONDS = 0.1
PATTERNS = (
    "/strip/*/gain/norm", "/strip/*/gain", "/strip/*/pan/norm", "/strip/*/mute", "/strip/*/solo", "/strip/*/meter",
    "/strip/*/line", "/transport/playing", "/transport/position",
)  # fmt: skip
_STRIP = re.compile(r"/strip/([^/]+)/(.+)")

Do = Callable[[Message, float | None], None]


class MackieDesk:
    """What its controls do, and what it shows: always from what the engine tells, never from what was pressed.

    A fader that is touched is not moved against the hand; let go, it goes where its parameter is.
    """

    patterns = PATTERNS

    def __init__(self, engine: EnginePort, painter: Painter, do: Do, now: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._painter, self._do, self._now = engine, painter, do, now
        self._lines: dict[str, tuple[str, float]] = {}
        """What sounds on a strip, and since when."""
        self._first = 0
        self._touched: set[int] = set()
        self._values: dict[tuple[str, str], float] = {}
        self._playing = False

    def start_over(self) -> None:
        """Forget what was told: another story comes."""
        self._values.clear()
        self._lines.clear()
        self._show_bank()

    def hear(self, event: Voiced, at: float) -> str:
        """Do what a control asks for; return what that was, an empty text: it is none of the desk's."""
        kind, channel, number, value = event
        if kind == "bend" and channel <= mackie.MASTER + 1:
            return self._fader(channel - 1, value)
        if kind == "control" and mackie.FIRST_VPOT <= number < mackie.FIRST_VPOT + mackie.STRIPS:
            return self._turn(number - mackie.FIRST_VPOT, steps("sign", value))
        if kind == "control" and number == mackie.JOG:
            return self._jog(steps("sign", value))
        if kind != "note":
            return ""
        if mackie.FIRST_TOUCH <= number <= mackie.FIRST_TOUCH + mackie.MASTER:
            return self._touch(number - mackie.FIRST_TOUCH, held=value > 0)
        return self._button(number, at) if value else "let go"

    def told(self, message: Message) -> None:
        """Show what the engine tells."""
        found = _STRIP.fullmatch(message.address)
        if found:
            strip, what = found[1], found[2]
            if what == "meter":
                self._meter(strip, max(float(str(v)) for v in message.args[:2]))
            elif what == "line":
                self._lines[strip] = str(message.args[0]), self._now()
                self._show(strip, "gain")
            else:
                self._values[strip, what] = float(str(message.args[0]))
                self._show(strip, what)
        elif message.address == "/transport/playing":
            self._playing = bool(message.args[0])
            self._painter.show("play", mackie.light(mackie.BUTTONS["play"], self._playing))
            self._painter.show("stop", mackie.light(mackie.BUTTONS["stop"], not self._playing))
        elif message.address == "/transport/position":
            for place, digit in enumerate(mackie.timecode(float(str(message.args[0])))):
                self._painter.show(("digit", place), digit)

    def _fader(self, place: int, value: int) -> str:
        strip = self._strip(place)
        if strip is None:
            return "no strip there"
        self._painter.note(("fader", place), mackie.fader(place, value / 16383.0))
        return self._send(f"/strip/{strip}/gain/norm", value / 16383.0)

    def _touch(self, place: int, *, held: bool) -> str:
        if held:
            self._touched.add(place)
            self._show(self._strip(place) or "", "gain")
            held_at = self._values.get((self._strip(place) or "", "gain/norm"), 0.0)
            self._painter.note(("fader", place), mackie.fader(place, held_at))
            return "touched"
        self._touched.discard(place)
        strip = self._strip(place)
        self._painter.forget(("fader", place))
        if strip is not None:
            self._show(strip, "gain/norm")
            self._show(strip, "gain")
        return "let go"

    def _turn(self, place: int, by: int) -> str:
        strip = self._strip(place)
        if strip is None:
            return "no strip there"
        moved = self._values.get((strip, "pan/norm"), 0.5) + by * PAN_STEP
        self._values[strip, "pan/norm"] = moved = min(1.0, max(0.0, moved))
        return self._send(f"/strip/{strip}/pan/norm", moved)

    def _jog(self, by: int) -> str:
        here = self._engine.transport_state().timeline_frame / self._engine.sample_rate
        return self._send("/transport/locate", max(0.0, here + by * JOG_SECONDS))

    def _button(self, number: int, at: float) -> str:
        place = number % mackie.STRIPS
        match number // mackie.STRIPS * mackie.STRIPS:
            case mackie.SOLO:
                return self._switch(place, "solo")
            case mackie.MUTE:
                return self._switch(place, "mute")
            case mackie.VPOT_PRESS:
                strip = self._strip(place)
                return self._send(f"/strip/{strip}/pan", 0.0) if strip else "no strip there"
        moves = {
            mackie.BANK_LEFT: -8, mackie.BANK_RIGHT: 8, mackie.CHANNEL_LEFT: -1, mackie.CHANNEL_RIGHT: 1,
        }  # fmt: skip
        if number in moves:
            return self._bank(moves[number])
        if mackie.FIRST_FUNCTION <= number < mackie.FIRST_FUNCTION + 8:
            return self._cue(number - mackie.FIRST_FUNCTION, at)
        return self._transport(number, at)

    def _transport(self, number: int, at: float) -> str:
        addresses = {"play": "/transport/play", "stop": "/transport/stop", "record": "/go"}
        for name, address in addresses.items():
            if mackie.BUTTONS[name] == number:  # type: ignore[index]
                return self._send(address, at=at)
        return self._send("/transport/locate", 0.0) if number == mackie.BUTTONS["rewind"] else ""

    def _cue(self, place: int, at: float) -> str:
        cues = self._engine.cue_ids()
        return self._send(f"/cue/{cues[place]}/go", at=at) if place < len(cues) else "no cue there"

    def _switch(self, place: int, what: str) -> str:
        strip = self._strip(place)
        if strip is None:
            return "no strip there"
        try:
            state = self._engine.strip_state(strip)
        except EngineError as error:
            return str(error)
        return self._send(f"/strip/{strip}/{what}", int(not getattr(state, what)))

    def _bank(self, by: int) -> str:
        last = max(0, len(self._strips()) - 1)
        self._first = min(last, max(0, self._first + by))
        self._show_bank()
        return f"strips from {self._first + 1}"

    def _strips(self) -> tuple[str, ...]:
        return tuple(s for s in self._engine.strip_ids() if s != MASTER)

    def _strip(self, place: int) -> str | None:
        if place == mackie.MASTER:
            return MASTER
        strips = self._strips()[self._first : self._first + mackie.STRIPS]
        return strips[place] if place < len(strips) else None

    def _place(self, strip: str) -> int | None:
        if strip == MASTER:
            return mackie.MASTER
        shown = self._strips()[self._first : self._first + mackie.STRIPS]
        return shown.index(strip) if strip in shown else None

    def _show_bank(self) -> None:
        for place in range(mackie.STRIPS):
            strip = self._strip(place)
            self._painter.show(("lcd", place, 0), mackie.scribble(place, 0, strip or ""))
            for what in ("gain/norm", "gain", "pan/norm", "mute", "solo"):
                self._show_at(place, strip or "", what)
        self._show_at(mackie.MASTER, MASTER, "gain/norm")

    def _show(self, strip: str, what: str) -> None:
        place = self._place(strip)
        if place is not None:
            self._show_at(place, strip, what)

    def _show_at(self, place: int, strip: str, what: str) -> None:
        value = self._values.get((strip, what))
        if what == "gain/norm" and place not in self._touched:
            self._painter.show(("fader", place), mackie.fader(place, value or 0.0))
        elif place == mackie.MASTER:
            return
        elif what == "gain":
            level = "" if value is None else "-inf" if value <= -100.0 else f"{value:+.1f}"
            text = "" if place in self._touched else self._line(strip)
            self._painter.show(("lcd", place, 1), mackie.scribble(place, 1, text or level))
        elif what == "pan/norm":
            self._painter.show(("ring", place), mackie.ring(place, 0.5 if value is None else value))
        elif what in ("mute", "solo"):
            first = mackie.MUTE if what == "mute" else mackie.SOLO
            self._painter.show((what, place), mackie.light(first + place, bool(value)))

    def _line(self, strip: str) -> str:
        """Return what of the line on a strip its display shows now."""
        text, since = self._lines.get(strip, ("", 0.0))
        beyond = len(text) - mackie.LCD_CHARACTERS
        moved = int((self._now() - since) * SCROLL_PER_SECOND)
        return text[min(max(0, beyond), moved) :]

    def _meter(self, strip: str, peak_db: float) -> None:
        place = self._place(strip)
        if place is not None and place < mackie.STRIPS:
            self._painter.forget(("meter", place))  # the device lets it fall by itself
            self._painter.show(("meter", place), mackie.meter(place, peak_db))
            if self._lines.get(strip, ("",))[0]:
                self._show_at(place, strip, "gain")  # its line moves on

    def _send(self, address: str, *values: float, at: float | None = None) -> str:
        self._do(Message(address, values), at)
        return " ".join([address, *(f"{v:.3g}" for v in values)])
