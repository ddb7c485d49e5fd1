"""Edits that change the mix itself: strips, inserts, sends. A story and a command give a new story."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from engine.commands import (
    AddBus,
    AddDuck,
    AddInsert,
    AddSend,
    AddTrack,
    MoveInsert,
    Rebuild,
    RemoveBus,
    RemoveDuck,
    RemoveInsert,
    RemoveSend,
    RemoveTrack,
    SetDuckLookAhead,
    SetInsertState,
    UseMix,
)
from engine.errors import BadRange, BadType, StoryError, UnknownThing
from engine.params import DUCK, FADER
from engine.plugins.facts import is_plugin
from engine.story.fitting import check_private_sends, check_prompter_bus
from engine.story.lanes import renumbered
from engine.story.mix import apply_mix
from engine.story.model import MASTER, Bus, CueTarget, Duck, Effect, PlayClip, Send, SpeakLine, Story, Strip, Track
from engine.story.problems import story_error
from engine.story.rules import check_id, state_is_whole
from engine.story.scenes import follow_inserts
from engine.story.strips import with_strip
from engine.story.timeline import dependencies


def rebuild(story: Story, command: Rebuild) -> Story:
    """Return the story with the edit in it; raises an EngineError that names what is wrong, never changes in part.

    Names and ranges of effects are for whoever builds the mix to check, and so are rings of sends.
    """
    changed = _rebuilt(story, command)
    if isinstance(command, AddSend | RemoveBus | UseMix):
        problems = (*check_private_sends(changed), *check_prompter_bus(changed))
        if problems:
            raise story_error("story", problems)
    return changed


def _rebuilt(story: Story, command: Rebuild) -> Story:
    match command:
        case AddInsert(strip=strip, effect=effect, position=position):
            changed = with_strip(story, strip, lambda s: _with_insert(s, strip, Effect(effect=effect), position))
            return changed if position is None else _renumbered(changed, strip, partial(_after_new, at=position))
        case RemoveInsert(strip=strip, insert=insert):
            changed = with_strip(story, strip, lambda s: _without_insert(s, strip, insert)[0])
            return _renumbered(changed, strip, partial(_after_gone, gone=insert))
        case MoveInsert(strip=strip, insert=insert, position=position):
            changed = with_strip(story, strip, lambda s: _with_moved(s, strip, insert, position))
            return _renumbered(changed, strip, partial(_after_moved, insert=insert, position=position))
        case SetInsertState(strip=strip, insert=insert, state=state):
            return with_strip(story, strip, lambda s: _with_state(s, strip, insert, state))
        case AddSend(strip=strip, bus=bus, gain_db=gain_db):
            return _add_send(story, strip, bus, gain_db)
        case RemoveSend(strip=strip, bus=bus):
            return with_strip(story, strip, lambda s: _without_send(s, strip, bus))
        case AddTrack(track=track, voice=voice):
            _check_new(story, "track", track)
            return replace(story, tracks=(*story.tracks, Track(id=track, voice=voice)))
        case RemoveTrack(track=track):
            return _remove_track(story, track)
        case AddBus(bus=bus):
            _check_new(story, "bus", bus)
            return replace(story, buses=(*story.buses, Bus(id=bus)))
        case RemoveBus(bus=bus):
            return _remove_bus(story, bus)
        case UseMix(mix=mix):
            known = {each.id for each in story.buses}
            for each in mix.buses:
                if each.id not in known:
                    _check_new(story, "bus", each.id)
            return apply_mix(story, mix)
        case AddDuck(strip=strip, by=by):
            return with_strip(story, strip, lambda s: _with_key(s, strip, by))
        case RemoveDuck(strip=strip, by=by):
            return with_strip(story, strip, lambda s: _without_key(s, strip, by))
        case SetDuckLookAhead(strip=strip, look_ahead_ms=look_ahead_ms):
            number = DUCK["look_ahead_ms"].check(look_ahead_ms, f"{strip} look_ahead_ms")
            return with_strip(story, strip, lambda s: replace(s, duck=replace(_duck(s, strip), look_ahead_ms=number)))


def _duck(strip: Strip, name: str) -> Duck:
    if strip.duck is None:
        raise StoryError(f"strip {name!r} is ducked by nothing; let a track duck it first")
    return strip.duck


def _with_key(strip: Strip, name: str, by: str) -> Strip:
    if strip.duck is None:
        return replace(strip, duck=Duck(by=(by,)))
    if by in strip.duck.by:
        raise StoryError(f"strip {name!r} is ducked by {by!r} already")
    return replace(strip, duck=replace(strip.duck, by=(*strip.duck.by, by)))


def _without_key(strip: Strip, name: str, by: str) -> Strip:
    duck = _duck(strip, name)
    if by not in duck.by:
        raise UnknownThing(f"track that ducks strip {name!r}", by, duck.by)
    keys = tuple(key for key in duck.by if key != by)
    return replace(strip, duck=replace(duck, by=keys) if keys else None)


def _with_insert(strip: Strip, name: str, effect: Effect, position: int | None) -> Strip:
    count = len(strip.inserts)
    at = count + 1 if position is None else position
    if not 1 <= at <= count + 1:
        raise BadRange(f"strip {name!r} has {count} inserts; a new one goes to 1 to {count + 1}, not to {at}")
    return replace(strip, inserts=(*strip.inserts[: at - 1], effect, *strip.inserts[at - 1 :]))


def _without_insert(strip: Strip, name: str, insert: int) -> tuple[Strip, Effect]:
    if not 1 <= insert <= len(strip.inserts):
        raise UnknownThing(f"insert of strip {name!r}", insert, range(1, len(strip.inserts) + 1))
    rest = (*strip.inserts[: insert - 1], *strip.inserts[insert:])
    return replace(strip, inserts=rest), strip.inserts[insert - 1]


def _with_moved(strip: Strip, name: str, insert: int, position: int) -> Strip:
    rest, effect = _without_insert(strip, name, insert)
    return _with_insert(rest, name, effect, position)


def _after_new(number: int, at: int) -> int:
    return number + (number >= at)


def _after_gone(number: int, gone: int) -> int | None:
    return None if number == gone else number - (number > gone)


def _after_moved(number: int, insert: int, position: int) -> int:
    rest = _after_gone(number, insert)
    return position if rest is None else _after_new(rest, position)


def _renumbered(story: Story, strip: str, place: Callable[[int], int | None]) -> Story:
    """Return the story with automation and snapshots of a strip following its inserts."""
    return follow_inserts(with_strip(story, strip, lambda s: renumbered(s, place)), strip, place)


def _with_state(strip: Strip, name: str, insert: int, state: str) -> Strip:
    if not 1 <= insert <= len(strip.inserts):
        raise UnknownThing(f"insert of strip {name!r}", insert, range(1, len(strip.inserts) + 1))
    old = strip.inserts[insert - 1]
    if not is_plugin(old.effect):
        raise BadType(f"insert {insert} of strip {name!r} is {old.effect}; only a plug-in has a state of its own")
    if not state_is_whole(state):
        raise BadType(f"{name} insert {insert} state: expected base64 text")
    changed = replace(old, state=state, params={})
    return replace(strip, inserts=(*strip.inserts[: insert - 1], changed, *strip.inserts[insert:]))


def _add_send(story: Story, strip: str, bus: str, gain_db: float) -> Story:
    buses = [b.id for b in story.buses]
    if bus not in buses:
        raise UnknownThing("bus", bus, buses)
    if strip == MASTER:
        raise StoryError("the master sends to no bus")
    level = FADER.check(gain_db, f"{strip} send {bus}")

    def change(old: Strip) -> Strip:
        if any(send.to == bus for send in old.sends):
            raise StoryError(f"strip {strip!r} sends to bus {bus!r} already")
        return replace(old, sends=(*old.sends, Send(to=bus, gain_db=level)))

    return with_strip(story, strip, change)


def _without_send(strip: Strip, name: str, bus: str) -> Strip:
    if bus not in (known := [send.to for send in strip.sends]):
        raise UnknownThing(f"send of strip {name!r}", bus, known)
    lanes = tuple(lane for lane in strip.automation if lane.target != f"send.{bus}")
    return replace(strip, sends=tuple(send for send in strip.sends if send.to != bus), automation=lanes)


def _check_new(story: Story, kind: str, name: str) -> None:
    for problem in check_id((), kind, name):
        raise StoryError(f"{kind}: {problem.text}")
    if name in story.strips():
        raise StoryError(f"{kind}: there is a strip {name!r} already; each needs its own id")


def _remove_track(story: Story, name: str) -> Story:
    tracks = {track.id: track for track in story.tracks}
    if name not in tracks:
        raise UnknownThing("track", name, tracks)
    clips = {clip.id for clip in tracks[name].clips}
    cues = (cue for each in story.cue_lists().values() for cue in each)
    users = [f"cue {c.id}" for c in cues if c.bus == name or _needs(c.target, name, clips)]
    users += [f"slot {s.bank}/{s.index}" for s in story.slots if _needs(s.target, name, clips)]
    waiting = dependencies(story)
    users += [f"clip {clip}" for clip, before in waiting.items() if clip not in clips and before in clips]
    users += [f"marker {m.id}" for m in story.markers if getattr(m.at, "clip", None) in clips]
    if users:
        raise StoryError(f"track {name!r} is needed by {', '.join(users[:5])}{' …' if len(users) > 5 else ''}")
    for strip_id, strip in story.strips().items():
        if strip.duck is not None and name in strip.duck.by:
            story = with_strip(story, strip_id, partial(_without_key, name=strip_id, by=name))
    return replace(story, tracks=tuple(track for track in story.tracks if track.id != name))


def _needs(target: CueTarget, track: str, clips: set[str]) -> bool:
    match target:
        case PlayClip(clip=clip):
            return clip in clips
        case SpeakLine(track=its_track):
            return its_track == track
    return False


def _remove_bus(story: Story, name: str) -> Story:
    buses = [bus.id for bus in story.buses]
    if name not in buses:
        raise UnknownThing("bus", name, buses)
    users = [f"cue {cue.id}" for each in story.cue_lists().values() for cue in each if cue.bus == name]
    if users:
        raise StoryError(f"bus {name!r} is needed by {', '.join(users[:5])}{' …' if len(users) > 5 else ''}")
    for strip_id, strip in story.strips().items():
        if any(send.to == name for send in strip.sends):
            story = with_strip(story, strip_id, partial(_without_send, name=strip_id, bus=name))
    return replace(story, buses=tuple(bus for bus in story.buses if bus.id != name))
