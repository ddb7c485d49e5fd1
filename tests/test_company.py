"""Tests that are marked ``alone`` run while no other test of the run does."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = """
import os, time, pytest
from pathlib import Path

def note(name):
    with open(os.environ["NOTES"], "a") as file:
        file.write(f"begin {name}\\n")
        file.flush()
        for _ in range(3):
            os.sched_yield()
            time.perf_counter()
        file.write(f"end {name}\\n")

@pytest.mark.parametrize("n", range(40))
def test_in_company(n):
    note("company")

@pytest.mark.alone
@pytest.mark.parametrize("n", range(10))
def test_alone(n):
    note("alone")
"""


def test_nobody_is_beside_a_test_that_is_alone(tmp_path: Path) -> None:
    for name in ("test_one.py", "test_two.py"):
        (tmp_path / name).write_text(TESTS)
    notes = tmp_path / "notes"
    ini = "[pytest]\nmarkers = alone: alone\n"
    (tmp_path / "pytest.ini").write_text(ini)
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.company"]\n')
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadfile"]
    command += ["--basetemp", str(tmp_path / "base"), str(tmp_path)]
    paths = {"PYTHONPATH": str(Path(__file__).parents[1]), "NOTES": str(notes)}
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, **paths}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    under_way: list[str] = []
    for line in notes.read_text().splitlines():
        what, name = line.split()
        if what == "begin":
            assert "alone" not in under_way
            assert name != "alone" or not under_way
            under_way.append(name)
        else:
            under_way.remove(name)
