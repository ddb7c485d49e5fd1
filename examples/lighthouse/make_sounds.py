"""Make the lighthouse's sounds: sea, theme, foghorn, gull, stamp, bell.

Everything is computed (numpy, fixed seeds), nothing is recorded: about 9 MB of 16-bit WAV in a second or two.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

SAMPLE_RATE = 48_000
Audio = NDArray[np.float64]


def seconds(length: float) -> Audio:
    """Return the times of ``length`` seconds of frames."""
    return np.arange(round(length * SAMPLE_RATE)) / SAMPLE_RATE


def noise(frames: int, low_hz: float, high_hz: float, slope: float, seed: int) -> Audio:
    """Return noise between two frequencies whose amplitude falls with frequency to the power of ``slope``."""
    frequency = np.fft.rfftfreq(frames, 1 / SAMPLE_RATE)
    amplitude = np.where((frequency > low_hz) & (frequency < high_hz), np.maximum(frequency, 1.0) ** -slope, 0.0)
    phase = np.random.default_rng(seed).uniform(0.0, 2 * np.pi, frequency.size)
    return normal(np.fft.irfft(amplitude * np.exp(1j * phase), frames))


def normal(audio: Audio, peak: float = 1.0) -> Audio:
    """Scale ``audio`` to ``peak``."""
    return audio * (peak / np.abs(audio).max())


def smooth_edges(audio: Audio, fade_seconds: float = 0.005) -> Audio:
    """Fade both ends, so that nothing begins or ends with a click."""
    ramp = np.minimum(1.0, np.arange(audio.shape[0]) / (fade_seconds * SAMPLE_RATE))
    envelope = ramp * ramp[::-1]
    return audio * (envelope if audio.ndim == 1 else envelope[:, None])


def sea() -> Audio:
    """Swell after swell, wider than the rock: deep rumble below, foam above that lags behind."""
    time = seconds(34.0)
    channels = []
    for side in (0, 1):
        swell = 0.5 + 0.5 * np.sin(2 * np.pi * time / 8.5 - 0.6 * side)
        foam = np.clip(np.sin(2 * np.pi * time / 8.5 - 1.4 - 0.9 * side), 0.0, 1.0) ** 3
        rumble = noise(time.size, 30, 400, 0.9, seed=10 + side)
        wash = noise(time.size, 400, 6000, 0.8, seed=20 + side)
        channels.append(rumble * (0.35 + 0.65 * swell) + 0.5 * wash * (0.08 + foam))
    return normal(np.stack(channels, axis=1), 0.5)


NOTES = {"D3": 146.83, "F3": 174.61, "A3": 220.0, "Bb3": 233.08, "C4": 261.63, "C#4": 277.18, "D4": 293.66}
NOTES |= {"E4": 329.63, "F4": 349.23, "G4": 392.0, "A4": 440.0, "Bb4": 466.16, "G3": 196.0, "E3": 164.81}
BEAT_SECONDS = 60.0 / 108.0

BASS = ("D3", "G3", "E3", "A3", "D3", "G3", "A3", "D3")
CHORDS = (
    ("F3", "A3"),
    ("Bb3", "D4"),
    ("Bb3", "C#4"),
    ("C#4", "E4"),
    ("F3", "A3"),
    ("Bb3", "D4"),
    ("C#4", "G4"),
    ("F3", "A3"),
)
MELODY = (  # (note, beats): a waltz for somebody who has been waiting for a hundred and eighty years
    ("A4", 2), ("F4", 1), ("G4", 2), ("D4", 1), ("E4", 1), ("G4", 1), ("Bb4", 1), ("A4", 3),
    ("F4", 1), ("E4", 1), ("D4", 1), ("Bb4", 2), ("G4", 1), ("E4", 2), ("C#4", 1), ("D4", 3),
)  # fmt: skip


def reed(frequency_hz: float, length_seconds: float, wobble: float = 0.004) -> Audio:
    """One harmonium note: two reeds a little apart, soft attack, wheezy release."""
    time = seconds(length_seconds)
    tone = sum(
        np.sin(2 * np.pi * frequency_hz * detune * number * time + wobble * np.sin(2 * np.pi * 4.6 * time) * number)
        / number**1.4
        for number in range(1, 9)
        for detune in (1.0, 1.0023)
    )
    envelope = np.minimum(1.0, time / 0.05) * np.minimum(1.0, (length_seconds - time) / 0.12)
    return np.asarray(tone * envelope)


def theme() -> Audio:
    """Eight bars of waltz on a harmonium: bass on one, chords on two and three, a melody above."""
    bed = np.zeros((round((24 * BEAT_SECONDS + 1.0) * SAMPLE_RATE), 2))

    def play(note: str, beat: float, beats: float, gain: float, pan: float) -> None:
        tone = gain * reed(NOTES[note], beats * BEAT_SECONDS + 0.08)
        start = round(beat * BEAT_SECONDS * SAMPLE_RATE)
        bed[start : start + tone.size] += tone[:, None] * np.array([1.0 - pan, 1.0 + pan]) / 2

    for bar, (bass, chord) in enumerate(zip(BASS, CHORDS, strict=True)):
        play(bass, 3 * bar, 1, 1.0, -0.2)
        for beat in (1, 2):
            for note in chord:
                play(note, 3 * bar + beat, 0.6, 0.4, 0.3)
    beat = 0
    for note, beats in MELODY:
        play(note, beat, beats, 0.8, 0.05)
        beat += beats
    return normal(smooth_edges(bed), 0.5)


def horn() -> Audio:
    """Blow the foghorn: two pipes that were tuned by somebody deaf, for good reason."""
    time = seconds(3.2)
    pipes = sum(
        np.sin(2 * np.pi * base * number * time - 0.3 * number * np.exp(-time * 3)) / number
        for base in (73.4, 109.2)
        for number in range(1, 14)
    )
    envelope = np.minimum(1.0, time / 0.25) * np.minimum(1.0, (3.2 - time) / 0.9)
    return normal(np.asarray(pipes * envelope) + 0.4 * noise(time.size, 60, 900, 0.6, seed=3) * envelope, 0.7)


def gull() -> Audio:
    """Three cries, each a bit more indignant."""
    cry = seconds(0.42)
    sweep_hz = 950 + 800 * np.sin(np.pi * np.minimum(1.0, cry / 0.3)) - 500 * cry
    phase = 2 * np.pi * np.cumsum(sweep_hz) / SAMPLE_RATE
    voice = (np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.3 * np.sin(3 * phase)) * np.sin(np.pi * cry / 0.42) ** 0.7
    out = np.zeros(round(2.0 * SAMPLE_RATE))
    for start_seconds, gain in ((0.0, 0.6), (0.55, 0.8), (1.05, 1.0)):
        start = round(start_seconds * SAMPLE_RATE)
        out[start : start + cry.size] += gain * voice
    return normal(smooth_edges(out), 0.5)


def stamp() -> Audio:
    """Let a rubber stamp fall on a desk that has seen many."""
    time = seconds(0.35)
    thump = np.sin(2 * np.pi * (95 * time - 60 * time**2)) * np.exp(-time * 26)
    slap = noise(time.size, 300, 5000, 0.4, seed=5) * np.exp(-time * 90)
    rattle = noise(time.size, 900, 3000, 0.2, seed=6) * np.exp(-((time - 0.11) ** 2) / 0.0002) * 0.12
    return normal(smooth_edges(thump + 0.8 * slap + rattle, 0.001), 0.8)


def bell() -> Audio:
    """Ring the bell of the queue: the next number, please."""
    time = seconds(1.6)
    partials = ((1.0, 1.0, 3.0), (2.76, 0.5, 5.0), (5.4, 0.25, 8.0), (8.9, 0.12, 12.0))
    tone = sum(
        gain * np.sin(2 * np.pi * 1174.7 * ratio * time) * np.exp(-time * decay) for ratio, gain, decay in partials
    )
    return normal(smooth_edges(np.asarray(tone), 0.002), 0.6)


SOUNDS: dict[str, Callable[[], Audio]] = {
    "sea": sea, "theme": theme, "horn": horn, "gull": gull, "stamp": stamp, "bell": bell,
}  # fmt: skip


def make_sounds(folder: Path) -> list[Path]:
    """Write those sounds into ``folder`` that are not there yet; return what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, make in SOUNDS.items():
        path = folder / f"{name}.wav"
        if path.exists():
            continue
        unfinished = path.with_suffix(".part.wav")
        soundfile.write(unfinished, make(), SAMPLE_RATE, subtype="PCM_16")
        unfinished.replace(path)
        written.append(path)
    return written


def main() -> None:
    """Parse the command line and write the sounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent / "sounds", help="where to")
    for path in make_sounds(parser.parse_args().folder):
        print(path)  # noqa: T201


if __name__ == "__main__":
    main()
