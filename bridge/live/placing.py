"""Placing: takes that the engine's user sends become clips in the arrangement.

``Track.create_audio_clip(path, beats)`` is in Live from 12.0.5 on. Before it no script can load a sound: then that is
said, and the file is dragged by hand.
"""

from __future__ import annotations

FIRST_VERSION = (12, 0, 5)
NEAR_BEATS = 1e-3


class CannotPlace(Exception):
    """Why a sound can't be put into the set."""


def place(application, song, track_name, path, beats):
    """Put a sound into the arrangement of the track of that name, which is made where there is none.

    Return track and place for ``unwarp``: Live does not say which clip it made, or makes it after the call.
    """
    version = (
        application.get_major_version(),
        application.get_minor_version(),
        application.get_bugfix_version(),
    )
    if version < FIRST_VERSION:
        told = ".".join(str(part) for part in version)
        raise CannotPlace(f"Live {told} can't load sounds by script (12.0.5 can): drag {path} into the set")
    track = _track(song, track_name)
    try:
        track.create_audio_clip(path, float(beats))
    except RuntimeError as error:
        raise CannotPlace(f"Live did not take {path}: {error}") from error
    return track, float(beats)


def unwarp(song, placed):
    """Have placed sounds keep their pace; return those whose clips Live has not made yet."""
    waiting = []
    for track, beats in placed:
        if not any(track == each for each in song.tracks):
            continue  # taken away meanwhile
        found = [clip for clip in track.arrangement_clips if abs(clip.start_time - beats) < NEAR_BEATS]
        for clip in found:
            clip.warping = False
        if not found:
            waiting.append((track, beats))
    return waiting


def _track(song, name):
    for track in song.tracks:
        if track.name == name:
            if not track.has_audio_input:
                raise CannotPlace(f"the track {name!r} is no audio track")
            return track
    song.create_audio_track(-1)
    track = song.tracks[-1]
    track.name = name
    return track
