"""Imports point one way, each heavy library has one home, and light processes stay light."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    p.relative_to(ROOT).as_posix() for folder in ("engine", "bridge") for p in (ROOT / folder).rglob("*.py")
)

HOMES = {
    "pedalboard": ("engine/mixer/chain.py", "engine/mixer/plugins.py", "engine/mixer/hosting.py"),
    "sounddevice": ("engine/output/device.py",),
    "pythonosc": ("bridge/osc/*",),
    "aalink": ("bridge/midi/link_clock.py", "bridge/midi/link_out.py"),
    "rtmidi": ("bridge/midi/rtmidi_ports.py",),
    "espeakng_loader": ("engine/voices/backends/espeak_data.py",),
    "numba": ("engine/mixer/*", "engine/export/kernel.py"),
    "llvmlite": (
        "engine/realtime/atomics.py",
        "engine/mixer/fetching.py",
        "engine/mixer/vectors.py",
        "engine/mixer/weighing.py",
    ),
    "pyloudnorm": ("engine/export/loudness.py",),
    "scipy": ("engine/export/loudness.py",),
    "soxr": ("engine/render/*", "engine/voices/*", "engine/export/*", "engine/story/*", "engine/media/*"),
    "torch": ("engine/voices/backends/*", "engine/voices/guests/*"),
    "sherpa_onnx": ("engine/voices/backends/sherpa_voice.py",),
    "transformers": ("engine/voices/backends/*",),
    "urllib3": ("engine/voices/backends/*",),
    "huggingface_hub": ("engine/voices/models/*", "engine/voices/guests/*"),
    "yaml": ("engine/settings.py", "engine/story/*", "engine/voices/catalog.py"),
    "PIL": ("engine/export/overview.py", "engine/export/canvas.py"),
    "mido": ("bridge/midi/*", "engine/story/midi_file.py", "engine/export/sessions/midi.py"),
    "markdown_it": ("engine/story/script_documents.py",),
    "docx": ("engine/story/script_documents.py",),
    "librosa": ("engine/speech/align/*",),
    "pocketsphinx": ("engine/speech/align/*",),
    "sentencex": ("engine/speech/split.py",),
    "av": ("engine/export/aac.py",),
    "aaf2": ("engine/export/sessions/aaf.py",),
    "starlette": ("bridge/http/*",),
    "uvicorn": ("bridge/http/server.py",),
    "zeroconf": ("bridge/discovery.py",),
    "sqlalchemy": ("engine/store/*",),
    "alembic": ("engine/store/*",),
    "typer": ("bridge/cli/*",),
    "rich": ("bridge/cli/*",),
}
PURE = (
    "engine/commands.py",
    "engine/edits.py",
    "engine/events.py",
    "engine/params.py",
    "engine/units.py",
    "engine/errors.py",
)
PURE_STORY = ("model", "messages", "edit", "timeline", "tempo", "script")
IMPURE = {
    "numpy",
    "numba",
    "soundfile",
    "soxr",
    "scipy",
    "pedalboard",
    "socket",
    "asyncio",
    "subprocess",
    "pathlib",
    "os",
}
HEAVY = {
    "librosa",
    "pocketsphinx",
    "numba",
    "scipy",
    "pedalboard",
    "torch",
    "transformers",
    "huggingface_hub",
    "sounddevice",
    "pyloudnorm",
    "PIL",
    "sqlalchemy",
    "alembic",
    "typer",
    "rich",
}


@cache
def imported(module: str) -> tuple[str, ...]:
    """Return the full name of whatever ``module`` imports, inside functions too."""
    return tuple(_imported(module))


def _imported(module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import in line {node.lineno}"
            package = node.module or ""
            yield from (f"{package}.{alias.name}" for alias in node.names) if package == "engine" else (package,)


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("engine/")])
def test_the_engine_never_imports_a_bridge(module):
    assert not [name for name in imported(module) if name.split(".")[0] in ("bridge", "cuevox")]


@pytest.mark.parametrize("library", HOMES)
def test_a_heavy_library_has_one_home(library):
    users = [m for m in MODULES if any(name.split(".")[0] == library for name in imported(m))]
    strangers = [m for m in users if not any(fnmatch(m, home) for home in HOMES[library])]
    assert not strangers, f"{library} belongs to {', '.join(HOMES[library])}"


@pytest.mark.parametrize("module", [*PURE, *(f"engine/story/{name}.py" for name in PURE_STORY)])
def test_the_core_is_pure(module):
    assert not {name.split(".")[0] for name in imported(module)} & IMPURE


COMPOSITION = ("bridge/cli/", "bridge/control", "bridge/live_port.py")
VOCABULARY = {
    f"engine.{name}"
    for name in (
        "commands",
        "edits",
        "errors",
        "events",
        "params",
        "questions",
        "units",
        "story.model",
        "story.messages",
    )
}
READING = {f"engine.story.{name}" for name in ("fields", "nodes", "problems")}
"""How YAML is read with file and line: presets of surfaces are read like stories."""
PACKETS = {"engine.io.network.reastream"}
"""What packets look like that both sides send or hear."""


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("bridge/") and not m.startswith(COMPOSITION)])
def test_a_bridge_sees_the_engine_through_its_vocabulary(module):
    assert not {name for name in imported(module) if name.startswith("engine")} - VOCABULARY - READING - PACKETS


def loaded_by(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has loaded after ``statement``."""
    code = f"import sys; {statement}; print('\\n'.join({{n.split('.')[0] for n in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


LIGHT_PROCESSES = {
    "control": "import engine.control.control",
    "io": "import engine.io.io_process",
    "worker": "import engine.voices.worker",
    "client": "import bridge.client",
}


@pytest.mark.parametrize("process", LIGHT_PROCESSES)
def test_light_processes_load_nothing_heavy(process):
    assert not loaded_by(LIGHT_PROCESSES[process]) & HEAVY


def test_the_command_line_loads_nothing_heavy_for_its_help():
    heavy = HEAVY - {"typer", "rich"} | {"numpy", "yaml", "soundfile"}
    assert not loaded_by("import bridge.cli.main") & heavy


def test_the_module_for_users_scripts_is_light():
    assert not loaded_by("import cuevox") & (HEAVY | {"numpy"})


def test_no_two_test_files_have_one_name():
    """pytest puts each test's folder on the path: of two modules with one name the first would serve both."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py")]
    assert [name for name in set(names) if names.count(name) > 1 and name != "conftest.py"] == []
