"""What a session that comes back holds, whichever program it comes from."""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine.errors import MediaError


class EditedClip(msgspec.Struct, frozen=True, kw_only=True):
    """A clip as it lies in an edited session, in frames of the story's rate.

    clip: the id that its note tells; None: it has none. media: the name of the file it plays. gain_db, pan: None where
    the format has them baked into the sound. why_not: what stands against taking it over, "" for nothing.
    """

    clip: str | None
    name: str
    track: str
    media: str
    start_frame: int
    length_frames: int
    trim_start_frames: int
    fade_in_frames: int
    fade_out_frames: int
    gain_db: float | None = None
    pan: float | None = None
    muted: bool = False
    why_not: str = ""


class TempoPoints:
    """Beats to frames by the tempo changes that a session tells: steps at beats, from 0 on."""

    def __init__(self, points: list[tuple[float, float]], sample_rate: int) -> None:
        self._points = sorted(points) or [(0.0, 120.0)]
        self._rate = sample_rate

    def frame(self, beats: float) -> int:
        """Return the frame nearest to a beat; before 0 the first tempo holds."""
        seconds, (last, tempo) = 0.0, self._points[0]
        for at, following in self._points[1:]:
            if at >= beats:
                break
            seconds += (at - last) * 60.0 / tempo
            last, tempo = at, following
        return round((seconds + (beats - last) * 60.0 / tempo) * self._rate)


def unreadable(path: Path, what: str, error: object) -> MediaError:
    """Return the error for a file that is no session."""
    return MediaError(f"{path} can't be read as {what}: {error}")
