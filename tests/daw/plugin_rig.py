"""Cuevox Return on a bench: built once, an engine that serves it, a story whose export is the judge."""

from __future__ import annotations

import fcntl
import functools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from bridge.errors import BridgeError
from bridge.plugin.build import BUILT, build
from tests.signals import RATE, noise
from tests.whole.rig import Rig, engine_env, running

Audio = NDArray[np.float32]

CLIPS = 8
HALL = "Großer Saal 𝄞"
"""What people call the bus."""


@functools.cache
def built() -> Path:
    """Return the folder of the bundles, built once from the sources as they are; skips the test where that can't be."""
    BUILT.mkdir(parents=True, exist_ok=True)
    try:
        with (BUILT / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # other workers of this run build it, too
            return build(BUILT)
    except BridgeError as error:
        if Path("/usr/share/dpf").exists():
            raise
        pytest.skip(str(error))


def lay_out(folder: Path, effects: str = "", master: str = "limiter_db: off") -> Path:
    """Write a story of two tracks and a bus with clips at odd places; nothing in it depends on the hour."""
    for number in range(3):
        audio = noise(30000 + 1111 * number, seed=number, channels=1 + number % 2, level=0.2)
        soundfile.write(folder / f"noise{number}.wav", audio, RATE, subtype="FLOAT")
    path = folder / "story.yaml"
    path.write_text(
        "kind: story\nversion: 1\ntitle: In the DAW\ntracks:\n"
        f"  - id: one\n    clips:\n{_clips(0)}"
        f"  - id: two\n    pan: 0.3\n{effects}    sends: {{room: -6}}\n    clips:\n{_clips(1)}"
        f"buses:\n  - id: room\n    name: {HALL}\n    gain_db: -3\n"
        f"master: {{{master}}}\n"
        "slots:\n  - {bank: pads, index: 1, clip: c00, mode: layer}\n"
        "  - {bank: pads, index: 2, clip: c00, mode: layer, quantise: bar}\n"
    )
    return path


def _clips(track: int) -> str:
    rows = (
        f"      - {{id: c{track}{number}, audio: noise{(number + track) % 3}.wav,"
        f" start: {0.37 * number + 0.11 * track if number else 0.0:.3f}, gain_db: -{number}}}\n"
        for number in range(CLIPS)
    )
    return "".join(rows)


def exported(story: Path) -> dict[str, Audio]:
    """Return what `cuevox export` makes of a story: the mix and each track, (frames, 2)."""
    out = story.parent / "out"
    command = [sys.executable, "-m", "bridge.cli.main", "export", str(story), "--to", str(out), "--bits", "32f"]
    subprocess.run([*command, "--as", "stems", "--as", "mix"], env=engine_env(story.parent, {}), check=True)
    files = {"mix": out / "mix.wav", **{p.stem.split("_", 1)[1]: p for p in (out / "stems").glob("*.wav")}}
    return {name: soundfile.read(path, dtype="float32", always_2d=True)[0] for name, path in files.items()}


@contextmanager
def serving(story: Path, link: str, **env: str) -> Iterator[Rig]:
    """Run an engine that plug-ins find as ``link``, until the block ends; every sound is there."""
    with running(story, "--device", "daw", env={"CUEVOX_DAW_LINK": link, **env}) as rig:
        rig.wait_ready()
        yield rig
