"""Folders of compiled kernels: old ones go, those in use and whatever else lies there stay."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.kernel_shelf import UNUSED_DAYS, USED, clear, use

DAY = 86_400.0
NOW = time.time()
OLD, NEW = NOW - (UNUSED_DAYS + 1) * DAY, NOW - (UNUSED_DAYS - 1) * DAY

HOLD = """
import sys
from pathlib import Path
from engine.kernel_shelf import use
use(Path(sys.argv[1]))
print("used", flush=True)
sys.stdin.read()
"""


START = """
from engine.mixer import rehearsal
from engine.mixer.compile import cache_folder, warm
rehearsal.rehearse = lambda: None
warm()
print(cache_folder())
"""


def version(shelf: Path, digit: str, when: float) -> Path:
    """Make a folder of kernels that was used at a time."""
    folder = shelf / (digit * 16)
    (folder / "engine_mixer").mkdir(parents=True)
    kernel = folder / "engine_mixer" / "one.nbi"
    kernel.write_bytes(b"kernel")
    os.utime(kernel, (when, when))
    os.utime(folder, (when, when))
    return folder


def age(*paths: Path) -> None:
    for path in paths:
        os.utime(path, (OLD, OLD))


def test_folders_that_nobody_has_used_for_a_month_are_removed(tmp_path: Path) -> None:
    old, new = version(tmp_path, "a", OLD), version(tmp_path, "b", NEW)
    assert clear(tmp_path, NOW) == (old.name,)
    assert [path.name for path in tmp_path.iterdir()] == [new.name]


def test_one_that_a_process_has_begun_to_use_stays(tmp_path: Path) -> None:
    folder = version(tmp_path, "a", OLD)
    (folder / USED).touch()
    os.utime(folder / USED, (NEW, NEW))
    assert clear(tmp_path, NOW) == ()
    assert folder.exists()


def test_use_is_told_by_a_touch(tmp_path: Path) -> None:
    folder = version(tmp_path, "a", OLD)
    begun = time.time()
    use(folder)
    assert (folder / USED).stat().st_mtime >= begun - 2.0


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX locks")
def test_one_that_a_process_uses_stays_however_long_it_runs(tmp_path: Path) -> None:
    folder = version(tmp_path, "a", OLD)
    code = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == b"used\n"
        age(folder, folder / USED)
        assert clear(tmp_path, NOW) == ()
        process.stdin.close()
    age(folder, folder / USED)
    assert clear(tmp_path, NOW) == (folder.name,)


def test_one_of_a_version_that_leaves_no_word_stays_while_its_kernels_are_read(tmp_path: Path) -> None:
    folder = version(tmp_path, "a", OLD)
    os.utime(folder / "engine_mixer" / "one.nbi", (NEW, OLD))
    assert clear(tmp_path, NOW) == ()


def test_whatever_else_lies_there_stays(tmp_path: Path) -> None:
    shelf, outside = tmp_path / "kernels", version(tmp_path, "c", OLD)
    mine = version(shelf, "a", OLD).rename(shelf / "mine")
    (shelf / ("b" * 16)).symlink_to(outside, target_is_directory=True)
    (shelf / ("d" * 16)).touch()
    os.utime(shelf / ("d" * 16), (OLD, OLD))
    assert clear(shelf, NOW) == ()
    assert mine.exists() and (outside / "engine_mixer" / "one.nbi").exists() and (shelf / ("d" * 16)).exists()


def test_what_was_moved_away_by_one_that_ended_is_removed(tmp_path: Path) -> None:
    version(tmp_path, "a", NEW).rename(tmp_path / f".gone-{'a' * 16}-77")
    assert clear(tmp_path, NOW) == ()
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_or_is_not_there_is_let_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    use(tmp_path / "file" / ("a" * 16))
    assert clear(tmp_path / "file") == () and clear(tmp_path / "nowhere") == ()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="cache folders are named otherwise there")
def test_a_start_uses_its_own_and_clears_the_others(tmp_path: Path) -> None:
    shelf = tmp_path / "cuevox" / "kernels"
    old = version(shelf, "a", OLD)
    env = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", START],
        env={**env, "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    own = Path(done.stdout.strip())
    assert own.parent == shelf and (own / USED).exists() and not old.exists()
