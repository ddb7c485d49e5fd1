"""The desk: commands that move faders, pans, mutes, sends, insert parameters and bypasses. They edit the story."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.commands import (
    DEFAULT_RAMP_SECONDS,
    SetDuck,
    SetInsertBypass,
    SetInsertParam,
    SetLimiter,
    SetSendGain,
    SetStripGain,
    SetStripMute,
    SetStripPan,
    SetStripSolo,
    Turn,
)
from engine.errors import BadRange, NotReady, UnknownThing
from engine.events import (
    DuckChanged,
    Event,
    InsertBypassChanged,
    InsertParamChanged,
    LimiterChanged,
    SendGainChanged,
    StripGainChanged,
    StripMuteChanged,
    StripPanChanged,
    StripSoloChanged,
)
from engine.mixer.effects import EffectSpec, insert_spec
from engine.params import DUCK
from engine.plugins.facts import PluginFacts
from engine.realtime.records import Kind
from engine.session.context import Context
from engine.session.keeper import Keeper
from engine.session.orders import Records, order, set_limiter, together
from engine.story.edit import apply_edit
from engine.story.model import Effect, Strip
from engine.units import db_to_gain

BYPASS_SECONDS = 0.02
"""How long an insert takes to go out of the sound."""


class Desk:
    """Turns an edit into the new story, a journal line, an order to the mixer and an event, in this order."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def apply(self, command: Turn, at_frame: int | None, keeper: Keeper) -> Event:
        """Carry out one edit; any error leaves everything as it was."""
        context = self._context
        wanted, event = self.order(command, at_frame)
        story = apply_edit(context.story, command)
        keeper.append(command)
        context.turn(wanted)
        context.story = story
        return event

    def order(self, command: Turn, at_frame: int | None) -> tuple[Records, Event]:
        """Return what an edit asks of the mixer, and what it will have been. Raises UnknownThing, BadRange."""
        context = self._context
        if isinstance(command, SetLimiter):
            limiter_db = apply_edit(context.story, command).master.limiter_db
            return set_limiter(limiter_db, at_frame), LimiterChanged(limiter_db=limiter_db)
        index = context.strip(command.strip)
        match command:
            case SetStripGain(strip=strip, gain_db=gain_db, ramp_seconds=ramp):
                event: Event = StripGainChanged(strip=strip, gain_db=gain_db)
                fields = {"value": db_to_gain(gain_db), "ramp_frames": context.frames(ramp)}
                return order(Kind.SET_GAIN, at_frame, strip=index, **fields), event
            case SetStripPan(strip=strip, pan=pan, ramp_seconds=ramp):
                event = StripPanChanged(strip=strip, pan=pan)
                return order(Kind.SET_PAN, at_frame, strip=index, value=pan, ramp_frames=context.frames(ramp)), event
            case SetStripMute(strip=strip, mute=mute):
                return self._switch(Kind.SET_MUTE, index, mute, at_frame), StripMuteChanged(strip=strip, mute=mute)
            case SetStripSolo(strip=strip, solo=solo):
                return self._switch(Kind.SET_SOLO, index, solo, at_frame), StripSoloChanged(strip=strip, solo=solo)
            case SetSendGain():
                return self._send(command, index, at_frame)
            case SetInsertParam():
                return self._insert(command, index, at_frame)
            case SetInsertBypass():
                return self._bypass(command, index, at_frame)
            case SetDuck(strip=strip, knob=knob, value=value):
                event = DuckChanged(strip=strip, knob=knob, value=value)
                return order(Kind.SET_DUCK, at_frame, strip=index, param=duck_index(knob), value=value), event

    def _switch(self, kind: Kind, index: int, on: bool, at_frame: int | None) -> Records:
        return order(kind, at_frame, strip=index, value=float(on), ramp_frames=self._context.frames(0.005))

    def _send(self, command: SetSendGain, index: int, at_frame: int | None) -> tuple[Records, Event]:
        context = self._context
        sends = [s.to for s in context.story.strips()[command.strip].sends]
        if command.bus not in sends:
            raise UnknownThing(f"send of strip {command.strip!r}", command.bus, sends)
        fields = {"value": db_to_gain(command.gain_db), "ramp_frames": context.frames(command.ramp_seconds)}
        event = SendGainChanged(strip=command.strip, bus=command.bus, gain_db=command.gain_db)
        key = context.graph.strips[index].sends[sends.index(command.bus)].key
        return order(Kind.SET_SEND, at_frame, strip=index, index=key, **fields), event

    def _insert(self, command: SetInsertParam, index: int, at_frame: int | None) -> tuple[Records, Event]:
        story = self._context.story
        param, value = check_insert_param(story.strips()[command.strip], command, story.plugins)
        fields = {"value": value, "ramp_frames": self._context.frames(command.ramp_seconds)}
        event = InsertParamChanged(strip=command.strip, insert=command.insert, param=command.param, value=value)
        key = self._context.graph.strips[index].insert_keys[command.insert - 1]
        return order(Kind.SET_INSERT, at_frame, strip=index, index=key, param=param, **fields), event

    def _bypass(self, command: SetInsertBypass, index: int, at_frame: int | None) -> tuple[Records, Event]:
        strip = self._context.story.strips()[command.strip]
        check_insert(strip, command.strip, command.insert)
        key = self._context.graph.strips[index].insert_keys[command.insert - 1]
        fields = {"value": float(command.bypass), "ramp_frames": self._context.frames(BYPASS_SECONDS)}
        event = InsertBypassChanged(strip=command.strip, insert=command.insert, bypass=command.bypass)
        return order(Kind.SET_BYPASS, at_frame, strip=index, index=key, **fields), event


