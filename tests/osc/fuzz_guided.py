"""Feeds what atheris makes up, guided by what it reaches, to whatever reads what comes in.

``python tests/osc/fuzz_guided.py codec --runs 1000000`` (extra ``fuzz``; targets: codec, pattern, text, stream, hub).
Anything but a refusal ends the run with an exit code, its input in ``build/fuzz``. ``--keep`` adds what reached
something new to the corpus beside this file, which tests/osc/test_corpus.py feeds to the same readers.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CORPUS = HERE / "corpus"
ARTIFACTS = ROOT / "build" / "fuzz"
MOST_BYTES = 512
"""The longest input."""
MOST_KEPT_BYTES = 24_000
"""What a target's corpus may take, the shortest inputs first."""

Reader = Callable[[bytes], object]


class HubReader:
    """A whole hub before an engine that only notes: whatever comes, the next question is answered."""

    def __init__(self) -> None:
        from fake_engine import FakeEngine
        from hand_time import KeptMessages

        from bridge.hub import Hub

        self._loop = asyncio.new_event_loop()
        self._engine, self._wire = FakeEngine(), KeptMessages()
        self._hub = self._loop.run_until_complete(self._made(Hub))
        self._count = 0

    async def _made(self, hub: Callable[..., object]) -> object:
        return hub(self._engine, version="1")

    def __call__(self, data: bytes) -> None:
        """Hear a packet, or, with an odd first byte, a line."""
        from bridge.osc.inbox import handle

        frame = data[1:].decode("utf-8", "replace") if data[:1] and data[0] % 2 else data[1:]
        client = self._hub.client(("127.0.0.1", 9000), self._wire)  # type: ignore[attr-defined]
        client.reply_host, client.reply_port = "", 0
        self._hub.moves.target(data[1:])  # type: ignore[attr-defined]
        self._loop.run_until_complete(self._heard(handle, client, frame))
        self._count += 1
        if self._count % 64 == 0:
            self._loop.run_until_complete(self._heard(handle, client, PING))
            if ("/pong", 4711) not in {message[:2] for message in self._wire.take()}:
                raise RuntimeError("a ping was not answered")
            self._hub.router.scheduler.clear()  # type: ignore[attr-defined]
            self._hub.router.appointments.clear()  # type: ignore[attr-defined]
        self._wire.sent.clear()
        self._engine.applied.clear()
        self._engine.groups.clear()

    async def _heard(self, handle: Callable[..., object], client: object, frame: bytes | str) -> None:
        handle(self._hub, client, frame)
        await asyncio.sleep(0)


PING = b"/ping\0\0\0,i\0\0\0\0\x12\x67"


def reader(target: str) -> Reader:
    """Return what a target's inputs are given to."""
    import fuzz

    from bridge.osc import codec

    if target == "hub":
        return HubReader()
    readers: dict[str, Reader] = {
        "codec": codec.parse, "pattern": fuzz.read_pattern, "text": fuzz.read_line, "stream": fuzz.read_stream,
    }  # fmt: skip
    return readers[target]


TARGETS = ("codec", "pattern", "text", "stream", "hub")


def kept(target: str) -> list[bytes]:
    """Return a target's corpus."""
    path = CORPUS / f"{target}.txt"
    return [base64.b64decode(line) for line in path.read_text().split()] if path.exists() else []


def seeds(target: str) -> list[bytes]:
    """Return good inputs to begin with."""
    sys.path[:0] = [str(HERE), str(ROOT)]
    import fuzz

    from bridge.routes import ROUTES

    packets = random.Random(1).choices(fuzz.corpus(random.Random(1)), k=300)
    match target:
        case "hub":
            return [b"\0" + packet for packet in packets] + [b"\1/cue/1/go", b'\1/say anna "Good evening."']
        case "text":
            return [f'{route.address} 1 -0.5 "x y" true'.encode() for route in ROUTES]
        case "pattern":
            return [bytes(range(n, n + 13)) for n in range(8)]
    return packets


def fed(target: str, arguments: list[str]) -> None:
    """Have atheris feed a target; the process ends with it."""
    import atheris

    sys.path[:0] = [str(HERE), str(ROOT)]
    with atheris.instrument_imports(include=["bridge", "fuzz"]):
        read = reader(target)
        from bridge.errors import BridgeError

    def one(data: bytes) -> None:
        try:
            read(data)
        except BridgeError:
            return

    atheris.Setup([sys.argv[0], *arguments], one)
    atheris.Fuzz()


def run(options: argparse.Namespace) -> int:
    """Feed a target from its corpus, in a process of its own, and say how it went."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "all"
        folder.mkdir()
        for number, data in enumerate(kept(options.target) + seeds(options.target)):
            (folder / f"kept-{number}").write_bytes(data)
        limits = [f"-runs={options.runs}", f"-max_total_time={options.seconds}", f"-max_len={MOST_BYTES}"]
        limits += [f"-artifact_prefix={ARTIFACTS}/{options.target}-", "-timeout=10", "-rss_limit_mb=2048"]
        begun = time.monotonic()
        code, log = _atheris(options.target, str(folder), *limits, "-print_final_stats=1")
        found = re.search(r"stat::number_of_executed_units: *(\d+)", log)
        count, outcome = found[1] if found else "?", "none crashed" if code == 0 else f"exit code {code}"
        took, reached = time.monotonic() - begun, len(list(folder.iterdir()))
        sys.stdout.write(
            f"{options.target}: {count} inputs in {took:.0f} s, {outcome}, {reached} reached something new\n"
        )
        if code:
            sys.stdout.write(log[-6000:])
        elif options.keep:
            found_now = [path.read_bytes() for path in folder.iterdir() if not path.name.startswith("kept-")]
            _write(options.target, {*kept(options.target), *found_now})
    return code


def _atheris(target: str, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, __file__, target, "--feed", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    return done.returncode, done.stdout


def _write(target: str, inputs: set[bytes]) -> None:
    CORPUS.mkdir(exist_ok=True)
    lines: list[str] = []
    size = 0
    for data in sorted(inputs, key=lambda data: (len(data), data)):
        line = base64.b64encode(data).decode()
        size += len(line) + 1
        if line and size <= MOST_KEPT_BYTES:
            lines.append(line)
    (CORPUS / f"{target}.txt").write_text("\n".join(lines) + "\n")


def main() -> int:
    if sys.argv[2:3] == ["--feed"]:
        fed(sys.argv[1], sys.argv[3:])
        return 0
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--keep", action="store_true")
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
