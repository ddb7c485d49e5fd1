"""Sends fader moves at a rate until it is stopped: ``python flood.py PORT ADDRESS PER_SECOND``."""

from __future__ import annotations

import itertools
import socket
import sys
import time

from scsynth import message

BURST_SECONDS = 0.001


def flood(port: int, address: str, per_second: float) -> None:
    moves = [message(address, -0.01 * step) for step in range(100)]
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.connect(("127.0.0.1", port))
    begun = time.monotonic()
    for number in itertools.count():
        if (ahead := begun + number / per_second - time.monotonic()) > 0:
            time.sleep(max(ahead, BURST_SECONDS))
        wire.send(moves[number % len(moves)])


if __name__ == "__main__":
    flood(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
