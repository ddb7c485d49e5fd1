"""pocket_tts with a tiny random model on disk: streams exactly, repeats exactly, stops at once."""

import asyncio
import os
import threading

import numpy as np
import psutil
import pytest
import soundfile
import torch
from safetensors.torch import save_file

from engine.errors import EngineError, VoiceError
from engine.platform import spare_cores
from engine.render.cache import TakeCache
from engine.story.model import Line
from engine.voices import kept, wire
from engine.voices.backends import pocket_voice
from engine.voices.backends.pocket_fixed import FixedStore
from engine.voices.catalog import Catalog
from engine.voices.media import Stopped
from engine.voices.pool import VoicePool
from engine.voices.preset import Preset, complete_settings
from engine.voices.registry import backend
from engine.voices.worker import Worker
from engine.voices.worker_process import THREAD_VARIABLES
from tests.neural.tiny_pocket import save_phonon, save_pocket

TEXT = "hello there. how are you"
ENDLESS = 1000.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.set_num_threads(1)
    return save_pocket(tmp_path_factory.mktemp("pocket"))


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    path = tmp_path_factory.mktemp("sample") / "anna.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(12000).astype("f4"), 16000)
    return path


@pytest.fixture(autouse=True)
def states(tmp_path):
    kept.keep_in(tmp_path / "voices")
    return tmp_path / "voices"


@pytest.fixture
def opened(folder):
    """Return ``open(**settings)``: a voice of the tiny model."""

    def open_voice(**settings):
        settings = complete_settings("pocket", {"model": str(folder), "eos_threshold": ENDLESS, **settings})
        return backend("pocket").open(settings)

    return open_voice


def sound(voice, text=TEXT, **manner):
    return np.concatenate([chunk.audio for chunk in voice.speak(text, **manner)])


