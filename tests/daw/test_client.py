"""The plug-in's end of the link by itself, compiled for this system and for Windows, and run against a small engine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bridge.plugin.build import MINGW, SOURCES

SOURCE = Path(__file__).parent / "hosts" / "client_run.cpp"
WINE = shutil.which("wine64") or shutil.which("wine64", path="/usr/lib/wine") or shutil.which("wine")
WAIT_SECONDS = 120.0

pytestmark = pytest.mark.extra


def compiled(compiler: str, to: Path, *flags: str) -> Path:
    command = [compiler, "-std=c++17", "-Wall", "-Wextra", "-O1", f"-I{SOURCES}", str(SOURCE), "-o", str(to), *flags]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "warning" not in told.stderr
    return to


def run(*command: str, folder: Path) -> None:
    env = {"CUEVOX_DAW_LINK": f"run-{os.getpid()}", "WINEPREFIX": str(folder / "wine"), "WINEDEBUG": "-all"}
    told = subprocess.run(
        command, env=os.environ | env, capture_output=True, text=True, check=False, timeout=WAIT_SECONDS
    )
    assert (told.returncode, told.stdout) == (0, "")


def test_it_asks_waits_gives_up_and_shares_here(tmp_path: Path) -> None:
    run(str(compiled("g++", tmp_path / "client", "-pthread", "-lrt")), folder=tmp_path)


@pytest.mark.skipif(shutil.which(f"{MINGW}g++-posix") is None, reason="no compiler for Windows")
def test_it_does_so_on_windows(tmp_path: Path) -> None:
    program = compiled(f"{MINGW}g++-posix", tmp_path / "client.exe", "-static")
    if WINE is None:
        pytest.skip("it compiles; there is no Wine to run it")
    run(WINE, str(program), folder=tmp_path)
