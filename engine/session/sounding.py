"""What sounds on a strip, in words: for displays."""

from __future__ import annotations

from bisect import bisect_right

from engine.errors import EngineError
from engine.session.players import CueOwner, SlotOwner
from engine.session.session import Session
from engine.story.model import Clip, CueTarget, PlayClip, SpeakLine

MOST_LOOKED_AT = 256
"""Clips that began before this many others are not looked at: a display is no reason to hold anything up."""


def strip_of(session: Session, target: CueTarget) -> str | None:
    """Return the track that a target sounds on; None: on none, or on several."""
    if isinstance(target, PlayClip) and target.clip in session.context.index.clips:
        return session.context.index.clips[target.clip][0]
    return target.track if isinstance(target, SpeakLine) else None


def sounding_on(session: Session, strip: str, timeline_frame: int) -> str:
    """Return the text or the name of what sounds on a track: what was fired last, else the timeline's clip."""
    for player in reversed(session.context.players.all()):
        target = _target(session, player)
        if target is not None and strip_of(session, target) == strip:
            return _text(session, target)
    placed = session.transport.placed or ()
    if not session.transport.playing:
        return ""
    last = bisect_right(placed, timeline_frame, key=lambda p: p.start_frame)
    for item in reversed(placed[max(0, last - MOST_LOOKED_AT) : last]):
        if item.track.id == strip and timeline_frame < item.end_frame and not item.clip.mute:
            return _clip_text(item.clip)
    return ""


def _target(session: Session, player: int) -> CueTarget | None:
    try:
        match session.context.players.owner(player):
            case CueOwner(cue=cue, cuelist=cuelist):
                return session.cues.cue(cue, cuelist).target
            case SlotOwner(bank=bank, index=index):
                return session.slots.slot(bank, index).target
    except EngineError:  # it sounds on, but the story has it no more
        return None
    return None


def _text(session: Session, target: CueTarget) -> str:
    if isinstance(target, PlayClip):
        return _clip_text(session.context.index.clips[target.clip][1])
    return target.line.text if isinstance(target, SpeakLine) else ""


def _clip_text(clip: Clip) -> str:
    return clip.line.text if clip.line is not None else clip.name or clip.id
