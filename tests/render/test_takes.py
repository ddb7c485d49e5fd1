"""Digests and the take cache: the same line once, whole on disk or not there."""

import errno
import json
import os
import subprocess
import sys
import time

import msgspec
import numpy as np
import pytest
import soundfile

from engine.errors import MediaError
from engine.render.cache import TakeCache
from engine.render.digest import digest
from engine.story.model import Effect, Line
from engine.voices.preset import Preset, complete_settings
from engine.voices.registry import backend
from engine.voices.take import Take, Word

PRESET = Preset(id="plain", name="Plain", backend="espeak", settings=complete_settings("espeak", {}))
LINE = Line(text="Hello.", voice="plain")


def take_of(name: str, frames: int = 480, channels: int = 1) -> tuple[Take, np.ndarray]:
    audio = np.random.default_rng(1).uniform(-0.5, 0.5, (frames, channels)).astype(np.float32)
    words = (Word(text="é", start_frame=0, end_frame=frames, text_start=0, text_end=1),)
    take = Take(
        digest=name, text="é", voice="plain", sample_rate=48000, frames=frames, channels=channels, words=words,
        peak=float(np.abs(audio).max()),
    )  # fmt: skip
    return take, audio


@pytest.fixture
def cache(tmp_path):
    return TakeCache(tmp_path / "takes")


def test_whatever_shapes_the_sound_changes_the_digest(monkeypatch):
    change = msgspec.structs.replace
    effects = (Effect(effect="reverb", params={"room_size": 0.5}),)
    digests = [
        digest(LINE, PRESET, 48000),
        digest(change(LINE, text="Hello!"), PRESET, 48000),
        digest(LINE, PRESET, 44100),
        digest(LINE, change(PRESET, id="other"), 48000),
        digest(LINE, change(PRESET, gain_db=1.0), 48000),
        digest(LINE, change(PRESET, effects=effects), 48000),
        digest(LINE, change(PRESET, effects=effects * 2), 48000),
        digest(LINE, change(PRESET, settings=complete_settings("espeak", {"pitch": 51})), 48000),
    ]
    monkeypatch.setattr(type(backend("espeak")), "version", lambda self: "1.53")
    digests.append(digest(LINE, PRESET, 48000))
    assert len(set(digests)) == len(digests)
    assert all(len(d) == 40 and set(d) <= set("0123456789abcdef") for d in digests)


def test_what_does_not_shape_the_sound_does_not():
    renamed = msgspec.structs.replace(
        PRESET, name="Another", about="name", settings=dict(reversed(PRESET.settings.items()))
    )
    assert digest(LINE, renamed, 48000) == digest(LINE, PRESET, 48000)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_take_comes_back_as_it_was_put(cache, channels):
    take, audio = take_of("a", channels=channels)
    assert cache.get("a") is None
    cache.put(take, audio)
    assert cache.get("a") == take
    np.testing.assert_array_equal(cache.audio(take), audio)
    info = soundfile.info(cache.audio_path("a"))
    assert (info.format, info.subtype, info.samplerate, info.channels) == ("WAV", "FLOAT", 48000, channels)
    assert sorted(p.name for p in cache.folder.iterdir()) == ["a.json", "a.wav"]


def test_the_same_take_is_the_same_file(cache):
    cache.put(*take_of("a"))
    before = cache.audio_path("a").read_bytes()
    cache.put(*take_of("a"))
    assert cache.audio_path("a").read_bytes() == before


def damage(what):
    def apply(cache: TakeCache) -> None:
        wav, words = cache.audio_path("a"), cache.folder / "a.json"
        {
            "no words": lambda: words.unlink(),
            "no audio": lambda: wav.unlink(),
            "half the audio": lambda: wav.write_bytes(wav.read_bytes()[:1000]),
            "no audio at all": lambda: wav.write_bytes(b""),
            "half the words": lambda: words.write_bytes(words.read_bytes()[:50]),
            "other words": lambda: words.write_text(json.dumps({"digest": "a"})),
            "another's words": lambda: words.write_bytes(words.read_bytes().replace(b'"a"', b'"b"')),
            "another length": lambda: words.write_bytes(words.read_bytes().replace(b'"frames":480', b'"frames":479')),
        }[what]()

    return apply


@pytest.mark.parametrize(
    "what",
    [
        "no words", "no audio", "half the audio", "no audio at all", "half the words", "other words",
        "another's words", "another length",
    ],
)  # fmt: skip
def test_a_broken_pair_counts_as_none_and_can_be_made_again(cache, what):
    cache.put(*take_of("a"))
    damage(what)(cache)
    assert cache.get("a") is None
    cache.put(*take_of("a"))
    assert cache.get("a") is not None


def test_audio_that_is_gone_is_told(cache):
    take, _ = take_of("a")
    with pytest.raises(MediaError, match=r"a\.wav can't be read"):
        cache.audio(take)


@pytest.mark.parametrize("failing", [1, 2])
def test_a_full_disk_leaves_nothing_half(cache, monkeypatch, failing):
    calls = []
    fsync = os.fsync

    def full(file):
        calls.append(file)
        if len(calls) == failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(file)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MediaError, match=f"a take can't be kept in {cache.folder}: No space left on device"):
        cache.put(*take_of("a"))
    assert cache.get("a") is None
    assert not list(cache.folder.glob("*.tmp"))


LIMITED = """
import resource, sys
import numpy as np
from pathlib import Path
from engine.errors import MediaError
from engine.render.cache import TakeCache
from engine.voices.take import Take
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
take = Take(digest="a", text="", voice="v", sample_rate=48000, frames=48000, channels=1, words=())
try:
    TakeCache(Path(sys.argv[1])).put(take, np.zeros((48000, 1), np.float32))
except MediaError as error:
    print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX limits")
def test_a_write_that_stops_in_the_middle_leaves_nothing(tmp_path):
    """A real short write: the system allows no file beyond 100 kB."""
    done = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == f"a take can't be kept in {tmp_path}: File too large\n"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MediaError, match="can't be kept"):
        TakeCache(tmp_path / "file").put(*take_of("a"))
    assert TakeCache(tmp_path / "file").get("a") is None


def test_pruning_removes_what_was_used_longest_ago(cache):
    for number, name in enumerate("abcd"):
        cache.put(*take_of(name))
        for path in (cache.audio_path(name), cache.folder / f"{name}.json"):
            os.utime(path, (1000 + number, 1000 + number))
    size = sum(p.stat().st_size for p in cache.folder.iterdir())
    assert cache.get("a") is not None  # used just now
    assert cache.prune(size) == 0
    removed = cache.prune(size // 2)
    assert size // 2 <= removed <= size // 2 + size // 4
    assert {p.stem for p in cache.folder.iterdir()} == {"a", "d"}
    cache.prune(0)
    assert list(cache.folder.iterdir()) == []


def test_pruning_clears_what_a_killed_process_left(cache):
    cache.put(*take_of("a"))
    old, fresh = cache.folder / "x.wav.00.tmp", cache.folder / "y.wav.00.tmp"
    for path in (old, fresh):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    cache.prune(1 << 30)
    assert not old.exists() and fresh.exists() and cache.get("a") is not None


def test_pruning_a_cache_that_is_not_there_is_nothing(cache):
    assert cache.prune(0) == 0
