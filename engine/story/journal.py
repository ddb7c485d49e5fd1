"""The journal: acknowledged edits that the story's file does not hold yet, one JSON line each, beside the file.

Before them stands what can be taken back of those that it does hold: whoever opens the story again has its history.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from engine.commands import (
    Edit,
    SetClip,
    SetCue,
    SetDuck,
    SetInsertBypass,
    SetInsertParam,
    SetLimiter,
    SetSendGain,
    SetSlot,
    SetStripGain,
    SetStripMute,
    SetStripPan,
    SetStripSolo,
    SetTempo,
    Turn,
)
from engine.edits import ChangeStory
from engine.errors import EngineError, StoryError
from engine.story.edit import EffectTable, apply_edit
from engine.story.history import History, Past, Step
from engine.story.model import Story
from engine.story.properties import property_target

log = logging.getLogger(__name__)

COMPACT_BYTES = 1024 * 1024
"""Beyond this only the newest edit of each target is kept."""

MOST_PAST_BYTES = 8 * 1024 * 1024
"""Of the edits that the story's file holds, so many bytes can be taken back; the newest count."""

TORN = "the last line was cut off while it was written"
"""What is told of an edit that was never acknowledged."""

REBUILD: tuple[object, ...] = ("rebuild",)
"""The target of edits that change the mix itself: each counts."""

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Edit)


class Made(NamedTuple):
    """An edit, and who has made it."""

    edit: Edit
    client: str = ""


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """What a line says beside its edit: by whom it is. A ``ChangeStory`` says so itself."""

    made_by: str = ""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line: which text the edits were made on."""

    journal: int = 1
    story_sha256: str


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A line in between: a save takes in everything before it."""

    mark: int


class Saving(msgspec.Struct, frozen=True, kw_only=True):
    """A line in between: the file is about to become a text that holds everything before a mark.

    Where the file is that text, the save was done, and what died was only the clearing of the journal.
    """

    saving: int
    story_sha256: str


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """A line before the edits: what was done to the story before; it counts while the file is the text it was."""

    before: Past
    story_sha256: str


_BEFORE_BEGINS = b'{"before"'
_BEFORE = msgspec.json.Decoder(Before)
_MARK = msgspec.json.Decoder(Mark)
_SAVING = msgspec.json.Decoder(Saving)
_SIGNATURE = msgspec.json.Decoder(Signature)


