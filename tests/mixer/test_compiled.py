"""Compiled kernels: a start loads them and imports nothing that only a compiler needs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

START = """
import sys
from engine.mixer.compile import warm
warm()
print([name for name in ("numba.typed.typeddict", "scipy.linalg") if name in sys.modules])
"""


def test_a_start_loads_kernels_without_the_compilers_modules():
    for _ in range(2):  # the first one may have to compile
        done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


KERNEL = """
from engine.mixer.compile import kernel
@kernel
def twice(x):
    return 2 * x
@kernel
def thrice(x):
    return 3 * x
"""
FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"


@pytest.mark.parametrize(("before", "folder"), [(FULL, "kept"), ("pass", "file/kept")], ids=["full", "not a folder"])
def test_kernels_that_cannot_be_kept_are_used_all_the_same_and_told_once(tmp_path, before, folder):
    (tmp_path / "file").touch()
    (tmp_path / "some_kernels.py").write_text(KERNEL)
    kept = tmp_path / folder
    done = subprocess.run(
        [sys.executable, "-c", f"{before}; from some_kernels import *; print(twice(3), thrice(3), twice(1.5))"],
        env={
            **os.environ,
            "NUMBA_CACHE_DIR": str(kept),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "6 9 3.0\n"
    assert done.stderr.count(f"compiled kernels can't be kept in {kept}") == 1


def test_another_installation_compiles_nothing_again_unless_its_kernels_are_others(tmp_path):
    kept = tmp_path / "kept"

    def run(place: str, source: str) -> dict[str, int]:
        """Call kernels that are installed at a place; return the files kept of them, and when each was written."""
        package = tmp_path / place / "product" / "package"
        package.mkdir(parents=True, exist_ok=True)
        (package / "some_kernels.py").write_text(source)
        code = "from product.package.some_kernels import *; assert twice(1.5) == 3.0; assert thrice(3) == thrice(1) * 3"
        places = os.pathsep.join([str(tmp_path / place), str(Path.cwd())])
        env = {**os.environ, "NUMBA_CACHE_DIR": str(kept), "PYTHONPATH": places}
        subprocess.run([sys.executable, "-c", code], env=env, cwd=tmp_path, check=True)
        return {path.name: path.stat().st_mtime_ns for path in kept.rglob("*.nb?")}

    first = run("here", KERNEL)
    assert len(first) == 4
    assert run("there", KERNEL) == first
    other = run("there", KERNEL.replace("3 * x", "4 * x"))
    assert other.keys() == first.keys()
    assert all(other[name] > first[name] for name in first)
