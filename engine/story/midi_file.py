"""Standard MIDI Files from disk (mido's home in the engine)."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

from engine.errors import StoryError
from engine.story.midi_notes import FileNote, MidiNotes, TempoChange

MOST_NOTES = 100_000
MOST_BYTES = 32 * 1024 * 1024


def read_midi_file(path: Path) -> MidiNotes:
    """Return the notes of all of a file's tracks. Raises StoryError that says what is wrong with it."""
    import mido

    try:
        if path.stat().st_size > MOST_BYTES:
            raise StoryError(f"{path.name} is larger than {MOST_BYTES:,} bytes: no MIDI file is")
        file = mido.MidiFile(path)
        messages = list(mido.merge_tracks(file.tracks)) if file.type != 2 else []
    except OSError as error:
        if error.strerror is None:  # mido's own
            raise StoryError(f"{path.name} is no Standard MIDI File: {error}") from error
        raise StoryError(f"{path.name} can't be read: {error.strerror}") from error
    except (EOFError, ValueError, KeyError, IndexError, TypeError) as error:
        raise StoryError(f"{path.name} is no Standard MIDI File: {error or 'it ends in the middle'}") from error
    if file.type == 2:
        raise StoryError(f"{path.name} holds several songs (type 2); one file is one song")
    if not 0 < file.ticks_per_beat < 0x8000:
        raise StoryError(f"{path.name} counts in frames of a film; have it written with ticks per beat")
    return _notes(messages, file.ticks_per_beat, path.name)


def _notes(messages: list[Any], ticks_per_beat: int, name: str) -> MidiNotes:
    tick = 0
    held: dict[tuple[int, int], deque[tuple[int, int]]] = {}
    notes: list[FileNote] = []
    tempo: list[TempoChange] = []
    for message in messages:
        tick += message.time
        if message.type == "set_tempo":
            tempo.append(TempoChange(tick, message.tempo))
        elif message.type in ("note_on", "note_off"):
            key = message.channel + 1, message.note
            if message.type == "note_on" and message.velocity:
                held.setdefault(key, deque()).append((tick, message.velocity))
            elif held.get(key):
                notes.append(_note(key, *held[key].popleft(), tick))
        if len(notes) > MOST_NOTES:
            raise StoryError(f"{name} has more than {MOST_NOTES:,} notes")
    notes += [_note(key, *begun, tick) for key, waiting in held.items() for begun in waiting]
    notes.sort(key=lambda n: (n.tick, n.channel, n.note))
    return MidiNotes(ticks_per_beat=ticks_per_beat, notes=tuple(notes), tempo=tuple(tempo))


def _note(key: tuple[int, int], tick: int, velocity: int, until: int) -> FileNote:
    channel, note = key
    return FileNote(tick, until - tick, note, velocity, channel)
