"""`cuevox takes`: several takes of a line, one chosen, one locked, each made again from its recipe."""

import json

import pytest
from typer.testing import CliRunner

from bridge.cli.main import app
from engine.errors import EngineError
from engine.render.cache import TakeCache
from tests.cli.shell import world

pytestmark = pytest.mark.extra

STORY = """\
kind: story
version: 1
title: Small
tracks:
  - id: t
    voice: narrator
    clips:
      - {id: hello, say: "Hello."}  # the first
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    (tmp_path / "story.yaml").write_text(STORY)
    for name, value in world(tmp_path).items():
        monkeypatch.setenv(name, value)

    def run(*arguments, fails=None):
        done = CliRunner().invoke(app, ["takes", arguments[0], str(tmp_path / "story.yaml"), "hello", *arguments[1:]])
        if fails is not None:
            assert isinstance(done.exception, EngineError) and fails in str(done.exception)
            return None
        assert done.exit_code == 0, done.exception
        return json.loads(done.stdout) if done.stdout.startswith(("[", "{")) else done.stdout

    return run


def test_takes_are_made_chosen_locked_and_made_again(run, tmp_path):
    assert run("list", "--json") == []
    run("new", "--count", "2")
    rows = run("list", "--json")
    assert [(row["take"], row["seed"], row["state"]) for row in rows] == [(1, 0, "chosen"), (2, 1, ""), (3, 2, "")]
    run("new", "--seed", "2")
    assert len(run("list", "--json")) == 3
    run("note", "2", "warmer")

    run("choose", "3")
    assert "seed: 2" in (tmp_path / "story.yaml").read_text() and "# the first" in (tmp_path / "story.yaml").read_text()
    run("lock", "2")
    run("choose", "3", fails="another take of hello is locked")
    assert [(row["state"], row["note"]) for row in run("list", "--json")] == [("", ""), ("locked", "warmer"), ("", "")]

    cache = TakeCache(tmp_path / "cache" / "takes")
    cache.prune(0)
    assert [row["here"] for row in run("list", "--json")] == ["no", "yes", "no"]
    compared = run("compare", "--json")
    assert [row["take"] for row in compared] == [1, 2, 3] and all(row["seconds"] > 0.3 for row in compared)
    assert run("show", "3")["recipe"]["seed"] == 2

    preset = tmp_path / "data" / "voices" / "narrator.yaml"
    preset.parent.mkdir()
    preset.write_text("kind: voice\nversion: 1\nname: Other\nbackend: espeak\nsettings: {pitch: 90}\n")
    digest = run("show", "2")["digest"]
    done = CliRunner().invoke(app, ["render", str(tmp_path / "story.yaml")])
    assert done.exit_code == 0, done.exception
    assert {path.stem for path in cache.folder.glob("*.wav")} >= {digest}
    assert len(list(cache.folder.glob("*.wav"))) == 3
    run("unlock")
    run("compare", "--json")


def test_what_is_not_there_is_named(run):
    run("choose", "1", fails="no take of this line named '1'; there is: none")
