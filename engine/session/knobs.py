"""Knobs: what commands turn, and where a strip's knobs stand."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

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
from engine.mixer.effects import effect_specs, insert_spec
from engine.story.edit import apply_edit
from engine.story.equip import insert_specs
from engine.story.model import MASTER, Effect, Story, Strip
from engine.story.snapshots import recall_turns


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


def in_gain(target: str) -> bool:
    """Return whether a knob is in decibels, of which the mixer has the amplitude."""
    return target == "gain_db" or target.startswith("send.")


def value_of(story: Story, strip: str, target: str) -> float | None:
    """Return where a knob stands, None when the strip has no such knob."""
    of = _of(story, strip)
    match target.split("."):
        case ["gain_db"]:
            return of.gain_db
        case ["pan"]:
            return of.pan
        case ["send", bus]:
            return {send.to: send.gain_db for send in of.sends}.get(bus)
        case ["insert", number, param] if 0 < int(number) <= len(of.inserts):
            return _param(story, of.inserts[int(number) - 1], param)
    return None


def has_knob(story: Story, strip: str, target: str) -> bool:
    """Return whether a story has such a strip, and that such a knob."""
    return strip in story.strips() and value_of(story, strip, target) is not None


def with_value(strip: Strip, target: str, value: float) -> Strip:
    """Return a strip with one of its knobs standing elsewhere."""
    match target.split("."):
        case ["gain_db"]:
            return replace(strip, gain_db=value)
        case ["pan"]:
            return replace(strip, pan=value)
        case ["send", bus]:
            return replace(strip, sends=tuple(replace(s, gain_db=value) if s.to == bus else s for s in strip.sends))
        case ["insert", number, param]:
            inserts = list(strip.inserts)
            turned = inserts[int(number) - 1]
            inserts[int(number) - 1] = replace(turned, params={**turned.params, param: value})
            return replace(strip, inserts=tuple(inserts))
    return strip


def _of(story: Story, strip: str) -> Strip:
    return story.strips().get(strip, Strip())


def _param(story: Story, effect: Effect, param: str) -> float | None:
    """Return what an insert's parameter is set to, None when it has none of that name."""
    known = insert_spec(effect.effect, story.plugins).params.get(param)
    return None if known is None else effect.params.get(param, known.spec.default)
