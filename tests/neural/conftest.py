"""Tests of what needs PyTorch: collected only where it is installed, run by ``make test-all``."""

import importlib.util
import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["test_*.py"]


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name == "neural":
            item.add_marker(pytest.mark.extra)
