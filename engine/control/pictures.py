"""Pictures of the story as it stands, drawn by a process of their own: control's loop waits for none of it."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from typing import Literal

import msgspec

from engine.errors import Busy, ExportError
from engine.export.picture_process import PictureOrder

PATIENCE_SECONDS = 120.0

_log = logging.getLogger(__name__)

Kind = Literal["png", "svg"]


class Pictures:
    """Draws one at a time. order: returns what is to be drawn."""

    def __init__(self, order: Callable[[Kind], PictureOrder]) -> None:
        self._order = order
        self._drawing = False

    async def draw(self, kind: Kind) -> bytes:
        """Return the picture. Raises Busy while one is being drawn, ExportError where it can't be."""
        if self._drawing:
            raise Busy("a picture is being drawn; ask again when it is done")
        self._drawing = True
        try:
            return await self._drawn(msgspec.json.encode(self._order(kind)))
        finally:
            self._drawing = False

    async def _drawn(self, order: bytes) -> bytes:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "engine.export.picture_process", stdin=pipe, stdout=pipe, stderr=pipe
        )
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                made, said = await process.communicate(order)
        except TimeoutError as error:
            raise ExportError(f"the picture was not drawn within {PATIENCE_SECONDS:g} s") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            text = said.decode(errors="replace").strip()
            _log.error("a picture can't be drawn: %s", text)
            raise ExportError(f"the picture can't be drawn: {text.splitlines()[-1] if text else 'nobody knows why'}")
        return made
