"""Edits of the timeline: commands that place, cut, join and order clips. Frames, unless a field says otherwise.

A ``place`` is a text as in a story file (``12.5``, ``0:12.500``, ``3|1``, ``after k1 + 0.4``), ``@MARKER``, or
``CLIP:WORD``, where that word of another clip begins. Ids that are left empty are made up. ``snap``: what times are
drawn to, and how cuts are kept from clicking: ``word sentence silence clip marker beat bar grid:0.5 zero within:0.2``.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.command import Base
from engine.story.model import Clip


class AddLine(Base, frozen=True, kw_only=True):
    """Put a line on a track. place: empty: after the track's last clip. voice: empty: the track's."""

    track: str
    text: str
    place: str = ""
    voice: str = ""
    clip: str = ""


class AddAudio(Base, frozen=True, kw_only=True):
    """Put an audio file on a track. audio: a path from the story's folder on. start_frame: instead of a place."""

    track: str
    audio: str
    place: str = ""
    clip: str = ""
    name: str = ""
    start_frame: int | None = None


class AddCapture(Base, frozen=True, kw_only=True):
    """Put a captured line on a track, with its words.

    place: empty: where it was said, if the timeline played then; else after the track's last clip.
    """

    track: str
    capture: str
    place: str = ""
    clip: str = ""


class RemoveClip(Base, frozen=True, kw_only=True):
    """Take a clip out. ripple: what comes later on its track moves up into its place."""

    clip: str
    ripple: bool = False


class MoveClip(Base, frozen=True, kw_only=True):
    """Put a clip elsewhere: at a timeline frame, at a place, by so many frames, on another track; its group follows."""

    clip: str
    start_frame: int | None = None
    place: str = ""
    by_frames: int = 0
    track: str = ""
    snap: str = ""


class CopyClip(Base, frozen=True, kw_only=True):
    """Put a copy of a clip at a place. place: empty: right behind it. track: empty: its own."""

    clip: str
    place: str = ""
    track: str = ""
    new: str = ""


class OrderClip(Base, frozen=True, kw_only=True):
    """Give a clip another position in the order of its track, counted from 1."""

    clip: str
    position: int


class TrimClip(Base, frozen=True, kw_only=True):
    """Let a clip play its source from one frame to another (None: to its end); its start stays."""

    clip: str
    from_frame: int
    to_frame: int | None = None
    snap: str = ""


class TrimEdge(Base, frozen=True, kw_only=True):
    """Move one edge of a clip to a timeline frame; what is heard stays where it is in time."""

    clip: str
    edge: Literal["start", "end"]
    timeline_frame: int
    snap: str = ""


class SlipClip(Base, frozen=True, kw_only=True):
    """Move what is heard inside a clip; its edges stay. by_frames: more than 0: earlier parts come later."""

    clip: str
    by_frames: int


class SplitClip(Base, frozen=True, kw_only=True):
    """Cut a clip in two at a frame of it, or where a word begins."""

    clip: str
    at_frame: int | None = None
    word: str = ""
    new: str = ""
    snap: str = ""


class MergeClips(Base, frozen=True, kw_only=True):
    """Make one clip of two that follow each other in their source; the first one's id stays."""

    clip: str
    other: str


class FadeClip(Base, frozen=True, kw_only=True):
    """Set a clip's fades; what is None stays. Shapes: linear, equal_power, s_curve or exponential."""

    clip: str
    fade_in_frames: int | None = None
    fade_out_frames: int | None = None
    shape_in: str = ""
    shape_out: str = ""


class CrossfadeClips(Base, frozen=True, kw_only=True):
    """Let a clip and the next one overlap for so long, with fades of equal power; the later one moves up."""

    clip: str
    other: str
    length_frames: int


class GroupClip(Base, frozen=True, kw_only=True):
    """Put a clip into a group, whose clips move together; an empty text: out of its group."""

    clip: str
    group: str


class SetLine(Base, frozen=True, kw_only=True):
    """Have a clip say something else, or otherwise, or somebody else say it; what is None stays."""

    clip: str
    text: str | None = None
    voice: str | None = None
    speed: float | None = None
    pitch_semitones: float | None = None
    temperature: float | None = None
    instruct: str | None = None


class FitLine(Base, frozen=True, kw_only=True):
    """Have a clip's line last so long: it is spoken at another rate, and what that leaves is stretched."""

    clip: str
    seconds: float


class InsertTime(Base, frozen=True, kw_only=True):
    """Make room: everything from a frame on moves back by so much. tracks: none: all, and the markers."""

    timeline_frame: int
    length_frames: int
    tracks: tuple[str, ...] = ()
    snap: str = ""


