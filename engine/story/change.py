"""Changes: what is different between two stories, small however long they are, to be done, undone and written down.

Only what a history is made of counts: levels that are turned while the story plays are left as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, cast, get_type_hints

import msgspec
from msgspec.structs import replace

from engine.edits import ChangeStory, ChannelChange, Splice
from engine.errors import StoryError
from engine.story.difference import moved
from engine.story.model import MASTER, Bus, Clip, Duck, Master, Story, Strip, Track

Channel = Track | Bus | Master
Kind = TypeVar("Kind", Track, Bus, Master)

_STORY_FIELDS = ("title", "tempo", "cues", "cuelists", "slots", "markers", "snapshots", "pronounce", "prompter")
_CHANNEL_FIELDS = ("name", "voice", "overlap", "private", "limiter_db", "limiter_on_db")
_STRIP_FIELDS = ("gain_db", "pan", "mute", "solo", "inserts", "sends", "duck", "automation")


def change_between(before: Story, after: Story) -> ChangeStory:
    """Return what makes ``after`` of ``before``; what both share is compared by looking, not by reading."""
    fields = {
        name: encoded(getattr(after, name))
        for name in _STORY_FIELDS
        if getattr(before, name) is not getattr(after, name) and getattr(before, name) != getattr(after, name)
    }
    master = channel_change(MASTER, before.master, after.master)
    return ChangeStory(
        order=_order(before.tracks, after.tracks),
        bus_order=_order(before.buses, after.buses),
        tracks=tuple(_channels(before.tracks, after.tracks)),
        buses=tuple(_channels(before.buses, after.buses)),
        master=master,
        fields=fields,
    )


def is_empty(change: ChangeStory) -> bool:
    """Return whether a change changes nothing."""
    orders = change.order is None and change.bus_order is None
    return orders and not (change.tracks or change.buses or change.master or change.fields)


def apply_change(story: Story, change: ChangeStory) -> Story:
    """Return the story with a change in it. Raises StoryError when it was made of another story."""
    try:
        fields = {name: _decoded(Story, name, raw) for name, raw in change.fields.items()}
        return replace(
            story,
            tracks=_with_channels(story.tracks, change.order, change.tracks, lambda id: Track(id=id)),
            buses=_with_channels(story.buses, change.bus_order, change.buses, lambda id: Bus(id=id)),
            master=story.master if change.master is None else _changed(story.master, change.master),
            **fields,
        )
    except (KeyError, IndexError, msgspec.MsgspecError) as error:
        raise StoryError(f"the edit {change.name!r} was made on another story: {error}") from error


def touched(change: ChangeStory, undo: ChangeStory) -> frozenset[str]:
    """Return what a change and its opposite touch, in words: ``clip k1``, ``track ann``, ``markers``."""
    things = {f"track {t.id}" for c in (change, undo) for t in c.tracks if t.fields or t.new}
    things |= {f"bus {b.id}" for c in (change, undo) for b in c.buses}
    things |= {MASTER} if change.master else set()
    things |= {f"clip {clip}" for clip in changed_clips(change, undo)}
    return frozenset(things | set(change.fields))


def changed_clips(change: ChangeStory, undo: ChangeStory) -> tuple[str, ...]:
    """Return the clips that a change, or its opposite, brings or makes otherwise."""
    splices = (splice for c in (change, undo) for t in c.tracks for splice in t.splices)
    return tuple(dict.fromkeys(clip.id for splice in splices for clip in splice.clips))


def story_digest(story: Story) -> str:
    """Return a digest of what a story is, without levels, which are turned live."""
    level = Strip()
    still = {"gain_db": level.gain_db, "pan": level.pan, "mute": level.mute, "solo": level.solo}

    def settled(strip: Strip) -> Strip:
        sends = tuple(replace(send, gain_db=0.0) for send in strip.sends)
        inserts = tuple(replace(insert, params={}, bypass=False) for insert in strip.inserts)
        duck = None if strip.duck is None else Duck(by=strip.duck.by, look_ahead_ms=strip.duck.look_ahead_ms)
        return replace(strip, sends=sends, inserts=inserts, duck=duck, **still)

    bare = replace(
        story,
        tracks=tuple(replace(track, strip=settled(track.strip)) for track in story.tracks),
        buses=tuple(replace(bus, strip=settled(bus.strip)) for bus in story.buses),
        master=replace(story.master, strip=settled(story.master.strip)),
        plugins={},
        midi=(),
    )
    return hashlib.blake2b(msgspec.json.encode(bare), digest_size=8).hexdigest()


def _order(before: Sequence[Track | Bus], after: Sequence[Track | Bus]) -> tuple[str, ...] | None:
    ids = tuple(each.id for each in after)
    return None if ids == tuple(each.id for each in before) else ids


def _channels(before: Sequence[Kind], after: Sequence[Kind]) -> Iterator[ChannelChange]:
    known = {cast(Any, each).id: each for each in before}
    for each in after:
        name = cast(Any, each).id
        if known.get(name) is not each:
            change = channel_change(name, known.get(name), each)
            if change is not None:
                yield change


def channel_change(name: str, before: Channel | None, after: Channel) -> ChannelChange | None:
    """Return how ``after`` differs (from nothing: from a new one); None: it does not."""
    if before is after:
        return None
    old = before or _blank(after)
    pairs = [(key, getattr(old, key), getattr(after, key)) for key in _CHANNEL_FIELDS if hasattr(after, key)]
    if old.strip is not after.strip:
        pairs += [(f"strip.{key}", getattr(old.strip, key), getattr(after.strip, key)) for key in _STRIP_FIELDS]
    fields = {key: encoded(new) for key, was, new in pairs if was is not new and was != new}
    splices: tuple[Splice, ...] = ()
    if isinstance(old, Track) and isinstance(after, Track) and old.clips is not after.clips:
        splices = tuple(_splices(old.clips, after.clips))
    if before is not None and not fields and not splices:
        return None
    return ChannelChange(id=name, new=before is None, fields=fields, splices=splices)


def _blank(channel: Channel) -> Channel:
    match channel:
        case Track(id=name):
            return Track(id=name)
        case Bus(id=name):
            return Bus(id=name)
        case Master():
            return Master()


def _splices(before: tuple[Clip, ...], after: tuple[Clip, ...]) -> Iterator[Splice]:
    """Iterate over the places that differ, the last one first: single clips where there are as many as before."""
    move = moved(before, after)
    if move is not None:
        begin, end = move
        clip = before[begin]
        leave = Splice(at=begin, gone=(clip.id,), clips=())
        yield from (
            (leave, Splice(at=end, gone=(), clips=(clip,)))
            if begin > end
            else (
                Splice(at=end + 1, gone=(), clips=(clip,)),
                leave,
            )
        )
        return
    if len(before) == len(after):
        for at in reversed(range(len(after))):
            if before[at] is not after[at] and before[at] != after[at]:
                yield Splice(at=at, gone=(before[at].id,), clips=(after[at],))
        return
    shorter = min(len(before), len(after))
    head = next((i for i in range(shorter) if before[i] is not after[i]), shorter)
    rest = shorter - head
    tail = next((i for i in range(rest) if before[-1 - i] is not after[-1 - i]), rest)
    gone = tuple(clip.id for clip in before[head : len(before) - tail])
    yield Splice(at=head, gone=gone, clips=after[head : len(after) - tail])


def _with_channels(
    channels: tuple[Kind, ...],
    order: tuple[str, ...] | None,
    changes: tuple[ChannelChange, ...],
    new: Callable[[str], Kind],
) -> tuple[Kind, ...]:
    if order is None and not changes:
        return channels
    things: dict[str, Kind] = {cast(Any, each).id: each for each in channels}
    for change in changes:
        things[change.id] = _changed(new(change.id) if change.new else things[change.id], change)
    return tuple(things[name] for name in (things if order is None else order))


def _changed(channel: Kind, change: ChannelChange) -> Kind:
    plain = {key: raw for key, raw in change.fields.items() if not key.startswith("strip.")}
    fields: dict[str, object] = {key: _decoded(type(channel), key, raw) for key, raw in plain.items()}
    turned = {key[6:]: raw for key, raw in change.fields.items() if key.startswith("strip.")}
    if turned:
        fields["strip"] = replace(channel.strip, **{key: _decoded(Strip, key, raw) for key, raw in turned.items()})
    if change.splices and isinstance(channel, Track):
        clips = list(channel.clips)
        for splice in change.splices:
            end = splice.at + len(splice.gone)
            if splice.at > len(clips) or tuple(clip.id for clip in clips[splice.at : end]) != splice.gone:
                raise IndexError(f"track {channel.id!r} has other clips")
            clips[splice.at : end] = splice.clips
        fields["clips"] = tuple(clips)
    return replace(channel, **fields)


def encoded(value: object) -> msgspec.Raw:
    """Return a field's value as a change carries it."""
    return msgspec.Raw(msgspec.json.encode(value))


def _decoded(kind: type[msgspec.Struct], field: str, raw: msgspec.Raw) -> Any:
    return msgspec.json.decode(raw, type=_types(kind)[field])


@cache
def _types(kind: type[msgspec.Struct]) -> Mapping[str, Any]:
    return get_type_hints(kind)
