"""Ableton Link as a clock to follow, through aalink."""

from __future__ import annotations

from bridge.midi.chaser import Followed
from bridge.midi.port import PortError

TEMPO_BPM = 120.0
"""What we propose when nobody else is there."""


class LinkClock:
    """The beat that all peers of a Link session share. Event loop only. Raises PortError without aalink."""

    def __init__(self) -> None:
        try:
            import aalink
        except ImportError as error:
            raise PortError("Link needs aalink: pip install 'cuevox[sync]'") from error
        self._link = aalink.Link(TEMPO_BPM)
        self._link.start_stop_sync_enabled = True
        self._link.enabled = True

    def followed(self, at: float) -> Followed:  # noqa: ARG002 - it knows the time itself
        """Return where the session is now; it runs when a peer has pressed play."""
        link = self._link
        if link.num_peers == 0:
            return Followed(state="stopped", tempo_bpm=float(link.tempo))
        running = bool(link.playing)
        return Followed(
            state="locked" if running else "stopped",
            beat=float(link.beat) if running else None,
            tempo_bpm=float(link.tempo),
            running=running,
        )

    def close(self) -> None:
        """Leave the session."""
        self._link.enabled = False
