"""Whisper in the pool, beside a voice: one budget, warm, stopped; a tiny model with random weights."""

import asyncio

import pytest
import soundfile
from typer.testing import CliRunner

from bridge.cli.main import app
from engine.errors import ModelMissing
from engine.render.cache import TakeCache
from engine.story.model import Line
from engine.voices.catalog import Catalog
from engine.voices.pool import VoicePool
from engine.voices.preset import Preset, complete_settings
from tests.neural.tiny_pocket import save_pocket
from tests.neural.tiny_whisper import save_whisper
from tests.signals import noise

RATE = 16_000


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

    folder = save_whisper(tmp_path, words_timed=False)
    for precision in ("int8", "bf16"):
        voice = listener("whisper").open(ears({"model": str(folder), "precision": precision}).settings)
        assert all(p.language in ("de", "en") for p in voice.listen(recording))


def test_the_command_prints_words(model, recording, monkeypatch, tmp_path):
    monkeypatch.setenv("CUEVOX_CACHE_DIR", str(tmp_path))
    told = CliRunner().invoke(app, ["transcribe", str(recording), "--model", str(model), "--as", "json"])
    assert told.exit_code == 0 and '"total_seconds"' not in told.stdout and '"words"' in told.stdout
