"""Edits of single clips: placing, cutting, joining, fading. Each works on an arrangement and leaves the rest alone."""

from __future__ import annotations

from typing import cast, get_args

from msgspec.structs import replace

from engine.edits import (
    AddAudio,
    AddLine,
    CopyClip,
    CrossfadeClips,
    FadeClip,
    FitLine,
    GroupClip,
    MergeClips,
    MoveClip,
    OrderClip,
    RemoveClip,
    SetLine,
    SlipClip,
    SplitClip,
    TrimClip,
    TrimEdge,
)
from engine.errors import BadRange, NotReady, StoryError, UnknownThing
from engine.params import SEMITONES, SPEED, TEMPERATURE
from engine.story.arrangement import Arrangement
from engine.story.model import After, At, Clip, Delivery, FadeShape, PlayClip, Position, Story
from engine.story.positions import seconds_text
from engine.story.slot_takes import targets


def add_line(work: Arrangement, edit: AddLine) -> None:
    """Put a line on a track."""
    track = work.track(edit.track)
    voice = edit.voice or track.voice
    if not voice:
        raise StoryError(f"track {track.id!r} has no voice; say which one speaks the line")
    line = work.story.line(edit.text, voice)
    clip = Clip(id=edit.clip or work.new_id(f"{track.id}-1"), start=_place(work, edit.place), line=line)
    work.append(track.id, clip)


def add_audio(work: Arrangement, edit: AddAudio) -> None:
    """Put a file on a track."""
    clip_id = edit.clip or work.new_id(f"{edit.track}-1")
    start = _place(work, edit.place) if edit.start_frame is None else At(frame=edit.start_frame)
    work.append(edit.track, Clip(id=clip_id, start=start, name=edit.name, audio=edit.audio))


def remove(work: Arrangement, edit: RemoveClip) -> None:
    """Take a clip out; what came after it stays where it is, or moves up."""
    refuse_if_played(work.story, edit.clip)
    if edit.ripple:
        _move_up(work, edit.clip)
    else:
        detach_followers(work, edit.clip)
    detach_markers(work, edit.clip)
    work.take_out(edit.clip)


def move(work: Arrangement, edit: MoveClip) -> None:
    """Put a clip elsewhere in time, on another track, or both."""
    if sum((edit.start_frame is not None, bool(edit.place), edit.by_frames != 0)) > 1:
        raise BadRange(f"clip {edit.clip!r} moves to a frame, to a place, or by so many frames: one of them")
    if edit.track and edit.track != work.track_of(edit.clip):
        _change_track(work, edit.clip, edit.track)
    clip = work.clip(edit.clip)
    if edit.start_frame is not None:
        _to(work, clip, At(frame=edit.start_frame))
    elif edit.place:
        position = work.position(edit.place)
        if isinstance(position, After) and position.clip == clip.id:
            raise BadRange(f"clip {clip.id!r} can't come after itself")
        _to(work, clip, position)
    elif edit.by_frames:
        _by(work, clip, edit.by_frames)


def copy(work: Arrangement, edit: CopyClip) -> None:
    """Put a copy behind all others of its track; its place is another one."""
    clip = work.clip(edit.clip)
    start = work.position(edit.place) if edit.place else After(clip=clip.id)
    name = edit.new or work.new_id(clip.id)
    work.append(edit.track or work.track_of(clip.id), replace(clip, id=name, start=start, group=""))


def order(work: Arrangement, edit: OrderClip) -> None:
    """Give a clip another position in its track; it and its neighbours come after whoever is above them then."""
    track = work.track_of(edit.clip)
    count = len(work.clips(track))
    if not 1 <= edit.position <= count:
        raise BadRange(f"position {edit.position}: track {track!r} has 1 to {count}")
    work.insert(track, edit.position - 1, work.take_out(edit.clip))


def trim(work: Arrangement, edit: TrimClip) -> None:
    """Let a clip play its source from one frame to another."""
    length = None if edit.to_frame is None else edit.to_frame - edit.from_frame
    clip = work.clip(edit.clip)
    work.put(_within(work, replace(clip, trim_start_frames=edit.from_frame, length_frames=length)))


def trim_edge(work: Arrangement, edit: TrimEdge) -> None:
    """Move one edge of a clip; its sound stays where it is in time."""
    clip, start = work.clip(edit.clip), work.start(edit.clip)
    if edit.edge == "end":
        work.put(_within(work, replace(clip, length_frames=edit.timeline_frame - start)))
        return
    by = edit.timeline_frame - start
    length = None if clip.length_frames is None else clip.length_frames - by
    cut = replace(clip, trim_start_frames=clip.trim_start_frames + by, length_frames=length)
    work.put(_within(work, cut))
    work.start_at(clip.id, moved(work, clip, by))


