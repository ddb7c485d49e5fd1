"""The pull process: ``python -m engine.voices.models.pull_process``, which gets one model from the hub.

First line in: a PullOrder as JSON. Lines out: Progressed over and over, then Finished or Failed. The end of the input
ends it at once; what came is kept, and the next pull goes on from there.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from pathlib import Path

import msgspec

from engine.errors import EngineError, ModelError
from engine.platform import die_with_parent, lower_priority

TELL_SECONDS = 0.25
"""How often progress is told."""


class PullOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Which model goes where. root: the folder of models, as text."""

    model: str
    revision: str
    root: str


class Progressed(msgspec.Struct, frozen=True, kw_only=True, tag="progressed"):
    """So much of the model is there, 0 to 1; the file that comes now."""

    fraction: float
    file: str


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag="finished"):
    """All of it is there. licence: of its weights."""

    licence: str


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """It is not there; why, as bridges say it."""

    code: str
    text: str


PullTold = Progressed | Finished | Failed


class Teller:
    """Says how far it is, not too often."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, fraction: float, file: str) -> None:
        """Hear of progress."""
        if (now := time.monotonic()) >= self._next:
            self._next = now + TELL_SECONDS
            tell(Progressed(fraction=fraction, file=file))


def tell(message: PullTold) -> None:
    """Write one line."""
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


def pull(order: PullOrder) -> Finished:
    """Get the model. Raises EngineError."""
    try:
        from engine.voices.models import hub
    except ModuleNotFoundError as error:
        raise ModelError(f"pulling models needs {error.name}: pip install 'cuevox[neural]'") from error
    _, pulled = hub.pull(order.model, order.revision, Path(order.root), Teller())
    licence, commercial = hub.licence_of(order.model, pulled)
    return Finished(licence=licence if commercial else f"{licence}, not for commercial use")


def main() -> None:
    """Do what the first line orders."""
    logging.basicConfig(format="pull: %(levelname)s: %(message)s", stream=sys.stderr)
    die_with_parent(int(os.environ.get("CUEVOX_PARENT_PID", os.getppid())), at_once=True)
    lower_priority()
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=PullOrder)
    threading.Thread(target=_watch, name="watch", daemon=True).start()
    try:
        tell(pull(order))
    except EngineError as error:
        tell(Failed(code=error.code, text=str(error)))


def _watch() -> None:
    while sys.stdin.buffer.readline():
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
