"""Builds the test plug-ins from Debian's dpf-source; copies of two binaries are all of them."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCE = Path(__file__).parent / "source"
DPF = Path(os.environ.get("DPF_PATH", "/usr/share/dpf"))
BUILT = ROOT / "build" / "test-plugins"
INNER = Path("Contents") / "x86_64-linux"
STEREO = ("Gain", "Late", "CrashLoading", "CrashProcessing", "HangLoading")


def lay_out(folder: Path, *names: str) -> Path:
    """Put these plug-ins into ``folder`` and return it; skip the test where they can't be built."""
    BUILT.mkdir(parents=True, exist_ok=True)
    for name in names:
        with (BUILT / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # other workers of this run build it, too
            binary = _built(1 if name == "Mono" else 2)
        target = folder / f"{name}.vst3" / "Contents" / binary.parent.name / f"{name}.so"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(binary, target)
    return folder


def _built(channels: int) -> Path:
    """Return the binary, building it if its source is newer."""
    folder = BUILT / str(channels)
    found = list((folder / "bin").glob("CuevoxTest.vst3/Contents/*/CuevoxTest.so"))
    newest = max(file.stat().st_mtime for file in SOURCE.iterdir())
    if found and found[0].stat().st_mtime > newest:
        return found[0]
    missing = [tool for tool in ("make", "g++", "pkg-config") if shutil.which(tool) is None]
    if missing or not DPF.is_dir():
        pytest.skip(f"the test plug-ins need {' '.join(missing) or 'dpf-source'}: tools/setup.sh all installs it")
    folder.mkdir(parents=True, exist_ok=True)
    work = folder / "source"
    shutil.copytree(SOURCE, work, dirs_exist_ok=True)
    command = ["make", "-C", str(work), f"DPF_PATH={DPF}", "DPF_BUILD_DIR=../objects", "DPF_TARGET_DIR=../bin"]
    subprocess.run([*command, f"CHANNELS={channels}"], check=True, capture_output=True, timeout=110)
    return next((folder / "bin").glob("CuevoxTest.vst3/Contents/*/CuevoxTest.so"))
