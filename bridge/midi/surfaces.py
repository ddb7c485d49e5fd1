"""The surfaces there are: shipped presets, then the user's own; and where MIDI learn keeps what it was taught."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec

from bridge.midi.surface import Control, Surface
from bridge.midi.surface_file import SurfaceError, learned_text, read_surface
from bridge.renamed import renamed

GENERIC = "generic"
"""What a device is when no preset knows it."""

_SUFFIX = ".yaml"


class Surfaces:
    """Every preset by its id. folder: the user's own, which count before the shipped ones.

    Raises SurfaceError that lists every problem of every file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, Traversable] = {}
        self._read: dict[str, Surface] = {}
        for place in (files("presets") / "surfaces", folder):
            self._files.update({e.name.removesuffix(_SUFFIX): e for e in _presets(place)})
        self._read_all()

    def ids(self) -> tuple[str, ...]:
        """Return the ids of all presets."""
        return tuple(sorted(self._read))

    def get(self, surface: str) -> Surface:
        """Return a preset; SurfaceError names all there are."""
        if surface not in self._read:
            raise SurfaceError(f"no surface named {surface!r}; there is: {', '.join(self.ids())}")
        return self._read[surface]

    def of(self, port: str, wanted: Iterable[str] = ()) -> Surface:
        """Return what a port is: what it was taught, one of those ``wanted``, one that fits, or the generic one."""
        learned = self._read.get(learned_id(port))
        if learned is not None:
            return learned
        named = [self.get(surface) for surface in wanted]
        fitting = [s for s in (*named, *self._read.values()) if s.fits(port)]
        return fitting[0] if fitting else named[0] if named else self.get(GENERIC)

    def learn(self, port: str, base: Surface, controls: tuple[Control, ...]) -> Surface:
        """Keep the learned controls of a port in a preset of its own, written whole or not at all."""
        surface_id = learned_id(port)
        of = base.id if base.id != surface_id else self._base_of(port)
        text = learned_text(f"{port}, learned", of, port, controls)
        path = self.folder / f"{surface_id}{_SUFFIX}"
        _write(path, text)
        self._files[surface_id] = path
        self._read[surface_id] = read_surface(text, surface_id, str(path), self._read.get)
        return self._read[surface_id]

    def learned(self, port: str) -> tuple[Control, ...]:
        """Return the controls that a port was taught, without those of its base."""
        surface = self._read.get(learned_id(port))
        if surface is None:
            return ()
        base = self._read[self._base_of(port)]
        return tuple(c for c in surface.controls if c not in base.controls)

    def rename(self, port: str, surface: Surface, names: Mapping[str, str]) -> Surface | None:
        """Keep in what a port was taught that nodes are called otherwise; None: nothing that it does names one."""
        now = {c: msgspec.structs.replace(c, to=renamed(c.to, names)) for c in surface.controls}
        if all(before == after for before, after in now.items()):
            return None
        learned = self.learned(port)
        return self.learn(port, surface, tuple(now[c] for c in now if c in learned or now[c] != c))

    def taught(self) -> tuple[tuple[str, Surface], ...]:
        """Return the ports that were taught something, also those that are not there, and what they are."""
        ports = ((port, surface) for surface in self._read.values() for port in surface.ports[:1])
        return tuple((port, surface) for port, surface in ports if surface.id == learned_id(port))

    def _base_of(self, port: str) -> str:
        others = [s for s in self._read.values() if s.id != learned_id(port) and s.fits(port)]
        return others[0].id if others else GENERIC

    def _read_all(self) -> None:
        problems: list[str] = []
        for surface_id in self._files:
            try:
                self._load(surface_id, ())
            except SurfaceError as error:
                problems.append(str(error))
        if problems:
            raise SurfaceError("\n".join(dict.fromkeys(problems)))

    def _load(self, surface_id: str, inside: tuple[str, ...]) -> Surface | None:
        if surface_id in self._read:
            return self._read[surface_id]
        file = self._files.get(surface_id)
        if file is None or surface_id in inside:
            return None
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SurfaceError(f"{file} can't be read: {error}") from error
        deeper = (*inside, surface_id)
        surface = read_surface(text, surface_id, str(file), lambda base: self._load(base, deeper))
        self._read[surface_id] = surface
        return surface


def learned_id(port: str) -> str:
    """Return the id of the preset that holds what a port was taught."""
    name = re.sub(r"[ :]*[0-9]+:[0-9]+$", "", port)  # ALSA's numbers change with the socket
    return "learned-" + (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "port")


def _presets(folder: Traversable) -> list[Traversable]:
    if not folder.is_dir():
        return []
    return sorted((e for e in folder.iterdir() if e.name.endswith(_SUFFIX) and e.is_file()), key=lambda e: e.name)


def _write(path: Path, text: str) -> None:
    """Put a file in place in one step. Raises SurfaceError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=path.parent, prefix=".surface-")
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise SurfaceError(f"what was learned can't be kept in {path}: {error}") from error
