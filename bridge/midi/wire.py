"""The MIDI wire: devices come and go, what they send is done, and what they are to show is sent to them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from bridge.errors import BadValue
from bridge.hub import Hub
from bridge.message import IMMEDIATELY, Bundle, Message, TimeTag
from bridge.midi import mackie_remote
from bridge.midi.counterpart import counterpart
from bridge.midi.device import Device
from bridge.midi.faults import Faults
from bridge.midi.frame_map import FrameMap
from bridge.midi.inbox import Inbox
from bridge.midi.mackie_remote import MackieRemote
from bridge.midi.outlets import Outlets
from bridge.midi.outsides import find_outsides
from bridge.midi.painter import PAINT_SECONDS
from bridge.midi.port import NAME, Exact, MidiInput, MidiOutput, MidiSystem, PortError, Stamp
from bridge.midi.recorder import Recorder, write
from bridge.midi.stream import MidiStream
from bridge.midi.surface import Surface
from bridge.midi.surface_file import SurfaceError
from bridge.midi.surfaces import Surfaces
from bridge.midi.sync import Sync
from bridge.midi.sync_out import Peer, SyncOut
from bridge.midi.targets import Targets
from bridge.midi.voiced import Voiced, decode, describe
from bridge.places import HostPort
from bridge.renamed import renamed_nodes
from engine.errors import NotReady
from engine.events import CueRenumbered, Dropped, Event, MidiHeard, MidiPortChanged, StoryReloaded

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often the ports are looked at: what was plugged in works within that time."""

MARGIN_SECONDS = 0.001
"""Beside a block, what a press needs from the port to the mixer; all presses sound that much later, and equally."""

SYNC_SECONDS = 0.03
"""How often the timeline is compared with the clock that it follows."""

CLOCK_SOURCE = "clock_source"
"""The note of the source that was chosen while it ran."""

LEASE_SECONDS = 86_400.0
_QUIET = frozenset({0xF1, 0xF8, 0xFE})
"""Messages that come so often that nobody wants to read them."""


