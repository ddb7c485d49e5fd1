"""Rows of the compiled timeline, kept from one publication to the next: an edit writes those that it changed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.realtime.records import ENTRY, Shape
from engine.session.context import Context
from engine.session.index import clip_source
from engine.session.library import Library, Source
from engine.session.places import Places
from engine.session.players import Sound
from engine.story.known import NothingKnown
from engine.story.layout import Layout
from engine.story.model import Clip, Story
from engine.story.timeline import Placed
from engine.units import db_to_gain

log = logging.getLogger(__name__)

_NOWHERE = -1


class OnDisk(NamedTuple):
    """A clip of the timeline that is played from the disk, through the page table at float ``table``."""

    table: int
    first_frame: int
    placed: Placed


class Shelves(NothingKnown):
    """What the library knows of a clip's source, as a layout asks for it; what could not be made counts as empty."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def frames(self, clip: Clip) -> int | None:
        """Return how long its source is; None: not known yet."""
        shelf = self._library.shelf(clip_source(clip))
        return 0 if shelf.state == "failed" else shelf.frames


class Rows:
    """A row per clip of the story. Whoever loads, lets go of or measures a source says so (``heard``)."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.known = Shelves(context.library)
        self.player_ids: dict[str, int] = {}
        """The number under which the mixer plays each clip."""
        self.sounds: dict[int, tuple[str, Sound]] = {}
        """What was laid last under each of these numbers, and on which track."""
        self._early: tuple[str, int] | None = None
        self._layout = Layout(self.known)
        self._strips: tuple[int, ...] = ()
        self._rows: NDArray[np.void] = np.zeros(0, ENTRY)
        self._plays: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._missing: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._blocks: NDArray[np.int64] = np.zeros(0, np.int64)

    def heard(self, source: Source) -> None:
        """Hear that something about a source is otherwise than before."""
        self._layout.measure(clip.id for clip in self._context.index.made_of(source))

    def lay(self, story: Story) -> Places | None:
        """Return where the clips lie; None while a length is not known.

        One that would begin before the timeline does, after a line that came out shorter or could not be made, begins
        with it; that is logged.
        """
        layout = self._layout
        layout.follow(story)
        places = layout.places
        order = np.fromiter((places[c.id] for t in story.tracks for c in t.clips), np.int64, len(places))
        starts, lengths = layout.starts(), layout.lengths()
        if np.isnan(lengths[order]).any():
            return None
        early = layout.early()
        if early is not None and early != self._early:
            log.warning("clip %r would start %d frames before the start of the timeline; it starts with it", *early)
        self._early = early
        order = order[np.argsort(starts[order], kind="stable")]
        by_id = {track.id: track for track in story.tracks}
        whole = np.maximum(np.nan_to_num(starts), 0).astype(np.int64), np.nan_to_num(lengths).astype(np.int64)
        return Places(order, dict(places), list(layout.clips), [by_id.get(t) for t in layout.tracks], *whole)

    def entries(self, story: Story, places: Places) -> tuple[NDArray[np.void], list[OnDisk]]:
        """Return what the mixer plays (ENTRY), and which of it lies on the disk."""
        self._refresh(story)
        which = np.flatnonzero(self._plays[places.order])
        block: NDArray[np.void] = self._rows[places.order[which]]
        block["start_frame"] = places.starts[which]
        block["length"] = places.ends[which] - places.starts[which]
        paged = np.flatnonzero(block["table"]).tolist()
        disk = [OnDisk(int(block["table"][i]) - 1, int(block["offset"][i]), places[int(which[i])]) for i in paged]
        return block, disk

    def missing_after(self, places: Places, frame: int) -> Iterator[Placed]:
        """Iterate over the clips that sound from a frame on, and are not there to be played."""
        late = self._missing[places.order] & (places.ends > frame)
        for index in np.flatnonzero(late).tolist():
            placed = places[index]
            if self._context.library.shelf(clip_source(placed.clip)).loaded is None:
                yield placed

    def missing_between(self, places: Places, first: int, last: int) -> Iterator[Placed]:
        """Iterate over the clips that sound between two frames, and are not there to be played.

        What could not be made counts as empty, and is among them where it would begin.
        """
        reaches = (places.ends > first) | (places.starts >= first)
        late = self._missing[places.order] & reaches & (places.starts < last)
        for index in np.flatnonzero(late).tolist():
            placed = places[index]
            if self._context.library.shelf(clip_source(placed.clip)).loaded is None:
                yield placed

    def plays_from(self, block: int) -> bool:
        """Return whether a row reads the arena's block at ``block``."""
        return bool((self._blocks == block).any())

    def forget(self) -> None:
        """Begin anew: the next story has nothing to do with this one."""
        self._layout = Layout(self.known)

    def _fit(self) -> None:
        more = len(self._layout.clips) - len(self._rows)
        if more > 0:
            more += len(self._rows)
            self._rows = np.concatenate([self._rows, np.zeros(more, ENTRY)])
            self._plays = np.concatenate([self._plays, np.zeros(more, np.bool_)])
            self._missing = np.concatenate([self._missing, np.zeros(more, np.bool_)])
            self._blocks = np.concatenate([self._blocks, np.full(more, _NOWHERE)])

    def _refresh(self, story: Story) -> None:
        self._fit()
        layout = self._layout
        strips = tuple(self._context.strip(track.id) for track in story.tracks)
        fresh = layout.fresh if strips == self._strips else range(len(layout.clips))
        self._strips = strips
        by_id = dict(zip((track.id for track in story.tracks), strips, strict=True))
        for place in fresh:
            clip = layout.clips[place]
            self._write(place, clip, layout.tracks[place], by_id.get(layout.tracks[place], 0))
        layout.fresh.clear()

    def _write(self, place: int, clip: Clip | None, track: str, strip: int) -> None:
        self._plays[place], self._missing[place], self._blocks[place] = False, False, _NOWHERE
        if clip is None:
            return
        loaded = self._context.library.shelf(clip_source(clip)).loaded
        if loaded is None:
            self._missing[place] = not clip.mute
            return
        if clip.mute:
            return
        sound = self._context.clip_sound(clip, strip)
        player = self.player_ids.setdefault(clip.id, len(self.player_ids) + 1)
        self.sounds[player] = track, sound
        row = self._rows[place]
        row["offset"], row["table"] = sound.first, sound.loaded.offset + 1 if loaded.paged else 0
        row["player"] = player
        row["channels"], row["strip"] = loaded.channels, strip
        row["gain"], row["pan"] = db_to_gain(sound.gain_db), sound.pan
        row["fade_in_frames"], row["fade_out_frames"] = sound.fade_in_frames, sound.fade_out_frames
        row["fade_in_shape"] = Shape[sound.fade_in_shape.upper()]
        row["fade_out_shape"] = Shape[sound.fade_out_shape.upper()]
        self._plays[place], self._blocks[place] = True, loaded.block
