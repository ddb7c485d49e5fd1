"""Mix presets: inserts, sends and buses for any story. Pure: a preset and a story give a new story."""

from __future__ import annotations

from fnmatch import fnmatchcase

import msgspec
from msgspec.structs import replace

from engine.story.model import Bus, Effect, Send, Story, Strip, Track
from engine.story.scenes import follow_inserts


class MixRule(msgspec.Struct, frozen=True, kw_only=True):
    """What tracks get whose id matches one of ``match`` (``*`` stands for anything). None: they keep what they have.

    sends: gain in dB by bus; a track keeps its other sends.
    """

    match: tuple[str, ...] = ("*",)
    inserts: tuple[Effect, ...] | None = None
    sends: dict[str, float] = {}
    gain_db: float | None = None
    pan: float | None = None


class Mix(msgspec.Struct, frozen=True, kw_only=True):
    """One preset. tracks: the first rule that matches counts. buses: those that the story lacks are added, the others
    get these inserts and sends. limiter_db: None leaves the master's ceiling as it is.
    """

    id: str
    name: str = ""
    about: str = ""
    tracks: tuple[MixRule, ...] = ()
    buses: tuple[Bus, ...] = ()
    master_inserts: tuple[Effect, ...] | None = None
    limiter_db: float | None = None


def apply_mix(story: Story, mix: Mix) -> Story:
    """Return the story with the preset in its strips; clips, cues, mutes and solos stay as they are."""
    buses = {bus.id: bus for bus in story.buses}
    for preset in mix.buses:
        old = buses.get(preset.id)
        buses[preset.id] = preset if old is None else replace(old, strip=_merged(old.strip, preset.strip))
    master = story.master
    if mix.master_inserts is not None:
        master = replace(master, strip=_with_inserts(master.strip, mix.master_inserts))
    if mix.limiter_db is not None:
        master = replace(master, limiter_db=mix.limiter_db)
    tracks = tuple(_ruled(track, mix.tracks) for track in story.tracks)
    return _without_lost(story, replace(story, tracks=tracks, buses=tuple(buses.values()), master=master))


def _without_lost(before: Story, story: Story) -> Story:
    """Return the story without what snapshots say of inserts that a strip no longer has."""
    strips = before.strips()
    for name, strip in story.strips().items():
        if name in strips and not _same_effects(strips[name].inserts, strip.inserts):
            story = follow_inserts(story, name, lambda _: None)
    return story


def _merged(strip: Strip, preset: Strip) -> Strip:
    strip = _with_inserts(strip, preset.inserts)
    return replace(strip, sends=_sends(strip, {s.to: s.gain_db for s in preset.sends}))


def _with_inserts(strip: Strip, inserts: tuple[Effect, ...]) -> Strip:
    """Return the strip with other inserts; lanes of those before have lost their knobs, unless they are the same."""
    lanes = strip.automation
    if not _same_effects(strip.inserts, inserts):
        lanes = tuple(lane for lane in lanes if not lane.target.startswith("insert."))
    return replace(strip, inserts=inserts, automation=lanes)


def _same_effects(inserts: tuple[Effect, ...], others: tuple[Effect, ...]) -> bool:
    return [insert.effect for insert in inserts] == [other.effect for other in others]


def _ruled(track: Track, rules: tuple[MixRule, ...]) -> Track:
    rule = next((r for r in rules if any(fnmatchcase(track.id, m) for m in r.match)), None)
    if rule is None:
        return track
    strip = replace(track.strip, sends=_sends(track.strip, rule.sends))
    if rule.inserts is not None:
        strip = _with_inserts(strip, rule.inserts)
    if rule.gain_db is not None:
        strip = replace(strip, gain_db=rule.gain_db)
    if rule.pan is not None:
        strip = replace(strip, pan=rule.pan)
    return replace(track, strip=strip)


def _sends(strip: Strip, wanted: dict[str, float]) -> tuple[Send, ...]:
    levels = {**{s.to: s.gain_db for s in strip.sends}, **wanted}
    return tuple(Send(to=bus, gain_db=gain_db) for bus, gain_db in levels.items())
