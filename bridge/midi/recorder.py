"""The recorder: pads that are played, kept as a Standard MIDI File that a story's ``midi:`` plays again."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from bridge.errors import BadValue
from bridge.message import Message
from bridge.port import EnginePort

TICKS_PER_BEAT = 9600
"""Two or three frames at 120 beats a minute; fifteen bits are all that the format has."""
FIRST_NOTE = 36
MOST_PRESSES = 100_000
_TRIGGER = re.compile(r"/slot/([^/]+)/([0-9]+)/trigger")


class Played(NamedTuple):
    """A press (velocity above 0) or release. tick: of the story, from its beginning. channel: the bank, counted."""

    tick: int
    channel: int
    note: int
    velocity: int


class Recording(NamedTuple):
    """What is to be written: where, what was played, and from which ticks on how many microseconds a beat takes."""

    path: Path
    played: tuple[Played, ...]
    tempo: tuple[tuple[int, int], ...]

    @property
    def notes(self) -> int:
        """How many notes were played."""
        return sum(1 for each in self.played if each.velocity)


class Recorder:
    """Takes down presses of slots while it runs. Event loop only. folder: the story's.

    A press stands where the timeline is, or, while that rests, as long after the recording's start as it came.
    """

    def __init__(self, engine: EnginePort, folder: Path) -> None:
        self._engine, self._folder = engine, folder
        self._path: Path | None = None
        self._begun = 0
        self._played: list[Played] = []
        self._held: set[tuple[int, int]] = set()

    @property
    def runs(self) -> bool:
        """Whether it takes down what is played."""
        return self._path is not None

    def start(self, name: str, frame: int) -> Path:
        """Record from an engine frame on; an empty name: one with the date. Raises BadValue."""
        if self._path is not None:
            raise BadValue(f"{self._path.name} is being recorded already; /midi/record/stop ends it")
        name = name or time.strftime("pads-%Y%m%d-%H%M%S.mid")
        if PurePath(name).name != name or "\\" in name or not name.endswith(".mid") or name.startswith("."):
            raise BadValue(f"{name!r} is no name for a recording: a file in the story's folder, such as pads.mid")
        path = self._folder / name
        if path.exists():
            raise BadValue(f"{name}: there is a file of that name already; it is not overwritten")
        self._path, self._begun = path, frame
        self._played.clear()
        self._held.clear()
        return path

    def take(self, message: Message, frame: int) -> None:
        """Take down a press or release of a slot that sounds at an engine frame."""
        found = _TRIGGER.fullmatch(message.address) if self._path is not None else None
        if found is None or len(self._played) >= MOST_PRESSES or not message.args:
            return
        key = self._key(found[1], int(found[2]))
        if key is None:
            return
        velocity = round(float(str(message.args[0])) * 127.0)
        tick = self._tick(frame)
        if key in self._held:
            self._played.append(Played(tick, *key, 0))
            self._held.discard(key)
        if velocity > 0:
            self._played.append(Played(tick, *key, velocity))
            self._held.add(key)

    def stop(self, frame: int) -> Recording:
        """End the recording; return what has to be written. Raises BadValue when nothing was recorded."""
        if self._path is None:
            raise BadValue("nothing is being recorded; /midi/record begins")
        path, self._path = self._path, None
        if not self._played:
            raise BadValue(f"no pad was played; {path.name} was not written")
        last = max(self._tick(frame), *(each.tick for each in self._played))
        self._played += [Played(last, *key, 0) for key in sorted(self._held)]
        return Recording(path, tuple(sorted(self._played, key=lambda p: (p.tick, p.velocity))), self._tempo(last))

    def _key(self, bank: str, index: int) -> tuple[int, int] | None:
        """Return channel and note of a slot; None: the format has none for it."""
        slots = self._engine.slot_keys()
        banks = list(dict.fromkeys(name for name, _ in slots))
        if bank not in banks:
            return None
        note = FIRST_NOTE + index - (0 if (bank, 0) in slots else 1)
        channel = banks.index(bank) + 1
        return (channel, note) if channel <= 16 and note <= 127 else None

    def _tick(self, frame: int) -> int:
        where = self._engine.timeline_at(frame)
        where = frame - self._begun if where is None else where
        return max(0, round(self._engine.beat_of_frame(max(0, where)) * TICKS_PER_BEAT))

    def _tempo(self, last_tick: int) -> tuple[tuple[int, int], ...]:
        """Return the story's tempo as far as was played: where it changes, microseconds per beat."""
        changes: list[tuple[int, int]] = []
        before = 0
        for beat in range(last_tick // TICKS_PER_BEAT + 1):
            frames = self._engine.frame_of_beat(beat + 1) - self._engine.frame_of_beat(beat)
            if abs(frames - before) > 1:
                before = frames
                changes.append((beat * TICKS_PER_BEAT, round(frames * 1_000_000 / self._engine.sample_rate)))
        return tuple(changes)


def write(recording: Recording) -> None:
    """Write a recording, whole or not at all. Raises OSError."""
    handle, temporary = tempfile.mkstemp(dir=recording.path.parent, prefix=".recording-")
    try:
        with os.fdopen(handle, "wb") as file:
            _midi_file(recording).save(file=file)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(recording.path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _midi_file(recording: Recording):  # type: ignore[no-untyped-def]  # mido has no types
    import mido

    tempo = [(tick, mido.MetaMessage("set_tempo", tempo=beat_us)) for tick, beat_us in recording.tempo]
    notes = [
        (p.tick, mido.Message("note_on", channel=p.channel - 1, note=p.note, velocity=min(127, p.velocity)))
        for p in recording.played
    ]
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT)
    file.tracks += [_track(tempo), _track(notes)]
    return file


def _track(events: Sequence[tuple[int, object]]):  # type: ignore[no-untyped-def]
    import mido

    track, last = mido.MidiTrack(), 0
    for tick, message in events:
        track.append(message.copy(time=tick - last))  # type: ignore[attr-defined]
        last = tick
    return track
