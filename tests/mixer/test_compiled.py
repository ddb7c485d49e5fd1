"""Compiled kernels: a start loads them and imports nothing that only a compiler needs."""

import os
import subprocess
import sys

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
            "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "6 9 3.0\n"
    assert done.stderr.count(f"compiled kernels can't be kept in {kept}") == 1
