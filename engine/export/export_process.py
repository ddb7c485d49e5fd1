"""The export process: ``python -m engine.export.export_process``, which exports one story beside a running engine.

First line in: an ExportOrder as JSON. Lines out: Progressed over and over, then Finished or Failed. The end of the
input cancels: then nothing has changed.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

import msgspec

from engine.errors import EngineError
from engine.platform import die_with_parent, lower_priority
from engine.story.model import ExportFormat, Story

TELL_SECONDS = 0.1
"""How often progress is told within a stage."""


class ExportOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be exported where. Folders are paths as text; every take of the story lies in ``takes_folder``."""

    story: Story
    base_folder: str
    out_folder: str
    takes_folder: str
    voice_folders: tuple[str, ...]
    speak_with: str
    formats: tuple[ExportFormat, ...]


class Progressed(msgspec.Struct, frozen=True, kw_only=True, tag="progressed"):
    """So much of a stage is done, 0 to 1."""

    fraction: float
    stage: str


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag="finished"):
    """The export lies there. seconds: how long it sounds."""

    seconds: float
    warnings: tuple[str, ...]


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """Nothing has changed; why, as bridges say it."""

    code: str
    text: str


ExportTold = Progressed | Finished | Failed


class Cancelled(EngineError):
    """Nobody wants it any more."""

    code = "cancelled"


class Teller:
    """Says how far the export is, and ends it when nobody listens."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self._stage, self._next = "", 0.0

    def __call__(self, fraction: float, stage: str) -> None:
        """Hear of progress. Raises Cancelled."""
        if self.cancelled.is_set():
            raise Cancelled("cancelled")
        now = time.monotonic()
        if stage != self._stage or now >= self._next:
            self._stage, self._next = stage, now + TELL_SECONDS
            tell(Progressed(fraction=fraction, stage=stage))

    def watch(self) -> None:
        """Wait for the end of the input: past its buffer, whose lock nobody may hold as the interpreter ends."""
        while os.read(sys.stdin.fileno(), 4096):
            pass
        self.cancelled.set()


def tell(message: ExportTold) -> None:
    """Write one line."""
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


def export(order: ExportOrder, teller: Teller) -> Finished:
    """Export; takes that the cache has lost are spoken again. Raises EngineError."""
    from engine.export.exporter import export_story
    from engine.export.options import ExportOptions
    from engine.render.cache import TakeCache
    from engine.render.renderer import render_story
    from engine.voices.catalog import load_catalog

    catalog = load_catalog([Path(folder) for folder in order.voice_folders], order.speak_with)
    cache = TakeCache(Path(order.takes_folder))
    takes = render_story(order.story, catalog, cache, lambda _, done, total: teller(done / total, "speak"))
    manifest = export_story(
        order.story,
        base_folder=Path(order.base_folder),
        takes=takes,
        cache=cache,
        out_folder=Path(order.out_folder),
        options=ExportOptions(formats=order.formats),
        progress=teller,
    )
    return Finished(seconds=manifest.frames / manifest.sample_rate, warnings=tuple(manifest.warnings))


def main() -> None:
    """Export one story; Ctrl-C is the supervisor's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(int(os.environ["CUEVOX_PARENT_PID"]))
    lower_priority()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s export: %(message)s")
    line = sys.stdin.buffer.readline()
    if not line:
        return
    order = msgspec.json.decode(line, type=ExportOrder)
    teller = Teller()
    threading.Thread(target=teller.watch, name="listener", daemon=True).start()
    try:
        tell(export(order, teller))
    except EngineError as error:
        tell(Failed(code=error.code, text=str(error)))


if __name__ == "__main__":
    main()