class Journal:
    """``.STORY.yaml.journal`` beside the story. Control process only, on its loop."""

    def __init__(self, story_path: Path) -> None:
        self.path = story_path.with_name(f".{story_path.name}.journal")
        self._next = self.path.with_name(f"{self.path.name}.next")
        self._story_path = story_path
        self._beginning = b""
        self._file: int | None = None
        self._size_bytes = 0
        self._compact_beyond_bytes = COMPACT_BYTES
        self._newest: _Newest | None = None
        """What the file holds and how long it is by that; None: it is older than we are."""
        self._owed: dict[object, bytes] = {}
        """The newest turn of each knob that the file does not take."""
        self.owing = ""
        """Why turns wait to be written; empty: none does."""

    def append(self, command: Edit, client: str = "") -> None:
        """Keep an edit; the operating system has it when this returns. Raises StoryError when it can't be kept.

        What only turns a knob is never refused: while the file takes nothing it waits in memory, as ``owing`` tells.
        client: who has made it.
        """
        line, target = _line(Made(command, client)), _target(command)
        try:
            self._write_owed()
            self._put(line, target)
        except OSError as error:
            if not isinstance(command, Turn):
                raise StoryError(f"{self.path} can't be written, the edit was not made: {error.strerror}") from error
            self._owe(line, target, error)
        if self._size_bytes > self._compact_beyond_bytes:
            self._try_to_compact()

    def settle(self) -> int:
        """Write what waits, if that can be done by now; return how much waits still."""
        try:
            self._write_owed()
        except OSError as error:
            self.owing = error.strerror or str(error)
        return len(self._owed)

    def sync(self) -> None:
        """Force what was appended to disk."""
        if self._file is not None:
            os.fsync(self._file)

    def handle(self) -> int | None:
        """Return a handle of the file as it is now, to be forced to disk in a thread and closed; None: no file."""
        return None if self._file is None else os.dup(self._file)

    def replay(
        self, story: Story, effects: EffectTable | None = None, history: History | None = None
    ) -> tuple[Story, tuple[str, ...]]:
        """Return the story with the journal's edits in it, and what no longer fits or was torn by a crash.

        history: a fresh one; the edits are its steps from then on. Without one, and once anything has been appended,
        only the newest edit of each target is made: in a long show a knob is turned many thousand times.
        """
        dropped: list[str] = []
        whole = history is not None or self._file is None
        lines, torn = self._lines() if whole else (self._only_newest(), False)
        saved = self._saved(lines)
        for number, line in enumerate((*lines, *self._owed.values()), start=2):
            if number <= saved or _is_between(line):
                continue
            try:
                edit, client = _made(line)
                before, story = story, apply_edit(story, edit, effects)
            except msgspec.MsgspecError as error:
                dropped.append(f"line {number} is no whole edit ({error})")
            except EngineError as error:
                dropped.append(f"line {number}: {error}" if whole else str(error))
            else:
                if history is not None:
                    history.replay(before, edit, story, client)
        if torn:
            dropped.append(TORN)
        return story, tuple(dropped)

    def past(self) -> Past:
        """Return what was done to the story before the journal's edits, as far as its file still is what it was."""
        lines, _ = self._lines()
        if not lines or not lines[0].startswith(_BEFORE_BEGINS):
            return Past()
        with contextlib.suppress(msgspec.MsgspecError, OSError):
            found = _BEFORE.decode(lines[0])
            if found.story_sha256 == _digest_of(self._story_path):
                return found.before
        log.info("%s is not the text that was saved; what was done before can't be taken back", self._story_path.name)
        return Past()

    def mark(self) -> int | None:
        """Note that a save takes in everything up to here; return the mark's number, None: there is nothing.

        Raises StoryError.
        """
        if self._file is None and not self.path.exists():
            return None
        mark = secrets.randbits(53)
        self._between(Mark(mark=mark))
        return mark

    def saving(self, mark: int | None, story_sha256: str) -> None:
        """Note, before it is done, that the file becomes a text with everything before ``mark``. Raises StoryError."""
        if mark is not None:
            self._between(Saving(saving=mark, story_sha256=story_sha256))

    def clear(self) -> None:
        """Forget every edit: the story's file holds them."""
        self._forget_owed()
        self.close()
        self.path.unlink(missing_ok=True)
        self._next.unlink(missing_ok=True)

    def prepare(self, story_sha256: str, past: Past) -> None:
        """Write how the journal begins once the file holds every edit. May run in a thread. Raises StoryError.

        story_sha256: of the file then. past: what can be taken back of what it holds; the newest of it is kept.
        """
        past = _bounded(past)
        lines: list[Header | Before] = [Header(story_sha256=story_sha256)]
        if past.done or past.undone:
            lines.append(Before(before=past, story_sha256=story_sha256))
        self._beginning = b"".join(_ENCODER.encode(line) + b"\n" for line in lines)
        try:
            self._next.write_bytes(self._beginning)
            self._next.chmod(0o600)
        except OSError as error:
            raise StoryError(f"{self._next} can't be written: {error.strerror}") from error

    def begin_anew(self, edits: Sequence[Made]) -> None:
        """Hold what was prepared and these edits, and no others, from one moment to the next. Raises StoryError."""
        if not edits and self._beginning.count(b"\n") == 1:
            self.clear()
            return
        newest, lines = _Newest(self._beginning), [_line(made) for made in edits]
        try:
            with self._next.open("ab") as file:
                file.writelines(lines)
            self.close()
            self._next.replace(self.path)
            self._file = self._open()
        except OSError as error:
            raise StoryError(f"{self.path} can't be written: {error.strerror}") from error
        for line, made in zip(lines, edits, strict=True):
            newest.add(line, _target(made.edit))
        self._newest = newest
        self._forget_owed()

    def _between(self, line: Mark | Saving) -> None:
        written = _ENCODER.encode(line) + b"\n"
        try:
            self._write_owed()
            self._put(written, written)
        except OSError as error:
            raise StoryError(f"{self.path} can't be written, nothing was saved: {error.strerror}") from error

    def _write_owed(self) -> None:
        """Write what waits, oldest first. Raises OSError; what is not written waits on."""
        while self._owed:
            target = next(iter(self._owed))
            self._put(self._owed[target], target)
            del self._owed[target]
        self.owing = ""

    def _owe(self, line: bytes, target: tuple[object, ...], error: OSError) -> None:
        """Keep in memory what the file did not take, as the newest turn of its knob."""
        self._owed.pop(target, None)
        self._owed[target] = line
        self.owing = error.strerror or str(error)

    def _forget_owed(self) -> None:
        self._owed.clear()
        self.owing = ""

    def _put(self, line: bytes, target: object) -> None:
        """Write a line of an edit of ``target``. Raises OSError."""
        if self._file is None:
            self._file = self._open()
        self._write(self._file, line)
        if self._newest is not None:
            self._newest.add(line, target)

    def _saved(self, lines: list[bytes]) -> int:
        """Return the number of the last line whose edit the file holds already; 0: none."""
        between = [line for line in lines if _is_between(line)]
        if not between:
            return 0
        digest = _digest_of(self._story_path)
        done = [s.saving for line in between if (s := _saving(line)) and s.story_sha256 == digest]
        marks = {_MARK.decode(line).mark: n for n, line in enumerate(lines, start=2) if line.startswith(b'{"mark"')}
        return marks.get(done[-1], 0) if done else 0

    def _lines(self) -> tuple[list[bytes], bool]:
        """Return the whole lines after the header, and whether a torn one follows: it was never acknowledged."""
        try:
            *lines, torn = self.path.read_bytes().split(b"\n")
            return lines[1:], bool(torn)
        except FileNotFoundError:
            return [], False
        except OSError as error:
            raise StoryError(f"{self.path} can't be read: {error.strerror}") from error

    def _open(self) -> int:
        self._mend()
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._size_bytes = os.fstat(file).st_size
        self._compact_beyond_bytes = max(COMPACT_BYTES, 2 * self._size_bytes)
        if self._size_bytes == 0:
            header = _ENCODER.encode(Header(story_sha256=_digest_of(self._story_path))) + b"\n"
            self._write(file, header)
            self._newest = _Newest(header)
        return file

    def _mend(self) -> None:
        """Cut a last line that a crash has torn, so that the next edit does not grow onto it."""
        with contextlib.suppress(FileNotFoundError):
            data = self.path.read_bytes()
            if data and not data.endswith(b"\n"):
                os.truncate(self.path, data.rfind(b"\n") + 1)

    def _write(self, file: int, line: bytes) -> None:
        before = self._size_bytes
        try:
            while line:
                line = line[os.write(file, line) :]
        except OSError:
            os.ftruncate(file, before)
            raise
        self._size_bytes = os.fstat(file).st_size

    def _try_to_compact(self) -> None:
        """Compact; where that fails or gains little, the journal grows to twice its size before the next time."""
        try:
            self._compact()
        except OSError as error:
            log.warning("%s can't be compacted, it grows on: %s", self.path, error.strerror)
        self._compact_beyond_bytes = max(COMPACT_BYTES, 2 * self._size_bytes)

    def _compact(self) -> None:
        """Keep only the newest edit of each target, in the order in which they were made."""
        newest = self._all_newest()
        temporary = self.path.with_name(f"{self.path.name}.tmp")
        try:
            temporary.write_bytes(newest.text())
            temporary.replace(self.path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        self.close()
        self._file, self._newest = self._open(), newest

    def _all_newest(self) -> _Newest:
        """Return the newest edit of each target. Raises OSError."""
        newest = self._newest
        if newest is None or newest.bytes != self._size_bytes:  # begun before us, or somebody else wrote into it
            header, *lines = self.path.read_bytes().splitlines(keepends=True)
            newest = _Newest(header)
            for line in lines:
                newest.add(line, _target_of(line))
        return newest

    def _only_newest(self) -> list[bytes]:
        """Return the lines of the newest edit of each target. Raises StoryError."""
        try:
            newest = self._newest = self._all_newest()
        except OSError as error:
            raise StoryError(f"{self.path} can't be read: {error.strerror}") from error
        return newest.lines

    def close(self) -> None:
        """Let go of the file; the next edit opens it again."""
        self._newest = None
        if self._file is not None:
            os.close(self._file)
            self._file = None


class _Newest:
    """The newest edit of each target, in the order in which they were made, so that nothing is read to compact.

    bytes: how long a file is that holds all that was added, whatever is left of it here.
    """

    def __init__(self, header: bytes) -> None:
        self._header = header
        self._lines: dict[object, bytes] = {}
        self._rebuilds = 0
        self.bytes = len(header)

    def add(self, line: bytes, target: object) -> None:
        """Take in a line that is in the file now."""
        self._rebuilds += target is REBUILD  # an insert's number means another one before and behind such an edit
        key = self._rebuilds, target
        self._lines.pop(key, None)
        self._lines[key] = line
        self.bytes += len(line)

    @property
    def lines(self) -> list[bytes]:
        """What is left, without line ends."""
        return [line.rstrip(b"\n") for line in self._lines.values()]

    def text(self) -> bytes:
        """Return what the file is to hold; from then on it is so long."""
        text = b"".join([self._header, *self._lines.values()])
        self.bytes = len(text)
        return text


def _bounded(past: Past) -> Past:
    """Return as much of the past as is kept: first what was undone, then the newest of what was done."""
    left = MOST_PAST_BYTES

    def fits(step: Step) -> bool:
        nonlocal left
        left -= len(_ENCODER.encode(step))
        return left >= 0

    undone, done = (tuple(takewhile(fits, reversed(steps)))[::-1] for steps in (past.undone, past.done))
    return replace(past, undone=undone, done=done)


def _digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _line(made: Made) -> bytes:
    """Return the line of an edit, signed."""
    line = _ENCODER.encode(made.edit)
    if made.client and not isinstance(made.edit, ChangeStory):
        line = line[:-1] + b',"made_by":' + _ENCODER.encode(made.client) + b"}"
    return line + b"\n"


def _made(line: bytes) -> Made:
    """Return the edit of a line, and who has made it. Raises MsgspecError where it is none."""
    return Made(_DECODER.decode(line), _SIGNATURE.decode(line).made_by if b'"made_by":' in line else "")


def _is_between(line: bytes) -> bool:
    return line.startswith((b'{"mark"', b'{"saving"', _BEFORE_BEGINS))


def _saving(line: bytes) -> Saving | None:
    return _SAVING.decode(line) if line.startswith(b'{"saving"') else None


def _target_of(line: bytes) -> object:
    """Return what a line's edit sets; a line that is none stands for itself, so that replay can tell of it."""
    try:
        return _target(_DECODER.decode(line))
    except msgspec.MsgspecError:
        return line


def _target(command: Edit) -> tuple[object, ...]:
    """Return what an edit sets: a later one of the same target replaces it."""
    match command:
        case SetSendGain(strip=strip, bus=bus):
            return type(command), strip, bus
        case SetInsertParam(strip=strip, insert=insert, param=param):
            return type(command), strip, insert, param
        case SetInsertBypass(strip=strip, insert=insert):
            return type(command), strip, insert
        case SetDuck(strip=strip, knob=knob):
            return type(command), strip, knob
        case SetLimiter():
            return type(command), command.limiter is None, command.ceiling_db is None
        case SetStripGain() | SetStripPan() | SetStripMute() | SetStripSolo():
            return type(command), command.strip
        case SetTempo(bar=bar):
            return type(command), bar, command.tempo_bpm is None, command.beats_per_bar is None
        case SetCue() | SetSlot() | SetClip():
            return property_target(command)
        case _:
            return REBUILD
