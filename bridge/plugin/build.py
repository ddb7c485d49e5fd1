"""Build the plug-ins: ``python -m bridge.plugin.build [windows]``. Needs g++, make and dpf-source."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

from bridge.errors import BridgeError
from bridge.plugin.fix_dpf import fixed_copy, is_current

log = logging.getLogger(__name__)

SOURCES = Path(__file__).parent
BUILT = SOURCES.parent.parent / "build" / "plugin"
"""Where a checkout keeps what it has built."""

PLUGINS = {"return": "CuevoxReturn", "return_midi": "CuevoxReturnMIDI"}
"""The name that the files of each plug-in have, by its folder."""

FORMATS = {"vst3": "vst3", "clap": "clap", "lv2": "lv2_dsp"}
"""DPF's target for each format."""

MINGW = "x86_64-w64-mingw32-"


class BuildFailed(BridgeError):
    """The compiler refused, or is not there; the message ends with what it said."""

    code = "build_failed"


def build(to: Path = BUILT, *, windows: bool = False) -> Path:
    """Build everything that has changed below ``to``; return the folder of the bundles. Raises BuildFailed, NoDpf."""
    dpf = to / "dpf"
    if not is_current(dpf):
        fixed_copy(dpf)
    system = "windows" if windows else "bin"
    tools = [f"{tool}={MINGW}{program}" for tool, program in _MINGW_TOOLS.items()] if windows else []
    formats = [target for name, target in FORMATS.items() if not (windows and name == "lv2")]
    for folder, name in PLUGINS.items():
        _run(
            "make", "-C", str(SOURCES / folder), "-f", "../Makefile", f"NAME={name}", f"DPF_PATH={dpf}",
            f"DPF_BUILD_DIR={to / 'objects' / system / name}", f"DPF_TARGET_DIR={to / system}",
            f"TARGETS={' '.join(formats)}", *tools,
        )  # fmt: skip
        if not windows:
            _describe_lv2(dpf, to / system / f"{name}.lv2", name)
    return to / system


_MINGW_TOOLS = {"CC": "gcc-posix", "CXX": "g++-posix", "AR": "gcc-ar", "STRIP": "strip"}


def _describe_lv2(dpf: Path, bundle: Path, name: str) -> None:
    """Write the bundle's Turtle files, which say what its ports are."""
    library = bundle / f"{name}_dsp.so"
    manifest = bundle / "manifest.ttl"
    if manifest.exists() and manifest.stat().st_mtime >= library.stat().st_mtime:
        return
    _run("make", "-C", str(dpf / "utils" / "lv2-ttl-generator"))
    _run(str(dpf / "utils" / "lv2_ttl_generator"), f"./{library.name}", cwd=bundle)


def _run(*command: str, cwd: Path | None = None) -> None:
    # No engine of the user's may lend its buses' names to what is built.
    env = {**os.environ, "CUEVOX_DAW_LINK": "cuevox-build", "LC_ALL": "C"}
    try:
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise BuildFailed(f"{command[0]} is not installed") from error
    if done.returncode:
        raise BuildFailed(f"{command[0]} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    if warnings := [line for line in done.stderr.splitlines() if "warning:" in line]:
        log.warning("%s", "\n".join(warnings))


def main() -> None:
    """Build for this system, or for Windows; print where it lies."""
    logging.basicConfig(stream=sys.stderr, format="%(message)s")
    try:
        where = build(windows="windows" in sys.argv[1:])
    except BridgeError as error:
        raise SystemExit(str(error)) from error
    sys.stdout.write(f"{where}\n")


if __name__ == "__main__":
    main()
