"""Ableton Link, led by us: the session's tempo and beat are the story's while the timeline runs."""

from __future__ import annotations

from bridge.midi.port import PortError

TEMPO_BPM = 120.0
QUANTUM_BEATS = 4.0
"""Peers agree on the place within so many beats."""

OFF_BEATS = 0.02
"""The session's beat is set anew when it is off by more: less is what asking for it costs."""


class LinkOut:
    """A peer that sets tempo, beat and start/stop. Event loop only. Raises PortError without aalink."""

    def __init__(self) -> None:
        try:
            import aalink
        except ImportError as error:
            raise PortError("Link needs aalink: pip install 'cuevox[sync]'") from error
        self._link = aalink.Link(TEMPO_BPM)
        self._link.quantum = QUANTUM_BEATS
        self._link.start_stop_sync_enabled = True
        self._link.enabled = True

    def follow(self, beat: float, tempo_bpm: float) -> None:
        """Tell the session where the timeline that runs is, in quarter notes."""
        link = self._link
        if abs(float(link.tempo) - tempo_bpm) > 1e-3:
            link.tempo = tempo_bpm
        if abs(float(link.beat) - beat) > OFF_BEATS:
            link.force_beat(beat)
        if not link.playing:
            link.playing = True

    def stop(self) -> None:
        """Tell the session that the timeline stands."""
        self._link.playing = False

    def close(self) -> None:
        """Leave the session."""
        self._link.enabled = False