def slip(work: Arrangement, edit: SlipClip) -> None:
    """Move what is heard inside a clip."""
    clip = work.clip(edit.clip)
    length = work.length(clip)
    work.put(
        _within(work, replace(clip, trim_start_frames=clip.trim_start_frames - edit.by_frames, length_frames=length))
    )


def split(work: Arrangement, edit: SplitClip) -> None:
    """Cut a clip in two; who came after it comes after its second part."""
    if (edit.at_frame is None) == (not edit.word):
        raise BadRange(f"clip {edit.clip!r} is split at a frame or at a word: one of them")
    at = work.word_frame(edit.clip, edit.word) if edit.at_frame is None else edit.at_frame
    split_at(work, edit.clip, at, edit.new or work.new_id(edit.clip))


def split_at(work: Arrangement, name: str, at: int, new: str) -> None:
    """Cut a clip at a frame of it; its second part is called ``new``."""
    clip = work.clip(name)
    length = work.length(clip)
    if not 0 < at < length:
        raise BadRange(f"clip {name!r} can be split inside its {length} frames, from 1 to {length - 1}; got {at}")
    if at < clip.fade_in_frames or length - at < clip.fade_out_frames:
        raise BadRange(f"clip {name!r} would be split inside a fade; its fades take what lies before and behind")
    ends = None if clip.length_frames is None else clip.length_frames - at
    start: Position = At(frame=clip.start.frame + at) if isinstance(clip.start, At) else After(clip=name)
    right = replace(
        clip, id=new, start=start, trim_start_frames=clip.trim_start_frames + at, length_frames=ends, fade_in_frames=0,
        fade_in_shape="linear",
    )  # fmt: skip
    followers = [each.id for each in work.followers(name) if cast(After, each.start).clip == name]
    for follower in followers:
        work.start_at(follower, replace(cast(After, work.clip(follower).start), clip=new))
    redirect_markers(work, name, new)
    work.put(replace(clip, length_frames=at, fade_out_frames=0, fade_out_shape="linear"))
    work.insert(work.track_of(name), work.index(name) + 1, right)


def merge(work: Arrangement, edit: MergeClips) -> None:
    """Join two clips that follow each other, in time and in their source."""
    left, right = work.clip(edit.clip), work.clip(edit.other)
    if left.id == right.id:
        raise BadRange(f"clip {left.id!r} can't be merged with itself")
    reason = _apart(work, left, right)
    if reason:
        raise StoryError(f"clips {left.id!r} and {right.id!r} can't be one: {reason}")
    refuse_if_played(work.story, right.id)
    for follower in [each.id for each in work.followers(right.id)]:
        start = cast(After, work.clip(follower).start)
        if start.clip is not None or work.above(right.id) != left.id:
            work.start_at(follower, replace(start, clip=left.id))
    redirect_markers(work, right.id, left.id)
    work.take_out(right.id)
    length = None if right.length_frames is None else work.length(left) + right.length_frames
    work.put(
        replace(left, length_frames=length, fade_out_frames=right.fade_out_frames, fade_out_shape=right.fade_out_shape)
    )


def _apart(work: Arrangement, left: Clip, right: Clip) -> str:
    """Return what keeps two clips from being one; nothing when they can be."""
    if (left.line, left.audio) != (right.line, right.audio):
        return "they are not made of the same take or file"
    if work.track_of(left.id) != work.track_of(right.id):
        return "they lie on different tracks"
    if left.trim_start_frames + work.length(left) != right.trim_start_frames:
        return "the second does not go on in its source where the first ends"
    for field in ("gain_db", "pan", "mute", "group"):
        if getattr(left, field) != getattr(right, field):
            return f"they differ in {field}"
    follows = right.start == After(clip=left.id)
    return "" if follows or work.start(right.id) == work.end(left.id) else "the second does not begin where it ends"


def fade(work: Arrangement, edit: FadeClip) -> None:
    """Set fades; that they fit is checked with the rest."""
    clip = work.clip(edit.clip)
    lengths = {"fade_in_frames": edit.fade_in_frames, "fade_out_frames": edit.fade_out_frames}
    fields: dict[str, object] = {key: frames for key, frames in lengths.items() if frames is not None}
    for key, shape in (("fade_in_shape", edit.shape_in), ("fade_out_shape", edit.shape_out)):
        if shape:
            fields[key] = _shape(shape)
    work.put(replace(clip, **fields))


