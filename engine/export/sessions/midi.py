"""A MIDI file (type 1): the tempo map, markers, and a track of lyrics per track: words where they are spoken.

A tick is 1/960 of a quarter note. The format holds tempo in whole microseconds per quarter, so bar lines are off by up
to half a microsecond per beat; events are placed by the file's own tempo map, never off by more than half a tick.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

import mido

from engine.export.plan import Plan
from engine.export.sessions.base import Session, SessionFormat, clip_title, heard_words
from engine.export.sessions.beats import Beats
from engine.story.model import Track

TICKS_PER_BEAT = 960
_MICROSECONDS = 1_000_000


class _Tempo(NamedTuple):
    tick: int
    microseconds: int
    per_beat: int


class _Clock:
    """Frames to ticks by the tempos that the file holds."""

    def __init__(self, plan: Plan) -> None:
        self.rate = plan.story.sample_rate
        self.beats = Beats(plan.story)
        self.tempos: list[_Tempo] = []
        for stretch in self.beats.stretches:
            time, tick = 0, stretch.beat * TICKS_PER_BEAT
            if self.tempos:
                last = self.tempos[-1]
                time = last.microseconds + (tick - last.tick) // TICKS_PER_BEAT * last.per_beat
            self.tempos.append(_Tempo(tick, time, round(60 * _MICROSECONDS / stretch.point.tempo_bpm)))
        self._starts = [tempo.microseconds for tempo in self.tempos]

    def tick(self, frame: int) -> int:
        """Return the tick nearest to ``frame``."""
        time = Fraction(frame * _MICROSECONDS, self.rate)
        tempo = self.tempos[max(0, bisect_right(self._starts, time) - 1)]
        return tempo.tick + round((time - tempo.microseconds) * TICKS_PER_BEAT / tempo.per_beat)


def _files(plan: Plan) -> tuple[str, ...]:
    return (f"{plan.title_file}.mid",)


def write(session: Session) -> None:
    """Write the file."""
    clock = _Clock(session.plan)
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT, charset="utf-8")
    file.tracks.append(_track(session.plan.story.title, _conductor(session, clock)))
    for track in session.plan.story.tracks:
        file.tracks.append(_track(track.name or track.id, _lyrics(session, track, clock)))
    file.save(session.folder / _files(session.plan)[0])


FORMAT = SessionFormat(what="MIDI file: tempo, markers, lyrics", files=_files, write=write, has_media=False)

_Event = tuple[int, mido.MetaMessage]


def _conductor(session: Session, clock: _Clock) -> Iterator[_Event]:
    for stretch, tempo in zip(clock.beats.stretches, clock.tempos, strict=True):
        signature = {"numerator": stretch.point.beats_per_bar, "denominator": 4}
        yield tempo.tick, mido.MetaMessage("time_signature", **signature)
        yield tempo.tick, mido.MetaMessage("set_tempo", tempo=tempo.per_beat)
    for frame, marker in session.markers():
        yield clock.tick(frame), mido.MetaMessage("marker", text=marker.name or marker.id)


def _lyrics(session: Session, track: Track, clock: _Clock) -> Iterator[_Event]:
    for placed in session.clips_of(track):
        yield clock.tick(placed.start_frame), mido.MetaMessage("cue_marker", text=clip_title(placed))
        for word in heard_words(placed, session.medium(placed)):
            frame = placed.start_frame + word.start_frame - placed.clip.trim_start_frames
            yield clock.tick(frame), mido.MetaMessage("lyrics", text=f"{word.text} ")


def _track(name: str, events: Iterable[_Event]) -> mido.MidiTrack:
    track, now = mido.MidiTrack([mido.MetaMessage("track_name", name=name)]), 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track"))
    return track
