"""Pulling models from a hub on this machine: whole or not at all, resumed, checked, offline without a question."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import threading

import pytest
from huggingface_hub import constants, file_download

from engine.commands import PullModel
from engine.control.job_tasks import JobTasks
from engine.control.puller import Puller
from engine.errors import Busy, ModelError, ModelMissing
from engine.events import JobDone, JobFailed, JobProgressed
from engine.realtime.notes import Notes
from engine.voices.models import hub, place
from engine.voices.models.companions import companions, whole
from engine.voices.models.known import KNOWN
from engine.voices.models.place import model_folder
from tests.neural.stand_in_hub import COMMIT, StandInHub
from tests.neural.tiny_pocket import save_pocket

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


def test_a_running_engine_pulls_as_a_job_and_a_cancelled_one_leaves_nothing_whole(server, root, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    goes_on = server.held["model.safetensors"] = threading.Event()

    async def main():
        told, ended, notes = [], asyncio.Queue(), Notes()

        def hear(events):
            told.extend(events)
            for event in events:
                if isinstance(event, JobDone | JobFailed):
                    ended.put_nowait(event)

        tasks = JobTasks(hear)
        puller = Puller(root, notes, tasks)
        try:
            puller.begin("1", PullModel(model=REPO))
            assert await asyncio.to_thread(server.reached.wait, 60.0)
            assert tasks.cancel("1")
            assert (await ended.get()).code == "cancelled"
            with pytest.raises(ModelMissing):
                model_folder(REPO, "", root)
            goes_on.set()
            puller.begin("2", PullModel(model=REPO))
            done = await ended.get()
            puller.begin("3", PullModel(model="anna/nobody"))
            failed = await ended.get()
            return told, done, failed, notes.all("")
        finally:
            await tasks.close()

    told, done, failed, notes = asyncio.run(asyncio.wait_for(main(), 120.0))
    assert done == JobDone(job="2", verb="models", result="cc-by-4.0", seconds=0.0)
    progress = [event for event in told if isinstance(event, JobProgressed) and event.job == "2"]
    assert progress and all(event.stage in KEPT and 0.0 <= event.fraction <= 1.0 for event in progress)
    assert failed.code == "no_model" and "anna/nobody" in failed.text
    assert contents(model_folder(REPO, "", root)) == KEPT and not notes
    assert (
        sum(path.endswith("config.json") for _, path, _ in server.asked) == 1
    )  # what was whole is not asked for again


@pytest.fixture
def cuevox(server, root, tmp_path):
    """Return ``run(*arguments)``: the command line, with homes of its own."""
    environment = {**os.environ, "HF_ENDPOINT": server.url, "CUEVOX_MODELS_DIR": str(root), "HOME": str(tmp_path)}
    environment |= {"CUEVOX_CACHE_DIR": str(tmp_path / "cache"), "CUEVOX_DATA_DIR": str(tmp_path / "data")}

    def run(*arguments):
        command = [sys.executable, "-m", "bridge.cli.main", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    return run


def test_after_a_pull_one_flag_has_a_story_speak_with_the_model_and_asks_no_network(server, cuevox, tmp_path):
    """The codec lies in a repository of its own, which the model's files name."""
    made, codec = save_pocket(tmp_path / "made"), "eustlb/pocket-tts-codec"
    config = made / "processor_config.json"
    told = json.loads(config.read_text())
    told["audio_tokenizer"]["audio_tokenizer_name_or_path"] = codec
    config.write_text(json.dumps(told))
    for repo, folder in (("eustlb/pocket-tts", made), (codec, made / "audio_tokenizer")):
        server.repos[repo] = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    shutil.rmtree(made)
    pulled = cuevox("models", "pull", "pocket-tts")
    assert pulled.returncode == 0, pulled.stderr
    server.close()
    story = tmp_path / "story.yaml"
    lines = "".join(f"      - {{id: {voice}, say: hi, voice: {voice}}}\n" for voice in ("narrator", "ghost"))
    story.write_text(f"kind: story\nversion: 1\ntitle: T\ntracks:\n  - id: a\n    clips:\n{lines}")
    spoken = cuevox("render", str(story), "--speak-with", "pocket")
    assert spoken.returncode == 0 and spoken.stdout.startswith("2 takes"), spoken.stderr
    assert "pocket pocket-tts" in (tmp_path / "cache" / "takes" / "footprints").read_text()


def test_a_codec_that_is_nowhere_is_named(tmp_path):
    (tmp_path / "processor_config.json").write_text('{"audio_tokenizer_name_or_path": "/home/anna/codec"}')
    with pytest.raises(ModelMissing, match="names a codec that is not on this machine: /home/anna/codec"):
        whole(tmp_path)
    assert companions(tmp_path) == ()


def test_the_command_line_pulls_lists_verifies_and_removes(cuevox):
    pulled = cuevox("models", "pull", REPO)
    assert pulled.returncode == 0 and pulled.stdout.strip().endswith(COMMIT), pulled.stderr
    assert "licence of the weights: cc-by-4.0" in pulled.stderr
    assert cuevox("models", "path", REPO).stdout == pulled.stdout
    rows = [line.split("\t") for line in cuevox("models", "list").stdout.splitlines()]
    assert [REPO, REPO, COMMIT[:12], "1", "cc-by-4.0"] in [row[:5] for row in rows]
    assert any("not for commercial use" in row[4] for row in rows if row[0] == "mms-tts-eng")
    pinned = {row[0]: row[5] for row in rows}
    assert pinned[REPO] == COMMIT[:12] and pinned["pocket-tts"] == "what the first pull finds"
    assert pinned["whisper-small"] == KNOWN["whisper-small"].revision[:12]
    assert "as it was pulled" in cuevox("models", "verify", REPO).stdout
    assert cuevox("models", "remove", REPO).returncode == 0
    assert cuevox("models", "path", REPO).returncode == 1
