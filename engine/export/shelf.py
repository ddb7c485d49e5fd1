"""Shelf: the media of an export, each copied once; whatever needs it again gets a hard link where the disk has them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from engine.export.baking import bake, baked_name
from engine.export.media import Medium, Source, source_of
from engine.story.timeline import Placed


class Shelf:
    """Gives the WAVs of the story's rate to the formats that play them.

    wavs: where each source's WAV lies: in the story, in the take cache, or converted in ``workspace``, a folder of this
    export that goes away with its names. Links only join files of this export: the story's own are copied, so nothing
    that a DAW does to an export reaches them.
    """

    def __init__(self, media: Mapping[Source, Medium], wavs: Mapping[Source, Path], workspace: Path) -> None:
        self.media = dict(media)
        self.wavs = dict(wavs)
        self._workspace = workspace
        self._copies: dict[Path, Path] = {}

    def put(self, source: Source, folder: Path) -> str:
        """Have the WAV of ``source`` in ``folder`` and return its name there."""
        name = self.media[source].name
        self._put(self.wavs[source], folder / name)
        return name

    def put_clip(self, placed: Placed, folder: Path, *, bake_gain: bool) -> str:
        """Have what a clip plays in ``folder``, its pan and, if asked for, its gain baked in; return the name there."""
        name, wav = self.clip_wav(placed, bake_gain=bake_gain)
        self._put(wav, folder / name)
        return name

    def clip_wav(self, placed: Placed, *, bake_gain: bool) -> tuple[str, Path]:
        """Return the name and the place of what a clip plays, its pan and, if asked for, its gain baked in."""
        source, clip = source_of(placed.clip), placed.clip
        gain_db = clip.gain_db if bake_gain else 0.0
        if not gain_db and not clip.pan:
            return self.media[source].name, self.wavs[source]
        name = baked_name(self.media[source].name, gain_db, clip.pan)
        baked = self._workspace / name
        if not baked.exists():
            self._workspace.mkdir(exist_ok=True)
            bake(self.wavs[source], baked, gain_db=gain_db, pan=clip.pan)
        return name, baked

    def _put(self, wav: Path, target: Path) -> None:
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        ours = wav if wav.parent == self._workspace else self._copies.get(wav)
        if ours is None:
            shutil.copyfile(wav, target)
            self._copies[wav] = target
        else:
            link_or_copy(ours, target)


def link_or_copy(original: Path, target: Path) -> None:
    """Make ``target`` the same file as ``original``, or a copy where the disk knows no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(original, target)
    except OSError:
        shutil.copyfile(original, target)
