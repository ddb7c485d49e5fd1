"""Finishing: what was printed in float becomes what was asked for: louder, folded to mono, dithered, encoded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import soundfile
from numpy.typing import NDArray

from engine.export.aac import write_aac
from engine.export.loudness import Levels, Meter
from engine.export.options import LOSSY, ExportOptions
from engine.export.wav import WavWriter
from engine.mixer.limiter import Limiter
from engine.units import db_to_gain

Floats = NDArray[np.float32]

BLOCK_FRAMES = 16384
_BITS = {"pcm16": 16, "pcm24": 24}
_SUBTYPES = {
    ("flac", "pcm16"): "PCM_16", ("flac", "pcm24"): "PCM_24", ("aiff", "pcm16"): "PCM_16", ("aiff", "pcm24"): "PCM_24",
    ("aiff", "float32"): "FLOAT",
}  # fmt: skip
_LOSSY_SUBTYPES = {"mp3": "MPEG_LAYER_III", "ogg": "VORBIS"}
_MOST_ROUNDS = 4
_NEAR_ENOUGH_LU = 0.05
_ACX_WINDOW_SECONDS = 0.5


class Acx(msgspec.Struct, frozen=True, kw_only=True):
    """What ACX asks of an audiobook's file, and how the mix does. All in dBFS; None where the mix is silent."""

    rms_dbfs: float | None
    peak_dbfs: float | None
    noise_floor_dbfs: float | None
    rms_limits: tuple[float, float] = (-23.0, -18.0)
    peak_limit: float = -3.0
    noise_floor_limit: float = -60.0
    passed: bool

    def problems(self) -> Iterator[str]:
        """Iterate over the limits that are broken, in words."""
        low, high = self.rms_limits
        if self.rms_dbfs is None or not low <= self.rms_dbfs <= high:
            told = "silence" if self.rms_dbfs is None else f"{self.rms_dbfs:.1f} dBFS"
            yield f"RMS is {told}; {low:g} to {high:g} are allowed"
        if self.peak_dbfs is not None and self.peak_dbfs > self.peak_limit:
            yield f"the peak is {self.peak_dbfs:.1f} dBFS; {self.peak_limit:g} is allowed"
        if self.noise_floor_dbfs is not None and self.noise_floor_dbfs > self.noise_floor_limit:
            floor = f"{self.noise_floor_dbfs:.1f} dBFS"
            yield f"the quietest half second is {floor}; {self.noise_floor_limit:g} is allowed"


