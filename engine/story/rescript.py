"""A script that was changed, taken over into the story that was made of it: by difference, line by line.

What stayed in the script stays as it is in the story: placed, trimmed, with its take. What the story has beside
the script is nobody's business here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from engine.errors import StoryError
from engine.story.clip_edits import refuse_if_played
from engine.story.model import After, At, Clip, Marker, Story, Track
from engine.story.script import Spoken, slug, start_of, track_ids, unique
from engine.units import seconds_to_frames


class Origin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A speech of the script as it was taken over last, and the clip that it became.

    start_seconds: its time in a script that has times.
    """

    clip: str
    name: str
    text: str
    start_seconds: float | None = None

    @classmethod
    def of(cls, speech: Spoken, clip: str) -> Origin:
        """Return where a clip comes from."""
        return cls(clip=clip, name=speech.name, text=speech.text, start_seconds=speech.start_seconds)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a line. kept: it is out of the script, but something plays its clip.

    time: it is at another time of the script, and its clip with it; placed: its clip stays where it was put instead.
    """

    clip: str
    what: Literal["new", "text", "voice", "moved", "time", "placed", "gone", "kept", "marker"]
    text: str


class Update(NamedTuple):
    """The story with the script in it, what has changed, and where each speech is now."""

    story: Story
    changes: tuple[Change, ...]
    origins: tuple[Origin, ...]


def origins_of(story: Story, speeches: Sequence[Spoken]) -> tuple[Origin, ...]:
    """Return where each speech of a story is that was made of them just now."""
    clips = {track.name: iter(track.clips) for track in story.tracks}
    return tuple(Origin.of(speech, next(clips[speech.name]).id) for speech in speeches)


def update_story(
    story: Story, origins: Sequence[Origin], speeches: Sequence[Spoken], speakers: Mapping[str, str]
) -> Update:
    """Return a story with a script that was changed in it.

    origins: the script as it was taken over last; clips that are not in it are left alone. speakers: voices by name.
    """
    return _Rescript(story, origins, speeches, speakers).update()


class _Rescript:
    def __init__(
        self, story: Story, origins: Sequence[Origin], speeches: Sequence[Spoken], speakers: Mapping[str, str]
    ) -> None:
        self._story, self._speeches, self._speakers = story, speeches, speakers
        self._clips = {clip.id: clip for track in story.tracks for clip in track.clips}
        self._origins = [o for o in origins if o.clip in self._clips]
        self._lists = {track.id: [clip.id for clip in track.clips] for track in story.tracks}
        self._tracks = {track.id: track for track in story.tracks}
        self._marks = list(story.markers)
        self._taken = set(self._clips)
        self._changes: list[Change] = []

    def update(self) -> Update:
        """Do all of it."""
        matched = match(self._origins, self._speeches)
        by_name = self._by_name()
        self._revoice(by_name)
        gone = [o for i, o in enumerate(self._origins) if i not in set(matched.values())]
        for origin in gone:
            self._remove(origin)
        origins = self._lay(matched, by_name)
        tracks = tuple(
            replace(track, clips=tuple(self._clips[name] for name in self._lists[track.id]))
            for track in self._tracks.values()
        )
        story = replace(self._story, tracks=tracks, markers=self._markers(origins))
        return Update(story, tuple(self._changes), origins)

    def _by_name(self) -> dict[str, str]:
        """Return the track of each speaker; new ones are made."""
        names = list(dict.fromkeys(speech.name for speech in self._speeches))
        found = {track.name: track.id for track in self._tracks.values()}
        spare = {name: each for name, each in track_ids(names).items() if name not in found}
        taken = {*self._tracks, *(bus.id for bus in self._story.buses)}
        for name, wanted in spare.items():
            found[name] = wanted if wanted in self._tracks and not self._tracks[wanted].name else unique(wanted, taken)
            if found[name] not in self._tracks:
                self._tracks[found[name]] = Track(id=found[name], name=name, voice=self._speakers[name])
                self._lists[found[name]] = []
        return {name: found[name] for name in names}

    def _revoice(self, by_name: Mapping[str, str]) -> None:
        """Give lines another voice where the table has another one for their speaker."""
        for name, track_id in by_name.items():
            track, voice = self._tracks[track_id], self._speakers[name]
            if track.voice == voice:
                continue
            self._tracks[track_id] = replace(track, voice=voice)
            for clip_id in self._lists[track_id]:
                clip = self._clips[clip_id]
                if clip.line is not None and clip.line.voice == track.voice:
                    self._clips[clip_id] = replace(clip, line=replace(clip.line, voice=voice))
                    self._changes.append(Change(clip=clip_id, what="voice", text=voice))

    def _lay(self, matched: Mapping[int, int], by_name: Mapping[str, str]) -> tuple[Origin, ...]:
        """Put every speech where it belongs, in the order of the script."""
        before: str | None = None
        last_of: dict[str, str] = {}
        origins = []
        moved = _moved(matched)
        for number, speech in enumerate(self._speeches):
            track = by_name[speech.name]
            if number in matched:
                clip_id = self._origins[matched[number]].clip
                self._keep(clip_id, speech, matched[number], before, moved=number in moved)
            else:
                clip_id = self._add(speech, track, last_of.get(track), before)
            origins.append(Origin.of(speech, clip_id))
            before = last_of[track] = self._pieces(clip_id)[-1]
        return tuple(origins)

    def _keep(self, name: str, speech: Spoken, origin: int, before: str | None, *, moved: bool) -> None:
        old = self._origins[origin]
        if old.text != speech.text:
            for piece in self._pieces(name)[1:]:
                self._take_out(piece)
            clip = self._clips[name]
            line = self._story.line(speech.text, clip.line.voice, clip.line.delivery) if clip.line else None
            self._clips[name] = replace(clip, line=line, trim_start_frames=0, length_frames=None)
            self._changes.append(Change(clip=name, what="text", text=speech.text))
        self._follow(name, speech, origin, before, moved=moved)
        self._retime(name, speech, old.start_seconds)
        if moved:
            self._changes.append(Change(clip=name, what="moved", text=speech.text))

    def _follow(self, name: str, speech: Spoken, origin: int, before: str | None, *, moved: bool) -> None:
        """Have a clip come after who is before it in the script now, where it came after who was."""
        clip, began = self._clips[name], At(frame=0)
        if speech.start_seconds is not None:
            return
        followed = self._pieces(self._origins[origin - 1].clip)[-1] if origin else None
        if not isinstance(clip.start, After):
            if clip.start == began and not origin and before is not None:
                self._clips[name] = replace(clip, start=start_of(speech, before, self._story.sample_rate))
        elif before is None:
            if moved:
                self._clips[name] = replace(clip, start=began)
        elif clip.start.clip != before:
            chained = clip.start.clip in (followed, None) or clip.start.clip not in self._clips
            if moved or chained:
                self._clips[name] = replace(clip, start=replace(clip.start, clip=before))

    def _retime(self, name: str, speech: Spoken, was_seconds: float | None) -> None:
        """Have a clip follow its line to another time, if it still is where the script had it."""
        clip, rate = self._clips[name], self._story.sample_rate
        if speech.start_seconds is None or speech.start_seconds == was_seconds:
            return
        now = start_of(speech, None, rate)
        stayed = was_seconds is not None and clip.start == At(frame=seconds_to_frames(was_seconds, rate))
        if stayed:
            self._clips[name] = replace(clip, start=now)
        if clip.start != now:
            text = f"{speech.start_seconds:g} s: {speech.text}"
            self._changes.append(Change(clip=name, what="time" if stayed else "placed", text=text))

    def _add(self, speech: Spoken, track: str, after: str | None, before: str | None) -> str:
        name, number = f"{track}-{len(self._lists[track]) + 1}", len(self._lists[track]) + 1
        while name in self._taken:
            number += 1
            name = f"{track}-{number}"
        self._taken.add(name)
        line = self._story.line(speech.text, self._speakers[speech.name])
        start = start_of(speech, before, self._story.sample_rate)
        self._clips[name] = Clip(id=name, start=start, line=line)
        rows = self._lists[track]
        rows.insert(rows.index(after) + 1 if after in rows else 0 if after is None else len(rows), name)
        self._changes.append(Change(clip=name, what="new", text=speech.text))
        return name

    def _remove(self, origin: Origin) -> None:
        try:
            for name in self._pieces(origin.clip):
                refuse_if_played(self._story, name)
        except StoryError:
            self._changes.append(Change(clip=origin.clip, what="kept", text=origin.text))
            return
        for name in reversed(self._pieces(origin.clip)):
            self._take_out(name)
        self._changes.append(Change(clip=origin.clip, what="gone", text=origin.text))

    def _take_out(self, name: str) -> None:
        """Take a clip out; what came after it comes after what it came after itself."""
        gone = self._clips.pop(name)
        rows = next(rows for rows in self._lists.values() if name in rows)
        above = rows[rows.index(name) - 1] if rows.index(name) else None
        below = rows[rows.index(name) + 1 : rows.index(name) + 2]
        rows.remove(name)
        before = (gone.start.clip or above) if isinstance(gone.start, After) else None
        for clip in list(self._clips.values()):
            start = clip.start
            if isinstance(start, After) and (start.clip == name or (start.clip is None and [clip.id] == below)):
                self._clips[clip.id] = replace(
                    clip, start=gone.start if before is None else replace(start, clip=before)
                )
        for i, marker in enumerate(self._marks):
            if isinstance(marker.at, After) and marker.at.clip == name:
                self._marks[i] = replace(marker, at=gone.start if before is None else replace(marker.at, clip=before))

    def _pieces(self, name: str) -> list[str]:
        """Return a clip and those that go on with its line where it was cut."""
        clip, pieces = self._clips.get(name), [name]
        rows = next((rows for rows in self._lists.values() if name in rows), [])
        at = rows.index(name) if rows else 0
        for other in rows[at + 1 :]:
            following = self._clips[other]
            if clip is None or following.line != clip.line or following.start != After(clip=pieces[-1]):
                break
            pieces.append(other)
        return pieces

    def _markers(self, origins: Sequence[Origin]) -> tuple[Marker, ...]:
        """Return the markers, with one for each scene that is new."""
        markers = self._marks
        known, taken = {m.name or m.id for m in markers}, {m.id for m in markers}
        before: str | None = None
        for speech, origin in zip(self._speeches, origins, strict=True):
            for scene in speech.scenes:
                if scene not in known:
                    at = start_of(speech, before, self._story.sample_rate)
                    markers.append(Marker(id=unique(slug(scene) or "scene", taken), name=scene, at=at))
                    self._changes.append(Change(clip=markers[-1].id, what="marker", text=scene))
            before = origin.clip
        return tuple(markers)


def match(origins: Sequence[Origin], speeches: Sequence[Spoken]) -> dict[int, int]:
    """Return which speech of the script now was which one before, by number.

    The same words of the same person first, in their order, then anywhere; then what stands where something else stood.
    """
    old, new = [(o.name, o.text) for o in origins], [(s.name, s.text) for s in speeches]
    matched: dict[int, int] = {}
    others: list[tuple[range, range]] = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            matched.update(zip(range(c, d), range(a, b), strict=True))
        else:
            others.append((range(a, b), range(c, d)))
    free: dict[tuple[str, str], list[int]] = {}
    for i in (i for before, _ in others for i in before):
        free.setdefault(old[i], []).append(i)
    for j in (j for _, now in others for j in now):
        if free.get(new[j]):
            matched[j] = free[new[j]].pop(0)
    used = set(matched.values())
    for before, now in others:
        left = [i for i in before if i not in used]
        for j in (j for j in now if j not in matched):
            same = next((i for i in left if old[i][0] == new[j][0]), None)
            if same is not None:
                left = left[left.index(same) + 1 :]
                matched[j] = same
    return matched


def _moved(matched: Mapping[int, int]) -> set[int]:
    """Return the speeches that stand before one now that stood before them: the fewest that explain the order."""
    order = sorted(matched)
    kept = _rising([matched[number] for number in order])
    return {number for place, number in enumerate(order) if place not in kept}


def _rising(numbers: Sequence[int]) -> set[int]:
    """Return the places of a longest rising row among numbers."""
    tails: list[int] = []
    ends: list[int] = []
    came: list[int] = []
    for place, number in enumerate(numbers):
        at = bisect_left(tails, number)
        came.append(ends[at - 1] if at else -1)
        tails[at : at + 1], ends[at : at + 1] = [number], [place]
    found: set[int] = set()
    here = ends[-1] if ends else -1
    while here >= 0:
        found.add(here)
        here = came[here]
    return found
