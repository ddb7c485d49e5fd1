"""Edits: a story and a command give a new story. Nothing here changes a value or touches the outside."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import cast, get_args

from msgspec.structs import replace

from engine.commands import (
    AddCueMessage,
    ClearAutomation,
    Edit,
    RecallSnapshot,
    RemoveCueMessage,
    RemovePoint,
    RemoveSnapshot,
    RemoveTempo,
    RenumberCue,
    SetClip,
    SetCue,
    SetDuck,
    SetInsertBypass,
    SetInsertParam,
    SetLimiter,
    SetPoint,
    SetSendGain,
    SetSlot,
    SetStripGain,
    SetStripMute,
    SetStripPan,
    SetStripSolo,
    SetTempo,
    StoreSnapshot,
)
from engine.edits import ChangeStory
from engine.errors import BadRange, BadType, NotReady, StoryError, UnknownThing
from engine.params import DUCK, FADER, LIMITER, PAN, ParamSpec
from engine.plugins.facts import is_plugin, plugin_name
from engine.story.change import apply_change
from engine.story.cue_messages import edit_messages
from engine.story.fitting import check_frame
from engine.story.lanes import nearest_point, with_point, without_lane, without_point
from engine.story.model import At, Curve, Effect, Point, Story, Strip
from engine.story.properties import renumber_cue, set_properties
from engine.story.restructure import rebuild
from engine.story.rules import ANY_NUMBER
from engine.story.snapshots import recall_turns, remove_snapshot, scenes_of, store_snapshot
from engine.story.strips import with_strip
from engine.story.tempo_edits import edit_tempo

EffectTable = Mapping[str, Mapping[str, ParamSpec]]
"""What each effect can be told: parameter specs by effect and parameter name."""


def apply_edit(story: Story, command: Edit, effects: EffectTable | None = None) -> Story:
    """Return the story with the edit in it.

    effects: checks an insert's parameter name and range where given.
    Raises UnknownThing, BadRange or BadType; never changes anything in part.
    """
    match command:
        case SetStripGain(strip=strip, gain_db=gain_db):
            return set_strip_gain(story, strip, gain_db)
        case SetStripPan(strip=strip, pan=pan):
            return set_strip_pan(story, strip, pan)
        case SetStripMute(strip=strip, mute=mute):
            return set_strip_mute(story, strip, mute)
        case SetStripSolo(strip=strip, solo=solo):
            return set_strip_solo(story, strip, solo)
        case SetSendGain(strip=strip, bus=bus, gain_db=gain_db):
            return set_send_gain(story, strip, bus, gain_db)
        case SetInsertParam(strip=strip, insert=insert, param=param, value=value):
            return set_insert_param(story, strip, insert, param, value, effects)
        case SetInsertBypass(strip=strip, insert=insert, bypass=bypass):
            return set_insert_bypass(story, strip, insert, bypass)
        case SetDuck(strip=strip, knob=knob, value=value):
            return set_duck(story, strip, knob, value)
        case SetLimiter(limiter=limiter, ceiling_db=ceiling_db):
            return set_limiter(story, limiter, ceiling_db)
        case SetPoint(strip=strip):
            if command.curve not in get_args(Curve):
                raise UnknownThing("curve", command.curve, get_args(Curve))
            curve, at = cast(Curve, command.curve), At(frame=max(0, command.timeline_frame))
            for problem in check_frame((strip,), at, story.sample_rate):
                raise BadRange(f"{strip} {command.target}: {problem.text}")
            point = Point(at=at, value=command.value, curve=curve)
            return with_strip(story, strip, lambda s: with_point(s, strip, command.target, point, effects))
        case RemovePoint(strip=strip, target=target, timeline_frame=frame):
            found = nearest_point(story, strip, target, frame)
            return with_strip(story, strip, lambda s: without_point(s, target, found))
        case ClearAutomation(strip=strip, target=target):
            return with_strip(story, strip, lambda s: without_lane(s, strip, target))
        case AddCueMessage() | RemoveCueMessage():
            return edit_messages(story, command)
        case RenumberCue():
            return renumber_cue(story, command)
        case SetTempo() | RemoveTempo():
            return edit_tempo(story, command)
        case SetCue() | SetSlot() | SetClip():
            return set_properties(story, command)
        case StoreSnapshot(snapshot=snapshot, scenes=scenes):
            return store_snapshot(story, snapshot, scenes_of(story, effects) if scenes is None else scenes)
        case RemoveSnapshot(snapshot=snapshot):
            return remove_snapshot(story, snapshot)
        case RecallSnapshot(snapshot=snapshot, fade_seconds=fade_seconds):
            return recall_snapshot(story, snapshot, fade_seconds, effects)
        case ChangeStory():
            return apply_change(story, command)
        case _:
            return rebuild(story, command)


def set_strip_gain(story: Story, strip: str, gain_db: float) -> Story:
    """Return the story with a fader at ``gain_db``."""
    level = FADER.check(gain_db, f"{strip} gain_db")
    return with_strip(story, strip, lambda s: replace(s, gain_db=level))


def set_strip_pan(story: Story, strip: str, pan: float) -> Story:
    """Return the story with a strip panned to ``pan``."""
    place = PAN.check(pan, f"{strip} pan")
    return with_strip(story, strip, lambda s: replace(s, pan=place))


def set_strip_mute(story: Story, strip: str, mute: bool) -> Story:
    """Return the story with a strip muted or open."""
    return with_strip(story, strip, lambda s: replace(s, mute=_switch(mute, f"{strip} mute")))


def set_strip_solo(story: Story, strip: str, solo: bool) -> Story:
    """Return the story with a strip soloed or not."""
    return with_strip(story, strip, lambda s: replace(s, solo=_switch(solo, f"{strip} solo")))


def set_send_gain(story: Story, strip: str, bus: str, gain_db: float) -> Story:
    """Return the story with one of the strip's sends at ``gain_db``; a send that is not there is UnknownThing."""
    level = FADER.check(gain_db, f"{strip} send {bus}")

    def change(old: Strip) -> Strip:
        if bus not in (known := [s.to for s in old.sends]):
            raise UnknownThing(f"send of strip {strip!r}", bus, known)
        return replace(old, sends=tuple(replace(s, gain_db=level) if s.to == bus else s for s in old.sends))

    return with_strip(story, strip, change)