@pytest.mark.parametrize("cuts", [(1,) * 12, (1, 1, 2, 4, 4), (5, 7), (12,)])
def test_the_codec_decodes_a_stream_as_it_decodes_the_whole(folder, cuts):
    model = pocket_voice.PocketModel(folder, complete_settings("pocket", {}), lambda *_: None)
    latents = torch.randn(2, 12, 4, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        whole = model.codec.decode(latents).audio_values[:, 0]
        stream = model.codec_stream()
        parts = torch.cat([stream.decode(part) for part in latents.split(cuts, dim=1)], dim=-1)
    assert whole.shape == parts.shape
    assert (whole - parts).abs().max() < 1e-4 * whole.abs().max()


@pytest.mark.parametrize("save", [save_pocket, save_phonon])
def test_the_loop_makes_what_transformers_generates(opened, save, tmp_path):
    place = save(tmp_path / "model")
    model = pocket_voice.PocketModel(place, complete_settings("pocket", {}), lambda *_: None)
    processor = model.processor
    written = processor.apply_chat_template([{"role": "user", "content": [{"type": "text", "text": "abc"}]}])
    inputs = processor(text=[written], return_tensors="pt")
    made = model.backbone.generate(
        **inputs, do_sample=False, eos_threshold=ENDLESS, max_new_tokens=20, return_dict_in_generate=True
    )
    (expected,) = processor.decode(made.audio_latents, made.audio_latents_mask)
    ours = sound(opened(model=str(place), temperature=0.0), "abc")[: len(expected), 0]
    np.testing.assert_allclose(ours, expected, atol=1e-4 * float(expected.abs().max()))


def test_the_first_frame_comes_alone_and_later_ones_together(opened):
    frames = [len(chunk.audio) // 32 for chunk in opened().speak(TEXT)]
    assert frames[:7] == [1, 1, 1, 2, 2, 3, 4] and set(frames[7:-1]) == {4}


def test_the_same_seed_is_the_same_take_and_another_is_not(opened):
    voice = opened()
    first, again, other = sound(voice, seed=7), sound(voice, seed=7), sound(voice, seed=8)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1 * np.abs(first).max()


def test_lines_sound_in_company_as_they_do_alone(opened, sample):
    voice = opened(sample=str(sample))
    texts = ["hi", TEXT, "x, y, z"]
    together = dict(voice.speak_all(texts, seeds=[1, 2, 3]))
    for index, text in enumerate(texts):
        alone = sound(voice, text, seed=index + 1)
        assert alone.shape == together[index].audio.shape
        np.testing.assert_allclose(together[index].audio, alone, atol=1e-4 * np.abs(alone).max())


def test_buffers_that_stay_make_the_same_sound_as_a_growing_cache(folder, opened, sample):
    """As on a graphics device, whose steps are recorded: lines of other lengths and numbers go through the same."""
    voice = opened(sample=str(sample))
    groups = (["hi", TEXT, "x, y, z"], [TEXT], ["x, y", "hi", "hi there"], [TEXT, "hum"])
    grown = [dict(voice.speak_all(texts, seeds=range(len(texts)))) for texts in groups]
    try:
        voice._model._fixed = FixedStore(voice._model.backbone)
        fixed = [dict(voice.speak_all(texts, seeds=range(len(texts)))) for texts in groups]
    finally:
        voice._model._fixed = None
    for before, after in zip(grown, fixed, strict=True):
        for index, chunk in before.items():
            np.testing.assert_allclose(after[index].audio, chunk.audio, atol=1e-4 * np.abs(chunk.audio).max())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no graphics device")
@pytest.mark.parametrize(("precision", "error"), [("fp32", 2e-3), ("bf16", 0.1)])
def test_recorded_steps_make_the_same_sound_as_called_ones(opened, sample, precision, error):
    voice = opened(sample=str(sample), device="cuda", precision=precision)
    texts = ["hi", TEXT, "x, y, z"]
    recorded = [dict(voice.speak_all(texts, seeds=[1, 2, 3])) for _ in range(2)]
    alone = sound(voice, TEXT, seed=2)
    voice._model._fixed = None
    called = dict(voice.speak_all(texts, seeds=[1, 2, 3]))
    pocket_voice._loaded.clear()
    for index, chunk in called.items():
        first, again = (made[index].audio for made in recorded)
        np.testing.assert_array_equal(first, again)
        np.testing.assert_allclose(first, chunk.audio, atol=error * np.abs(chunk.audio).max())
    np.testing.assert_allclose(alone, recorded[0][1].audio, atol=error * np.abs(alone).max())


def test_a_line_ends_when_the_model_says_so(opened):
    assert len(sound(opened(eos_threshold=-20.0), "hi")) == 32 * (
        6 + 1 + 4
    )  # at the first frame that may, and its tail


def test_a_sample_is_heard_once_and_its_state_kept_on_disk(opened, sample, states, monkeypatch):
    first = sound(opened(sample=str(sample)))
    assert len(list(states.iterdir())) == 1
    monkeypatch.setattr(pocket_voice.PocketModel, "sample_latents", None)
    np.testing.assert_array_equal(sound(opened(sample=str(sample))), first)
    assert np.abs(first - sound(opened())).max() > 0.01


def test_another_content_of_the_sample_is_another_take(folder, tmp_path):
    path = tmp_path / "s.wav"
    prints = []
    for moment, level in enumerate((0.1, 0.2)):
        soundfile.write(path, np.full(4000, level), 16000)
        os.utime(path, (moment, moment))  # a file's time is told to 4 ms, on many a system
        prints.append(backend("pocket").fingerprint(complete_settings("pocket", {"model": "m", "sample": str(path)})))
    assert prints[0] != prints[1]


def test_a_speaker_that_the_model_ships_is_used(folder, opened):
    (folder / "voices").mkdir(exist_ok=True)
    save_file({"latents": torch.randn(1, 4, 9)}, folder / "voices" / "alba.safetensors")
    assert len(sound(opened(speaker="alba"), "hi"))
    with pytest.raises(VoiceError, match="no speaker 'bert'; there is: alba"):
        opened(speaker="bert")


def test_phonon_speaks_as_the_speaker_that_it_ships_alone_and_in_company(opened, tmp_path):
    place = str(save_phonon(tmp_path / "model"))
    alba = opened(model=place, speaker="alba")
    texts = ["hi", TEXT]
    together = dict(alba.speak_all(texts, seeds=[1, 1]))
    for index, text in enumerate(texts):
        alone = sound(alba, text, seed=1)
        np.testing.assert_allclose(together[index].audio, alone, atol=1e-4 * np.abs(alone).max())
    assert not np.allclose(alone, sound(opened(model=place), TEXT, seed=1))


@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_it_speaks_in_other_precisions(opened, precision):
    made = sound(opened(precision=precision), "hi there")
    assert np.isfinite(made).all() and np.abs(made).max() > 0.0
    assert len(dict(opened(precision=precision).speak_all(["hi", "there"], seeds=[0, 1]))) == 2


def test_it_stops_within_a_frame(opened):
    asked = []

    def stopped():
        asked.append(None)
        return len(asked) > 5

    heard = []
    with pytest.raises(Stopped):
        heard.extend(len(chunk.audio) for chunk in opened().speak(TEXT, stopped=stopped))
    assert len(asked) == 6 and sum(heard) <= 5 * 32


def test_what_is_wrong_is_said(opened, folder, tmp_path):
    (tmp_path / "silent.wav").touch()
    for settings, told in (
        ({"sample": "/nowhere/x.wav"}, "No such file or directory: '/nowhere/x.wav'"),
        ({"sample": str(tmp_path / "silent.wav")}, "can't be read"),
        ({"model": "/nowhere"}, "the model /nowhere is no folder"),
        ({"device": "cuda"}, "device 'cuda' is not there; there is: cpu"),
        ({"model": str(tmp_path)}, "failed"),
    ):
        with pytest.raises(EngineError, match=told):
            opened(**settings)
    with pytest.raises(VoiceError, match="nothing to speak"):
        opened().speak("...")


def test_nothing_of_a_cancelled_line_goes_on_beside_the_next(folder, tmp_path):
    """A real worker's inside with a running model: after Cancelled, every step belongs to the next line."""
    settings = complete_settings("pocket", {"model": str(folder), "eos_threshold": ENDLESS})
    preset = Preset(id="p", name="P", backend="pocket", settings=settings)
    answers, begun, loaded = [], threading.Event(), threading.Event()
    steps = []

    def hear(answer):
        answers.append(answer)
        if not isinstance(answer, wire.Loading):
            loaded.set()

    worker = Worker(hear, TakeCache(tmp_path), None)

    def note(module, arguments):
        steps.append([type(a).__name__ for a in answers if not isinstance(a, wire.Loading)])
        begun.set()

    worker.ask(wire.Load(job=0, preset=preset))
    thread = threading.Thread(target=worker.run)
    thread.start()
    loaded.wait()
    (model,) = pocket_voice._loaded.values()
    hook = model.backbone.flow_head.register_forward_pre_hook(note)
    worker.ask(wire.Render(job=1, digest="a", text=TEXT * 40, preset=preset, sample_rate=24000))
    begun.wait()
    worker.ask(wire.Cancel(job=1))
    worker.ask(wire.Render(job=2, digest="b", text="hi", preset=preset, sample_rate=24000))
    worker._requests.put(None)
    thread.join()
    hook.remove()
    made = [a for a in answers if isinstance(a, wire.Rendered)]
    assert wire.Cancelled(job=1) in answers and [a.job for a in made] == [2]
    after = [told for told in steps if "Cancelled" in told]
    assert len(after) * 32 == made[0].take.frames


def test_a_pool_speaks_streams_and_stops_with_a_running_model(folder, tmp_path, monkeypatch):
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    settings = complete_settings("pocket", {"model": str(folder), "eos_threshold": ENDLESS})
    preset = Preset(id="p", name="P", backend="pocket", settings=settings)

    async def main():
        speaking = asyncio.Event()
        pool = VoicePool(
            catalog=Catalog(presets={"p": preset}),
            cache=TakeCache(tmp_path),
            sample_rate=24000,
            on_state=lambda state: speaking.set() if state.state == "speaking" else None,
        )
        try:
            await pool.load("p")
            (process,) = map(psutil.Process, pool.pids)
            assert process.nice() == 19
            assert {process.environ()[name] for name in THREAD_VARIABLES} == {str(spare_cores())}
            endless = asyncio.create_task(pool.render(Line(text=TEXT * 40, voice="p"), urgent=True))
            await speaking.wait()
            endless.cancel()
            takes = await asyncio.gather(*(pool.render(Line(text=t, voice="p"), seed=4) for t in ("hi", "ho", "hum")))
            assert pool.deaths == 0 and {take.source for take in takes} <= {"none", "pocketsphinx", "dtw"}
            return takes, pool.state("p")
        finally:
            await pool.close()

    takes, state = asyncio.run(main())
    assert all(take.frames for take in takes) and state.bytes["cpu"] > 100e6
