"""The control process's entry: puts the engine's control and the bridges together, and talks with the supervisor."""

from __future__ import annotations

import asyncio
import gc
import importlib.metadata
import logging
import os
import signal
import sys
from typing import Any

import msgspec

from bridge.errors import BridgeError
from bridge.hub import Hub
from bridge.live_port import LivePort
from bridge.midi.start import MidiConfig, start_midi
from bridge.osc.server import OscServer
from engine.control.control import Control, ControlConfig
from engine.control.lines import SupervisorLines
from engine.errors import EngineError
from engine.platform import die_with_parent, prefer_this_thread

Message = dict[str, Any]


class ProcessConfig(ControlConfig, frozen=True, kw_only=True):
    """The control's configuration plus the bridges'."""

    osc_host: str
    osc_port: int
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
        control = Control(config, lambda graph: lines.send({"graph": graph}))
    except EngineError as error:
        lines.send({"error": str(error), "code": error.code})
        return 1
    lines.send({"mix": {"graph": control.graph(), "sample_rate": control.sample_rate}})
    return await _play(lines, control, config)


async def _play(lines: SupervisorLines, control: Control, config: ProcessConfig) -> int:
    facts = await lines.receive()
    if facts is None:
        return 0
    port = LivePort(control)
    hub = Hub(port, version=importlib.metadata.version("cuevox"))
    osc = OscServer(hub)
    midi = None
    try:
        await control.start(facts["audio"])
        host, osc_port = await osc.start(config.osc_host, config.osc_port)
        midi = await start_midi(hub, config.midi)
        gc.collect()
        gc.freeze()
        prefer_this_thread()  # a trigger that waits for a busy core misses its block
        lines.send({"ready": {"osc_host": host, "osc_port": osc_port, **facts["audio"]}})
        await _obey(lines, control)
    except (EngineError, BridgeError) as error:
        lines.send({"error": str(error)})
        return 1
    finally:
        osc.close()
        if midi is not None:
            midi.close()
        hub.close()
        await control.close()
    return 0


async def _obey(lines: SupervisorLines, control: Control) -> None:
    """Take the supervisor's messages until it is gone or wants us to stop."""
    while (message := await lines.receive()) is not None:
        if "audio" in message:
            control.audio_restarted(message["audio"])
        elif "graph" in message:
            control.regrapher.taken(None)
        elif "error" in message:
            control.regrapher.taken(str(message["error"]))


async def _main() -> int:
    return await serve(SupervisorLines())


def main() -> None:
    """Run the control process; Ctrl-C is the supervisor's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(int(os.environ["CUEVOX_PARENT_PID"]))
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    sys.exit(asyncio.run(_main()))


if __name__ == "__main__":
    main()
