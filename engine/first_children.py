"""The first children of an engine: started before their parent imports what it needs, so that all import at once.

They are given the handles of shared memory whose size is settled later; they do not map it before they are told.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from engine.child import Child
from engine.platform import close_shared, open_shared
from engine.realtime.parts import PARTS

AUDIO_MODULE = "engine.realtime.audio_process"
STOP_SECONDS = 3.0


class FirstChildren:
    """An audio and a control process that wait for their first line; stopped at the end, if they still run."""

    def __init__(self, control_module: str) -> None:
        self._control_module = control_module
        self.handles = {part: open_shared() for part in PARTS}

    async def __aenter__(self) -> Self:
        """Start them, from the main thread. Raises OSError when the system has no more processes."""
        try:
            self.audio = await Child.start(AUDIO_MODULE, self.handles.values())
            try:
                self.control = await Child.start(self._control_module, self.handles.values())
            except OSError:
                await self.audio.stop(STOP_SECONDS)
                raise
        except OSError:
            for handle in self.handles.values():
                close_shared(handle)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop them. The handles belong to the memory that was made of them."""
        await self.control.stop(STOP_SECONDS)
        await self.audio.stop(STOP_SECONDS)
