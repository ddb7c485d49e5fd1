from __future__ import annotations

import numpy as np
import pytest

from engine.voices.stretch import at_speed, stretch, stretched_frames
from engine.voices.take import Take, Word

RATE = 48000


def tone(hertz: float, frames: int, channels: int) -> np.ndarray:
    mono = np.sin(2 * np.pi * hertz / RATE * np.arange(frames)).astype(np.float32)
    return np.repeat(mono[:, np.newaxis], channels, axis=1)


@pytest.mark.parametrize("speed", [0.25, 0.5, 1.37, 4.0])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_stretch_has_its_exact_length_and_keeps_the_pitch(speed: float, channels: int) -> None:
    heard = stretch(tone(440.0, 30001, channels), speed, RATE)
    assert heard.shape == (stretched_frames(30001, speed), channels)
    middle = heard[len(heard) // 4 : -len(heard) // 4, 0]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 18))
    assert np.argmax(spectrum) * RATE / (1 << 18) == pytest.approx(440.0, abs=3.0)


def test_speed_one_is_the_sound_itself() -> None:
    sound = tone(440.0, 1000, 1)
    assert stretch(sound, 1.0, RATE) is sound


def test_a_click_and_its_word_move_together() -> None:
    sound = np.zeros((48000, 1), np.float32)
    sound[24000] = 1.0
    words = (Word(text="click", start_frame=24000, end_frame=24100, text_start=0, text_end=5),)
    take = Take(
        digest="d", text="click", voice="v", sample_rate=RATE, frames=48000, channels=1, words=words
    )  # fmt: skip
    for speed in (0.5, 0.8, 2.0):
        place = at_speed(take, speed).words[0].start_frame
        assert int(np.abs(stretch(sound, speed, RATE)).argmax()) == pytest.approx(place, abs=0.006 * RATE)
    assert at_speed(take, 1.0) is take
