"""Knobs: what was turned while a recording ran, as automation of the story that it becomes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from engine.commands import (
    Command,
    RecallSnapshot,
    SetInsertBypass,
    SetInsertParam,
    SetLimiter,
    SetSendGain,
    SetStripGain,
    SetStripMute,
    SetStripPan,
    SetStripSolo,
)
from engine.errors import EngineError
from engine.mixer.automation import STEP_DB
from engine.mixer.effects import effect_specs, insert_spec
from engine.story.edit import apply_edit
from engine.story.equip import insert_specs
from engine.story.model import MASTER, At, Effect, Lane, Point, Story, Strip
from engine.story.snapshots import recall_turns
from engine.units import db_to_gain, gain_to_db


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A knob that is turned, within so many seconds; ``target`` as lanes have it. Empty: no lane can say ``what``."""

    strip: str
    target: str = ""
    before: float = 0.0
    value: float = 0.0
    ramp_seconds: float = 0.0
    what: str = ""


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A move that was made at an engine frame, within so many frames."""

    move: Move
    frame: int
    frames: int


def moves_of(command: Command, story: Story) -> Iterator[Move]:
    """Yield what ``command`` will turn of ``story``; what can't be done is nothing."""
    match command:
        case RecallSnapshot(snapshot=snapshot, fade_seconds=fade):
            try:
                turns = recall_turns(story, snapshot, fade, insert_specs(story, effect_specs()))
            except EngineError:
                return
            for turn in turns:
                yield from moves_of(turn, story)
        case SetStripGain(strip=strip, gain_db=value, ramp_seconds=ramp):
            yield Move(strip=strip, target="gain_db", before=_of(story, strip).gain_db, value=value, ramp_seconds=ramp)
        case SetStripPan(strip=strip, pan=value, ramp_seconds=ramp):
            yield Move(strip=strip, target="pan", before=_of(story, strip).pan, value=value, ramp_seconds=ramp)
        case SetSendGain(strip=strip, bus=bus, gain_db=value, ramp_seconds=ramp):
            sends = {send.to: send.gain_db for send in _of(story, strip).sends}
            if bus in sends:
                yield Move(strip=strip, target=f"send.{bus}", before=sends[bus], value=value, ramp_seconds=ramp)
        case SetInsertParam(strip=strip, insert=insert, param=param, value=value, ramp_seconds=ramp):
            inserts = _of(story, strip).inserts
            if 0 < insert <= len(inserts) and (before := _param(story, inserts[insert - 1], param)) is not None:
                target = f"insert.{insert}.{param}"
                yield Move(strip=strip, target=target, before=before, value=value, ramp_seconds=ramp)
        case SetLimiter():
            try:
                limiter_db = apply_edit(story, command).master.limiter_db
            except EngineError:
                return
            yield Move(strip=MASTER, what="limiter off" if limiter_db is None else f"limiter at {limiter_db:g} dBTP")
        case SetStripMute(strip=strip, mute=mute):
            yield Move(strip=strip, what=f"{strip} {'muted' if mute else 'no longer muted'}")
        case SetStripSolo(strip=strip, solo=solo):
            yield Move(strip=strip, what=f"{strip} {'solo' if solo else 'no longer solo'}")
        case SetInsertBypass(strip=strip, insert=insert, bypass=bypass):
            yield Move(strip=strip, what=f"insert {insert} of {strip} {'bypassed' if bypass else 'no longer bypassed'}")


def lanes(moved: Iterable[Moved], strip: str, since: int, until: int, step_frames: int) -> tuple[Lane, ...]:
    """Return the moves of a strip's knobs between two engine frames as automation of a story that begins there.

    step_frames: what lies no further apart is a step to automation, and comes later.
    """
    found: dict[str, list[Moved]] = {}
    for each in moved:
        if each.move.strip == strip and each.move.target and since <= each.frame < until:
            found.setdefault(each.move.target, []).append(each)
    return tuple(
        Lane(target=target, points=tuple(_points(lane, since, in_gain=_in_gain(target), apart=step_frames)))
        for target, lane in found.items()
    )


def _in_gain(target: str) -> bool:
    return target == "gain_db" or target.startswith("send.")


def _of(story: Story, strip: str) -> Strip:
    return story.strips().get(strip, Strip())


def _param(story: Story, effect: Effect, param: str) -> float | None:
    """Return what an insert's parameter is set to, None when it has none of that name."""
    known = insert_spec(effect.effect, story.plugins).params.get(param)
    return None if known is None else effect.params.get(param, known.spec.default)


class _Glide(NamedTuple):
    """A knob's straight way between two frames, in the mixer's own units; before and after it rests."""

    begin_frame: int
    end_frame: int
    begin: float
    end: float

    def at(self, frame: int) -> float:
        """Return where it is at a frame."""
        share = (frame - self.begin_frame) / (self.end_frame - self.begin_frame)
        return self.begin + (self.end - self.begin) * min(1.0, max(0.0, share))


def _points(moved: Iterable[Moved], since: int, *, in_gain: bool, apart: int) -> Iterable[Point]:
    """Return the points of one lane: where each move begins, its way, and where it has come to; a later one may cut it
    short. in_gain: it glides as gains do, in a straight line of amplitude. apart: how far points lie apart at least."""
    points: dict[int, Point] = {}
    glide: _Glide | None = None
    for each in moved:
        begin, end = each.frame - since, each.frame + each.frames - since
        first, last = each.move.before, each.move.value
        if glide is not None and begin < glide.end_frame:
            first = gain_to_db(glide.at(begin)) if in_gain else glide.at(begin)
        glide = _Glide(begin, end, *((db_to_gain(first), db_to_gain(last)) if in_gain else (first, last)))
        points = {frame: point for frame, point in points.items() if frame < begin}
        for frame, value in ((begin, first), *(_way(glide, apart) if in_gain else ()), (end, last)):
            points[frame] = Point(at=At(frame=frame), value=value)
    return points.values()


def _way(glide: _Glide, apart: int) -> Iterator[tuple[int, float]]:
    """Yield frames and decibels between both ends, so close that straight lines of decibels are those of amplitude."""
    begin_db, end_db = gain_to_db(glide.begin), gain_to_db(glide.end)
    count = math.ceil(abs(end_db - begin_db) / STEP_DB)
    length, before = glide.end_frame - glide.begin_frame, glide.begin_frame
    for step in range(1, count):
        gain = db_to_gain(begin_db + (end_db - begin_db) * step / count)
        frame = glide.begin_frame + round((gain - glide.begin) / (glide.end - glide.begin) * length)
        if min(frame - before, glide.end_frame - frame) > apart:
            yield frame, gain_to_db(glide.at(frame))
            before = frame