def duck_index(knob: str) -> int:
    """Return what records call a knob of ducking."""
    if knob not in DUCK or knob == "look_ahead_ms":
        raise UnknownThing("knob of ducking", knob, [name for name in DUCK if name != "look_ahead_ms"])
    return list(DUCK).index(knob)


def check_insert(strip: Strip, name: str, insert: int) -> None:
    """Raise BadRange if there is no such insert."""
    if not 1 <= insert <= len(strip.inserts):
        raise BadRange(f"strip {name!r} has {len(strip.inserts)} inserts; {insert} is not one of them")


def check_insert_param(strip: Strip, command: SetInsertParam, plugins: Mapping[str, PluginFacts]) -> tuple[int, float]:
    """Return the parameter's place in the effect's table and its checked value."""
    check_insert(strip, command.strip, command.insert)
    name = strip.inserts[command.insert - 1].effect
    effect = insert_spec(name, plugins)
    if effect.plugin is not None and effect.plugin.fault and not effect.params:
        raise NotReady(f"{command.strip} {name}: {effect.plugin.fault}")
    index = effect.param_index(command.param, name)
    return index, effect.params[command.param].spec.check(command.value, f"{command.strip} {name} {command.param}")


def levels(context: Context) -> Records:
    """Return the orders that set every level of the graph to the story's, for a mixer that may differ."""
    orders: list[Records] = []
    ramp = context.frames(DEFAULT_RAMP_SECONDS)
    for name, strip in context.story.strips().items():
        index = context.graph.index(name)
        where = {"strip": index, "ramp_frames": ramp}
        orders.append(order(Kind.SET_GAIN, value=db_to_gain(strip.gain_db), **where))
        orders.append(order(Kind.SET_PAN, value=strip.pan, **where))
        orders.append(order(Kind.SET_MUTE, value=float(strip.mute), **where))
        orders.append(order(Kind.SET_SOLO, value=float(strip.solo), **where))
        spec = context.graph.strips[index]
        for key, send in zip((s.key for s in spec.sends), strip.sends, strict=True):
            orders.append(order(Kind.SET_SEND, index=key, value=db_to_gain(send.gain_db), **where))
        if strip.duck is not None:
            knobs = [name for name in DUCK if name != "look_ahead_ms"]
            values = {duck_index(name): getattr(strip.duck, name) for name in knobs}
            orders.extend(order(Kind.SET_DUCK, param=p, value=v, strip=index) for p, v in values.items())
        for key, effect in zip(spec.insert_keys, strip.inserts, strict=True):
            orders.extend(_insert_levels(key, effect, context.graph.spec(effect.effect), where))
    orders.append(set_limiter(context.story.master.limiter_db))
    return together(*orders)


def _insert_levels(key: int, effect: Effect, spec: EffectSpec, where: dict[str, int]) -> Iterator[Records]:
    yield order(Kind.SET_BYPASS, index=key, value=float(effect.bypass), **where)
    for param, (name, knob) in enumerate(spec.params.items()):
        if spec.plugin is None or name in effect.params:  # where the others of a plug-in are, its state says
            value = effect.params.get(name, knob.spec.default)
            yield order(Kind.SET_INSERT, index=key, param=param, value=value, **where)
