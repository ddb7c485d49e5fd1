"""A story and its file: read with every problem told at once, saved by patching the user's own text."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

import msgspec
from msgspec.structs import replace

from engine.collector import collector_paused
from engine.errors import StoryError
from engine.plugins.facts import Lookup
from engine.story import nodes
from engine.story.backups import keep_backup
from engine.story.checks import check_story
from engine.story.dump import dump
from engine.story.edit import EffectTable
from engine.story.equip import equip
from engine.story.formats import upgraded
from engine.story.midi_file import read_midi_file
from engine.story.model import Story
from engine.story.nodes import Mapping, Node, Sequence
from engine.story.patch import edited, patch, patches
from engine.story.problems import Path as Place
from engine.story.problems import Problem, story_error
from engine.story.reader import Reader
from engine.story.recompose import recompose
from engine.story.seen import Seen
from engine.story.tree import Planter

MOST_BYTES = 64 * 1024 * 1024
"""No story is longer; a file that is has been named by mistake."""


class Stamp(msgspec.Struct, frozen=True):
    """What a file was when it was read: its size and time, and the digest of its text."""

    size_bytes: int
    changed_ns: int
    digest: str


class Patched(msgspec.Struct, frozen=True, kw_only=True):
    """What a file becomes when a story is saved: its text, and that as a tree."""

    text: str
    root: Node

    @property
    def digest(self) -> str:
        """The digest of the file that will be."""
        return _digest(self.text.encode())


class StoryDocument:
    """A story file. ``story`` is what it said when it was read or saved last."""

    def __init__(self, path: Path, text: str, story: Story, stamp: Stamp, root: Node, seen: Seen) -> None:
        self.path, self.story = path, story
        self._text, self._stamp = text, stamp
        self._coming: Stamp | None = None
        """Of the file that is about to be put in its place."""
        self._root, self._seen, self._planter = root, seen, Planter()

    @classmethod
    @collector_paused()
    def load(
        cls,
        path: Path,
        *,
        voices: Collection[str] | None = None,
        effects: EffectTable | None = None,
        plugins: Lookup | None = None,
    ) -> StoryDocument:
        """Read a story. Raises StoryError that tells everything that is wrong, a line each.

        voices, effects: what there is, where the caller knows it; without them any name will do. plugins: finds those
        that the story names; one that can't be used is no error, it is bypassed.
        """
        text, stamp = _read(path)
        text = upgraded(text, path.name)
        root, seen = nodes.compose(text, path.name), Seen()
        seen.look(text)
        reader, folder = Reader(root, seen), path.parent
        story = _checked(root, reader, path.name, voices=voices, effects=effects, plugins=plugins, folder=folder)
        return cls(path, text, story, stamp, root, seen)

    @classmethod
    def create(cls, path: Path, story: Story) -> StoryDocument:
        """Write a new file. Raises StoryError when there is one already or the story is wrong."""
        problems = check_story(story)
        if problems:
            raise story_error(path.name, problems)
        if path.exists():
            raise StoryError(f"{path}: there is a file of that name already; it is not overwritten")
        text = dump(Planter().story(story))
        if read_story(text, path.name) != bare(story):
            raise StoryError(f"{path}: the text would not read back as the story; nothing was written")
        _write(path, text)
        return cls.load(path)

    @property
    def digest(self) -> str:
        """The digest of the file as it was read or saved last."""
        return self._stamp.digest

    def changed_on_disk(self) -> bool:
        """Return whether somebody else has changed or removed the file since; a mere touch is no change.

        Any thread may ask, also while another one writes.
        """
        try:
            facts = self.path.stat()
            if (facts.st_size, facts.st_mtime_ns) in [(each.size_bytes, each.changed_ns) for each in self._ours()]:
                return False
            digest = _digest(self.path.read_bytes())
            return digest not in [each.digest for each in self._ours()]
        except OSError:
            return True

    def _ours(self) -> list[Stamp]:
        """Return what the file may be by our own doing; to be asked for after the file was looked at."""
        coming = self._coming  # before the other one, whose place it takes
        return [self._stamp] if coming is None else [self._stamp, coming]

    def save(self, story: Story) -> None:
        """Write ``story`` into the file; comments, order, quotes and layout of what did not change stay.

        Raises StoryError when the file was edited on disk since it was read: nothing is overwritten silently.
        """
        if story != self.story:
            self.write(self.patched(story), story)

    @collector_paused()
    def patched(self, story: Story) -> Patched:
        """Return what the file becomes when ``story`` is saved; nothing is written yet. Raises StoryError."""
        if self.changed_on_disk():
            raise StoryError(f"{self.path} was edited on disk since it was read; reload it first")
        text, root = self._patched(story)
        self._seen.look(text)
        reader = Reader(root, self._seen)
        if _checked(root, reader, self.path.name, before=self.story) != bare(story):
            raise StoryError(f"{self.path}: the patched text would not read back as the story; nothing was written")
        return Patched(text=text, root=root)

    def write(self, patched: Patched, story: Story) -> None:
        """Have the file say what ``patched`` returned. Raises StoryError."""
        if self.changed_on_disk():
            raise StoryError(f"{self.path} was edited on disk while it was saved; reload it first")
        keep_backup(self.path.resolve())
        try:
            _write(self.path, patched.text, self._expect)
            self._stamp = self._coming or self._stamp
        finally:
            self._coming = None
        self._text, self._root, self.story = patched.text, patched.root, story

    def _expect(self, stamp: Stamp) -> None:
        self._coming = stamp

    def _patched(self, story: Story) -> tuple[str, Node]:
        if self._text.startswith("\ufeff"):
            text = patch(self._text, self.story, story, None, self._planter)
            return text, nodes.compose(text, self.path.name)
        edits = patches(self._text, self.story, story, self._root, self._planter)
        text = edited(self._text, edits)
        return text, recompose(self._root, self._text, edits, text, self.path.name)

    def save_as(self, path: Path, story: Story) -> None:
        """Write ``story`` into a new file, as ``save`` would into this one; nothing changes here. Raises StoryError."""
        text, _ = self._patched(story)
        if read_story(text, path.name) != bare(story):
            raise StoryError(f"{path}: the patched text would not read back as the story; nothing was written")
        _write(path, text)

    @staticmethod
    def restore(path: Path, copy: Path) -> None:
        """Bring a backup back; what the file says now becomes a backup itself. Raises StoryError for a wrong one."""
        text, _ = _read(copy)
        read_story(upgraded(text, copy.name), copy.name)
        if path.exists():
            keep_backup(path.resolve())
        _write(path, text)


def read_story(
    text: str,
    name: str,
    *,
    voices: Collection[str] | None = None,
    effects: EffectTable | None = None,
    folder: Path | None = None,
    plugins: Lookup | None = None,
) -> Story:
    """Return the story that a YAML text tells. name: the file's, for errors. Raises StoryError.

    folder: where its MIDI files lie; None: their notes are left out.
    """
    root = nodes.compose(text, name)
    return _checked(root, Reader(root), name, voices=voices, effects=effects, folder=folder, plugins=plugins)


def _checked(
    root: Node,
    reader: Reader,
    name: str,
    *,
    voices: Collection[str] | None = None,
    effects: EffectTable | None = None,
    folder: Path | None = None,
    plugins: Lookup | None = None,
    before: Story | None = None,
) -> Story:
    """Return what was read, if it is sound. before: a version that was. Raises StoryError."""
    notes = reader.notes
    story = reader.story if plugins is None else equip(reader.story, plugins)
    noted = {problem.path for problem in notes.problems} | notes.quiet
    found = [
        Problem(path=p.path, text=p.text, line=_line_of(root, p.path))
        for p in check_story(story, voices=voices, effects=effects, before=before)
        if not any(p.path[: len(place)] == place for place in noted if place)
    ]
    if folder is not None and not notes.problems and not found:
        story = _with_notes(story, folder, root, found)
    if notes.problems or found:
        raise story_error(name, [*notes.problems, *found])
    return story


def bare(story: Story) -> Story:
    """Return the story as its text tells it: without what is in its MIDI files, and what is known of plug-ins."""
    return replace(story, midi=tuple(replace(m, notes=None) for m in story.midi), plugins={})


def _with_notes(story: Story, folder: Path, root: Node, found: list[Problem]) -> Story:
    """Return the story with the notes of its MIDI files; what can't be read is put into ``found``."""
    read = []
    for i, midi in enumerate(story.midi):
        try:
            read.append(replace(midi, notes=read_midi_file(folder / midi.file)))
        except StoryError as error:
            place = ("midi", i, "file")
            found.append(Problem(path=place, text=str(error), line=_line_of(root, place)))
    return replace(story, midi=tuple(read))


