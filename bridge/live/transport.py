"""The transport, both ways: Live's song position drives the engine's timeline, or the engine drives Live's."""

from __future__ import annotations

JUMP_SECONDS = 0.15
CHASE_SECONDS = 1.0
"""So often the engine is told where Live is: it puts right what has drifted away, and was perhaps started just now."""


class Transport:
    """Follows Live by its position in seconds; tells play, stop and locates. now: a clock in seconds."""

    def __init__(self, song, send, now):
        self._song, self._send, self._now = song, send, now
        self._playing = bool(song.is_playing)
        self._position, self._at = self._seconds(), now()
        self._told_at = now()

    def look(self):
        """Send what has changed since the last look."""
        playing, position, now = bool(self._song.is_playing), self._seconds(), self._now()
        expected = self._position + (now - self._at if self._playing else 0.0)
        jumped = abs(position - expected) > JUMP_SECONDS
        if playing and not self._playing:
            self._send("/transport/locate", position)
            self._send("/transport/play")
        elif self._playing and not playing:
            self._send("/transport/stop")
        elif jumped:
            self._send("/transport/locate", position)
        if jumped or playing != self._playing:
            self._told_at = now
        elif now - self._told_at >= CHASE_SECONDS:
            self._send("/transport/chase", position, int(playing))
            self._told_at = now
        self._playing, self._position, self._at = playing, position, now

    def obey(self, what):
        """Do to Live what the engine's user asks for: play, stop or continue."""
        if what == "play":
            self._song.start_playing()
        elif what == "continue":
            self._song.continue_playing()
        elif what == "stop":
            self._song.stop_playing()
        self._playing, self._position, self._at = bool(self._song.is_playing), self._seconds(), self._now()

    def _seconds(self):
        """Return the song's position in seconds; Live does the sum over its tempo changes."""
        time = self._song.get_current_smpte_song_time(0)
        return time.hours * 3600.0 + time.minutes * 60.0 + time.seconds + time.frames / 1000.0
