"""Tests that must have the machine to themselves: those marked ``alone`` wait for others that run, and others for them.

pytest-xdist runs several at once; most do not mind. Another program that plays in real time and tells nobody what it
missed does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform != "win32":
    import fcntl


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the run's two locks; each process of a run has a folder of its own below one of all."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if base.name.startswith("popen-") else base


@pytest.fixture(autouse=True)
def _alone(request: pytest.FixtureRequest, company: Path) -> Iterator[None]:
    """Hold a lock while a test runs: shared, or all of it. Who waits for all of it is passed by nobody."""
    if sys.platform == "win32":
        yield
        return
    whole = request.node.get_closest_marker("alone") is not None
    with (company / "alone.door").open("w") as door, (company / "alone.room").open("w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if whole else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield
        fcntl.flock(room, fcntl.LOCK_UN)  # also of what was forked meanwhile
