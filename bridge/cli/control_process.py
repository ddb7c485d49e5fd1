"""The control process's entry: puts the engine's control and the bridges together, and talks with the supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import importlib.metadata
import logging
import os
import signal
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec

from bridge.access import parse_passcodes
from bridge.cli.loop import run
from bridge.errors import AddressTaken, BridgeError
from bridge.hub import Hub
from bridge.live_port import LivePort
from bridge.midi.start import MidiConfig, start_midi
from bridge.osc.ports import OscPorts
from bridge.sender import Sender
from engine.control.control import Control, ControlConfig
from engine.control.lines import SupervisorLines
from engine.control.live_replay import play_again
from engine.control.transcript import read_transcript
from engine.daw.notes import NoteReader
from engine.errors import EngineError
from engine.platform import die_with_parent, give_back_memory, prefer_this_thread
from engine.plugins.states import States
from engine.realtime.config import DAW_DEVICE

Message = dict[str, Any]

SWITCH_SECONDS = 0.0005
"""How long another thread of this process may keep the loop from going on."""

_log = logging.getLogger(__name__)


class ProcessConfig(ControlConfig, frozen=True, kw_only=True):
    """The control's configuration plus the bridges'. http_port: -1: no HTTP.

    replaces: why the control process before this one is gone, since ``gone_since`` of the monotonic clock.
    """

    osc_host: str
    osc_port: int
    http_port: int = -1
    passcodes: str = ""
    discovery: bool = False
    replaces: str = ""
    gone_since: float = 0.0
    log_level: str = "info"
    midi: MidiConfig = MidiConfig()


async def serve(lines: SupervisorLines) -> int:
    """Run until the supervisor wants us to stop; return the exit code."""
    first = await lines.receive()
    if first is None:
        return 0
    config = msgspec.convert(first, ProcessConfig, strict=False)
    logging.getLogger().setLevel(config.log_level.upper())
    try:
        control = Control(config, lines.send)
    except EngineError as error:
        lines.send({"error": str(error), "code": error.code})
        return 1
    if not config.replaces:
        control.prepare()
    lines.send({"mix": {"graph": control.graph(), "sample_rate": control.sample_rate}})
    return await _play(lines, control, config)


async def _play(lines: SupervisorLines, control: Control, config: ProcessConfig) -> int:
    doors = _Doors(lines, control, config)
    facts = await _facts(lines)
    if facts is None:
        return 0
    try:
        await doors.open(facts)
        await _obey(lines, control, doors)
    except (EngineError, BridgeError) as error:
        lines.send({"error": str(error)})
        return 1
    finally:
        await doors.close()
    return 0


class _Doors:
    """All ways in and out, opened one after the other around a session that begins, and closed in reverse."""

    def __init__(self, lines: SupervisorLines, control: Control, config: ProcessConfig) -> None:
        self._lines, self._control, self._config = lines, control, config
        self._stack = contextlib.AsyncExitStack()
        self._stack.push_async_callback(control.close)
        self._importing: asyncio.Task[Any] | None = None
        if config.http_port >= 0:  # a quarter of a second of imports, while the audio process starts
            self._importing = asyncio.create_task(asyncio.to_thread(importlib.import_module, "bridge.http.server"))

    async def open(self, facts: Message) -> None:
        """Open everything and tell the supervisor. Raises EngineError, BridgeError; ``close`` closes what is open."""
        config, hub = self._config, self._hub()
        sender = Sender(hub.engine, begin=prefer_this_thread, waits=True)
        host, osc_port = await self._begin(hub, facts)
        http_port = -1
        if self._importing is not None:
            await asyncio.wait([self._importing])
            http_port = await _serve_http(hub, config, (host, osc_port), self._stack)
        await self._open_midi(hub, sender, facts)
        gc.collect()
        give_back_memory()  # a journal of ten thousand moves is read and forgotten
        gc.freeze()
        prefer_this_thread()  # a trigger that waits for a busy core misses its block
        again = {"osc_port": osc_port, "http_port": http_port, "discard_changes": False, "transcript": ""}
        ready = {"osc_host": host, "osc_port": osc_port, "http_port": http_port, **facts, "again": again}
        self._lines.send({"ready": ready})
        self._control.judge_plugins()
        if config.discovery:
            self._beside(_advertise(host, osc_port=osc_port, http_port=http_port))
        if config.replay:
            self._beside(_show(self._lines, self._control, Path(config.replay)))

    def end(self) -> None:
        """End what must not be cut off, then let everything end."""
        self._beside(self._end())

    async def close(self) -> None:
        """Close everything that is open."""
        await self._stack.aclose()

    async def _end(self) -> None:
        await self._control.end_recording()
        self._lines.send({"finished": {}})

    def _hub(self) -> Hub:
        passcodes = parse_passcodes(self._config.passcodes)
        hub = Hub(LivePort(self._control), version=importlib.metadata.version("cuevox"), passcodes=passcodes)
        hub.router.desk.end = self.end
        self._stack.callback(hub.close)
        return hub

    async def _begin(self, hub: Hub, facts: Message) -> tuple[str, int]:
        """Have the session begin and answer over OSC; return where."""
        control, config, osc = self._control, self._config, OscPorts(hub)
        self._stack.callback(osc.close)
        await control.start(facts)
        address = await osc.start(config.osc_host, config.osc_port)
        hub.recall(*osc.wires)
        control.listen()
        if config.replaces:
            control.replaces(config.replaces, time.monotonic() - config.gone_since)
        return address

    async def _open_midi(self, hub: Hub, sender: Sender, facts: Message) -> None:
        config, folder = self._config, Path(self._config.story).resolve().parent
        notes = NoteReader(self._control.daw_notes) if facts["device"] == DAW_DEVICE else None
        try:
            again = bool(config.replaces)
            midi = await start_midi(hub, config.midi, folder, again=again, daw_notes=notes, begin=prefer_this_thread)
            if midi is not None:
                self._stack.callback(midi.close)
            sender.ready(midi.outlets if midi is not None else None)
        finally:
            self._stack.callback(sender.close)  # before the ports: it lets go of notes

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something until the end."""
        task = asyncio.create_task(work)
        self._stack.callback(task.cancel)


