"""The desk: commands that move faders, pans, mutes, sends and insert parameters. They edit the story."""

from __future__ import annotations

from engine.commands import (
    DEFAULT_RAMP_SECONDS,
    Edit,
    SetInsertParam,
    SetSendGain,
    SetStripGain,
    SetStripMute,
    SetStripPan,
    SetStripSolo,
)
from engine.errors import BadRange, UnknownThing
from engine.events import (
    Event,
    InsertParamChanged,
    SendGainChanged,
    StripGainChanged,
    StripMuteChanged,
    StripPanChanged,
    StripSoloChanged,
)
from engine.mixer.effects import EFFECTS
from engine.realtime.records import Kind
from engine.session.context import Context
from engine.session.keeper import Keeper
from engine.session.orders import Records, order, set_limiter, together
from engine.story.edit import apply_edit
from engine.story.model import Strip
from engine.units import db_to_gain


class Desk:
    """Turns an edit into the new story, a journal line, an order to the mixer and an event, in this order."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def apply(self, command: Edit, at_frame: int | None, keeper: Keeper) -> Event:
        """Carry out one edit; any error leaves everything as it was."""
        context = self._context
        wanted, event = self._order(command, at_frame)
        story = apply_edit(context.story, command)
        keeper.append(command)
        context.push(wanted)
        context.story = story
        return event

    def _order(self, command: Edit, at_frame: int | None) -> tuple[Records, Event]:
        context = self._context
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

    def _switch(self, kind: Kind, index: int, on: bool, at_frame: int | None) -> Records:
        return order(kind, at_frame, strip=index, value=float(on), ramp_frames=self._context.frames(0.005))

    def _send(self, command: SetSendGain, index: int, at_frame: int | None) -> tuple[Records, Event]:
        sends = [s.to for s in self._context.story.strips()[command.strip].sends]
        if command.bus not in sends:
            raise UnknownThing(f"send of strip {command.strip!r}", command.bus, sends)
        fields = {"value": db_to_gain(command.gain_db), "ramp_frames": self._context.frames(command.ramp_seconds)}
        event = SendGainChanged(strip=command.strip, bus=command.bus, gain_db=command.gain_db)
        return order(Kind.SET_SEND, at_frame, strip=index, index=sends.index(command.bus), **fields), event

    def _insert(self, command: SetInsertParam, index: int, at_frame: int | None) -> tuple[Records, Event]:
        param, value = check_insert_param(self._context.story.strips()[command.strip], command)
        fields = {"value": value, "ramp_frames": self._context.frames(command.ramp_seconds)}
        event = InsertParamChanged(strip=command.strip, insert=command.insert, param=command.param, value=value)
        return order(Kind.SET_INSERT, at_frame, strip=index, index=command.insert - 1, param=param, **fields), event


def check_insert_param(strip: Strip, command: SetInsertParam) -> tuple[int, float]:
    """Return the parameter's place in the effect's table and its checked value."""
    if not 1 <= command.insert <= len(strip.inserts):
        raise BadRange(f"strip {command.strip!r} has {len(strip.inserts)} inserts; {command.insert} is not one of them")
    name = strip.inserts[command.insert - 1].effect
    effect = EFFECTS[name]
    index = effect.param_index(command.param, name)
    return index, effect.params[command.param].spec.check(command.value, f"{command.strip} {name} {command.param}")


def levels(context: Context) -> Records:
    """Return the orders that set every level of the graph to the story's, for a mixer that may differ."""
    orders: list[Records] = []
    ramp = context.frames(DEFAULT_RAMP_SECONDS)
    for name, strip in context.story.strips().items():
        where = {"strip": context.graph.index(name), "ramp_frames": ramp}
        orders.append(order(Kind.SET_GAIN, value=db_to_gain(strip.gain_db), **where))
        orders.append(order(Kind.SET_PAN, value=strip.pan, **where))
        orders.append(order(Kind.SET_MUTE, value=float(strip.mute), **where))
        orders.append(order(Kind.SET_SOLO, value=float(strip.solo), **where))
        orders.extend(
            order(Kind.SET_SEND, index=i, value=db_to_gain(s.gain_db), **where) for i, s in enumerate(strip.sends)
        )
        orders.extend(
            order(Kind.SET_INSERT, index=i, param=p, value=effect.params.get(name, param.spec.default), **where)
            for i, effect in enumerate(strip.inserts)
            for p, (name, param) in enumerate(EFFECTS[effect.effect].params.items())
        )
    orders.append(set_limiter(context.story.master.limiter_db))
    return together(*orders)
