"""The printing process: ``python -m engine.render.print_process``.

In: PlayedOrders as one JSON list. Out: a list of as many texts, why a file could not be written, empty where it was.
It takes what time nobody else wants.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import msgspec

from engine.errors import EngineError
from engine.platform import die_with_parent, lower_priority, spawn
from engine.render.played import PlayedOrder, print_played

MODULE = "engine.render.print_process"


def print_elsewhere(orders: Sequence[PlayedOrder]) -> list[str]:
    """Have files written in a process of its own; return why they could not be, each. A thread that may wait."""
    child = spawn([sys.executable, "-m", MODULE], env={"CUEVOX_PARENT_PID": str(os.getpid())})
    try:
        out, _ = child.communicate(msgspec.json.encode(orders))
    finally:
        child.kill()
        child.wait()
    if child.returncode:
        return [f"the printing process ended with {child.returncode}; see the log"] * len(orders)
    return msgspec.json.decode(out, type=list[str])


def main() -> None:
    """Print what is asked for."""
    die_with_parent(int(os.environ.get("CUEVOX_PARENT_PID", os.getppid())))
    lower_priority()
    orders = msgspec.json.decode(sys.stdin.buffer.read(), type=list[PlayedOrder])
    sys.stdout.buffer.write(msgspec.json.encode([_printed(order) for order in orders]))


def _printed(order: PlayedOrder) -> str:
    try:
        print_played(order)
    except (EngineError, OSError) as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main()
