"""A voice in another Python: an environment without any of our packages, found in the way, killed, stopped."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from engine.errors import VoiceError
from engine.render.cache import TakeCache
from engine.story.model import Line
from engine.voices.backends.interpreter import BACKEND
from engine.voices.catalog import Catalog
from engine.voices.media import Stopped
from engine.voices.pool import VoicePool
from engine.voices.preset import Preset, complete_settings
from tests.contracts.test_voice_contract import check_words

SPEAKER = Path(__file__).with_name("guest_speaker.py")


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Return the Python of an environment whose numpy is another: it can't be imported."""
    folder = tmp_path_factory.mktemp("other") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = next((folder / "lib").glob("python*/site-packages"))
    (site / "numpy.py").write_text("raise ImportError('another numpy, in conflict with yours')")
    (site / "msgspec.py").write_text("raise ImportError('not here')")
    return folder / "bin" / "python"


def voice(python, model="", report=lambda *_: None, **settings):
    told = {"python": str(python), "speaker": str(SPEAKER), "model": model, **settings}
    return BACKEND.open(complete_settings("python", told), report)


def sound(speaker, text="one two three", **manner):
    chunks = list(speaker.speak(text, **manner))
    return np.concatenate([c.audio for c in chunks]), [w for c in chunks for w in c.words]


def test_it_speaks_with_words_in_an_environment_that_has_nothing_of_ours(python):
    reported = []
    speaker = voice(python, report=lambda *told: reported.append(told))
    audio, words = sound(speaker, seed=1)
    assert reported == [(0.5, "half")] and speaker.sample_rate == 8000
    assert audio.shape == (2400, 1) and audio.dtype == np.float32
    check_words("one two three", words, len(audio))
    assert np.abs(audio - sound(speaker, seed=2)[0]).max() > 0.01
    np.testing.assert_array_equal(audio, sound(speaker, seed=1)[0])


def lives(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.extra
def test_a_pool_speaks_with_it_counts_its_memory_and_gives_it_back(python, tmp_path):
    settings = complete_settings("python", {"python": str(python), "speaker": str(SPEAKER)})
    preset = Preset(id="g", name="G", backend="python", settings=settings)

    async def main():
        pool = VoicePool(catalog=Catalog(presets={"g": preset}), cache=TakeCache(tmp_path), sample_rate=48000)
        try:
            await pool.load("g")
            own = sum(psutil.Process(pid).memory_info().rss for pid in pool.pids)
            guests = [p for pid in pool.pids for p in psutil.Process(pid).children()]
            take, state = await pool.render(Line(text="one two three", voice="g")), pool.state("g")
            await pool.unload("g")
            return take, state, guests, own
        finally:
            await pool.close()

    take, state, guests, own = asyncio.run(main())
    assert [word.text for word in take.words] == ["one", "two", "three"] and take.source == "exact"
    assert state.bytes["cpu"] > own + 1e6  # the guest's memory counts as what it is
    assert state.bytes["tape:0"] == 123
    deadline = time.monotonic() + 60.0
    while any(map(lives, guests)):
        assert time.monotonic() < deadline, "the guest outlives its worker"
        time.sleep(0.01)
    assert guests


def test_it_stops_and_speaks_on(python):
    speaker = voice(python, "endless")
    asked = []

    def stopped():
        asked.append(None)
        return len(asked) > 2

    with pytest.raises(Stopped):
        sound(speaker, stopped=stopped)
    first = speaker._guest
    with pytest.raises(Stopped):
        sound(speaker, stopped=lambda: True)
    assert speaker._guest is first and first.alive


def test_a_line_that_is_stopped_as_it_ends_costs_no_guest(python):
    speaker, heard = voice(python), []
    guest = speaker._guest
    with pytest.raises(Stopped):
        for chunk in speaker.speak("one two three", stopped=lambda: len(heard) == 3):
            heard.append(chunk)
            if len(heard) == 3:
                guest._messages.put(guest._messages.get())  # that it is done has come, and is looked at next
    assert len(sound(speaker)[0]) == 2400
    assert speaker._guest is guest


def test_a_guest_that_dies_is_told_and_replaced(python):
    speaker = voice(python, "die")
    for _ in range(2):
        with pytest.raises(VoiceError, match=r"guest_speaker.py ended \(exit 7\)"):
            sound(speaker)


def test_what_is_wrong_is_said(python, tmp_path):
    with pytest.raises(VoiceError, match="does not load: FileNotFoundError: no weights"):
        voice(python, "missing")
    with pytest.raises(VoiceError, match="python: expected the Python of another environment"):
        voice(tmp_path / "none")
    with pytest.raises(VoiceError, match="is no file"):
        voice(python, speaker=str(tmp_path / "none.py"))
    with pytest.raises(VoiceError, match=r"does not load: (ModuleNotFound|Import)Error"):
        voice(python, speaker="qwen3")
