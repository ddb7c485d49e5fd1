"""Fixtures that every test may use; property tests try the same examples in every run, however slow the machine."""

import ctypes
import os
import signal
import sys

import pytest
from hypothesis import settings

pytest_plugins = ["tests.jack_server", "tests.postgres_server"]

signal.signal(signal.SIGINT, signal.default_int_handler)
"""A shell has what it runs in the background ignore it, and whatever that starts: tests interrupt programs."""

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")

os.environ["ARDOUR_FPU_FLAGS"] = "0"
"""Ardour 7 with AVX-512 mixes up to 15 frames of a region after its end, on some processors: see PBD::FPU."""

C = ctypes.CDLL(None) if sys.platform != "win32" else ctypes.CDLL("ucrtbase")
ARITHMETIC = ctypes.create_string_buffer(256)
C.fegetenv(ARITHMETIC)
"""How this process reckons before any test."""


@pytest.fixture(autouse=True)
def _whole_arithmetic():
    """Many a plug-in (built with -ffast-math) has the thread that loads it take the smallest numbers for zero."""
    yield
    C.fesetenv(ARITHMETIC)
