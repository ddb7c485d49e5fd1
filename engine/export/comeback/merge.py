"""Merging: an edited session and the story that it was exported from give the story as it was edited.

What nobody touched stays as it is written, relations included: a clip that follows another keeps following it, with a
gap that puts it where it was put. So a session that comes back unchanged changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from engine.export.comeback.edited import EditedClip
from engine.story.model import After, At, Clip, PlayClip, Position, Story, Track
from engine.story.tempo import TempoMap
from engine.story.timeline import Placed, dependencies, place

SAME_DB = 0.005
SAME_PAN = 0.0005


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a clip."""

    clip: str
    what: str


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """The edited story, what changed in it, and what could not be taken over."""

    story: Story
    changes: tuple[Change, ...]
    left_out: tuple[Change, ...]


def merge(
    story: Story, edited: Sequence[EditedClip], source_frames: Mapping[str, int], media: Mapping[str, str]
) -> Merged:
    """Return ``story`` with the clips as they lie in the edited session.

    source_frames: the length of each clip's take or file by clip id. media: the file name of what each clip plays, by
    clip id: it tells a clip whose note got lost, where no other plays the same.
    """
    return _Merge(story, edited, source_frames, media).result()


class _Merge:
    def __init__(
        self, story: Story, edited: Sequence[EditedClip], source_frames: Mapping[str, int], media: Mapping[str, str]
    ) -> None:
        self.story, self.frames = story, dict(source_frames)
        self.placed = {each.clip.id: each for each in place(story, source_frames)}
        self.changes: list[Change] = []
        self.left_out: list[Change] = []
        self.known = self._matched(edited, media)
        self.starts: dict[str, int] = {}

    def result(self) -> Merged:
        """Return what comes of it."""
        tracks = tuple(replace(track, clips=tuple(self._clips(track))) for track in self.story.tracks)
        tracks = self._moved_between(tracks)
        story = self._repositioned(replace(self.story, tracks=tracks))
        return Merged(
            story=self.story if story == self.story else story,
            changes=tuple(self.changes),
            left_out=tuple(self.left_out),
        )

    def _matched(self, edited: Sequence[EditedClip], media: Mapping[str, str]) -> dict[str, list[EditedClip]]:
        """Return the edited clips by the clip they come from, in the order of the source."""
        users: dict[str, list[str]] = {}
        for clip, name in media.items():
            users.setdefault(name, []).append(clip)
        found: dict[str, list[EditedClip]] = {}
        for each in edited:
            by_media = users.get(each.media, [])
            key = each.clip or (by_media[0] if len(by_media) == 1 else "")
            if key not in self.placed:
                self.left_out.append(Change(clip=each.name, what="it is not of this story"))
                continue
            if each.why_not:
                self.left_out.append(Change(clip=key, what=each.why_not))
            found.setdefault(key, []).append(each)
        return {
            clip: sorted(parts, key=lambda p: (p.trim_start_frames, p.start_frame)) for clip, parts in found.items()
        }

    def _clips(self, track: Track) -> list[Clip]:
        clips: list[Clip] = []
        for clip in track.clips:
            parts = self.known.get(clip.id, [])
            if any(part.why_not for part in parts) or (not parts and self._is_silent(clip)):
                clips.append(self._kept(clip))
            elif not parts:
                clips += self._removed(clip)
            else:
                clips += [self._changed(clip, part, number) for number, part in enumerate(parts)]
                if len(parts) > 1:
                    self.changes.append(Change(clip=clip.id, what=f"split into {len(parts)}"))
        return clips

    def _is_silent(self, clip: Clip) -> bool:
        """Tell whether no export holds the clip, so that its absence says nothing."""
        return clip.mute or self.placed[clip.id].length_frames <= 0

    def _kept(self, clip: Clip) -> Clip:
        self.starts[clip.id] = self.placed[clip.id].start_frame
        return clip

    def _removed(self, clip: Clip) -> list[Clip]:
        """Leave out a clip that was deleted; where something else refers to it, mute it."""
        if clip.id in self._referred():
            self.changes.append(Change(clip=clip.id, what="muted: it was deleted, but others refer to it"))
            return [replace(self._kept(clip), mute=True)]
        self.changes.append(Change(clip=clip.id, what="deleted"))
        return []

    def _referred(self) -> set[str]:
        cues = [cue.target for each in self.story.cue_lists().values() for cue in each]
        targets = [*cues, *(slot.target for slot in self.story.slots)]
        places = [m.at for m in self.story.markers] + [c.start for t in self.story.tracks for c in t.clips]
        named = {target.clip for target in targets if isinstance(target, PlayClip)}
        return named | {place.clip for place in places if isinstance(place, After) and place.clip}

    def _changed(self, clip: Clip, part: EditedClip, number: int) -> Clip:
        """Return a clip as one edited clip has it; the first part of a split keeps the id."""
        placed = self.placed[clip.id]
        clip_id = clip.id if number == 0 else self._new_id(clip.id)
        self.frames[clip_id] = self.frames[clip.id]
        new = self._trimmed(replace(clip, id=clip_id), placed, part)
        new = self._faded(new, part)
        if part.gain_db is not None and abs(part.gain_db - clip.gain_db) > SAME_DB:
            new = replace(new, gain_db=round(part.gain_db, 2))
        if part.pan is not None and abs(part.pan - clip.pan) > SAME_PAN:
            new = replace(new, pan=round(part.pan, 3))
        if part.muted != clip.mute:
            new = replace(new, mute=part.muted)
        self.starts[clip_id] = part.start_frame
        self._tell(replace(clip, id=clip_id), new, part.start_frame - placed.start_frame if number == 0 else 0)
        return new

    def _trimmed(self, clip: Clip, placed: Placed, part: EditedClip) -> Clip:
        if (part.trim_start_frames, part.length_frames) == (clip.trim_start_frames, placed.length_frames):
            return clip
        left = self.frames[clip.id] - part.trim_start_frames
        length = None if clip.length_frames is None and part.length_frames == left else min(part.length_frames, left)
        return replace(clip, trim_start_frames=max(0, part.trim_start_frames), length_frames=length)

    def _faded(self, clip: Clip, part: EditedClip) -> Clip:
        return replace(clip, fade_in_frames=part.fade_in_frames, fade_out_frames=part.fade_out_frames)

    def _new_id(self, clip_id: str) -> str:
        number = 2
        while f"{clip_id}-{number}" in self.frames:
            number += 1
        return f"{clip_id}-{number}"

    def _tell(self, old: Clip, new: Clip, moved_frames: int) -> None:
        seconds = self.story.sample_rate
        told = []
        if moved_frames:
            told.append(f"moved by {moved_frames / seconds:+.3f} s")
        if (old.trim_start_frames, old.length_frames) != (new.trim_start_frames, new.length_frames):
            told.append("trimmed")
        if (old.fade_in_frames, old.fade_out_frames) != (new.fade_in_frames, new.fade_out_frames):
            told.append("faded")
        if old.gain_db != new.gain_db:
            told.append(f"{new.gain_db:+.2f} dB instead of {old.gain_db:+.2f}")
        if old.pan != new.pan:
            told.append(f"panned to {new.pan:g}")
        if old.mute != new.mute:
            told.append("muted" if new.mute else "unmuted")
        if told:
            self.changes.append(Change(clip=new.id, what=", ".join(told)))

    def _moved_between(self, tracks: tuple[Track, ...]) -> tuple[Track, ...]:
        """Move clips to the tracks on which they came back, known by names that only one track has."""
        names = [track.name or track.id for track in tracks]
        ids = {name: track.id for name, track in zip(names, tracks, strict=True) if names.count(name) == 1}
        targets: dict[str, str] = {}
        for track in tracks:
            for clip in track.clips:
                parts = self.known.get(clip.id, [])
                target = ids.get(parts[0].track) if parts else None
                if target is not None and target != track.id and (track.name or track.id) in ids:
                    targets[clip.id] = target
        if not targets:
            return tracks
        moved = {clip.id: clip for track in tracks for clip in track.clips if clip.id in targets}
        self.changes += [Change(clip=clip, what=f"moved to track {track}") for clip, track in targets.items()]
        return tuple(
            replace(
                track,
                clips=(
                    *(clip for clip in track.clips if clip.id not in targets),
                    *(clip for key, clip in moved.items() if targets[key] == track.id),
                ),
            )
            for track in tracks
        )

    def _repositioned(self, story: Story) -> Story:
        """Give every clip that would not lie where it was put a position that does, along what they wait for."""
        needs, clips = dependencies(story), {key: clip for key, (_, clip) in story.clips().items()}
        ends = {key: self.starts[key] + self._length(clip) for key, clip in clips.items()}
        tempo = TempoMap(story.tempo, story.sample_rate)
        positions = {
            key: _position(clip.start, self.starts[key], ends.get(needs[key] or "", 0), tempo)
            for key, clip in clips.items()
        }
        tracks = tuple(
            replace(
                track,
                clips=tuple(
                    clip if clip.start == positions[clip.id] else replace(clip, start=positions[clip.id])
                    for clip in track.clips
                ),
            )
            for track in story.tracks
        )
        return replace(story, tracks=tracks)

    def _length(self, clip: Clip) -> int:
        left = max(0, self.frames[clip.id] - clip.trim_start_frames)
        return left if clip.length_frames is None else min(left, clip.length_frames)


def _position(position: Position, start_frame: int, above_end: int, tempo: TempoMap) -> Position:
    """Return ``position`` if it means ``start_frame``, else one of its kind that does; beats become times."""
    match position:
        case At(frame=frame):
            return position if frame == start_frame else At(frame=start_frame)
        case After(clip=clip, gap_frames=gap):
            return position if above_end + gap == start_frame else After(clip=clip, gap_frames=start_frame - above_end)
        case _:
            is_there = tempo.frame(position.bar, position.beat) == start_frame
            return position if is_there else At(frame=start_frame)