def crossfade(work: Arrangement, edit: CrossfadeClips) -> None:
    """Let the second clip begin before the first one ends, each fading while the other does."""
    left, right = work.clip(edit.clip), work.clip(edit.other)
    if work.track_of(left.id) != work.track_of(right.id):
        raise StoryError(f"clips {left.id!r} and {right.id!r} lie on different tracks")
    most = min(work.length(left) - left.fade_in_frames, work.length(right) - right.fade_out_frames)
    if not 0 < edit.length_frames <= most:
        raise BadRange(f"a crossfade of these clips lasts 1 to {most} frames, got {edit.length_frames}")
    work.lay({right.id: work.end(left.id) - edit.length_frames})
    power: FadeShape = "equal_power"
    left, right = work.clip(left.id), work.clip(right.id)
    work.put(replace(left, fade_out_frames=edit.length_frames, fade_out_shape=power))
    work.put(replace(right, fade_in_frames=edit.length_frames, fade_in_shape=power))


def group(work: Arrangement, edit: GroupClip) -> None:
    """Put a clip into a group or out of it."""
    work.put(replace(work.clip(edit.clip), group=edit.group))


def set_line(work: Arrangement, edit: SetLine) -> None:
    """Have a clip say something else."""
    clip = work.clip(edit.clip)
    if clip.line is None:
        raise StoryError(f"clip {clip.id!r} is a file, not a line")
    text = clip.line.text if edit.text is None else edit.text
    voice = edit.voice or clip.line.voice
    work.put(replace(clip, line=work.story.line(text, voice, _delivered(clip.line.delivery, edit))))


def _delivered(delivery: Delivery, edit: SetLine) -> Delivery:
    what = f"clip {edit.clip}"
    if edit.speed is not None:
        delivery = replace(delivery, speed=SPEED.check(edit.speed, f"{what} speed"), seconds=None)
    if edit.pitch_semitones is not None:
        delivery = replace(delivery, pitch_semitones=SEMITONES.check(edit.pitch_semitones, f"{what} pitch"))
    if edit.temperature is not None:
        delivery = replace(delivery, temperature=TEMPERATURE.check(edit.temperature, f"{what} temperature"))
    if edit.instruct is not None:
        delivery = replace(delivery, instruct=edit.instruct.strip())
    return delivery


def fit_line(work: Arrangement, edit: FitLine) -> None:
    """Have a clip's line last so long; what is trimmed away of it stays the same part of it."""
    clip, rate = work.clip(edit.clip), work.story.sample_rate
    source = work.known.frames(clip)
    if clip.line is None:
        raise StoryError(f"clip {clip.id!r} is a file, not a line: it can't be spoken at another rate")
    if not source:
        raise NotReady(f"how long clip {clip.id!r} is, is not known yet: its take is still being made")
    natural = clip.line.delivery.speed * work.length(clip) / rate
    least, most = max(0.1, natural / SPEED.high), natural / SPEED.low
    if not least <= edit.seconds <= most:
        raise BadRange(
            f"clip {clip.id!r} can last {least:.2f} to {most:.2f} s, spoken {SPEED.high:g} times as fast or "
            f"{SPEED.low:g} times; got {edit.seconds:g}"
        )
    ratio = edit.seconds * rate / work.length(clip)
    frames = max(1, round(source * ratio))
    trim = min(round(clip.trim_start_frames * ratio), frames - 1)
    length = None if clip.length_frames is None else min(round(edit.seconds * rate), frames - trim)
    speed = min(SPEED.high, max(SPEED.low, round(natural / edit.seconds, 4)))
    delivery = replace(clip.line.delivery, speed=speed, seconds=frames / rate)
    line = replace(clip.line, delivery=delivery)
    half = round(edit.seconds * rate) // 2
    clip = replace(clip, fade_in_frames=min(clip.fade_in_frames, half), fade_out_frames=min(clip.fade_out_frames, half))
    work.put(replace(clip, line=line, trim_start_frames=trim, length_frames=length))


def moved(work: Arrangement, clip: Clip, by_frames: int) -> Position:
    """Return a clip's start, so many frames later."""
    match clip.start:
        case At(frame=frame):
            return At(frame=frame + by_frames)
        case After(gap_frames=gap):
            return replace(clip.start, gap_frames=gap + by_frames)
        case _:
            return At(frame=work.frame_of(clip.start) + by_frames)


def detach_followers(work: Arrangement, name: str) -> None:
    """Let what comes after a clip come after the one before it instead, without moving."""
    followers = work.followers(name)
    if not followers:
        return
    clip = work.clip(name)
    before = (clip.start.clip or work.above(name)) if isinstance(clip.start, After) else None
    starts: dict[str, Position] = {}
    for each in followers:
        frame = work.start(each.id)
        gap = None if before is None else After(clip=before, gap_frames=frame - work.end(before))
        starts[each.id] = gap or At(frame=frame)
    for follower, start in starts.items():
        work.start_at(follower, start)


