"""Media: the files that a story's clips are made of, found and checked before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
import soundfile

from engine.errors import EngineError, MediaError
from engine.export.naming import file_name, unique
from engine.export.rates import take_at
from engine.export.wav import WavWriter
from engine.speech.markup import shown
from engine.story.model import Clip, Line, Story
from engine.story.whereabouts import whereabouts
from engine.voices.file_reader import FileReader
from engine.voices.media import probe
from engine.voices.take import Take, Word

Source = Line | str
"""What a clip is made of: a line, or the path of an audio file."""

_DAW_SUBTYPES = {"PCM_16", "PCM_24", "FLOAT"}
_BLOCK_FRAMES = 65536


class TakeFiles(Protocol):
    """Where takes lie: the take cache."""

    def audio_path(self, digest: str) -> Path:
        """Return the audio file of the take with this digest."""
        ...


class Medium(msgspec.Struct, frozen=True, kw_only=True):
    """One file that clips play.

    frames: at the project's rate, as it will be heard. name: what the package calls it. convert: it is not a WAV of
    the project's rate yet. words: what is said in it, in frames of that rate.
    """

    path: Path
    name: str
    frames: int
    channels: int
    sample_rate: int
    convert: bool
    take: Take | None = None
    words: tuple[Word, ...] = ()


def source_of(clip: Clip) -> Source:
    """Return what ``clip`` is made of."""
    return clip.line if clip.line is not None else clip.audio or ""


def find_media(
    story: Story, base_folder: Path, takes: Mapping[Line, Take], cache: TakeFiles, more: Sequence[Source] = ()
) -> dict[Source, Medium]:
    """Return the medium of every source that the story's clips use, in the order of the clips, then of ``more``.

    Raises MediaError that lists everything missing, unreadable, outside ``base_folder`` or of more than two channels.
    """
    sources = dict.fromkeys((*(source_of(clip) for track in story.tracks for clip in track.clips), *more))
    found: dict[Source, Medium] = {}
    problems: list[str] = []
    for source in sources:
        try:
            take = _take(source, takes) if isinstance(source, Line) else None
            path = cache.audio_path(take.digest) if take else whereabouts(base_folder, str(source))
            found[source] = _probe(path, story.sample_rate, _describe(source), take)
        except EngineError as error:
            problems.append(str(error))
    if problems:
        raise MediaError("\n".join(problems))
    names = unique(medium.name for medium in found.values())
    return {
        source: msgspec.structs.replace(medium, name=f"{name}.wav")
        for (source, medium), name in zip(found.items(), names, strict=True)
    }


def copy_as_wav(medium: Medium, target: Path, sample_rate: int) -> None:
    """Write ``medium`` to ``target`` as a 32-bit float WAV of ``sample_rate``, resampled at once."""
    writer = WavWriter(target, sample_rate=sample_rate, encoding="float32", channels=medium.channels)
    try:
        with FileReader(medium.path, sample_rate) as file:
            block = np.empty((_BLOCK_FRAMES, medium.channels), np.float32)
            for place in range(0, medium.frames, _BLOCK_FRAMES):
                part = block[: medium.frames - place]
                file.read(place, part)
                writer.write(part)
        writer.finish(medium.frames)
    finally:
        writer.close()


def _take(line: Line, takes: Mapping[Line, Take]) -> Take:
    if line not in takes:
        raise MediaError(f"{_describe(line)} has no take yet; render the story first")
    return takes[line]


def _probe(path: Path, sample_rate: int, what: str, take: Take | None) -> Medium:
    if not path.is_file():
        raise MediaError(f"{what} is missing: there is no file {path}")
    facts = probe(path, sample_rate, said=take is None)
    info = soundfile.info(path)
    take = take and take_at(take, sample_rate)
    is_plain = info.format in ("WAV", "WAVEX") and info.subtype in _DAW_SUBTYPES
    return Medium(
        path=path,
        name=_name(path, take),
        frames=facts.frames,
        channels=facts.channels,
        sample_rate=info.samplerate,
        convert=info.samplerate != sample_rate or not is_plain,
        take=take,
        words=take.words if take else facts.words,
    )


def _name(path: Path, take: Take | None) -> str:
    if take is None:
        return file_name(path.stem)
    words = " ".join(shown(take.text).split()[:5])
    return f"{file_name(take.voice)}_{file_name(words, 'line')[:32].strip('._')}_{take.digest[:8]}"


def _describe(source: Source) -> str:
    if isinstance(source, str):
        return f"audio file {source!r}"
    text = source.text if len(source.text) <= 40 else f"{source.text[:39]}…"
    return f"line {text!r} of voice {source.voice!r}"
