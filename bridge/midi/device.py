"""A device: one connected port pair, what it does and what it shows."""

from __future__ import annotations

from collections.abc import Callable

from bridge.clients import Client
from bridge.message import Message
from bridge.midi.banks import Banks
from bridge.midi.feedback import SurfaceFeedback
from bridge.midi.looks import Looks
from bridge.midi.mackie_desk import MackieDesk
from bridge.midi.mapper import Do, Mapper
from bridge.midi.painter import Painter
from bridge.midi.port import MidiInput, MidiOutput, PortError
from bridge.midi.stream import MidiStream
from bridge.midi.surface import Surface
from bridge.midi.targets import Targets
from bridge.midi.voiced import Voiced
from bridge.port import EnginePort

Subscribe = Callable[[str], None]


class Device:
    """Puts a device's surface to work. Event loop of the control process only.

    output: where its lights are, None: it has none. do: has a message done in its name, at a Unix time or at once.
    subscribe: has it told of a pattern.
    """

    def __init__(self, name: str, client: Client, output: MidiOutput | None) -> None:
        self.name, self.client, self.output = name, client, output
        self.input: MidiInput | None = None
        self.stream = MidiStream()
        self.refused = ""
        """What the engine said against the last thing that was asked of it."""
        self.lit = True
        self.painter = Painter(self.send)

    def work_as(self, surface: Surface, targets: Targets, engine: EnginePort, do: Do, subscribe: Subscribe) -> None:
        """Be that surface from now on: greet the device and show everything."""
        self.surface = surface
        banks = Banks(engine)
        self._subscribe = subscribe
        self.mapper = Mapper(surface, targets, banks, do)
        self.feedback = SurfaceFeedback(surface, targets, banks, Looks(engine), self.painter)
        self.mackie = MackieDesk(engine, self.painter, do) if surface.mackie else None
        for message in surface.hello:
            self.send(message)
        self.start_over()

    def start_over(self) -> None:
        """Hear and show everything anew: another story, or a device that has come back."""
        self.feedback.start_over()
        if self.mackie is not None:
            self.mackie.start_over()
        self.painter.repaint()
        for pattern in (*self.feedback.patterns, *(self.mackie.patterns if self.mackie else ())):
            self._subscribe(pattern)

    def hear(self, event: Voiced, at: float) -> str:
        """Do what a channel message asks for; return what that was."""
        bank = self.mapper.banks.current
        self.refused = ""
        done = self.mackie.hear(event, at) if self.mackie else ""
        done = done or self.mapper.hear(event, at)
        if self.mapper.banks.current != bank:
            self.feedback.light_all()
        return f"{done}: {self.refused}" if self.refused else done

    def told(self, message: Message) -> None:
        """Take notice of a value, or of a refusal."""
        if message.address.startswith("/reply"):
            self.refused = " ".join(str(word) for word in message.args[2:])
        elif message.address.startswith("/late"):
            return  # the mixer tells of what sounded late, to all
        else:
            self.feedback.told(message)
            if self.mackie is not None:
                self.mackie.told(message)

    def paint(self) -> bool:
        """Send the next lights; return whether there are more."""
        if self.lit and self.output is not None:
            self.painter.paint()
            return self.painter.waiting
        return False

    def send(self, data: bytes) -> bool:
        """Send whole messages; return whether the device took them."""
        if self.output is None:
            return False
        try:
            for message in MidiStream().feed(data):
                self.output.send(message)
        except PortError:
            return False  # it is being pulled out; the next look at the ports says so
        return True

    def close(self) -> None:
        """Say goodbye and let the ports go."""
        if self.input is not None:
            self.input.close()
            self.input = None
        if self.output is not None:
            for message in getattr(self, "surface", Surface(id="")).goodbye:
                self.send(message)
            self.output.close()
            self.output = None
