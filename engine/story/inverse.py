"""The inverse of a change: what takes it back, as large as the change itself, however long the story is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.edits import ChangeStory, ChannelChange, Splice
from engine.story.change import Channel, channel_change, encoded
from engine.story.model import Bus, Clip, Story, Track


def inverse(before: Story, change: ChangeStory) -> ChangeStory:
    """Return what makes ``before`` again of the story that ``change`` makes of it."""
    return ChangeStory(
        order=None if change.order is None else tuple(track.id for track in before.tracks),
        bus_order=None if change.bus_order is None else tuple(bus.id for bus in before.buses),
        tracks=tuple(_channels(before.tracks, change.tracks, change.order)),
        buses=tuple(_channels(before.buses, change.buses, change.bus_order)),
        master=None if change.master is None else _channel(before.master, change.master),
        fields={name: encoded(getattr(before, name)) for name in change.fields},
    )


def _channels(
    before: Sequence[Track] | Sequence[Bus], changes: Sequence[ChannelChange], order: Sequence[str] | None
) -> Iterator[ChannelChange]:
    """Iterate over what was changed and what goes; what is new only leaves the order again."""
    were: dict[str, Track | Bus] = {channel.id: channel for channel in before}
    yield from (_channel(were[change.id], change) for change in changes if not change.new)
    for name, channel in were.items():
        if order is not None and name not in order and (anew := channel_change(name, None, channel)) is not None:
            yield anew


def _channel(before: Channel, change: ChannelChange) -> ChannelChange:
    def field(key: str) -> object:
        return getattr(before.strip, key[6:]) if key.startswith("strip.") else getattr(before, key)

    clips = before.clips if isinstance(before, Track) else ()
    return ChannelChange(
        id=change.id,
        fields={key: encoded(field(key)) for key in change.fields},
        splices=tuple(_splices(clips, change.splices)),
    )


def _splices(clips: Sequence[Clip], splices: Sequence[Splice]) -> Iterator[Splice]:
    """Iterate over the opposites, the last one first: each finds the clips as the one behind it has left them."""
    now, back = list(clips), []
    for splice in splices:
        end = splice.at + len(splice.gone)
        gone = tuple(clip.id for clip in splice.clips)
        back.append(Splice(at=splice.at, gone=gone, clips=tuple(now[splice.at : end])))
        now[splice.at : end] = splice.clips
    yield from reversed(back)