def set_insert_param(
    story: Story, strip: str, insert: int, param: str, value: float, effects: EffectTable | None = None
) -> Story:
    """Return the story with one parameter of the strip's ``insert`` (counted from 1) set, in the parameter's unit."""

    def change(effect: Effect) -> Effect:
        number = _param_spec(effect.effect, param, effects).check(value, f"{strip} {effect.effect} {param}")
        return replace(effect, params={**effect.params, param: number})

    return _with_changed_insert(story, strip, insert, change)


def set_insert_bypass(story: Story, strip: str, insert: int, bypass: bool) -> Story:
    """Return the story with the strip's ``insert`` (counted from 1) taken out of the sound or let in."""
    switch = _switch(bypass, f"{strip} insert {insert} bypass")
    return _with_changed_insert(story, strip, insert, lambda effect: replace(effect, bypass=switch))


def recall_snapshot(story: Story, snapshot: str, fade_seconds: float, effects: EffectTable | None = None) -> Story:
    """Return the story with a snapshot's mix; what does not fit it any more stays as it is."""
    for turn in recall_turns(story, snapshot, fade_seconds, effects):
        with contextlib.suppress(UnknownThing, BadRange, NotReady):
            story = apply_edit(story, turn, effects)
    return story


def set_duck(story: Story, strip: str, knob: str, value: float) -> Story:
    """Return the story with one knob of a strip's ducking turned."""

    def change(old: Strip) -> Strip:
        if old.duck is None:
            raise StoryError(f"strip {strip!r} is ducked by nothing; let a track duck it first")
        if knob not in DUCK:
            raise UnknownThing("knob of ducking", knob, DUCK)
        number = DUCK[knob].check(value, f"{strip} duck {knob}")
        return replace(old, duck=replace(old.duck, **{knob: number}))

    return with_strip(story, strip, change)


def set_limiter(story: Story, limiter: bool | None = None, ceiling_db: float | None = None) -> Story:
    """Return the story with the master's limiter on or off, and at ``ceiling_db`` (dBTP); what is None stays."""
    master = story.master
    on = master.limiter_db is not None if limiter is None else _switch(limiter, "limiter")
    ceiling = master.ceiling_db if ceiling_db is None else LIMITER.check(ceiling_db, "limiter ceiling_db")
    if on:
        return replace(story, master=replace(master, limiter_db=ceiling, limiter_on_db=LIMITER.default))
    return replace(story, master=replace(master, limiter_db=None, limiter_on_db=ceiling))


def _with_changed_insert(story: Story, strip: str, insert: int, change: Callable[[Effect], Effect]) -> Story:
    def changed(old: Strip) -> Strip:
        if not 1 <= insert <= len(old.inserts):
            raise UnknownThing(f"insert of strip {strip!r}", insert, range(1, len(old.inserts) + 1))
        effect = change(old.inserts[insert - 1])
        return replace(old, inserts=(*old.inserts[: insert - 1], effect, *old.inserts[insert:]))

    return with_strip(story, strip, changed)


def _param_spec(effect: str, param: str, effects: EffectTable | None) -> ParamSpec:
    if effects is None:
        return ANY_NUMBER
    if is_plugin(effect) and effect not in effects:
        raise NotReady(f"plug-in {plugin_name(effect)!r} is not here, so nobody knows its parameters")
    if effect not in effects:
        raise UnknownThing("effect", effect, effects)
    if param not in effects[effect]:
        raise UnknownThing(f"parameter of {effect}", param, effects[effect])
    return effects[effect][param]


def _switch(value: bool, name: str) -> bool:
    if not isinstance(value, bool):
        raise BadType(f"{name}: expected true or false, got {value!r}")
    return value
