"""The Qwen3-TTS speaker with the real package and tiny random weights, in a Python of its own.

CUEVOX_QWEN_PYTHON names one that has qwen-tts 0.1.1, which pins another transformers than ours.
"""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.errors import VoiceError
from engine.voices.backends.interpreter import GUESTS
from engine.voices.preset import complete_settings
from engine.voices.registry import backend
from tests.signals import noise

PYTHON = os.environ.get("CUEVOX_QWEN_PYTHON", "")
RATE = 24_000
FRAME = RATE * 8 // 100

pytestmark = pytest.mark.skipif(not PYTHON, reason="CUEVOX_QWEN_PYTHON names no Python with qwen-tts")


def model(folder: Path, kind: str) -> Path:
    program = Path(__file__).with_name("tiny_qwen.py")
    subprocess.run([PYTHON, str(program), str(folder), kind], capture_output=True, text=True, check=True, timeout=100)
    return folder


def voice(folder: Path, **settings):
    told = {"python": PYTHON, "speaker": "qwen3", "model": str(folder), **settings}
    return backend("python").open(complete_settings("python", told))


def sound(speaker, seed=0):
    return np.concatenate([chunk.audio for chunk in speaker.speak("Hello there, all of you.", seed=seed)])


def test_the_environment_is_the_one_that_is_documented():
    wanted = re.search(r"qwen-tts==([\d.]+)", (GUESTS / "qwen3.py").read_text())[1]
    ask = "import importlib.metadata as m; print(m.version('qwen-tts'))"
    assert subprocess.run([PYTHON, "-c", ask], capture_output=True, text=True, check=True).stdout.strip() == wanted


def test_a_sample_is_cloned_with_its_text_and_without(tmp_path):
    folder = model(tmp_path, "base")
    soundfile.write(tmp_path / "anna.wav", noise(RATE, level=0.1), RATE)
    for text in ("What Anna says.", ""):
        anna = voice(folder, sample=str(tmp_path / "anna.wav"), sample_text=text, language="English")
        first = sound(anna, 1)
        assert anna.sample_rate == RATE and len(first) >= FRAME and np.isfinite(first).all()
        np.testing.assert_array_equal(sound(anna, 1), first)
        assert not np.array_equal(sound(anna, 2), first)
    with pytest.raises(VoiceError, match=r"nobody\.wav"):
        voice(folder, sample=str(tmp_path / "nobody.wav"))


def test_a_custom_voice_speaks_as_instructed_and_strangers_are_refused(tmp_path):
    folder = model(tmp_path, "custom_voice")
    assert len(sound(voice(folder, voice="anna", instruct="Whisper."))) >= FRAME
    with pytest.raises(VoiceError, match="bertha"):
        sound(voice(folder, voice="bertha"))
    with pytest.raises(VoiceError, match="give a sample to clone"):
        voice(folder)
