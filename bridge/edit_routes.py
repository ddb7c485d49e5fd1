"""The address table's rows of story editing: clips, time, markers, the history, and who edits what at once."""

from __future__ import annotations

from functools import partial

import engine.edits as do
import engine.events as told
from bridge import edit_readers, readers
from bridge.message import Value
from bridge.port import ClipFacts, EnginePort
from bridge.route import Arg, Push, Route
from engine.params import SEMITONES, SPEED, TEMPERATURE

_CLIP = "/clip/{clip}"
_TRACK = Arg(name="track", type="s")
_PLACE = Arg(name="place", type="s", place=True, help='12.5, 0:12.500, 3|1, "after k1 + 0.4", @MARKER or CLIP:WORD')
_PLACE_OR_NONE = Arg(
    name="place", type="s", place=True, optional=True, help="as in /clip/{clip}/move; empty: behind the last"
)
_NEW = Arg(name="clip", type="s", optional=True, help="its id; none: made up")
_OTHER = Arg(name="other", type="s", help="a clip")
_BY = Arg(name="by_frames", type="f", seconds=True, signed=True, help="in seconds")
_LENGTH = Arg(name="length_frames", type="f", seconds=True, help="in seconds")
_TRACKS = Arg(name="tracks", type="s", optional=True, listed=True, help="ids; none: all")
_POSITION = Arg(name="position", type="i", help="from 1")
_SNAP = Arg(
    name="snap",
    type="s",
    optional=True,
    help="what it is drawn to: word sentence silence clip marker beat bar grid:0.5 within:0.2; cuts: zero or fade",
)
_CHANGED = (told.ClipEdited,)


def _at(name: str) -> Arg:
    return Arg(name=name, type="f", seconds=True, help="in seconds")


def _trim(*, clip: str, from_frame: int, to_frame: int = 0, snap: str = "") -> do.TrimClip:
    return do.TrimClip(clip=clip, from_frame=from_frame, to_frame=to_frame or None, snap=snap)


def _split(*, clip: str, at_frame: int, new: str = "", snap: str = "") -> do.SplitClip:
    return do.SplitClip(clip=clip, at_frame=at_frame, new=new, snap=snap)


def _insert_time(*, timeline_frame: int, length_frames: int, tracks: str = "", snap: str = "") -> do.InsertTime:
    names = _words(tracks)
    return do.InsertTime(timeline_frame=timeline_frame, length_frames=length_frames, tracks=names, snap=snap)


def _remove_time(*, from_frame: int, to_frame: int, tracks: str = "", snap: str = "") -> do.RemoveTime:
    return do.RemoveTime(from_frame=from_frame, to_frame=to_frame, tracks=_words(tracks), snap=snap)


def _spread(*, gap_frames: int, overlap_frames: int = 0, clips: str = "") -> do.SpreadLines:
    return do.SpreadLines(gap_frames=gap_frames, overlap_frames=overlap_frames, clips=_words(clips))


def _remove_gaps(
    *, what: str = "silences", clips: str = "", least: float = 0.3, keep: float = 0.1, silence_db: float = -45.0
) -> do.RemoveGaps:
    names = _words(clips)
    return do.RemoveGaps(what=what, clips=names, least_seconds=least, keep_seconds=keep, silence_db=silence_db)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _temperature(facts: ClipFacts) -> float:
    set_to = facts.clip.line.delivery.temperature if facts.clip.line else None
    return TEMPERATURE.default if set_to is None else set_to


