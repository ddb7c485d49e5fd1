"""`cuevox doctor`: checks everything that a bug report needs, and says what to do about what is missing."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import typer

from bridge.cli.options import Json
from engine.errors import EngineError
from engine.settings import Loaded, Settings, load_settings

if TYPE_CHECKING:
    from engine.platform import Grant

State = Literal["ok", "note", "problem"]
"""``note``: works, but not as well as it could."""

PACKAGES = (
    "numpy", "numba", "pedalboard", "soundfile", "soxr", "sounddevice", "python-osc", "msgspec", "PyYAML", "typer",
    "rich", "pyloudnorm", "pillow", "espeakng-loader", "platformdirs",
)  # fmt: skip
FREE_BYTES = 1 << 30
TEST_LINE = "One, two, one, two."


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. text: what was found, and what to do where that is not fine."""

    name: str
    state: State
    text: str


def doctor(json: Json = False) -> None:
    """Check versions, devices, real-time permission, memory, voices, ports and caches. Exit code 1: a problem."""
    from bridge.cli import screen

    findings = []
    for finding in examine():
        findings.append(finding)
        if not json:
            screen.print_finding(finding.name, finding.state, finding.text)
    if json:
        screen.print_json(findings)
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(1)


def examine() -> Iterator[Check]:
    """Yield every finding; a check that can't be made is a finding, too."""
    yield from _versions()
    loaded = None
    try:
        loaded = load_settings()
    except EngineError as error:
        yield Check(name="settings", state="problem", text=str(error))
    settings = loaded.settings if loaded else Settings()
    if loaded:
        yield _settings(loaded)
    checks: tuple[tuple[str, Callable[[Settings], Check]], ...] = (
        ("kernels", _kernels),
        ("devices", _devices),
        ("voices", _voices),
        ("osc port", _osc_port),
        ("cache", _cache),
        ("memory", _memory),
        ("real time", _realtime),
        ("locked memory", _memlock),  # last: it locks what this process has
    )
    for name, check in checks:
        try:
            yield check(settings)
        except (EngineError, OSError, ImportError) as error:
            yield Check(name=name, state="problem", text=str(error))


def _versions() -> Iterator[Check]:
    yield Check(name="cuevox", state="ok", text=_version("cuevox"))
    yield Check(name="python", state="ok", text=f"{platform.python_version()} ({sys.executable})")
    yield Check(name="platform", state="ok", text=f"{platform.platform()}, {os.cpu_count()} cores")
    versions = {name: _version(name) for name in PACKAGES}
    missing = [name for name, version in versions.items() if version == "missing"]
    text = ", ".join(f"{name} {version}" for name, version in versions.items())
    yield Check(name="packages", state="problem" if missing else "ok", text=text)


def _version(name: str) -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _settings(loaded: Loaded) -> Check:
    values = msgspec.to_builtins(loaded.settings)
    changed = [f"{n}={values[n]} ({origin})" for n, origin in loaded.origins.items() if origin != "default"]
    return Check(name="settings", state="ok", text=", ".join(changed) or "all at their defaults")


def _kernels(_: Settings) -> Check:
    from engine.mixer.compile import cache_folder

    folder = cache_folder()
    compiled = len(list(folder.rglob("*.nbi")))
    if not compiled:
        text = f"not compiled yet: the first start takes longer; `python -m engine.mixer.compile` does it ({folder})"
        return Check(name="kernels", state="note", text=text)
    return Check(name="kernels", state="ok", text=f"{compiled} compiled in {folder}")


def _devices(settings: Settings) -> Check:
    from engine.output.device import find_device, list_devices

    found = list_devices()
    names = ", ".join(str(d) for d in found)
    if settings.device and settings.device != "null":
        return Check(
            name="devices", state="ok", text=f"{find_device(settings.device, found)} is set; there is: {names}"
        )
    if not any(d.default for d in found):
        text = f"no default output device: `cuevox run` plays in silence (null). There is: {names or 'none'}"
        return Check(name="devices", state="note", text=text)
    return Check(name="devices", state="ok", text=names)


def _voices(settings: Settings) -> Check:
    from bridge.cli.voices import speak_into_memory
    from engine.voices.catalog import load_catalog

    catalog = load_catalog(settings.voice_folders)
    first = next(iter(catalog.presets))
    seconds, took = speak_into_memory(catalog, first, TEST_LINE)
    text = f"{len(catalog.presets)}: {', '.join(catalog.presets)}; {first} spoke {seconds:.1f} s in {took * 1e3:.0f} ms"
    return Check(name="voices", state="ok", text=text)


def _osc_port(settings: Settings) -> Check:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((settings.osc_host, settings.osc_port))
        except OSError as error:
            text = f"{settings.osc_host}:{settings.osc_port}: {error.strerror}; is an engine running?"
            return Check(name="osc port", state="note", text=text)
    return Check(name="osc port", state="ok", text=f"{settings.osc_host}:{settings.osc_port} is free")


def _cache(settings: Settings) -> Check:
    folder = settings.takes_folder
    nearest = next(p for p in (folder, *folder.parents) if p.exists())
    if not os.access(nearest, os.W_OK):
        return Check(name="cache", state="problem", text=f"{folder}: {nearest} can't be written; set cache_dir")
    used = sum(p.stat().st_size for p in folder.glob("*") if p.is_file())
    free = shutil.disk_usage(nearest).free
    text = f"{folder}: {used / 1e6:.0f} of {settings.cache_max_mb} MB, {free / 1e9:.1f} GB free on the disk"
    return Check(name="cache", state="ok" if free > FREE_BYTES else "note", text=text)


def _memory(settings: Settings) -> Check:
    from engine.platform import available_memory_bytes

    available = available_memory_bytes()
    text = f"{available / 1e9:.1f} GB available, clips take {settings.clip_memory_mb} MB"
    shared = Path("/dev/shm")  # JACK servers keep their ports there; Cuevox itself does not
    if shared.is_dir():
        text += f"; /dev/shm has {shutil.disk_usage(shared).free / 1e6:.0f} MB free"
    short = available < 2 * (settings.clip_memory_mb << 20)
    return Check(name="memory", state="problem" if short else "ok", text=text)


def _realtime(_: Settings) -> Check:
    from engine.platform import raise_priority

    grant = _in_thread(raise_priority)
    advice = "" if grant.granted else "; blocks may drop under load: join the group `audio`, or use --block 512"
    return Check(name="real time", state="ok" if grant.granted else "note", text=grant.reason + advice)


def _in_thread(ask: Callable[[], Grant]) -> Grant:
    """Ask in a thread of its own: what is granted to it ends with it."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(ask).result()


def _memlock(_: Settings) -> Check:
    from engine.platform import lock_memory

    grant = lock_memory()
    return Check(name="locked memory", state="ok" if grant.granted else "note", text=grant.reason)
