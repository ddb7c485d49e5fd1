"""The work on captures: trimming, timing words, laying a take out as it was said. Not for the control process."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import soundfile
from msgspec.structs import replace
from numpy.typing import NDArray

from engine.capture.kept import Kept, read_kept, sound_file, whole_file, write_kept
from engine.capture.pairs import pairs
from engine.capture.resay import resay
from engine.capture.score import Residual, placed, residual, score
from engine.capture.trim import trim
from engine.errors import BadRange, MediaError
from engine.io.lane_file import LaneFile
from engine.speech.align.aligner import align
from engine.speech.align.file import FileRecording
from engine.speech.align.heard import AlignError
from engine.voices.aligning import in_frames
from engine.voices.file_reader import FileReader
from engine.voices.take import Take

DECLICK_SECONDS = 0.002
"""How long a line that was cut by hand fades in and out."""
MOST_SECONDS = 1800.0
"""A line is shorter; what is longer would not fit into the memory as a whole."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a voice said after a capture, and how well it kept the timing."""

    kept: Kept
    residual: Residual


def take_file(folder: Path, name: str, file: Path, sample_rate: int) -> None:
    """Copy a sound file, at the project's rate, to where a capture's whole lies. Raises MediaError."""
    with FileReader(file, sample_rate) as source:
        if source.frames > MOST_SECONDS * sample_rate:
            raise MediaError(f"{file} lasts {source.frames / sample_rate:.0f} s; a line may last {MOST_SECONDS:.0f} s")
        audio = np.zeros((source.frames, source.channels), np.float32)
        source.read(0, audio)
    _write(whole_file(folder, name), audio, sample_rate)


def cut(folder: Path, kept: Kept) -> Kept:
    """Trim the whole of a capture into its line, and note it. Raises MediaError."""
    whole = _read(whole_file(folder, kept.name))
    found = trim(whole, kept.sample_rate, kept.pressed)
    start, end = found or (0, len(whole))
    note = kept.note if found else "nothing is louder than the room"
    _write(sound_file(folder, kept.name), whole[start:end], kept.sample_rate)
    done = replace(kept, first=start, frames=end - start, note=note)
    write_kept(folder, done)
    return done


def cut_by_hand(folder: Path, kept: Kept) -> Kept:
    """Cut a capture's line out of its whole as it says, without a click. Raises BadRange, MediaError."""
    whole, rate = _read(whole_file(folder, kept.name)), kept.sample_rate
    end = kept.first + kept.frames
    if end > len(whole):
        raise BadRange(f"{kept.name!r} lasts {len(whole) / rate:.3f} s, pre-roll and all; {end / rate:.3f} s is beyond")
    line = whole[kept.first : end].copy()
    ramp = np.linspace(0.0, 1.0, min(len(line), round(DECLICK_SECONDS * rate)), dtype=np.float32)[:, np.newaxis]
    if kept.first > 0:
        line[: len(ramp)] *= ramp
    if end < len(whole):
        line[-len(ramp) :] *= ramp[::-1]
    _write(sound_file(folder, kept.name), line, rate)
    write_kept(folder, kept)
    return kept


def time_words(folder: Path, kept: Kept) -> Kept:
    """Find when each word of a capture's text is said, and note it. Raises MediaError."""
    try:
        spans = list(align(FileRecording(sound_file(folder, kept.name)), kept.text, kept.language or "en"))
    except AlignError as error:
        done = replace(kept, words=(), note=f"no word has a time: {error}")
    else:
        done = replace(kept, words=in_frames(spans, kept.text, kept.sample_rate, kept.frames))
    write_kept(folder, done)
    return done


def say_after(folder: Path, capture: str, take: Take, audio: Path, name: str) -> Said:
    """Lay a take out as a capture was said, and keep it under a name. Raises BadRange, MediaError, UnknownThing."""
    kept = read_kept(folder, capture)
    found = pairs(kept.words, take.words)
    if not found:
        raise BadRange(f"the voice {take.voice} says no word of {capture!r} whose time is known; nothing to go by")
    pieces = score(found, take.words)
    sound = resay(_read(audio), pieces, kept.sample_rate, kept.frames)
    _write(sound_file(folder, name), sound, kept.sample_rate)
    done = Kept(
        name=name,
        sample_rate=kept.sample_rate,
        frames=len(sound),
        first=kept.first,
        pressed=kept.pressed,
        timeline=kept.timeline,
        text=kept.text,
        language=kept.language,
        words=placed(pieces, take.words),
        voice=take.voice,
        after=capture,
    )
    write_kept(folder, done)
    return Said(kept=done, residual=residual(pieces, len(kept.words), kept.sample_rate))


def _read(path: Path) -> NDArray[np.float32]:
    try:
        audio: NDArray[np.float32] = soundfile.read(path, dtype="float32", always_2d=True)[0]
    except (OSError, soundfile.LibsndfileError) as error:
        raise MediaError(f"{path} can't be read: {error}") from error
    return audio


def _write(path: Path, audio: NDArray[np.float32], sample_rate: int) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        file = LaneFile(part, sample_rate, audio.shape[1])
        file.write(0, audio)
        file.finish(len(audio))
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise MediaError(f"{path} can't be written: {error.strerror or error}") from error
