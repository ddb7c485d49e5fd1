"""Every example is run as a user would run it, against the real engine."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
sys.path.append(str(ROOT / "tests" / "cli"))

from shell import world  # noqa: E402 - the same world as the command line's tests

from bridge.cli.engine_process import running_engine  # noqa: E402
from bridge.cli.example import lay_out  # noqa: E402
from bridge.cli.render import open_story  # noqa: E402
from engine.render.plan import plan  # noqa: E402
from engine.settings import Settings  # noqa: E402

PROGRAMS = sorted(path.name for path in EXAMPLES.glob("*.py"))


def run(folder: Path, name: str, *arguments: str) -> str:
    """Run an example in ``folder``; return what it prints."""
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    done = subprocess.run(command, cwd=folder, env=world(folder), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", PROGRAMS)
def test_help_is_the_docstring(tmp_path, name):
    spec = importlib.util.spec_from_file_location("example", EXAMPLES / name)
    assert spec is not None
    docstring = (EXAMPLES / name).read_text().split('"""')[1].strip().splitlines()[0]
    assert docstring in run(tmp_path, name, "--help").replace("\n", " ")


@pytest.fixture(scope="module")
def lighthouse(tmp_path_factory) -> Iterator[tuple[Path, str]]:
    """The lighthouse in a running engine; yields its folder and OSC port."""
    folder = tmp_path_factory.mktemp("lighthouse")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in world(folder).items():
            patch.setenv(name, value)
        with running_engine(lay_out(folder / "story"), "--device", "null") as facts:
            yield folder, str(facts["osc_port"])


@pytest.mark.whole
def test_say_a_line(lighthouse):
    folder, port = lighthouse
    said = run(folder, "say_a_line.py", "Was that an option?", "--voice", "ghost", "--osc-port", port)
    assert said.startswith("ghost speaks for ")
    assert 1.0 < float(said.split()[-2]) < 5.0


@pytest.mark.whole
def test_drive_from_osc(lighthouse):
    folder, port = lighthouse
    for _ in range(5):  # a machine that stalls for longer than the strokes travel ahead costs a try
        told = run(folder, "drive_from_osc.py", "--strokes", "4", "--osc-port", port)
        if "4 strokes; late starts: 0" in told:
            return
    raise AssertionError(told)


@pytest.mark.whole
def test_a_script_becomes_stems(tmp_path):
    run(tmp_path, "script_to_story.py", str(EXAMPLES / "lighthouse/script.txt"), "story.yaml", "--cast", "GHOST=ghost")
    printed = run(tmp_path, "export_stems.py", "story.yaml", "stems")
    stems = [tmp_path / "stems" / line.split("\t")[0] for line in printed.splitlines()]
    assert len(stems) == 5, "four speakers and the mix"
    mix, *tracks = (soundfile.read(path, always_2d=True)[0] for path in [stems[-1], *stems[:-1]])
    assert float(np.abs(mix).max()) > 0.05
    assert {track.shape for track in tracks} == {mix.shape}
    left, right = np.abs(tracks[0]).max(axis=0)
    assert left > right, "the first speaker stands on the left"


def test_the_lighthouse_is_a_whole_story(tmp_path):
    document, _ = open_story(lay_out(tmp_path), Settings())
    story = document.story
    voices = {line.voice for line in plan(story)}
    assert len(voices) >= 4
    assert {"inserts", "sends"} <= {
        name for t in story.tracks for name in ("inserts", "sends") if getattr(t.strip, name)
    }
    assert story.buses
    assert story.cues
    assert story.slots
    assert story.markers
    media = {clip.audio for track in story.tracks for clip in track.clips if clip.audio}
    assert all((tmp_path / path).exists() for path in media)


def test_the_copy_keeps_what_somebody_edited(tmp_path):
    path = lay_out(tmp_path)
    path.write_text(path.read_text() + "# mine\n")
    sea = (tmp_path / "sounds" / "sea.wav").stat().st_mtime_ns
    assert lay_out(tmp_path).read_text().endswith("# mine\n")
    assert (tmp_path / "sounds" / "sea.wav").stat().st_mtime_ns == sea


def test_the_sounds_begin_and_end_in_silence(tmp_path):
    lay_out(tmp_path)
    for path in (tmp_path / "sounds").glob("*.wav"):
        audio, rate = soundfile.read(path, always_2d=True)
        assert rate == 48000
        assert 0.2 < np.abs(audio).max() < 0.9, path.name
        if path.stem != "sea":  # it is crossfaded by the story
            assert np.abs(audio[[0, -1]]).max() < 0.01, path.name
