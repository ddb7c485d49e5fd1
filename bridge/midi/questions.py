"""What can be asked of MIDI: ports, learning, bindings, lights."""

from __future__ import annotations

import asyncio

import msgspec

from bridge.clients import Client
from bridge.desk import Values
from bridge.errors import BadValue, NoMidi
from bridge.message import Message
from bridge.midi.device import Device
from bridge.midi.learner import LISTEN_SECONDS, PATIENCE_SECONDS, learned_control
from bridge.midi.recorder import Recording, write
from bridge.midi.source import FORMS, Source, parse_source
from bridge.midi.surface import Control
from bridge.midi.surface_file import SurfaceError, control_options, read_control
from bridge.midi.targets import Target
from bridge.midi.voiced import Voiced
from bridge.midi.wire import MidiWire
from engine.events import Dropped, MidiLearned, MidiRecorded


class _Lesson(msgspec.Struct, kw_only=True):
    """What is to be learnt, and what was heard so far. port: once something was."""

    target: Target
    options: str
    until: float
    port: str = ""
    heard: list[Voiced] = []


class MidiDesk:
    """Answers for the wire, and teaches. Event loop of the control process only."""

    def __init__(self, wire: MidiWire) -> None:
        self._wire = wire
        self._loop = asyncio.get_running_loop()
        self._lesson: _Lesson | None = None
        self._writing: asyncio.Task[None] | None = None
        wire.listener = self.overhear

    def ports(self, client: Client) -> Values:
        """Tell every open port."""
        for device in self._wire.devices.values():
            lights = int(device.output is not None)
            client.send(Message("/midi/ports", (device.name, device.surface.id, lights)))
        return (len(self._wire.devices),)

    def bindings(self, client: Client) -> Values:
        """Tell what every control does."""
        count = 0
        for device in self._wire.devices.values():
            for control in device.surface.controls:
                values = (device.name, str(control.on), control.to, control_options(control))
                client.send(Message("/midi/bindings", values))
                count += 1
        return (count,)

    def lights(self, on: bool) -> Values:
        """Keep lights up to date or leave them alone."""
        self._wire.light(on)
        return ()

    def clock_source(self, wanted: str) -> Values:
        """Have the timeline follow another clock, an empty text: as it is; tell what it follows."""
        if wanted:
            self._wire.follow(wanted)
        facts = self._wire.sync.facts
        return facts.wanted, facts.source, facts.state, facts.priority

    def record(self, name: str) -> Values:
        """Take down the pads that are played, for a file in the story's folder."""
        return (str(self._wire.recorder.start(name, self._now())),)

    def record_stop(self) -> Values:
        """Write what was played, beside the event loop."""
        recording = self._wire.recorder.stop(self._now())
        self._writing = self._loop.create_task(self._write(recording))
        return str(recording.path), recording.notes

    async def _write(self, recording: Recording) -> None:
        engine = self._wire.hub.engine
        try:
            await self._loop.run_in_executor(None, write, recording)
        except OSError as error:
            text = f"{recording.path} can't be written: {error.strerror}; {recording.notes} notes are lost"
            engine.tell(Dropped(what="midi recording", code="not_written", text=text))
            return
        engine.tell(MidiRecorded(path=str(recording.path), notes=recording.notes))

    def _now(self) -> int:
        hub = self._wire.hub
        return hub.engine.clock.frame_at(hub.wall())

    def daw(self, button: str) -> Values:
        """Press a button of the DAW that takes us for a Mackie Control."""
        if self._wire.remote is None:
            raise NoMidi("this system lets Cuevox be no MIDI port, so no DAW can take it for a control surface")
        self._wire.remote.press(button)
        return ()

    def learn(self, client: Client, address: str, options: str) -> Values:  # noqa: ARG002 - whoever listens hears of it
        """Teach the control that is moved next; an empty address: nothing is to be learnt any more."""
        self._lesson = None
        if address:
            target = self._target(address)
            read_control(Source("cc"), address, options)
            self._lesson = _Lesson(target=target, options=options, until=self._loop.time() + PATIENCE_SECONDS)
        return ()

    def bind(self, port: str, control: str, address: str, options: str) -> Values:
        """Teach a control."""
        source = parse_source(control)
        if source is None:
            raise BadValue(f"no control is called {control!r}; a control is {FORMS}")
        target = self._target(address)
        self._teach(self._device(port), read_control(source, address if "#" in address else target.address, options))
        return ()

    def unbind(self, port: str, control: str) -> Values:
        """Have a control forget what it was taught."""
        device, source = self._device(port), parse_source(control)
        learned = self._wire.surfaces.learned(device.name)
        kept = tuple(c for c in learned if c.on != source)
        if len(kept) == len(learned):
            known = ", ".join(str(c.on) for c in learned) or "nothing"
            raise BadValue(f"{device.name} was not taught {control!r}; it was taught: {known}")
        self._keep(device, kept)
        return ()

    def overhear(self, device: Device, event: Voiced) -> bool:
        """Learn from what a device sends; return whether that was what it was sent for."""
        lesson = self._lesson
        if lesson is None:
            return False
        if self._loop.time() > lesson.until:
            self._lesson = None
            return False
        if lesson.port not in ("", device.name):
            return False
        if not lesson.port:
            if event.kind == "note" and event.value == 0:
                return False  # let go of what was pressed before
            lesson.port = device.name
            self._loop.call_later(LISTEN_SECONDS, self._conclude, lesson)
        lesson.heard.append(event)
        return True

    def _conclude(self, lesson: _Lesson) -> None:
        if self._lesson is not lesson:
            return
        self._lesson = None
        device = self._wire.devices.get(lesson.port)
        control = learned_control(lesson.heard, lesson.target)
        if device is None or control is None:
            return
        try:
            guessed = (part for part in control_options(control).split(", ") if part)
            unsaid = (part for part in guessed if part.partition(":")[0] not in lesson.options)
            options = ", ".join(filter(None, (*unsaid, lesson.options)))
            self._teach(device, read_control(control.on, control.to, options))
        except SurfaceError as error:
            self._wire.hub.engine.tell(Dropped(what="midi learn", code=error.code, text=str(error)))

    def _teach(self, device: Device, control: Control) -> None:
        others = (c for c in self._wire.surfaces.learned(device.name) if c.on != control.on)
        self._keep(device, (*others, control))
        self._wire.hub.engine.tell(MidiLearned(port=device.name, control=str(control.on), address=control.to))

    def _keep(self, device: Device, controls: tuple[Control, ...]) -> None:
        self._wire.rework(device, self._wire.surfaces.learn(device.name, device.surface, controls))

    def _target(self, address: str) -> Target:
        """Return what an address is; a strip, slot … that this story has not is refused with those that it has."""
        target = self._wire.targets.find(address)
        if target.leaf.route.read is not None:
            target.leaf.route.read(self._wire.hub.engine, target.leaf.path)
        return target

    def _device(self, port: str) -> Device:
        devices = self._wire.devices
        found = devices.get(port) or next((d for n, d in devices.items() if port.lower() in n.lower()), None)
        if found is None:
            raise BadValue(f"no MIDI port named {port!r} is open; there is: {', '.join(devices) or 'none'}")
        return found
