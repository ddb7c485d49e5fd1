"""MIDI files on the timeline: each note that presses a slot becomes a clip, cut as the slot's mode would cut it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from engine.story.midi_notes import TickClock
from engine.story.model import At, Beat, Clip, Line, MidiTrack, PlayClip, Slot, SpeakLine, Story
from engine.story.slot_takes import in_take, share, slot_lines, targets
from engine.story.tempo import TempoMap, bar_and_beat, beat_of_bar
from engine.story.velocity import velocity_db
from engine.units import seconds_to_frames

DECLICK_SECONDS = 0.005
"""The fade of what is started again, or cut by another slot."""
RELEASE_SECONDS = 0.02
"""The fade of what is let go."""

FramesOf = Callable[[Clip], int | None]
"""Returns how long a clip's source is; None: not known yet."""


class Press(NamedTuple):
    """A note as a slot hears it. release: it lets the slot go."""

    frame: int
    release: bool
    slot: Slot
    velocity: int
    name: str


class _Sounding(msgspec.Struct):
    """A clip that was placed by a press, and may still be cut. end_frame: where it ends as it stands."""

    track: str
    clip: Clip
    start_frame: int
    end_frame: int
    name: str


def midi_lines(story: Story) -> Iterator[Line]:
    """Iterate over the lines that MIDI files have slots speak."""
    banks = {track.bank for track in story.midi}
    for slot in story.slots:
        if slot.bank in banks:
            yield from slot_lines(story, slot)


def with_midi_clips(story: Story, frames_of: FramesOf) -> Story:
    """Return the story with what its MIDI files play as clips on the slots' tracks.

    What is not made yet is left out; its length may decide over other presses, so come back when it is known.
    """
    if not story.midi:
        return story
    placed = _Player(story, frames_of).play(presses(story))
    clips: dict[str, list[Clip]] = {}
    for sounding in placed:
        clips.setdefault(sounding.track, []).append(sounding.clip)
    tracks = tuple(replace(t, clips=(*t.clips, *clips.get(t.id, ()))) for t in story.tracks)
    return replace(story, tracks=tracks)


def presses(story: Story) -> list[Press]:
    """Return what all files press and let go, in order of time; who lets go comes first."""
    tempo = TempoMap(story.tempo, story.sample_rate)
    slots = {(slot.bank, slot.index): slot for slot in story.slots}
    found: list[Press] = []
    for number, track in enumerate(story.midi, 1):
        frame_of = _frames(track, story, tempo)
        first = 0 if (track.bank, 0) in slots else 1
        for count, note in enumerate(track.notes.notes if track.notes else (), 1):
            slot = slots.get((track.bank, first + note.note - track.first_note))
            if slot is None or track.channel not in (0, note.channel):
                continue
            name = f"midi{number}-{count}"
            found.append(Press(frame_of(note.tick), False, slot, note.velocity, name))
            found.append(Press(frame_of(note.tick + note.length_ticks), True, slot, 0, name))
    return sorted(found, key=lambda press: (press.frame, not press.release))


def _frames(track: MidiTrack, story: Story, tempo: TempoMap) -> Callable[[int], int]:
    """Return what gives the timeline frame of a tick."""
    rate, start, notes = story.sample_rate, track.start, track.notes
    first = tempo.frame(start.bar, start.beat) if isinstance(start, Beat) else start.frame
    if notes is None:
        return lambda _: first
    if track.tempo == "file":
        clock = TickClock(notes)
        return lambda tick: first + round(clock.seconds(tick) * rate)
    place = start if isinstance(start, Beat) else tempo.position(start.frame)
    begun = beat_of_bar(story.tempo, place.bar) + place.beat - 1.0
    per_beat = notes.ticks_per_beat
    return lambda tick: tempo.frame(*bar_and_beat(story.tempo, begun + tick / per_beat))


class _Player:
    """Plays presses as the session's slots do, on paper."""

    def __init__(self, story: Story, frames_of: FramesOf) -> None:
        self._story, self._frames_of = story, frames_of
        self._clips = story.clips()
        self._sounding: dict[tuple[str, int], list[_Sounding]] = {}
        self._placed: list[_Sounding] = []
        self._declick = seconds_to_frames(DECLICK_SECONDS, story.sample_rate)
        self._release = seconds_to_frames(RELEASE_SECONDS, story.sample_rate)

    def play(self, presses: list[Press]) -> list[_Sounding]:
        """Return what is placed, by time."""
        for press in presses:
            slot, key = press.slot, (press.slot.bank, press.slot.index)
            own = [s for s in self._sounding.get(key, ()) if s.end_frame > press.frame]
            self._sounding[key] = own
            if press.release:
                if slot.mode == "gate":
                    self._cut([s for s in own if s.name == press.name], press.frame, self._release)
            elif slot.mode == "toggle" and own:
                self._cut(own, press.frame, self._release)
                own.clear()
            elif slot.mode != "oneshot" or not own:
                self._press(press, own)
        return self._placed

    def _press(self, press: Press, own: list[_Sounding]) -> None:
        again = bool(own) and press.slot.mode in ("retrigger", "gate")
        if again:
            self._cut(own, press.frame, self._declick)
        for other in self._story.slots:
            if press.slot.choke is not None and other.choke == press.slot.choke and other is not press.slot:
                self._cut(self._sounding.get((other.bank, other.index), []), press.frame, self._declick)
        sounding = self._start(press, self._declick if again else 0)
        if sounding is not None:
            own.append(sounding)
            self._placed.append(sounding)

    def _start(self, press: Press, attack: int) -> _Sounding | None:
        choice = targets(press.slot)
        target = choice[share(len(choice), press.velocity / 127.0)]
        gain_db = press.slot.gain_db + velocity_db(press.slot.velocity, press.velocity / 127.0)
        if isinstance(target, PlayClip):
            track, clip = self._clips[target.clip]
            name, clip = track.id, in_take(clip, target.take)
        elif isinstance(target, SpeakLine):
            name, clip = target.track, Clip(id=press.name, start=At(frame=0), line=target.line)
        else:
            return None
        source = self._frames_of(clip)
        if source is None:
            return None
        left = max(0, source - clip.trim_start_frames)
        frames = left if clip.length_frames is None else min(left, clip.length_frames)
        played = replace(
            clip, id=press.name, start=At(frame=press.frame), gain_db=clip.gain_db + gain_db,
            fade_in_frames=max(clip.fade_in_frames, attack), mute=False,
        )  # fmt: skip
        return _Sounding(name, played, press.frame, press.frame + frames, press.name)

    def _cut(self, sounding: list[_Sounding], frame: int, fade: int) -> None:
        """Fade out from a frame on what sounds."""
        for each in sounding:
            if each.end_frame <= frame:
                continue
            length = min(each.end_frame, frame + fade) - each.start_frame
            out = max(1, length - (frame - each.start_frame))
            fade_in = min(each.clip.fade_in_frames, max(0, length - out))
            each.clip = replace(each.clip, length_frames=length, fade_out_frames=out, fade_in_frames=fade_in)
            each.end_frame = frame
