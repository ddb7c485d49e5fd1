"""FileReader: an audio file's sound at the project's rate, from any frame on, and always the same samples.

At another rate it is resampled in segments of a fixed grid, each with as much of what lies around it as the filter
hears. So a frame is the same whether the file was read from its front or from there, live or for an export.
"""

from __future__ import annotations

import math
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from engine.errors import MediaError
from engine.voices.resample import resampled_frames

SEGMENT_FRAMES = 32768
"""About how long a segment is, at the project's rate."""
LEAD_FRAMES = 4096
"""How much of the file is read before and after a segment, at the file's rate: twice what the filter hears."""
MOST_CHANNELS = 2

_RUN_UP_FRAMES = {
    "MPEG_LAYER_I": 73_728,
    "MPEG_LAYER_II": 73_728,
    "MPEG_LAYER_III": 73_728,
    "VORBIS": 8192,
    "OPUS": 8192,
}
"""How far before a place these decoders begin, so that they are there what they would be if they came from the front.

A frame of MP3 may lean on dozens before it, the more the softer it is.
"""
_VORBIS_END_SECONDS = 20
"""libsndfile finds a wrong place in a Vorbis file's last page; from here on it is read up to."""

Audio = NDArray[np.float32]


class _Straight(soundfile.SoundFile):  # type: ignore[misc]  # it has no types
    """A file that reads on where it stands: soundfile seeks there after each read, which decoders do not survive."""

    def seekable(self) -> bool:
        return False


class FileReader:
    """One file; a context manager. frames, channels: of its sound at ``sample_rate``.

    Raises MediaError for what can't be read, is empty or has more than two channels. Not for several threads at once.
    """

    def __init__(self, path: Path, sample_rate: int) -> None:
        self._path = path
        self._file = _open(path)
        self.channels: int = self._file.channels
        self.frames = resampled_frames(self._file.frames, self._file.samplerate, sample_rate)
        common = math.gcd(self._file.samplerate, sample_rate)
        self._rates = self._file.samplerate, sample_rate
        self._down, self._up = self._file.samplerate // common, sample_rate // common
        self._segment = self._up * math.ceil(SEGMENT_FRAMES / self._up)
        self._lead = self._down * math.ceil(LEAD_FRAMES / self._down)
        self._made: tuple[int, Audio] = -1, np.zeros((0, self.channels), np.float32)
        self._raw: tuple[int, Audio] = 0, self._made[1]
        self._place = 0
        try:
            self._check()
        except MediaError:
            self.close()
            raise

    def __enter__(self) -> FileReader:
        return self

    def __exit__(self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def read(self, start: int, out: Audio) -> None:
        """Fill ``out``, (frames, channels), with the sound from frame ``start`` on; silence outside the file."""
        if self._up == self._down:
            self._read_file(start, out)
            return
        done = min(len(out), max(0, -start))
        out[:done] = 0.0
        while done < len(out):
            index, inside = divmod(start + done, self._segment)
            part = self._segment_at(index)[inside : inside + len(out) - done]
            out[done : done + len(part)] = part
            done += len(part)
        out[max(0, self.frames - start) :] = 0.0

    def _check(self) -> None:
        if self.channels > MOST_CHANNELS:
            raise MediaError(f"audio file {self._path} has {self.channels} channels; clips are mono or stereo")
        if self.frames == 0:
            raise MediaError(f"audio file {self._path} is empty")

    def _segment_at(self, index: int) -> Audio:
        if self._made[0] != index:
            self._made = index, self._resampled(index)
        return self._made[1]

    def _resampled(self, index: int) -> Audio:
        """Return a segment. The first and the last one begin and end where the file does: the filter knows of edges."""
        needed = self._segment // self._up * self._down
        start = max(0, index * needed - self._lead)
        end = min(self._file.frames, (index + 1) * needed + self._lead)
        raw = self._raw_at(start, max(0, end - start))
        stream = soxr.ResampleStream(*self._rates, self.channels, dtype="float32")
        whole: Audio = stream.resample_chunk(raw, last=True).reshape(-1, self.channels)
        first = (index * needed - start) // self._down * self._up
        segment = np.zeros((self._segment, self.channels), np.float32)
        part = whole[first : first + self._segment]
        segment[: len(part)] = part
        return segment

    def _raw_at(self, start: int, frames: int) -> Audio:
        """Return the file's own frames; what was read for the segment before is not read again."""
        raw = np.empty((frames, self.channels), np.float32)
        before, kept = self._raw
        known = before + len(kept) - start if before <= start else 0
        known = max(0, min(known, frames))
        raw[:known] = kept[start - before : start - before + known]
        self._read_file(start + known, raw[known:])
        self._raw = start, raw
        return raw

    def _read_file(self, start: int, out: Audio) -> None:
        """Fill ``out`` with the file's own frames; silence where it has none."""
        early = min(len(out), max(0, -start))
        out[:early] = 0.0
        wanted = max(0, min(len(out) - early, self._file.frames - start - early))
        try:
            self._go_to(start + early, wanted)
            read = len(self._file.read(out=out[early : early + wanted])) if wanted else 0
        except soundfile.LibsndfileError as error:
            raise MediaError(f"audio file {self._path} can't be read: {error.error_string}") from error
        self._place = start + early + read
        out[early + read :] = 0.0  # some formats only guess their length

    def _go_to(self, place: int, wanted: int) -> None:
        if not wanted or place == self._place:
            return
        begin = place - _RUN_UP_FRAMES.get(self._file.subtype, 0)
        if self._file.subtype == "VORBIS":
            begin = min(begin, self._file.frames - _VORBIS_END_SECONDS * self._file.samplerate)
        if not begin <= self._place < place:
            self._place = max(0, begin)
            self._file.seek(self._place)
        self._file.read(place - self._place, dtype="float32")
        self._place = place


def _open(path: Path) -> _Straight:
    try:
        with path.open("rb"):  # says plainly why a file can't be opened
            pass
        return _Straight(path)
    except OSError as error:
        raise MediaError(f"audio file {path} can't be opened: {error.strerror or error}") from error
    except soundfile.LibsndfileError as error:
        raise MediaError(f"audio file {path} can't be read: {error.error_string}") from error
