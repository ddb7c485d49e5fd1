"""Whisper in the pool, beside a voice: one budget, warm, stopped; in a running engine; tiny models, random weights."""

import asyncio
import json
import shutil

import msgspec
import pytest
import soundfile
from typer.testing import CliRunner

from bridge.cli.main import app
from engine.errors import ModelMissing
from engine.render.cache import TakeCache
from engine.story.model import Line
from engine.voices.backends.whisper_advance import PARTS, SHORT_HEARINGS
from engine.voices.catalog import Catalog
from engine.voices.models.known import KNOWN
from engine.voices.models.place import MANIFEST, PINNED, Pulled, repo_folder
from engine.voices.pool import VoicePool
from engine.voices.preset import Preset, complete_settings
from tests.neural.tiny_pocket import save_pocket
from tests.neural.tiny_whisper import save_whisper
from tests.signals import noise
from tests.whole.rig import running, write_story

RATE = 16_000
TOKENS = 6
"""So many a window: random weights doubt all that they hear, and hear it again and again."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_whisper(tmp_path_factory.mktemp("whisper"))


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "said.wav"
    soundfile.write(path, noise(3 * RATE, level=0.1), RATE)
    return path


def test_it_shares_pool_and_budget_with_voices_and_stays_warm_and_stops(model, recording, tmp_path_factory, tmp_path):
    voice = save_pocket(tmp_path_factory.mktemp("pocket"))
    preset = Preset(id="p", name="P", backend="pocket", settings=complete_settings("pocket", {"model": str(voice)}))
    states = []
    long = tmp_path / "long.wav"
    soundfile.write(long, noise(600 * RATE, level=0.1), RATE)

    async def main():
        heard = asyncio.Event()
        pool = VoicePool(
            catalog=Catalog(presets={"p": preset}),
            cache=TakeCache(tmp_path),
            sample_rate=24000,
            model_bytes=8_000_000_000,
            on_state=states.append,
        )
        try:
            take = await pool.render(Line(text="hi", voice="p"))
            told = []
            first = await pool.transcribe(recording, settings={"model": str(model)}, on_passage=told.append)
            pids = pool.pids
            again = await pool.transcribe(recording, language="de", settings={"model": str(model)})
            assert pool.pids == pids and len(pids) == 2
            endless = asyncio.create_task(
                pool.transcribe(long, settings={"model": str(model)}, on_passage=lambda _: heard.set())
            )
            await heard.wait()
            endless.cancel()
            assert (await pool.transcribe(recording, settings={"model": str(model)})) == first
            assert pool.pids == pids and pool.deaths == 0
            with pytest.raises(ModelMissing, match="no_such_folder"):
                await pool.transcribe(recording, settings={"model": "./no_such_folder"})
            return take, told, first, again
        finally:
            await pool.close()

    take, told, first, again = asyncio.run(main())
    assert take.frames and " ".join(p.text for p in told if p.text) == first.text
    assert (first.seconds, again.language) == (3.0, "de")
    warm = [state for state in states if state.state == "warm" and state.model.startswith("whisper")]
    assert warm[0].bytes["cpu"] > 100e6


def test_int8_and_bf16_listen_too_and_times_are_shared_where_the_model_has_none(recording, tmp_path):
    from engine.voices.preset import ears
    from engine.voices.registry import listener

    folder = save_whisper(tmp_path, words_timed=False, steady_tokens=TOKENS)
    for precision in ("int8", "bf16"):
        voice = listener("whisper").open(ears({"model": str(folder), "precision": precision}).settings)
        assert all(p.language in ("de", "en") for p in voice.listen(recording))


def test_a_window_of_which_it_makes_nothing_is_heard_a_few_times_only(recording, model):
    from engine.voices.backends.whisper_listener import TEMPERATURES
    from engine.voices.preset import ears
    from engine.voices.registry import listener

    voice = listener("whisper").open(ears({"model": str(model)}).settings)
    heard = []
    voice._model.model.encoder.register_forward_pre_hook(lambda *_: heard.append(None))
    passages = sum(1 for _ in voice.listen(recording, language="en"))
    assert 0 < len(heard) <= passages * (SHORT_HEARINGS + PARTS) * len(TEMPERATURES)


def test_a_running_engine_speaks_and_listens_with_models(recording, tmp_path):
    """As a tablet asks for it: a voice that is warm from the start, a recording written down by a pulled model."""
    models = pulled_whisper(tmp_path / "models", "whisper-tiny")
    settings = {"model": str(save_pocket(tmp_path / "pocket"))}
    preset = {"kind": "voice", "version": 1, "name": "P", "backend": "pocket", "settings": settings}
    voices = tmp_path / "voices"
    voices.mkdir()
    (voices / "p.yaml").write_text(json.dumps(preset))
    shutil.copy(recording, tmp_path / "said.wav")
    env = {
        "CUEVOX_MODELS_DIR": str(models),
        "CUEVOX_VOICES_DIR": str(voices),
        "CUEVOX_PRELOAD": "p, nobody",
    }
    with running(write_story(tmp_path), "--device", "null", env=env) as rig:
        client = rig.client
        client.ask("/subscribe", "/voice/p/state", 0, 600.0, answer="/subscribed")
        client.wait("/voice/p/state", "warm")  # nobody asked for it
        assert "nobody" in rig.log.read_text()
        client.send("/say", "p", "hi")
        assert client.wait("/done", "/say")[3] > 0.0
        client.send("/voice/p/unload")
        client.wait("/voice/p/state", "cold")
        client.send("/transcribe", "said.wav", "de", "whisper-tiny")
        _, job, language, seconds = client.wait("/done", "/transcribe")
        assert (language, seconds) == ("de", 3.0)
        passages = [message.params for message in client.heard if message.address == "/passage"]
        words = [message.params for message in client.heard if message.address == "/word"]
        assert {job} == {told[0] for told in (*passages, *words)} and passages[-1][2:4] == [3.0, "de"]
        assert all(passages[0][1] <= word[1] <= word[2] <= 3.0 for word in words)
        client.wait("/progress", "/transcribe")
        for file, code, model, reason in (
            ("said.wav", "xx", "whisper-tiny", "xx"),
            ("said.wav", "de", "whisper-base", "cuevox models pull whisper-base"),
            ("nothing.wav", "de", "whisper-tiny", "nothing.wav"),
        ):
            client.send("/transcribe", file, code, model)
            assert reason in client.wait("/fail", "/transcribe")[3]
        client.send("/transcribe", "said.wav", "de", "whisper-huge")
        assert client.wait("/reply/transcribe")[2] == "no_model"
        client.send("/transcribe", "../said.wav")
        assert client.wait("/reply/transcribe")[2] == "bad_range"
        assert rig.stop() == 0


def pulled_whisper(root, name):
    """Lay a model that is sure of what it hears where a pull leaves it; return ``root``."""
    known = KNOWN[name]
    home = repo_folder(root, known.repo)
    folder = save_whisper(home / known.revision, steady_tokens=TOKENS)
    pulled = Pulled(repo=known.repo, commit=known.revision, licence=known.licence, files=())
    (folder / MANIFEST).write_bytes(msgspec.json.encode(pulled))
    (home / PINNED).write_bytes(msgspec.json.encode({known.revision: known.revision}))
    return root


def test_the_command_prints_words(model, recording, monkeypatch, tmp_path):
    monkeypatch.setenv("CUEVOX_CACHE_DIR", str(tmp_path))
    told = CliRunner().invoke(app, ["transcribe", str(recording), "--model", str(model), "--as", "json"])
    assert told.exit_code == 0 and '"total_seconds"' not in told.stdout and '"words"' in told.stdout
