"""`cuevox render` as a shell sees it: killed it goes on, failed lines stop no other, only what changed is made."""

import signal
import subprocess
from collections import Counter

import pytest
from shell import COMMAND, cuevox, world

from tests.voices.test_remote import SpeechServer, refuse, stream

pytestmark = pytest.mark.extra

VOICE = "kind: voice\nversion: 1\nname: Served\nbackend: remote\nsettings: {{urls: '{url}'}}\n"


def write_story(folder, lines):
    said = "\n".join(f'      - {{say: "{line}"}}' for line in lines)
    text = f"kind: story\nversion: 1\ntitle: T\ntracks:\n  - id: t\n    voice: served\n    clips:\n{said}\n"
    (folder / "story.yaml").write_text(text)


@pytest.fixture
def server(tmp_path):
    server = SpeechServer()
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "served.yaml").write_text(VOICE.format(url=server.url))
    yield server
    server.close()


def asked(server):
    return Counter(body["input"] for _, body, _ in server.asked)


def render(folder, *arguments):
    return cuevox(folder, "render", "story.yaml", *arguments, CUEVOX_VOICES_DIR=str(folder / "voices"))


def test_killed_it_goes_on_without_repeating_a_finished_line(tmp_path, server):
    lines = [f"Line number {n}." for n in range(12)]
    write_story(tmp_path, lines)
    takes = tmp_path / "cache" / "takes"

    def some(handler):
        if len(server.asked) > 8:
            while len(list(takes.glob("*.json"))) < 5 and not server.release.wait(0.01):
                pass
            running.send_signal(signal.SIGKILL)  # now that some are finished somebody pulls the plug
            server.release.wait()
        stream(handler)

    server.behaviour = some
    running = subprocess.Popen(
        [*COMMAND, "render", "story.yaml"],
        cwd=tmp_path,
        env=world(tmp_path, CUEVOX_VOICES_DIR=str(tmp_path / "voices")),
        stderr=subprocess.PIPE,
    )
    running.communicate(timeout=60)
    assert running.returncode == -signal.SIGKILL
    finished = {path.stem for path in takes.glob("*.json")}
    before = asked(server)
    assert 5 <= len(finished) < 12

    server.behaviour = stream
    done = render(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("12 takes")
    assert len(asked(server) - before) == 12 - len(finished)
    assert finished < {path.stem for path in takes.glob("*.json")}


def test_a_failed_line_is_told_with_its_reason_while_the_others_go_on(tmp_path, server):
    def picky(handler):
        (refuse if "BAD" in handler.text else stream)(handler)

    server.behaviour = picky
    write_story(tmp_path, ["One.", "BAD two.", "Three."])
    done = render(tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("2 takes")
    assert "1 lines failed" in done.stderr and "BAD two." in done.stderr and "no such voice" in done.stderr


def test_only_what_changed_is_made(tmp_path, server):
    write_story(tmp_path, ["One.", "Two.", "Three."])
    assert render(tmp_path).returncode == 0
    for path in (tmp_path / "cache" / "takes").glob("*.*"):
        path.unlink()
    write_story(tmp_path, ["One.", "Two, but other.", "Three."])
    server.asked.clear()
    done = render(tmp_path, "--only", "changed")
    assert done.stdout.startswith("1 takes") and "2 lines have not changed" in done.stdout
    assert asked(server) == {"Two, but other.": 1}
    assert render(tmp_path).stdout.startswith("3 takes")
    assert asked(server) == {"Two, but other.": 1, "One.": 1, "Three.": 1}