class RemoveTime(Base, frozen=True, kw_only=True):
    """Cut a span of time out: clips inside it go, those over its edges are trimmed, what comes later moves up."""

    from_frame: int
    to_frame: int
    tracks: tuple[str, ...] = ()
    snap: str = ""


class CloseGaps(Base, frozen=True, kw_only=True):
    """Let every clip of a track begin so long after the one before; overlaps are undone too."""

    track: str
    gap_frames: int = 0


class AlignWord(Base, frozen=True, kw_only=True):
    """Move a clip so that one of its words begins at a place."""

    clip: str
    word: str
    place: str


class EditWords(Base, frozen=True, kw_only=True):
    """Have a clip say only these of its words, in this order; the sound between two that follow each other stays."""

    clip: str
    words: str


class RemoveGaps(Base, frozen=True, kw_only=True):
    """Leave silences, breaths or both out of clips (none: all lines); what comes after them moves up.

    least_seconds: shorter silences stay. keep_seconds: so much is left of each. silence_db: below speech.
    """

    what: str = "silences"
    clips: tuple[str, ...] = ()
    least_seconds: float = 0.3
    keep_seconds: float = 0.1
    silence_db: float = -45.0


class SpreadLines(Base, frozen=True, kw_only=True):
    """Let clips follow one another as in a conversation, from the first one's place on.

    clips: none: all of the story, in the order in which they start. overlap_frames: how much sooner an answer begins
    after a line that breaks off with a dash; a line that ends in an ellipsis is given twice the gap.
    """

    clips: tuple[str, ...] = ()
    gap_frames: int = 0
    overlap_frames: int = 0


class SetOverlap(Base, frozen=True, kw_only=True):
    """Say what becomes of clips of a track that overlap: allow, crossfade or forbid."""

    track: str
    overlap: str


class OrderTrack(Base, frozen=True, kw_only=True):
    """Give a track another position among the tracks, counted from 1."""

    track: str
    position: int


class AddMarker(Base, frozen=True, kw_only=True):
    """Name a point of the timeline."""

    marker: str
    place: str
    name: str = ""
    snap: str = ""


class MoveMarker(Base, frozen=True, kw_only=True):
    """Put a marker elsewhere."""

    marker: str
    place: str
    snap: str = ""


class RemoveMarker(Base, frozen=True, kw_only=True):
    """Take a marker away; refused while a cue plays from or to it."""

    marker: str


ClipEdit = (
    AddLine | AddAudio | RemoveClip | MoveClip | CopyClip | OrderClip | TrimClip | TrimEdge | SlipClip | SplitClip
    | MergeClips | FadeClip | CrossfadeClips | GroupClip | SetLine | FitLine | InsertTime | RemoveTime | CloseGaps
    | AlignWord | SpreadLines | EditWords | RemoveGaps | SetOverlap | OrderTrack | AddMarker | MoveMarker | RemoveMarker
)  # fmt: skip
"""Edits of the timeline that need only the story and what is known of its takes."""


class Splice(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A place among a track's clips, counted from 0: the clips with these ids go there, and others come."""

    at: int
    gone: tuple[str, ...]
    clips: tuple[Clip, ...]


class ChannelChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a change does to a track, a bus or the master. fields: those that differ, as they are then, in JSON.

    A field of its strip is ``strip.`` and its name. new: it was not there. splices: to its clips, the last one first.
    """

    id: str
    new: bool = False
    fields: dict[str, msgspec.Raw] = {}
    splices: tuple[Splice, ...] = ()


class ChangeStory(Base, frozen=True, kw_only=True, omit_defaults=True):
    """What an edit becomes in the journal: the parts of the story that it changed, as they are after it.

    order, bus_order: tracks and buses, where there are others or in another order. fields: of the story, in JSON.
    way: it takes the last step back, or does it again.
    """

    name: str = ""
    client: str = ""
    version: int = 0
    way: Literal["", "undo", "redo"] = ""
    order: tuple[str, ...] | None = None
    bus_order: tuple[str, ...] | None = None
    tracks: tuple[ChannelChange, ...] = ()
    buses: tuple[ChannelChange, ...] = ()
    master: ChannelChange | None = None
    fields: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)


class Undo(Base, frozen=True, kw_only=True):
    """Take the last edit back. client, version: as in EditStory."""

    client: str = ""
    version: int | None = None


class Redo(Base, frozen=True, kw_only=True):
    """Do again what was taken back last."""

    client: str = ""
    version: int | None = None
