"""Pulling models from a hub on this machine: whole or not at all, resumed, checked, offline without a question."""

import os
import socket
import subprocess
import sys

import pytest
from huggingface_hub import constants, file_download

from engine.errors import Busy, ModelError, ModelMissing
from engine.voices.models import hub, place
from engine.voices.models.place import model_folder
from tests.neural.stand_in_hub import COMMIT, StandInHub

REPO = "anna/voice"
FILES = {
    "config.json": b'{"a": 1}',
    "model.safetensors": bytes(range(256)) * 4000,
    "pytorch_model.bin": b"the same in another format",
    "voices/alba.safetensors": b"alba",
}
KEPT = {"config.json", "model.safetensors", "voices/alba.safetensors"}


@pytest.fixture
def server(monkeypatch):
    server = StandInHub()
    server.repos[REPO] = dict(FILES)
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(file_download.time, "sleep", lambda _: None)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    yield server
    server.close()


@pytest.fixture
def root(tmp_path):
    place.forget()
    return tmp_path / "models"


def pull(root, model=REPO, revision="", **options):
    told = []
    folder, _ = hub.pull(model, revision, root, lambda fraction, name: told.append((fraction, name)), **options)
    return folder, told


def contents(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} - {place.MANIFEST}


def test_a_pull_brings_what_is_wanted_tells_how_far_it_is_and_is_found(server, root):
    folder, told = pull(root)
    assert contents(folder) == KEPT
    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert told[-1][0] == 1.0 and [f for f, _ in told] == sorted(f for f, _ in told)
    assert folder.name == COMMIT and model_folder(REPO, "", root) == folder
    assert hub.verify(folder) == []
    assert hub.licence_of(REPO, place.read_manifest(folder)) == ("cc-by-4.0", True)


def test_what_is_here_is_not_asked_for_again_and_stays_pinned(server, root):
    folder, _ = pull(root)
    asked = len(server.asked)
    server.commit = "f" * 40
    assert pull(root)[0] == folder and len(server.asked) == asked
    newer, _ = pull(root, update=True)
    assert newer.name == "f" * 40 and model_folder(REPO, "", root) == newer


def test_a_connection_that_breaks_is_taken_up_where_it_broke(server, root, monkeypatch):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1 << 16)
    server.cut["model.safetensors"] = 500_000
    folder, _ = pull(root)
    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert server.ranges and all(0 < int(r.removeprefix("bytes=").rstrip("-")) <= 500_000 for r in server.ranges)


def test_an_interrupted_pull_leaves_nothing_that_looks_complete_and_is_resumed(server, root, monkeypatch):
    real = hub.http_get

    def interrupted(url, target, **options):
        if "model.safetensors" in url:
            target.write(FILES["model.safetensors"][:300_000])
            raise KeyboardInterrupt
        real(url, target, **options)

    monkeypatch.setattr(hub, "http_get", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pull(root)
    with pytest.raises(ModelMissing, match=r"not on this machine; to get it: cuevox models pull anna/voice"):
        model_folder(REPO, "", root)
    assert place.all_pulled(root) == []
    monkeypatch.setattr(hub, "http_get", real)
    folder, _ = pull(root)
    assert server.ranges == ["bytes=300000-"]
    assert hub.verify(folder) == []


def test_a_damaged_file_is_refused_and_not_kept(server, root):
    server.damaged.add("model.safetensors")
    with pytest.raises(ModelError, match=r"model\.safetensors of anna/voice came damaged"):
        pull(root)
    with pytest.raises(ModelMissing):
        model_folder(REPO, "", root)
    server.damaged.clear()
    assert hub.verify(pull(root)[0]) == []


def test_verify_names_what_is_wrong(server, root):
    folder, _ = pull(root)
    (folder / "config.json").write_bytes(b'{"a": 2}')
    (folder / "voices" / "alba.safetensors").unlink()
    assert sorted(hub.verify(folder)) == ["config.json is not what was pulled", "voices/alba.safetensors is missing"]


def test_a_gated_model_says_how_to_get_access_and_a_token_opens_it(server, root, monkeypatch):
    server.gated.add(REPO)
    with pytest.raises(ModelError, match=r"anna/voice is gated: sign in at http.*accept its conditions.*HF_TOKEN"):
        pull(root)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert pull(root)[0].is_dir()


def test_unknown_models_and_revisions_are_named(server, root):
    with pytest.raises(ModelMissing, match="the hub has no model nobody/nothing"):
        pull(root, "nobody/nothing")
    with pytest.raises(ModelMissing, match="anna/voice has no such revision"):
        pull(root, REPO, "v9")
    with pytest.raises(ModelMissing, match="no model named 'x'; give a folder"):
        pull(root, "x")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil"])
def test_a_file_outside_the_model_is_refused(server, root, name):
    server.repos[REPO][name] = b"evil"
    with pytest.raises(ModelError, match="a file outside the model"):
        pull(root)


def test_a_closed_port_is_said_plainly_and_a_full_disk_before_it_is_full(server, root, monkeypatch):
    monkeypatch.setattr(hub.shutil, "disk_usage", lambda _: type("U", (), {"free": 1000})())
    with pytest.raises(ModelError, match=r"needs 1 MB more on disk"):
        pull(root)
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
    with pytest.raises(ModelError, match="can't be reached"):
        pull(root)


def test_offline_asks_no_network_at_all(server, root, monkeypatch):
    folder, _ = pull(root)
    server.close()

    def no_network(*_, **__):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "create_connection", no_network)
    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    place.forget()
    assert pull(root)[0] == model_folder(REPO, "", root) == folder
    with pytest.raises(ModelMissing, match="HF_HUB_OFFLINE keeps it off the network"):
        pull(root, "anna/other")


def test_the_check_is_remembered_until_the_model_is_gone(server, root, monkeypatch):
    folder, _ = pull(root)
    model_folder(REPO, "", root)
    monkeypatch.setattr(place, "_found", None)
    assert model_folder(REPO, "", root) == folder
    monkeypatch.undo()
    assert hub.remove(REPO, "", root) > 1_000_000
    with pytest.raises(ModelMissing):
        model_folder(REPO, "", root)
    assert not folder.exists() and not list(root.rglob("*"))


def test_two_pulls_at_once_do_not_mix(server, root):
    home = place.repo_folder(root, REPO)
    home.mkdir(parents=True)
    with hub.FileLock(home / "pull.lock"), pytest.raises(Busy, match="is being pulled already"):
        pull(root)


def test_the_command_line_pulls_lists_verifies_and_removes(server, root, tmp_path):
    environment = {**os.environ, "HF_ENDPOINT": server.url, "CUEVOX_MODELS_DIR": str(root), "HOME": str(tmp_path)}

    def cuevox(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "bridge.cli.main", "models", *arguments],
            env=environment,
            capture_output=True,
            text=True,
        )

    pulled = cuevox("pull", REPO)
    assert pulled.returncode == 0 and pulled.stdout.strip().endswith(COMMIT), pulled.stderr
    assert "licence of the weights: cc-by-4.0" in pulled.stderr
    assert cuevox("path", REPO).stdout == pulled.stdout
    rows = [line.split("\t") for line in cuevox("list").stdout.splitlines()]
    assert [REPO, REPO, COMMIT[:12], "1", "cc-by-4.0"] in [row[:5] for row in rows]
    assert any("not for commercial use" in row[4] for row in rows if row[0] == "mms-tts-eng")
    assert "as it was pulled" in cuevox("verify", REPO).stdout
    assert cuevox("remove", REPO).returncode == 0
    assert cuevox("path", REPO).returncode == 1
