"""A PipeWire of its own, without a session manager: a sender and a receiver of VBAN that nobody here wrote."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 48000
UNPACKED = Path(__file__).parent.parent / ".venv" / "pipewire"
"""Where tools/setup.sh puts a newer one than Debian 12 has."""
WAIT_SECONDS = 20.0

CONFIG = """\
context.properties = {{
    core.daemon = true, core.name = cuevox-test, support.dbus = false, mem.allow-mlock = false
    default.clock.rate = {rate}, default.clock.quantum = 256, default.clock.min-quantum = 256
}}
context.spa-libs = {{ audio.convert.* = audioconvert/libspa-audioconvert, support.* = support/libspa-support }}
context.modules = [
    {{ name = libpipewire-module-protocol-native }}
    {{ name = libpipewire-module-access }}
    {{ name = libpipewire-module-client-node }}
    {{ name = libpipewire-module-adapter }}
    {{ name = libpipewire-module-link-factory }}
    {{ name = libpipewire-module-spa-node-factory }}
    {{ name = libpipewire-module-vban-send, args = {{
        destination.ip = 127.0.0.1, destination.port = {to_port}, sess.name = "{sends}"
        audio.format = S16LE, audio.rate = {rate}, audio.channels = 2, audio.position = [ FL FR ]
        stream.props = {{ media.class = Audio/Sink, node.name = sender }} }} }}
    {{ name = libpipewire-module-vban-recv, args = {{
        source.ip = 127.0.0.1, source.port = {port}, sess.latency.msec = 60, node.always-process = true
        stream.props = {{ media.class = Audio/Source, node.name = receiver }}
        stream.rules = [ {{ matches = [ {{ sess.name = "{hears}" }} ], actions = {{ create-stream = {{}} }} }} ] }} }}
]
context.objects = [ {{ factory = spa-node-factory, args = {{
    factory.name = support.node.driver, node.name = driver, node.group = pipewire.dummy, priority.driver = 20000 }} }} ]
"""
PORTS = """{{ "direction": "{direction}", "mode": "dsp", "format": {{ "mediaType": "audio", "mediaSubtype": "raw",
    "format": "F32P", "rate": {rate}, "channels": 2, "position": ["FL", "FR"] }} }}"""


class PipeWire:
    """Plays a sound into its sender and records what its receiver hears. Use it as a context manager.

    to_port, sends: where its stream goes, and its name. port, hears: where it listens, and to what.
    """

    def __init__(self, folder: Path, *, to_port: int, sends: str, port: int, hears: str) -> None:
        self._folder = folder / "pipewire"
        self._folder.mkdir()
        text = CONFIG.format(rate=RATE, to_port=to_port, sends=sends, port=port, hears=hears)
        (self._folder / "test.conf").write_text(text)
        self._env = {**_environment(), "XDG_RUNTIME_DIR": str(self._folder), "PIPEWIRE_REMOTE": "cuevox-test"}
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> PipeWire:
        self._start("pipewire", "-c", str(self._folder / "test.conf"))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def play(self, sound: NDArray[np.float32]) -> None:
        """Let the sender have ``sound``, (frames, 2)."""
        soundfile.write(self._folder / "sound.wav", sound, RATE, subtype="FLOAT")
        self._start("pw-play", "--target", "0", "-P", "{ node.name = player }", str(self._folder / "sound.wav"))
        self._give_ports("player", "Output")
        self._give_ports("sender", "Input")
        for side in ("FL", "FR"):
            self._link(f"player:output_{side}", f"sender:send_{side}")

    def record(self, seconds: float) -> NDArray[np.float32]:
        """Return what the receiver hears from now on, (frames, 2)."""
        form = ("--raw", "--format", "f32", "--rate", str(RATE), "--channels", "2")
        taker = self._start("pw-record", *form, "--target", "0", "-P", "{ node.name = taker }", "-")
        self._give_ports("receiver", "Output")
        self._give_ports("taker", "Input")
        for side in ("FL", "FR"):
            self._link(f"receiver:receive_{side}", f"taker:input_{side}")
        assert taker.stdout is not None
        heard = taker.stdout.read(round(seconds * RATE) * 8)
        taker.kill()  # another one may have its name
        taker.wait()
        return np.frombuffer(heard, np.float32).reshape(-1, 2)

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        log = (self._folder / f"{command[0]}.log").open("wb")
        with log:
            process = subprocess.Popen(command, env=self._env, stdout=subprocess.PIPE, stderr=log)
        self._processes.append(process)
        return process

    def _give_ports(self, node: str, direction: str) -> None:
        """Do what a session manager does for a stream that has come: it may take a moment until it is there."""
        self._until_done("pw-cli", "set-param", node, "PortConfig", PORTS.format(rate=RATE, direction=direction))

    def _link(self, source: str, to: str) -> None:
        self._until_done("pw-link", source, to)

    def _until_done(self, *command: str) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            done = subprocess.run(command, env=self._env, capture_output=True, text=True, timeout=WAIT_SECONDS)
            if done.returncode == 0 and "Error" not in done.stdout + done.stderr:
                return
            said = "\n".join(path.read_text() for path in self._folder.glob("*.log"))
            assert time.monotonic() < deadline, f"{command}: {done.stdout}{done.stderr}\n{said}"
            time.sleep(0.05)


def is_there() -> bool:
    """Whether there is a PipeWire with both of its ends of VBAN (0.3.76 and newer)."""
    environment = _environment()
    folders = [Path(environment["PIPEWIRE_MODULE_DIR"])] if "PIPEWIRE_MODULE_DIR" in environment else []
    folders += Path("/usr/lib").glob("*/pipewire-0.3")
    there = any((folder / "libpipewire-module-vban-recv.so").exists() for folder in folders)
    return there and shutil.which("pw-record", path=environment["PATH"]) is not None


def _environment() -> dict[str, str]:
    """Return what leads programs to the unpacked PipeWire, if there is one."""
    environment = dict(os.environ)
    for libraries in UNPACKED.glob("usr/lib/*-linux-gnu*"):
        modules = libraries / "pipewire-0.3"
        environment["PATH"] = f"{UNPACKED / 'usr/bin'}:{environment['PATH']}"
        environment["LD_LIBRARY_PATH"] = f"{libraries}:{modules}"
        environment["SPA_PLUGIN_DIR"] = str(libraries / "spa-0.2")
        environment["PIPEWIRE_MODULE_DIR"] = str(modules)
        environment["PIPEWIRE_CONFIG_DIR"] = str(UNPACKED / "usr/share/pipewire")
    return environment
