"""A built wheel, installed into an empty environment, runs the demo: nothing of the checkout is needed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = [pytest.mark.extra, pytest.mark.whole, pytest.mark.timeout(600)]


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    clean = {n: v for n, v in os.environ.items() if n != "PYTHONPATH" and not n.startswith("CUEVOX_")}
    done = subprocess.run(command, cwd=cwd, env={**clean, **variables}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """Build the wheel from what git knows, install it; return the folder of the environment."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    files = run("git", "ls-files", "-z", cwd=ROOT).split("\0")
    for name in filter(None, files):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    constraints = str(ROOT / "constraints.txt")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, source, cwd=folder, PIP_CONSTRAINT=constraints)
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    (wheel,) = folder.glob("*.whl")
    run(folder / "venv/bin/python", "-m", "pip", "install", "-q", "-c", constraints, wheel, cwd=folder)
    return folder / "venv"


def test_an_installed_demo_has_all_it_needs(installed, tmp_path):
    told = run(installed / "bin/cuevox", "demo", "--device", "null", cwd=tmp_path, CUEVOX_CACHE_DIR=str(tmp_path / "c"))
    files = [tmp_path / line.split("\t")[0] for line in told.splitlines()]
    assert len(files) > 10
    assert all(file.exists() for file in files)


def test_its_database_is_made_by_the_steps_that_came_with_it(installed, tmp_path):
    home = {"CUEVOX_DATA_DIR": str(tmp_path / "data")}
    assert run(installed / "bin/cuevox", "profiles", "list", "--json", cwd=tmp_path, **home) == "[]\n"
    code = (
        "import sqlite3, sys; from engine.store.database import HEAD\n"
        "steps = sqlite3.connect(sys.argv[1]).execute('SELECT version_num FROM alembic_version').fetchall()\n"
        "assert steps == [(HEAD,)], steps"
    )
    run(installed / "bin/python", "-c", code, tmp_path / "data/cuevox.db", cwd=tmp_path)


def test_it_is_installed_whole(installed, tmp_path):
    code = "import bridge.cli.example as e, engine, cuevox; print(e.example_folder()); print(engine.__file__)"
    lines = run(installed / "bin/python", "-c", code, cwd=tmp_path).splitlines()
    assert lines
    assert all(line.startswith(str(installed)) for line in lines)
    assert (Path(lines[0]).parent / "drive_from_osc.py").exists()


def test_the_version_is_the_project_s(installed, tmp_path):
    version = (ROOT / "pyproject.toml").read_text().split('version = "')[1].split('"')[0]
    assert run(installed / "bin/cuevox", "--version", cwd=tmp_path) == f"cuevox {version}\n"