class Louder:
    """A gain for a printed mix and, where it would go past ``ceiling_db`` (dBTP), the limiter of the master."""

    def __init__(self, gain_db: float, ceiling_db: float | None) -> None:
        self.gain_db, self.ceiling_db = gain_db, ceiling_db

    def read(self, printed: Path) -> Iterator[Floats]:
        """Iterate over the blocks of a file, louder; as many frames as it has."""
        gain = np.float32(db_to_gain(self.gain_db))
        with soundfile.SoundFile(printed) as file:
            if self.ceiling_db is None:
                while len(block := file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
                    yield block * gain
                return
            limiter = Limiter(file.samplerate, self.ceiling_db, BLOCK_FRAMES)
            skip, left, frame = limiter.latency_frames, file.frames, 0
            out = np.zeros((BLOCK_FRAMES, 2), np.float32)
            while left > 0:
                block = np.zeros((BLOCK_FRAMES, 2), np.float32)
                file.read(out=block[: max(0, min(BLOCK_FRAMES, file.frames - frame))])
                limiter.process(block * gain, out, frame)
                part = out[min(skip, BLOCK_FRAMES) :][:left]
                skip, frame, left = max(0, skip - BLOCK_FRAMES), frame + BLOCK_FRAMES, left - len(part)
                yield part.copy()


def louder_for(printed: Path, target_lufs: float, ceiling_db: float) -> Louder:
    """Return what brings a mix to ``target_lufs``; what the limiter takes away is made up for in a few rounds."""
    levels = measure(Louder(0.0, None), printed)
    if levels.integrated_lufs is None:
        return Louder(0.0, None)
    gain_db = target_lufs - levels.integrated_lufs
    if levels.true_peak_dbtp is None or levels.true_peak_dbtp + gain_db <= ceiling_db:
        return Louder(gain_db, None)
    for _ in range(_MOST_ROUNDS):
        reached = measure(Louder(gain_db, ceiling_db), printed).integrated_lufs
        if reached is None or abs(target_lufs - reached) < _NEAR_ENOUGH_LU:
            break
        gain_db += target_lufs - reached
    return Louder(gain_db, ceiling_db)


def measure(louder: Louder, printed: Path) -> Levels:
    """Return the levels of a printed file made louder."""
    meter = Meter(soundfile.info(printed).samplerate)
    for block in louder.read(printed):
        meter.read(np.ascontiguousarray(block))
    return meter.levels()


def check_acx(blocks: Iterator[Floats], sample_rate: int, levels: Levels) -> Acx:
    """Return how a mix does by ACX's rules: RMS, peak, and the RMS of its quietest half second."""
    window = round(_ACX_WINDOW_SECONDS * sample_rate)
    energy, frames, quietest = 0.0, 0, np.inf
    rest = np.zeros(0)
    for block in blocks:
        squares = np.square(block.astype(np.float64)).mean(axis=1)
        energy, frames = energy + float(squares.sum()), frames + len(squares)
        rest = np.concatenate((rest, squares))
        whole = len(rest) // window * window
        if whole:
            quietest = min(quietest, float(rest[:whole].reshape(-1, window).mean(axis=1).min()))
            rest = rest[whole:]
    rms, floor = _power_db(energy / max(1, frames)), _power_db(quietest if np.isfinite(quietest) else 0.0)
    acx = Acx(rms_dbfs=rms, peak_dbfs=levels.peak_dbfs, noise_floor_dbfs=floor, passed=False)
    return msgspec.structs.replace(acx, passed=levels.peak_dbfs is not None and not any(acx.problems()))


def encode(
    blocks: Iterator[Floats],
    target: Path,
    options: ExportOptions,
    *,
    sample_rate: int,
    channels: int,
    seed: int,
    title: str = "",
    lead: bytes = b"",
    trail: bytes = b"",
) -> None:
    """Write blocks, shape (frames, channels), in the format of ``options``. lead, trail: chunks of a WAV.

    title: stands in an AAC's tags. seed: of the dither, so that exporting again gives the same bytes.
    """
    random = np.random.default_rng(seed)
    if options.is_dithered:
        bits = _BITS[options.encoding]
        blocks = (dithered(block, bits, random) for block in blocks)
    if options.file_format == "wav":
        _write_wav(blocks, target, options, sample_rate, channels, lead, trail)
        return
    if options.file_format == "aac":
        write_aac(blocks, target, sample_rate=sample_rate, channels=channels, title=title)
        return
    subtype = _LOSSY_SUBTYPES.get(options.file_format) or _SUBTYPES[options.file_format, options.encoding]
    with soundfile.SoundFile(
        target, "w", sample_rate, channels, subtype, format=options.file_format.upper(), **_quality(options)
    ) as file:
        for block in blocks:
            file.write(_as_integers(block, options))


def dithered(block: Floats, bits: int, random: np.random.Generator) -> Floats:
    """Return ``block`` on the steps of ``bits``, after triangular dither of one step; digital silence stays silent."""
    steps = float(2 ** (bits - 1))
    noise = random.random(block.shape, np.float32) - random.random(block.shape, np.float32)
    noise[np.abs(block).max(axis=1) == 0.0] = 0.0
    whole = np.clip(np.rint(block.astype(np.float64) * steps + noise), -steps, steps - 1.0) / steps
    quiet: Floats = whole.astype(np.float32)
    return quiet


def _quality(options: ExportOptions) -> dict[str, object]:
    return {"compression_level": 0.0, "bitrate_mode": "CONSTANT"} if options.file_format == "mp3" else {}


def _as_integers(block: Floats, options: ExportOptions) -> NDArray[np.int32] | Floats:
    """Return samples for libsndfile: integers left-aligned in 32 bits, so that it has nothing to round."""
    if options.file_format in LOSSY or options.encoding == "float32":
        return np.clip(block, -1.0, 1.0) if options.file_format in LOSSY else block
    bits = _BITS[options.encoding]
    steps = float(2 ** (bits - 1))
    whole = np.clip(np.rint(block.astype(np.float64) * steps), -steps, steps - 1.0)
    integers: NDArray[np.int32] = whole.astype(np.int32) << (32 - bits)
    return integers


def _write_wav(
    blocks: Iterator[Floats], target: Path, options: ExportOptions, rate: int, channels: int, lead: bytes, trail: bytes
) -> None:
    writer = WavWriter(target, sample_rate=rate, encoding=options.encoding, channels=channels, lead=lead)
    try:
        for block in blocks:
            writer.write(np.ascontiguousarray(block))
        writer.finish(writer.frames, trail=trail)
    finally:
        writer.close()


def folded(blocks: Iterator[Floats]) -> Iterator[Floats]:
    """Iterate over the left side of blocks whose sides are the same."""
    return (block[:, :1] for block in blocks)


def _power_db(power: float) -> float | None:
    return float(10.0 * np.log10(power)) if power > 0.0 else None