class MidiWire:
    """All MIDI devices as clients of the hub. Event loop of the control process only.

    systems: the ways to MIDI. ports: parts of the names of what is opened, none: everything. wanted: the surfaces that
    are used where the names of the ports don't tell. folder: where played pads are recorded.
    """

    def __init__(
        self,
        hub: Hub,
        systems: Sequence[MidiSystem],
        surfaces: Surfaces,
        *,
        ports: Sequence[str] = (),
        wanted: Sequence[str] = (),
        sync: Sync | None = None,
        sends: Sequence[str] = (),
        link: Peer | None = None,
        folder: Path = Path(),
    ) -> None:
        for surface in wanted:
            surfaces.get(surface)
        self.hub, self.surfaces = hub, surfaces
        self._systems, self._ports, self._wanted = tuple(systems), tuple(p.lower() for p in ports), tuple(wanted)
        self.sync = sync or Sync(hub.engine)
        self._loop = asyncio.get_running_loop()
        self._inbox = Inbox(self._loop, self._take)
        self._targets = Targets(hub.tree, hub.engine)
        self.devices: dict[str, Device] = {}
        self._system_of: dict[str, MidiSystem] = {}
        self._virtual: set[str] = set()
        self._dark: set[str] = set()
        """Devices that had no output when they were opened: it may be there a moment later."""
        self.remote: MackieRemote | None = None
        """Our hands on a DAW's transport; None: this system lets us be no port."""
        self._remotes: dict[MidiSystem, tuple[MidiInput | MidiOutput, ...]] = {}
        self._remote_stream = MidiStream()
        self._failed: dict[MidiSystem, set[str]] = {system: set() for system in self._systems}
        """What was said already: ports that can't be opened, why none can be listed."""
        self._epochs: dict[MidiSystem, int] = {}
        """Of the systems whose ports are open, and when they were."""
        self._frames = FrameMap(hub.engine.clock)
        self._faults = Faults(hub.engine, self._systems, self._inbox)
        self.recorder = Recorder(hub.engine, folder)
        self.outlets = Outlets()
        """What cues send to."""
        self._looking: asyncio.Task[None] | None = None
        self._leads_link = "link" in sends
        self._sync_out = SyncOut(hub.engine, sends, self._send_sync, link=link) if sends else None
        self._sending: asyncio.Task[None] | None = None
        self._syncing: asyncio.Task[None] | None = None
        self._painting: asyncio.TimerHandle | None = None
        self.listener: Callable[[Device, Voiced], bool] = lambda *_: False
        """Hears every channel message first, and may keep it for itself: MIDI learn."""
        self._end = hub.engine.subscribe(self._hear_engine)

    @property
    def address(self) -> HostPort:
        """Return where it sends from, which is nowhere in particular."""
        return "midi", 0

    async def start(self) -> None:
        """Be a port of our own, open what is there, and look for more from now on."""
        await self.look()
        self._looking = asyncio.create_task(self._keep_looking())
        if self._sync_out is not None:
            self._sending = asyncio.create_task(self._keep_sending(self._sync_out))
        self._begin_to_sync()

    def follow(self, wanted: str) -> None:
        """Have the timeline follow another clock from now on. Raises PortError; all is as before then.

        A JACK server that is not there is waited for.
        """
        outsides = find_outsides(
            wanted, self._systems, leads_link=self._leads_link, waits=True, open_now=self.sync.outsides
        )
        for outside in self.sync.follow(wanted, outsides, time.time()):
            self._loop.run_in_executor(None, outside.close)  # leaving JACK waits for its process
        self.hub.engine.remember(CLOCK_SOURCE, wanted.encode())
        self._begin_to_sync()

    def _begin_to_sync(self) -> None:
        if self.sync.follows and self._syncing is None:
            self._syncing = asyncio.create_task(self._keep_in_sync())

    def close(self) -> None:
        """Let every port go; what is being recorded is written."""
        self._end()
        self._finish_recording()
        if self._looking is not None:
            self._looking.cancel()
        if self._sync_out is not None:
            self._sync_out.close()
        for task in (self._syncing, self._sending):
            if task is not None:
                task.cancel()
        if self._painting is not None:
            self._painting.cancel()
        self.sync.close()
        self._inbox.close()
        for name in tuple(self.devices):
            self._leave(name)
        self.outlets.close()
        for port in chain.from_iterable(self._remotes.values()):
            port.close()
        for system in self._systems:
            system.close()

    def _finish_recording(self) -> None:
        if self.recorder.runs:
            with contextlib.suppress(BadValue, NotReady):
                write(self.recorder.stop(self.hub.engine.clock.frame_at(self.hub.wall())))

    def _be_a_remote(self, system: MidiSystem) -> None:
        """Be a Mackie Control for a DAW, where the system lets us be a port at all."""
        try:
            output = system.open_output(mackie_remote.PORT, virtual=True)
            heard = system.open_input(mackie_remote.PORT, self._inbox.hearer(mackie_remote.PORT), virtual=True)
        except PortError:
            return
        self.remote = MackieRemote(output)
        self._remotes[system] = output, heard

    async def look(self) -> None:
        """Look at the ports once: open what is new, let go what is gone."""
        to = [found for system in self._systems if (found := await self._look_at(system)) is not None]
        self._faults.tell()
        self.outlets.there(to)
        outputs_of = {name: device.output for name, device in self.devices.items() if device.output is not None}
        self.outlets.have(outputs_of, [outputs_of[device.name] for device in self._own()])

    async def _look_at(self, system: MidiSystem) -> tuple[MidiSystem, Sequence[str]] | None:
        """Look at the ports of one system; return its outputs, None: it has no ports at all now."""
        epoch = system.epoch
        if self._epochs.get(system, epoch) != epoch:
            self._leave_all(system)
        try:
            inputs = await self._loop.run_in_executor(None, system.inputs)
            outputs = await self._loop.run_in_executor(None, system.outputs)
        except PortError as error:
            self._complain(system, str(error), f"MIDI ports can't be listed: {error}")
            return None
        if system not in self._epochs:
            self._epochs[system] = epoch
            self._be_ports(system)
        wanted = [n for n in dict.fromkeys(inputs) if self._is_wanted(n)]
        for name in self._dark.intersection(wanted):
            if self._system_of[name] is system and _found(name, self.devices[name].surface, outputs):
                self._leave(name)
        for name in wanted:
            if name not in self.devices:
                self._try_open(system, name, outputs)
        of_system = {name for name, of in self._system_of.items() if of is system}
        for name in of_system - set(wanted) - self._virtual:
            self._leave(name)
        self._failed[system] &= set(wanted)
        return system, outputs

    def _be_ports(self, system: MidiSystem) -> None:
        """Be ports of our own, where the system lets us."""
        try:
            self._open(system, NAME, outputs=(NAME,), virtual=True)
        except PortError as error:
            log.info("no virtual MIDI port: %s", error)
        self._be_a_remote(system)

    def _leave_all(self, system: MidiSystem) -> None:
        """Let everything of a system go: its ports went away all at once."""
        del self._epochs[system]
        for name in [name for name, of in self._system_of.items() if of is system]:
            self._leave(name)
        for port in self._remotes.pop(system, ()):
            port.close()
        self.outlets.drop(system)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for device in self.devices.values():
                self.hub.client((device.name, 0), self)  # its subscriptions live as long as it does
            await self.look()

    async def _keep_sending(self, sync_out: SyncOut) -> None:
        while True:
            await asyncio.sleep(sync_out.look(time.monotonic()))

    def _own(self) -> list[Device]:
        """Return the ports on which whoever wants to hear us listens: our own, and the socket."""
        own = (d for n, d in self.devices.items() if n in self._virtual or self._system_of[n].is_ours)
        return [device for device in own if device.output is not None]

    def _send_sync(self, messages: Sequence[bytes]) -> None:
        """Send to all who listen to us."""
        for device in self._own():
            for message in messages:
                device.send(message)

    async def _keep_in_sync(self) -> None:
        while self.sync.follows:
            await asyncio.sleep(SYNC_SECONDS)
            self.sync.look(time.time())
        self._syncing = None

    def _is_wanted(self, name: str) -> bool:
        return not self._ports or any(part in name.lower() for part in self._ports)

    def _try_open(self, system: MidiSystem, name: str, outputs: Sequence[str]) -> None:
        try:
            self._open(system, name, outputs)
        except PortError as error:
            self._complain(system, name, str(error))

    def _complain(self, system: MidiSystem, about: str, text: str) -> None:
        """Log something once for as long as it lasts."""
        if about not in self._failed[system]:
            log.warning("%s", text)
        self._failed[system].add(about)

    def _open(self, system: MidiSystem, name: str, outputs: Sequence[str], *, virtual: bool = False) -> None:
        surface = self.surfaces.of(name, self._wanted)
        heard = system.open_input(name, self._inbox.hearer(name), virtual=virtual)
        found = _found(name, surface, outputs)
        output: MidiOutput | None = None
        try:
            output = system.open_output(found, virtual=virtual) if found else None
        except PortError as error:
            log.warning("%s: its lights stay dark: %s", name, error)
        if not found:
            self._dark.add(name)
        device = Device(name, self.hub.client((name, 0), self), output)
        device.input = heard
        self.devices[name], self._system_of[name] = device, system
        if virtual:
            self._virtual.add(name)
        self._work(device, surface)
        self.hub.engine.tell(MidiPortChanged(port=name, surface=surface.id, open=True))

    def _leave(self, name: str) -> None:
        device = self.devices.pop(name)
        self._system_of.pop(name, None)
        self._virtual.discard(name)
        self._dark.discard(name)
        device.close()
        self.hub.leave(device.client)
        self.hub.engine.tell(MidiPortChanged(port=name, surface=device.surface.id, open=False))

    def rework(self, device: Device, surface: Surface) -> None:
        """Have a device be another surface from now on."""
        self.hub.leave(device.client)
        device.client = self.hub.client((device.name, 0), self)
        self._work(device, surface)

    def _work(self, device: Device, surface: Surface) -> None:
        def do(message: Message, at: float | None) -> None:
            tag, frame, exact = IMMEDIATELY, None, isinstance(at, Exact)
            if isinstance(at, Exact):
                tag, frame = TimeTag.from_unix(at), at.frame
            elif at is not None:
                tag = TimeTag.from_unix(at + self.latency_seconds)
                frame = at.frame + self.latency_frames if isinstance(at, Stamp) else None
            if at is not None and self.recorder.runs:
                self.recorder.take(message, self.hub.engine.clock.frame_at(tag.unix) if frame is None else frame)
            self.hub.receive(Bundle(tag=tag, messages=(message,), frame=frame, at_once=exact), device.client)

        def subscribe(pattern: str) -> None:
            do(Message("/subscribe", (pattern, 0, LEASE_SECONDS)), None)

        device.work_as(surface, self._targets, self.hub.engine, do, subscribe)
        self._wake_painter()

    @property
    def targets(self) -> Targets:
        """What addresses mean to controls."""
        return self._targets

    @property
    def latency_seconds(self) -> float:
        """How long after its arrival a press sounds: always the same."""
        return self.latency_frames / self.hub.engine.sample_rate

    @property
    def latency_frames(self) -> int:
        """The same in frames: a block, and the margin."""
        return self.hub.engine.block_frames + round(MARGIN_SECONDS * self.hub.engine.sample_rate)

    def _take(self, port: str, at: float, data: bytes) -> None:
        if port == mackie_remote.PORT:
            self._take_from_daw(data)
            return
        device = self.devices.get(port)
        if device is None:
            return  # it was pulled out meanwhile
        if isinstance(at, Stamp) and not isinstance(at, Exact):
            at = self._frames.engine_time(at)
        for message in device.stream.feed(data):
            done = self._hear(device, message, at)
            if message[0] not in _QUIET:
                self.hub.engine.tell(MidiHeard(port=port, message=describe(message), effect=done))

    def _take_from_daw(self, data: bytes) -> None:
        for message in self._remote_stream.feed(data):
            done = self.remote.hear(message) if self.remote else ""
            if done:
                self.hub.engine.tell(MidiHeard(port=mackie_remote.PORT, message=describe(message), effect=done))

    def _hear(self, device: Device, message: bytes, at: float) -> str:
        event = decode(message)
        if event is None:
            return self.sync.hear(device.name, message, at)
        return self._play(device, event, at)

    def _play(self, device: Device, event: Voiced, at: float) -> str:
        if self.listener(device, event):
            return "learnt"
        done = device.hear(event, at)
        if device.painter.waiting:
            self._wake_painter()
        return done

    def send(self, to: HostPort, messages: Sequence[Message]) -> None:
        """Take what a device is told."""
        device = self.devices.get(to[0])
        if device is None:
            return
        for message in messages:
            device.told(message)
        self._wake_painter()

    @property
    def connected(self) -> bool:
        """Whether a client has a connection: a cable, or a port of this machine."""
        return True

    def congested(self, to: HostPort) -> bool:  # noqa: ARG002 - a device's painter paces itself
        """Tell whether a device takes nothing: it always does."""
        return False

    def light(self, on: bool) -> None:
        """Have all devices show their lights, or none."""
        for device in self.devices.values():
            device.lit = on
            if on:
                device.painter.repaint()
        self._wake_painter()

    def _wake_painter(self) -> None:
        if self._painting is None:
            self._painting = self._loop.call_later(PAINT_SECONDS, self._paint)

    def _paint(self) -> None:
        self._painting = None
        if any([device.paint() for device in self.devices.values()]):  # noqa: C419 - each has its turn
            self._wake_painter()

    def _hear_engine(self, events: tuple[Event, ...]) -> None:
        if any(isinstance(event, StoryReloaded) for event in events):
            for device in self.devices.values():
                device.start_over()
        cues = [event for event in events if isinstance(event, CueRenumbered)]
        names = dict(name for cue in cues for name in renamed_nodes(cue, self.hub.engine))
        if names:
            self._loop.call_soon(self._rename, names)

    def _rename(self, names: Mapping[str, str]) -> None:
        """Have controls do what they did, by the names that it has now; also on ports that are not there."""
        try:
            for device in self.devices.values():
                surface = self.surfaces.rename(device.name, device.surface, names)
                if surface is not None:
                    self.rework(device, surface)
            for port, surface in self.surfaces.taught():
                if port not in self.devices:
                    self.surfaces.rename(port, surface, names)
        except SurfaceError as error:
            self.hub.engine.tell(Dropped(what="renumber", code=error.code, text=str(error)))


def _found(name: str, surface: Surface, outputs: Sequence[str]) -> str | None:
    """Return the output of the device whose input is ``name``, if it is there."""
    return name if name in outputs else counterpart(name, surface, outputs)