def _line_of(root: Node, path: Place) -> int:
    """Return the line of what lies at ``path``, or of the nearest thing around it."""
    here = root
    for step in path:
        if isinstance(here, Mapping) and isinstance(step, str) and step in here.fields:
            here = here.fields[step]
        elif isinstance(here, Sequence) and isinstance(step, int) and step < len(here.items):
            here = here.items[step]
        else:
            break
    return here.line


def _read(path: Path) -> tuple[str, Stamp]:
    try:
        facts = path.stat()
        if facts.st_size > MOST_BYTES:
            raise StoryError(f"{path}: {facts.st_size:,} bytes; a story has at most {MOST_BYTES:,}")
        data = path.read_bytes()
        text = data.decode()
    except OSError as error:
        raise StoryError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise StoryError(f"{path.name}:{line}: this is not UTF-8 text") from error
    return text, Stamp(facts.st_size, facts.st_mtime_ns, _digest(data))


def _write(path: Path, text: str, expect: Callable[[Stamp], object] = lambda _: None) -> None:
    """Replace the file in one step; its permissions stay, and a link goes on leading to it.

    expect: hears what it will be, just before it is.
    """
    path = path.resolve()
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    except OSError as error:
        raise StoryError(f"{path} can't be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            facts = os.fstat(file.fileno())
        expect(Stamp(facts.st_size, facts.st_mtime_ns, _digest(text.encode())))
        mode = path.stat().st_mode & 0o7777 if path.exists() else 0o644
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise StoryError(f"{path} can't be written: {error.strerror}") from error


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
