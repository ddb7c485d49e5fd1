"""Fixtures that every test may use."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # tests.signals and friends are plain modules beside the tests

pytest_plugins = ["jack_server"]
