"""Shelf: the media of an export, each copied once; whatever needs it again gets a hard link where the disk has them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from engine.export.media import Medium, Source


class Shelf:
    """Gives the WAVs of the story's rate to the formats that play them.

    wavs: where each source's WAV lies: in the story, in the take cache, or converted for this export. Links only join
    files of this export: the story's own are copied, so nothing that a DAW does to an export reaches them.
    """

    def __init__(self, media: Mapping[Source, Medium], wavs: Mapping[Source, Path]) -> None:
        self.media = dict(media)
        self.wavs = dict(wavs)
        self._placed: dict[Path, Path] = {}

    def put(self, source: Source, folder: Path) -> str:
        """Have the WAV of ``source`` in ``folder`` and return its name there."""
        name = self.media[source].name
        if not (folder / name).exists():
            self.link(self.wavs[source], folder / name, share=self.media[source].convert)
        return name

    def link(self, original: Path, target: Path, *, share: bool = True) -> None:
        """Have ``original`` at ``target``, too. share: it is a file of this export, so a link of it will do."""
        target.parent.mkdir(parents=True, exist_ok=True)
        known = original if share else self._placed.get(original)
        if known is None:
            shutil.copyfile(original, target)
        else:
            link_or_copy(known, target)
        self._placed.setdefault(original, target)


def link_or_copy(original: Path, target: Path) -> None:
    """Make ``target`` the same file as ``original``, or a copy where the disk knows no links."""
    try:
        os.link(original, target)
    except OSError:
        shutil.copyfile(original, target)
