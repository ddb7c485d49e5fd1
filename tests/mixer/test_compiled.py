"""Compiled kernels: a start loads them and imports nothing that only a compiler needs."""

import subprocess
import sys

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
