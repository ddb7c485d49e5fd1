"""Edits of the tempo map: a story and a command give a new story. What stands at a beat moves with it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from engine.commands import RemoveTempo, SetTempo
from engine.errors import BadRange, UnknownThing
from engine.params import BAR, BEATS_PER_BAR, TEMPO
from engine.story.model import Story, TempoPoint

MOST_POINTS = 10_000


def point_in_force(tempo: Sequence[TempoPoint], bar: int) -> TempoPoint:
    """Return the point that a bar goes by."""
    return next((point for point in reversed(tempo) if point.bar <= bar), tempo[0])


def edit_tempo(story: Story, command: SetTempo | RemoveTempo) -> Story:
    """Return the story with its tempo map changed. Raises UnknownThing, BadRange."""
    points = {point.bar: point for point in story.tempo}
    if isinstance(command, RemoveTempo):
        if command.bar not in points:
            raise UnknownThing("tempo at bar", command.bar, points)
        if command.bar == 1:
            raise BadRange("the story needs a tempo from bar 1 on; set it to another one")
        del points[command.bar]
    else:
        bar = round(BAR.check(1 if command.bar is None else command.bar, "bar"))
        points[bar] = _changed(points.get(bar) or replace(point_in_force(story.tempo, bar), bar=bar), command)
        if len(points) > MOST_POINTS:
            raise BadRange(f"a story has at most {MOST_POINTS} tempos")
    return replace(story, tempo=tuple(points[bar] for bar in sorted(points)))


def _changed(point: TempoPoint, command: SetTempo) -> TempoPoint:
    if command.tempo_bpm is not None:
        point = replace(point, tempo_bpm=TEMPO.check(command.tempo_bpm, "tempo"))
    if command.beats_per_bar is not None:
        point = replace(point, beats_per_bar=round(BEATS_PER_BAR.check(command.beats_per_bar, "beats per bar")))
    return point
