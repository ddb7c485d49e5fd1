"""Tests that are marked ``alone`` run while no other test of the run does."""

import os
import subprocess
import sys
from pathlib import Path

ALONE = """
import os, time, pytest
from pathlib import Path

NOTES = Path(os.environ["NOTES"])

@pytest.mark.alone
def test_alone():
    before = NOTES.stat().st_size
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        assert NOTES.stat().st_size == before, "another test has begun or ended"
"""
COMPANY = """
import os, time, pytest
from pathlib import Path

def note(text):
    with open(os.environ["NOTES"], "a") as file:
        file.write(text)

@pytest.mark.parametrize("n", range(100))
def test_in_company(n):
    note("begun ")
    end = time.monotonic() + 0.02
    while time.monotonic() < end:
        pass
    note("ended ")
"""


def test_nobody_is_beside_a_test_that_is_alone(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.touch()
    (tmp_path / "test_alone.py").write_text(ALONE)
    (tmp_path / "test_company.py").write_text(COMPANY)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = alone: alone\n")
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.company"]\n')
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadfile"]
    command += ["--basetemp", str(tmp_path / "base"), str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "NOTES": str(notes)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert notes.read_text() == "begun ended " * 100