# fmt: off
CLIP_ROUTES: tuple[Route, ...] = (
    Route(address="/clips", read=readers.clip_ids, repeated=True, args=(Arg(name="clip", type="s"),),
          changed=(told.ClipsChanged, told.StoryReloaded), help="The ids of all clips."),
    Route(address=f"{_CLIP}/start", command=do.MoveClip, read=readers.clip_seconds(lambda c: c.start_frame),
          args=(Arg(name="start_frame", type="f", seconds=True, help="in seconds, -1: not known yet"),),
          stream=True, steady=readers.timeline, changed=_CHANGED,
          help="Where a clip starts on the timeline. Setting it moves the clip; what comes after it goes with it."),
    Route(address=f"{_CLIP}/move", command=do.MoveClip,
          args=(_PLACE, Arg(name="track", type="s", optional=True, help="another one"), _SNAP),
          help="Put a clip at a place; with an empty place only on another track. Its group goes with it."),
    Route(address=f"{_CLIP}/nudge", command=do.MoveClip, args=(_BY, _SNAP),
          help="Move a clip by so much, back with a number below 0."),
    Route(address=f"{_CLIP}/copy", command=do.CopyClip,
          args=(Arg(name="place", type="s", place=True, optional=True, help="as in move; empty: right behind it"),
                Arg(name="track", type="s", optional=True), Arg(name="new", type="s", optional=True, help="its id")),
          help="Put a copy of a clip at a place."),
    Route(address=f"{_CLIP}/duplicate", trigger=True, command=do.CopyClip, help="Put a copy right behind a clip."),
    Route(address=f"{_CLIP}/delete", trigger=True, command=do.RemoveClip,
          help="Take a clip out; everything else stays where it is. Refused while a cue or a pad plays it."),
    Route(address=f"{_CLIP}/delete/ripple", trigger=True, command=partial(do.RemoveClip, ripple=True),
          help="Take a clip out; what comes later on its track moves up."),
    Route(address=f"{_CLIP}/order", command=do.OrderClip, args=(_POSITION,),
          help="Give a clip another position in its track: who comes `after` the one above comes after another one."),
    Route(address=f"{_CLIP}/trim", command=_trim, args=(
              _at("from_frame"),
              Arg(name="to_frame", type="f", seconds=True, optional=True, help="none, or 0: to its end"), _SNAP),
          help="Let a clip play its take or file from one time of it to another."),
    Route(address=f"{_CLIP}/trim/start", command=partial(do.TrimEdge, edge="start"),
          args=(_at("timeline_frame"), _SNAP),
          help="Let a clip begin at another time of the timeline; what is heard stays where it is."),
    Route(address=f"{_CLIP}/trim/end", command=partial(do.TrimEdge, edge="end"), args=(_at("timeline_frame"), _SNAP),
          help="Let a clip end at another time of the timeline."),
    Route(address=f"{_CLIP}/slip", command=do.SlipClip, args=(_BY,),
          help="Move what is heard inside a clip, later with a number above 0; its edges stay."),
    Route(address=f"{_CLIP}/split", command=_split,
          args=(_at("at_frame"), Arg(name="new", type="s", optional=True, help="the id of the second part"), _SNAP),
          help="Cut a clip in two at a time of it; nothing moves, and nothing is heard of the cut."),
    Route(address=f"{_CLIP}/split/word", command=do.SplitClip,
          args=(Arg(name="word", type="s"), Arg(name="new", type="s", optional=True), _SNAP),
          help="Cut a clip in two where a word of it begins."),
    Route(address=f"{_CLIP}/merge", command=do.MergeClips, args=(_OTHER,),
          help="Make one clip of two that follow each other in time and in their take or file."),
    Route(address=f"{_CLIP}/fade/in", command=do.FadeClip, read=readers.clip(lambda c: c.clip.fade_in_frames),
          args=(Arg(name="fade_in_frames", type="f", seconds=True, help="in seconds"),), changed=_CHANGED,
          help="How long a clip fades in."),
    Route(address=f"{_CLIP}/fade/out", command=do.FadeClip, read=readers.clip(lambda c: c.clip.fade_out_frames),
          args=(Arg(name="fade_out_frames", type="f", seconds=True, help="in seconds"),), changed=_CHANGED,
          help="How long a clip fades out."),
    Route(address=f"{_CLIP}/fade/in/shape", command=do.FadeClip, read=readers.clip(lambda c: c.clip.fade_in_shape),
          args=(Arg(name="shape_in", type="s", help="linear, equal_power, s_curve or exponential"),),
          changed=_CHANGED, help="How a clip fades in."),
    Route(address=f"{_CLIP}/fade/out/shape", command=do.FadeClip, read=readers.clip(lambda c: c.clip.fade_out_shape),
          args=(Arg(name="shape_out", type="s"),), changed=_CHANGED, help="How a clip fades out."),
    Route(address=f"{_CLIP}/crossfade", command=do.CrossfadeClips, args=(_OTHER, _LENGTH),
          help="Let another clip of the same track begin so much before a clip ends, each fading, of equal power."),
    Route(address=f"{_CLIP}/group", command=do.GroupClip, read=readers.clip(lambda c: c.clip.group),
          args=(Arg(name="group", type="s"),), changed=_CHANGED,
          help="The group with which a clip moves; an empty text: none."),
    Route(address=f"{_CLIP}/text", command=do.SetLine,
          read=readers.clip(lambda c: c.clip.line.text if c.clip.line else ""),
          args=(Arg(name="text", type="s"),), changed=_CHANGED,
          help="The line that a clip speaks; an empty text: it is a file. Another text makes another take."),
    Route(address=f"{_CLIP}/voice", command=do.SetLine,
          read=readers.clip(lambda c: c.clip.line.voice if c.clip.line else ""),
          args=(Arg(name="voice", type="s"),), changed=_CHANGED, help="The voice that speaks it."),
    Route(address=f"{_CLIP}/speed", command=do.SetLine,
          read=readers.clip(lambda c: c.clip.line.delivery.speed if c.clip.line else 1.0),
          args=(Arg(name="speed", type="f", spec=SPEED),), changed=_CHANGED,
          help="How fast a clip's line is spoken, its pitch kept."),
    Route(address=f"{_CLIP}/pitch", command=do.SetLine,
          read=readers.clip(lambda c: c.clip.line.delivery.pitch_semitones if c.clip.line else 0.0),
          args=(Arg(name="pitch_semitones", type="f", spec=SEMITONES),), changed=_CHANGED,
          help="How high a clip's line is spoken, in semitones beside the voice."),
    Route(address=f"{_CLIP}/temperature", command=do.SetLine, read=readers.clip(_temperature),
          args=(Arg(name="temperature", type="f", spec=TEMPERATURE),), changed=_CHANGED,
          help="How much of a clip's line is left to chance; for voices that know it, others fail to speak it."),
    Route(address=f"{_CLIP}/instruct", command=do.SetLine,
          read=readers.clip(lambda c: c.clip.line.delivery.instruct if c.clip.line else ""),
          args=(Arg(name="instruct", type="s"),), changed=_CHANGED,
          help="Words on how a clip's line is to be spoken; for voices that know it, others fail to speak it."),
    Route(address=f"{_CLIP}/fit", command=do.FitLine,
          args=(Arg(name="seconds", type="f", help="how long it is to last"),),
          help="Have a clip's line last so long, to the frame: it is spoken at another rate, and what that leaves is "
               "stretched. Refused, with what would be allowed, beyond a quarter and four times its natural rate."),
    Route(address=f"{_CLIP}/words/edit", command=do.EditWords,
          args=(Arg(name="words", type="s", help="dragon, or dragon#2: the second one"),),
          help="Have a clip say only these of its words, in this order: the sound follows, the take stays as it is."),
    Route(address=f"{_CLIP}/align", command=do.AlignWord, args=(Arg(name="word", type="s"), _PLACE),
          help="Move a clip so that one of its words begins at a place: now 0:12.000."),
)
"""Rows of one clip. ``/clip/{clip}/track`` and the rest stand in ``routes.py``."""