def refuse_if_played(story: Story, name: str) -> None:
    """Raise StoryError for a clip that a cue or a slot plays."""
    for cuelist, cues in story.cue_lists().items():
        for cue in cues:
            if isinstance(cue.target, PlayClip) and cue.target.clip == name:
                raise StoryError(f"cue {cue.id} of list {cuelist} plays clip {name!r}; change that first")
    for slot in story.slots:
        if any(isinstance(target, PlayClip) and target.clip == name for target in targets(slot)):
            raise StoryError(f"slot {slot.bank}/{slot.index} plays clip {name!r}; change that first")


def redirect_markers(work: Arrangement, old: str, new: str) -> None:
    """Let markers that stand after one clip stand after another."""
    markers = tuple(
        replace(m, at=replace(m.at, clip=new)) if isinstance(m.at, After) and m.at.clip == old else m
        for m in work.story.markers
    )
    if markers != work.story.markers:
        work.story = replace(work.result(), markers=markers)


def detach_markers(work: Arrangement, name: str) -> None:
    """Give markers that stand after a clip a fixed place."""
    if any(isinstance(m.at, After) and m.at.clip == name for m in work.story.markers):
        end = work.end(name)
        markers = tuple(
            replace(m, at=At(frame=end + m.at.gap_frames)) if isinstance(m.at, After) and m.at.clip == name else m
            for m in work.story.markers
        )
        work.story = replace(work.result(), markers=markers)


def _place(work: Arrangement, place: str) -> Position:
    return work.position(place) if place else After()


def _to(work: Arrangement, clip: Clip, position: Position) -> None:
    if not clip.group:
        work.start_at(clip.id, position)
        return
    before = work.start(clip.id)
    members = [each.id for each in work.all() if each.group == clip.group and each.id != clip.id]
    starts = {name: work.start(name) for name in members}
    work.start_at(clip.id, position)
    by = work.start(clip.id) - before
    work.lay({name: frame + by for name, frame in starts.items()})


def _by(work: Arrangement, clip: Clip, by_frames: int) -> None:
    if clip.group:
        members = [each.id for each in work.all() if each.group == clip.group]
        work.lay({name: work.start(name) + by_frames for name in members})
    else:
        work.start_at(clip.id, moved(work, clip, by_frames))


def _change_track(work: Arrangement, name: str, track: str) -> None:
    work.track(track)
    clip = work.clip(name)
    if isinstance(clip.start, After) and clip.start.clip is None:
        above = work.above(name)
        gap = clip.start.gap_frames
        clip = replace(clip, start=At(frame=gap) if above is None else After(clip=above, gap_frames=gap))
    below = work.followers(name)
    for each in below:
        start = cast(After, each.start)
        if start.clip is None:
            work.start_at(each.id, replace(start, clip=name))
    work.take_out(name)
    work.append(track, clip)


def _move_up(work: Arrangement, name: str) -> None:
    """Let everything later on the track of a clip that goes move up by its length; followers close up by themselves."""
    length, start, track = work.length(work.clip(name)), work.start(name), work.track_of(name)
    later = {each.id: frame for each in work.clips(track) if (frame := work.span(each.id).start) is not None}
    wanted = {each: max(start, frame - length) for each, frame in later.items() if frame > start and each != name}
    before = {each.id: work.start(each.id) for each in work.followers(name) if each.id not in wanted}
    work.lay(wanted | before)
    detach_followers(work, name)


def _within(work: Arrangement, clip: Clip) -> Clip:
    """Return the clip if its trim lies inside its source. Raises BadRange with what would be allowed."""
    rate, source = work.story.sample_rate, work.known.frames(clip)
    first, length = clip.trim_start_frames, clip.length_frames
    end = first + length if length is not None else None
    ends = f"{seconds_text(source, rate)} s" if source is not None else "its end"
    if first < 0 or (source is not None and (first >= source or (end or 0) > source)):
        raise BadRange(
            f"clip {clip.id!r}: a trim from {_time(first, rate)} to {'the end' if end is None else _time(end, rate)}"
            f" does not lie in its source, which goes from 0 to {ends}"
        )
    if length is not None and length <= 0:
        raise BadRange(f"clip {clip.id!r} would have no length; it ends after {_time(first, rate)} s of its source")
    return clip


def _time(frames: int, rate: int) -> str:
    return f"{'-' if frames < 0 else ''}{seconds_text(abs(frames), rate)}"


def _shape(word: str) -> FadeShape:
    if word not in get_args(FadeShape):
        raise UnknownThing("fade shape", word, get_args(FadeShape))
    return cast(FadeShape, word)
