"""Samples of a voice: what is wrong with one, said with advice, and what is made of it: trimmed, mono, evenly loud."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import soundfile
from numpy.typing import NDArray

from engine.errors import MediaError

Mono = NDArray[np.float32]

LEAST_SECONDS, MOST_SECONDS = 2.0, 600.0
GOOD_SECONDS = (5.0, 30.0)
LEAST_RATE, GOOD_RATE = 8_000, 16_000
HOP_SECONDS = 0.02
MARGIN_SECONDS = 0.1
"""What stays of the silence before and after the speech."""

LEVEL_DB = -20.0
"""How loud the speech is made: the mean level of the hops that are speech."""
PEAK_DB = -1.0
CLIPPED = 0.999
CLIPPED_RUN = 3


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. advice: what to do about it, "": nothing is wrong."""

    what: str
    value: float
    unit: str
    advice: str = ""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A sample that may be used. audio: float32, (frames,)."""

    audio: Mono
    sample_rate: int
    findings: tuple[Finding, ...]


def read_sample(path: Path) -> Sample:
    """Return what is made of an audio file. Raises MediaError for one that is of no use, saying why."""
    try:
        info = soundfile.info(path)
        if info.duration > MOST_SECONDS:
            raise MediaError(f"the sample {path} lasts {info.duration:.0f} s; at most {MOST_SECONDS:.0f} s are taken")
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise MediaError(f"the sample {path} can't be read: {error}") from error
    return prepare(audio, rate, str(path))


def prepare(audio: NDArray[np.float32], rate: int, name: str) -> Sample:
    """Return ``audio``, (frames, channels), checked and made ready. Raises MediaError."""
    if rate < LEAST_RATE:
        raise MediaError(f"the sample {name} has {rate} frames a second; at least {LEAST_RATE} are needed")
    if not len(audio) or not np.isfinite(audio).all() or not np.abs(audio).max() > 0.0:
        raise MediaError(f"the sample {name} holds no sound")
    mono = audio.mean(axis=1, dtype=np.float32)
    levels = _levels(mono, rate)
    speech_db, noise_db = float(np.percentile(levels, 95)), float(np.percentile(levels, 10))
    speaking = np.flatnonzero(levels > max(speech_db - 30.0, min(noise_db + 6.0, speech_db - 6.0)))
    hop, margin = round(HOP_SECONDS * rate), round(MARGIN_SECONDS * rate)
    start, end = max(0, speaking[0] * hop - margin), min(len(mono), (speaking[-1] + 1) * hop + margin)
    seconds = float(end - start) / rate
    if seconds < LEAST_SECONDS:
        raise MediaError(f"the sample {name} holds {seconds:.1f} s of speech; at least {LEAST_SECONDS:g} s are needed")
    findings = (
        _length(seconds), _rate(rate), _clipping(audio), _loudness(speech_db), _noise(speech_db - noise_db),
        Finding(what="channels", value=audio.shape[1], unit=""),
    )  # fmt: skip
    return Sample(audio=_evenly(mono[start:end], levels[speaking]), sample_rate=rate, findings=findings)


def _levels(mono: Mono, rate: int) -> NDArray[np.float64]:
    """Return the level of each hop in decibels."""
    hop = round(HOP_SECONDS * rate)
    whole = np.pad(mono, (0, -len(mono) % hop)).reshape(-1, hop)
    levels: NDArray[np.float64] = 10.0 * np.log10(np.square(whole, dtype=np.float64).mean(axis=1) + 1e-10)
    return levels


def _evenly(speech: Mono, levels: NDArray[np.float64]) -> Mono:
    wanted = LEVEL_DB - 10.0 * np.log10(np.mean(10.0 ** (levels / 10.0)))
    most = PEAK_DB - 20.0 * np.log10(np.abs(speech).max())
    return (speech * np.float32(10.0 ** (min(wanted, most) / 20.0))).astype(np.float32)


def _length(seconds: float) -> Finding:
    short, long = GOOD_SECONDS
    advice = ""
    if seconds < short:
        advice = f"short: {short:.0f} to {long:.0f} s sound more like the speaker"
    elif seconds > long:
        advice = f"long: most models hear only the first {long:.0f} s"
    return Finding(what="speech", value=round(seconds, 2), unit="s", advice=advice)


def _rate(rate: int) -> Finding:
    advice = "" if rate >= GOOD_RATE else "telephone quality: record with 24000 Hz or more"
    return Finding(what="sample rate", value=rate, unit="Hz", advice=advice)


def _clipping(audio: NDArray[np.float32]) -> Finding:
    """Count samples in runs at full scale: single peaks there are no clipping."""
    worst = 0
    for channel in np.abs(audio.T) >= CLIPPED * max(1.0, float(np.abs(audio).max())):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], channel.astype(np.int8), [0]])))
        runs = edges[1::2] - edges[::2]
        worst = max(worst, int(runs[runs >= CLIPPED_RUN].sum()))
    advice = "clipped: record it again with less gain" if worst else ""
    return Finding(what="clipped", value=worst, unit="frames", advice=advice)


def _loudness(speech_db: float) -> Finding:
    advice = "quiet: speak closer to the microphone, or turn it up" if speech_db < -40.0 else ""
    return Finding(what="level", value=round(speech_db, 1), unit="dB", advice=advice)


def _noise(above_db: float) -> Finding:
    advice = "noisy: choose a quieter room; the model learns the noise, too" if above_db < 20.0 else ""
    return Finding(what="speech above noise", value=round(above_db, 1), unit="dB", advice=advice)
