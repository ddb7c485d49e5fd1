"""Runs `cuevox` as a shell would, in a world of its own: settings and caches below one folder."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "bridge.cli.main")


def world(folder: Path, **variables: str) -> dict[str, str]:
    """Return an environment without settings of this machine's user; compiled kernels are shared."""
    settings = folder / "settings.yaml"
    settings.touch()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CUEVOX_")}
    return {
        **clean,
        "PYTHONPATH": str(ROOT),
        "CUEVOX_SETTINGS": str(settings),
        "CUEVOX_CACHE_DIR": str(folder / "cache"),
        "CUEVOX_DATA_DIR": str(folder / "data"),
        "CUEVOX_CLIP_MEMORY_MB": "64",
        "CUEVOX_HTTP_PORT": "0",
        "CUEVOX_DISCOVERY": "off",
        **variables,
    }


def cuevox(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one command in ``folder``; its output is text."""
    return subprocess.run(
        [*COMMAND, *arguments], cwd=folder, env=world(folder, **variables), capture_output=True, text=True, check=False
    )
