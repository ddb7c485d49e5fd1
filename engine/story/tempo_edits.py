"""Edits of the tempo map: a story and a command give a new story. What stands at a beat moves with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from engine.commands import RemoveTempo, SetTempo
from engine.errors import BadRange, StoryError, UnknownThing
from engine.params import BAR, BEATS_PER_BAR, TEMPO
from engine.story.fitting import check_beat
from engine.story.model import Beat, Position, Story, TempoPoint

MOST_POINTS = 10_000


def point_in_force(tempo: Sequence[TempoPoint], bar: int) -> TempoPoint:
    """Return the point that a bar goes by."""
    return next((point for point in reversed(tempo) if point.bar <= bar), tempo[0])


def edit_tempo(story: Story, command: SetTempo | RemoveTempo) -> Story:
    """Return the story with its tempo map changed. Raises UnknownThing, BadRange; StoryError: a beat would be gone."""
    points = {point.bar: point for point in story.tempo}
    if isinstance(command, RemoveTempo):
        if command.bar not in points:
            raise UnknownThing("tempo at bar", command.bar, points)
        if command.bar == 1:
            raise BadRange("the story needs a tempo from bar 1 on; set it to another one")
        bar = command.bar
        del points[bar]
    else:
        bar = round(BAR.check(1 if command.bar is None else command.bar, "bar"))
        points[bar] = _changed(points.get(bar) or replace(point_in_force(story.tempo, bar), bar=bar), command)
        if len(points) > MOST_POINTS:
            raise BadRange(f"a story has at most {MOST_POINTS} tempos")
    changed = replace(story, tempo=tuple(points[bar] for bar in sorted(points)))
    _check_beats(story, changed, bar)
    return changed


def _check_beats(before: Story, after: Story, bar: int) -> None:
    """Raise StoryError if something stands at a beat that bars from this one on have no longer."""
    beats = point_in_force(after.tempo, bar).beats_per_bar
    if beats >= point_in_force(before.tempo, bar).beats_per_bar:
        return
    end = next((point.bar for point in after.tempo if point.bar > bar), None)
    for what, place in _places(after):
        if isinstance(place, Beat) and bar <= place.bar and (end is None or place.bar < end):
            for problem in check_beat((what,), place, beats):
                raise StoryError(f"{what}: {problem.text}")


def _places(story: Story) -> Iterator[tuple[str, Position]]:
    """Iterate over everything that has a place on the timeline, and what it is called."""
    yield from ((f"clip {clip.id}", clip.start) for track in story.tracks for clip in track.clips)
    cues = (cue for each in story.cue_lists().values() for cue in each)
    yield from ((f"cue {cue.id}", cue.at) for cue in cues if cue.at is not None)
    yield from ((f"marker {marker.id}", marker.at) for marker in story.markers)
    yield from ((f"MIDI file {midi.file}", midi.start) for midi in story.midi)
    for name, strip in story.strips().items():
        yield from ((f"strip {name} {lane.target}", p.at) for lane in strip.automation for p in lane.points)


def _changed(point: TempoPoint, command: SetTempo) -> TempoPoint:
    if command.tempo_bpm is not None:
        point = replace(point, tempo_bpm=TEMPO.check(command.tempo_bpm, "tempo"))
    if command.beats_per_bar is not None:
        point = replace(point, beats_per_bar=round(BEATS_PER_BAR.check(command.beats_per_bar, "beats per bar")))
    return point
