"""The desk: commands that move faders, pans, mutes, sends, insert parameters and bypasses. They edit the story."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

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
from engine.errors import BadRange, EngineError, NotReady, UnknownThing
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
from engine.mixer.graph import Graph
from engine.params import DUCK
from engine.plugins.facts import PluginFacts
from engine.realtime.records import Kind
from engine.session.context import Context
from engine.session.keeper import Keeper
from engine.session.orders import Records, order, set_limiter, together
from engine.story.edit import apply_edit
from engine.story.model import Effect, Story, Strip
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

    def follow(self, commands: Iterable[Turn]) -> Iterator[str]:
        """Turn what was turned, and kept, before this story was played; yield what does not fit it."""
        context = self._context
        for command in commands:
            try:
                wanted, _ = self.order(command, None)
                story = apply_edit(context.story, command)
            except EngineError as error:
                yield str(error)
                continue
            context.turn(wanted)
            context.story = story

    def knobs(self, commands: Iterable[Turn]) -> Iterator[Knob]:
        """Yield which knobs of the mixer these turn, as far as they still can."""
        for command in commands:
            with contextlib.suppress(EngineError):
                (record,) = self.order(command, None)[0]
                yield Knob(Kind(record["kind"]), int(record["strip"]), int(record["index"]), int(record["param"]))

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


class Knob(NamedTuple):
    """What a record sets: a kind, a strip, its send's or insert's key, a parameter; 0 where there is none."""

    kind: Kind
    strip: int
    key: int = 0
    param: int = 0


def levels(story: Story, graph: Graph) -> dict[Knob, float]:
    """Return where every knob of a mixer that plays ``graph`` is, once it is where ``story`` says."""
    found: dict[Knob, float] = {}
    for name, strip in story.strips().items():
        index = graph.index(name)
        spec = graph.strips[index]
        found[Knob(Kind.SET_GAIN, index)] = db_to_gain(strip.gain_db)
        found[Knob(Kind.SET_PAN, index)] = strip.pan
        found[Knob(Kind.SET_MUTE, index)] = float(strip.mute)
        found[Knob(Kind.SET_SOLO, index)] = float(strip.solo)
        for key, send in zip((s.key for s in spec.sends), strip.sends, strict=True):
            found[Knob(Kind.SET_SEND, index, key)] = db_to_gain(send.gain_db)
        for knob in DUCK if strip.duck is not None else ():
            if knob != "look_ahead_ms":
                found[Knob(Kind.SET_DUCK, index, param=duck_index(knob))] = getattr(strip.duck, knob)
        for key, effect in zip(spec.insert_keys, strip.inserts, strict=True):
            found.update(_insert_levels(index, key, effect, graph.spec(effect.effect)))
    return found


def _insert_levels(strip: int, key: int, effect: Effect, spec: EffectSpec) -> Iterator[tuple[Knob, float]]:
    yield Knob(Kind.SET_BYPASS, strip, key), float(effect.bypass)
    for param, (name, knob) in enumerate(spec.params.items()):
        if spec.plugin is None or name in effect.params:  # where the others of a plug-in are, its state says
            yield Knob(Kind.SET_INSERT, strip, key, param), effect.params.get(name, knob.spec.default)


def turns(context: Context, before: Mapping[Knob, float]) -> Records:
    """Return the orders that turn a mixer's knobs from where they were ``before`` to where the story says.

    Knobs that it had not are told nothing: the graph that brings them says where they are.
    """
    orders: list[Records] = []
    ramp = context.frames(DEFAULT_RAMP_SECONDS)
    for knob, value in levels(context.story, context.graph).items():
        if knob in before and before[knob] != value:
            fields = {"strip": knob.strip, "index": knob.key, "param": knob.param, "ramp_frames": ramp}
            orders.append(order(knob.kind, value=value, **fields))
    return together(*orders)