EDIT_ROUTES: tuple[Route, ...] = (
    Route(address="/edit/line/add", command=do.AddLine,
          args=(_TRACK, Arg(name="text", type="s"), _PLACE_OR_NONE, _NEW,
                Arg(name="voice", type="s", optional=True, help="none: the track's")),
          help="Put a line on a track; its take is made at once."),
    Route(address="/edit/audio/add", command=do.AddAudio,
          args=(_TRACK, Arg(name="audio", type="s", help="a path from the story's folder on"), _PLACE_OR_NONE, _NEW),
          help="Put a sound file on a track."),
    Route(address="/edit/time/insert", command=_insert_time, args=(_at("timeline_frame"), _LENGTH, _TRACKS, _SNAP),
          help="Make room: everything from a time on moves back, markers too where no tracks are named."),
    Route(address="/edit/time/remove", command=_remove_time, args=(_at("from_frame"), _at("to_frame"), _TRACKS, _SNAP),
          help="Cut a span of time out; what comes later moves up."),
    Route(address="/edit/gaps/close", command=do.CloseGaps,
          args=(_TRACK, Arg(name="gap_frames", type="f", seconds=True, optional=True, help="in seconds; none: 0")),
          help="Let every clip of a track begin so long after the one before."),
    Route(address="/edit/silences/remove", command=_remove_gaps,
          args=(Arg(name="what", type="s", optional=True, help="silences, breaths or both"),
                Arg(name="clips", type="s", optional=True, listed=True, help="none: all lines"),
                Arg(name="least", type="f", optional=True, help="seconds; shorter silences stay; none: 0.3"),
                Arg(name="keep", type="f", optional=True, help="seconds that are left of each; none: 0.1"),
                Arg(name="silence_db", type="f", optional=True, help="so far below speech is silence; none: -45")),
          help="Leave silences or breaths out of clips; what comes after them moves up. Takes stay as they are."),
    Route(address="/edit/spread", command=_spread,
          args=(Arg(name="gap_frames", type="f", seconds=True, help="in seconds"),
                Arg(name="overlap_frames", type="f", seconds=True, optional=True),
                Arg(name="clips", type="s", optional=True, listed=True, help="none: all lines")),
          help="Let lines follow one another as in a conversation. After one that breaks off with a dash the next "
               "begins sooner by the overlap; after one that trails off with an ellipsis the gap is twice as long."),
    Route(address="/edit/track/overlap", command=do.SetOverlap,
          args=(_TRACK, Arg(name="overlap", type="s", help="allow, crossfade or forbid")),
          help="What becomes of an edit that lets clips of a track overlap."),
    Route(address="/edit/track/order", command=do.OrderTrack, args=(_TRACK, _POSITION),
          help="Give a track another position among the tracks."),
    Route(address="/edit/marker/add", command=do.AddMarker,
          args=(Arg(name="marker", type="s"), _PLACE, Arg(name="name", type="s", optional=True), _SNAP),
          help="Name a point of the timeline."),
    Route(address="/edit/marker/move", command=do.MoveMarker, args=(Arg(name="marker", type="s"), _PLACE, _SNAP),
          help="Put a marker elsewhere."),
    Route(address="/edit/marker/remove", command=do.RemoveMarker, args=(Arg(name="marker", type="s"),),
          help="Take a marker away; refused while a cue or a pad plays from or to it."),

    Route(address="/undo", trigger=True, command=do.Undo,
          help="Take the last edit back, whoever made it. Levels that were turned stay."),
    Route(address="/redo", trigger=True, command=do.Redo, help="Do again what was taken back last."),
    Route(address="/edit/on", wrapper="version", args=(Arg(name="version", type="i"), Arg(name="address", type="s")),
          help="Do what follows unless what it edits has changed since that version of the story; the error (conflict)"
               " names what changed, by whom, and the version now."),
    Route(address="/edit/begin", handler="edit_begin", answers="i:version",
          args=(Arg(name="name", type="s", optional=True, help="what the step will be called"),),
          help="Keep the sender's edits from now on, until they are made as one step. Nobody else is held up. Faders, "
               "knobs, inserts, sends, ducking and snapshots are none: done at once. /undo and /redo are refused."),
    Route(address="/edit/end", handler="edit_end", answers="i:version",
          help="Make all edits since /edit/begin as one step: all, or none, if one can't be made or somebody has "
               "changed the same things since."),
    Route(address="/edit/cancel", handler="edit_cancel", answers="i:count",
          help="Forget the edits since /edit/begin; none has been made."),
    Route(address="/edit/version", read=edit_readers.version, changed=(told.StoryEdited, told.StoryReloaded),
          args=(Arg(name="version", type="i"),), help="The version of the story: every edit, undo and redo adds one."),
    Route(address="/edit/digest", read=edit_readers.digest, changed=(told.StoryEdited, told.StoryReloaded),
          args=(Arg(name="version", type="i"), Arg(name="digest", type="s")),
          help="The version and a digest of all that can be edited: two who have the same digest show the same. Levels "
               "that are turned live are not in it."),
    Route(address="/edit/history", read=edit_readers.history, repeated=True,
          changed=(told.StoryEdited, told.StoryReloaded),
          args=(Arg(name="version", type="i"), Arg(name="name", type="s"), Arg(name="client", type="s")),
          help="The steps that can be taken back, the newest first, over and over."),
    Route(address="/edit/undone", read=edit_readers.undone, repeated=True,
          changed=(told.StoryEdited, told.StoryReloaded),
          args=(Arg(name="version", type="i"), Arg(name="name", type="s"), Arg(name="client", type="s")),
          help="The steps that can be done again, the next one first."),
    Route(address="/edit/since", handler="edits_since", args=(Arg(name="version", type="i"),),
          answer="/edit/since/end", answers="i:version",
          help="One /edit/since i:version s:name s:client s:what per change behind a version, then /edit/since/end"
               " with the version now; an error (conflict) where that is too long ago: then all is to be read anew."),
    Route(address="/edit/find", handler="find_text", args=(Arg(name="text", type="s"),),
          answer="/edit/find/end", answers="i:count",
          help="One /edit/find s:clip s:word f:seconds per place where that is said, in the order of the timeline "
               "(seconds: -1: not known yet), then /edit/find/end."),
)
# fmt: on


def _edited(_: EnginePort, event: told.StoryEdited) -> tuple[Value, ...]:
    return event.version, event.name, event.client, ", ".join(event.what)


EDIT_PUSHES: tuple[Push, ...] = (
    Push(
        address="/event/story/edited",
        event=told.StoryEdited,
        types="isss",
        names=("version", "name", "client", "what"),
        values=_edited,
        help="The story is at another version: what was done, by whom, and what it touched.",
    ),
)
