"""Feeds spoilt packets, streams, lines and patterns to what reads them: ``python tests/osc/fuzz.py --inputs 10000000``.

Anything but a refusal is written to ``build/fuzz`` and ends the run with exit code 1. Seeded: a run can be repeated.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from bridge.errors import BridgeError
from bridge.message import Double, Message, TimeTag
from bridge.osc import codec
from bridge.osc.framing import LengthPrefix, Lines, Slip
from bridge.patterns import matches, split
from bridge.routes import ROUTES
from bridge.text import line, message

FOLDER = Path(__file__).parents[2] / "build" / "fuzz"
ARGS = (1, -1, 0.5, Double(1e30), "text", "", True, None, b"blob", TimeTag(1 << 63), "x" * 60)
WILD = "*?[]{}!-,/abz"


def corpus(chance: random.Random) -> list[bytes]:
    """Return good packets: every address, with arguments of all kinds, alone and in bundles."""
    plain = [
        codec.encode(Message(r.address.replace("{", "").replace("}", ""), tuple(chance.choices(ARGS, k=n))))
        for r in ROUTES
        for n in (0, 1, 3)
    ]
    bundles = []
    for _ in range(200):
        parsed = [m for packet in chance.choices(plain, k=3) for b in codec.parse(packet) for m in b.messages]
        bundles.append(codec.encode_bundle(parsed, TimeTag(chance.getrandbits(64))))
    return plain + bundles


def spoilt(chance: random.Random, packet: bytes) -> bytes:
    """Return a packet with bytes changed, cut, doubled or put in."""
    data = bytearray(packet)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(data) + 1)
        match chance.randrange(5):
            case 0 if place < len(data):
                data[place] = chance.randrange(256)
            case 1:
                del data[place : place + chance.randint(1, 8)]
            case 2:
                data[place:place] = chance.randbytes(chance.choice((1, 3, 4, 8)))
            case 3:
                data[place:place] = data[max(0, place - 16) : place]
            case _:
                data[place : place + 4] = chance.choice(
                    (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"#bun")
                )
    return bytes(data[:4096])


def read_pattern(data: bytes) -> None:
    """Take bytes for a pattern."""
    pattern = "/" + "".join(WILD[byte % len(WILD)] for byte in data[:64])
    split(pattern)
    matches(pattern, "/strip/voice/gain")


def read_line(data: bytes) -> None:
    """Take bytes for a line, and write what it says."""
    line(message("/" + data.decode("utf-8", "replace")))


def read_stream(data: bytes) -> None:
    """Take bytes for three kinds of streams, cut in two."""
    for framing in (Slip(), LengthPrefix(), Lines()):
        try:
            for part in (data[: len(data) // 2], data[len(data) // 2 :]):
                list(framing.feed(part))
        except BridgeError:
            continue


READERS: tuple[tuple[Callable[[bytes], object], int], ...] = (
    (codec.parse, 7), (read_pattern, 1), (read_line, 1), (read_stream, 1),
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    seeds = corpus(chance)
    readers, weights = zip(*READERS, strict=True)
    refused, begun, slowest = 0, time.monotonic(), 0.0
    for number in range(options.inputs):
        data = spoilt(chance, chance.choice(seeds))
        reader = chance.choices(readers, weights)[0]
        started = time.perf_counter()
        try:
            reader(data)
        except BridgeError:
            refused += 1
        except Exception:
            FOLDER.mkdir(parents=True, exist_ok=True)
            (FOLDER / f"{reader.__name__}-{options.seed}-{number}").write_bytes(data)
            raise
        slowest = max(slowest, time.perf_counter() - started)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stdout.write(
        f"{options.inputs} inputs in {time.monotonic() - begun:.0f} s, {refused} refused, none crashed;"
        f" slowest {slowest * 1e3:.1f} ms, memory at most {kilobytes / 1024:.0f} MB\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