async def _serve_http(hub: Hub, config: ProcessConfig, osc: tuple[str, int], stack: contextlib.AsyncExitStack) -> int:
    """Serve HTTP until ``stack`` closes; return its port. Without it the engine goes on, and says so."""
    try:
        from bridge.http.server import HttpServer  # imported by now
    except ImportError as error:
        _log.warning("going on without HTTP: %s; set-up installs what is missing", error)
        return -1
    server = HttpServer(hub, osc)
    try:
        _, port = await server.start(config.osc_host, config.http_port)
    except AddressTaken as error:
        _log.warning("going on without HTTP: %s", error)
        return -1
    stack.push_async_callback(server.close)
    return port


async def _advertise(host: str, *, osc_port: int, http_port: int) -> None:
    """Be found on the network until cancelled."""
    try:
        from bridge.discovery import Adverts  # only those load it who want to be found
    except ImportError as error:
        _log.warning("going on without mDNS: %s; set-up installs what is missing", error)
        return
    async with Adverts(host, osc_port=osc_port, http_port=http_port):
        await asyncio.Event().wait()


async def _show(lines: SupervisorLines, control: Control, transcript: Path) -> None:
    """Play a transcript again, then let everything end."""
    _, entries = read_transcript(transcript)
    await play_again(control.session, control.clock, list(entries), control.adopt)
    lines.send({"finished": {}})


async def _obey(lines: SupervisorLines, control: Control, doors: _Doors) -> None:
    """Take the supervisor's messages until it is gone or wants us to stop."""
    while (message := await lines.receive()) is not None:
        if "switched" in message:
            now = message["switched"]
            control.switched(now["facts"], now["reason"], now["silent_seconds"], now["died"], now["plugins"])
        elif "standby" in message:
            control.standby_pid = int(message["standby"])
        elif "io" in message:
            control.io.hear(message["io"])
        elif "end" in message:
            doors.end()
        elif "states" in message:
            control.session.hear_plugins(msgspec.convert(message["states"], States))
        elif "graph" in message:
            control.regrapher.taken(None)
            control.plugins.blame(message.get("faults", {}), crashed=False)
        elif "refused" in message:
            control.regrapher.taken(str(message["refused"]))


async def _facts(lines: SupervisorLines) -> Message | None:
    """Return what the audio process says of itself, passing over answers to a control process that is gone."""
    while (message := await lines.receive()) is not None:
        if "audio" in message:
            facts: Message = message["audio"]
            return facts
    return None


async def _main() -> int:
    return await serve(SupervisorLines())


def main() -> None:
    """Run the control process; Ctrl-C is the supervisor's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(int(os.environ["CUEVOX_PARENT_PID"]))
    sys.setswitchinterval(SWITCH_SECONDS)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    code = run(_main())
    logging.shutdown()
    os._exit(code)  # the thread that reads from the supervisor holds a lock that the interpreter would wait for


if __name__ == "__main__":
    main()
