"""sherpa-onnx speaks a tiny model that is written here as ONNX, with the notes that it wants in it."""

import asyncio
import json

import numpy as np
import pytest
import soundfile

from engine.errors import VoiceError
from engine.render.cache import TakeCache
from engine.story.model import Line
from engine.voices.catalog import Catalog
from engine.voices.kept import keep_in
from engine.voices.media import Stopped
from engine.voices.pool import VoicePool
from engine.voices.preset import Preset, complete_settings
from engine.voices.registry import backend

onnx = pytest.importorskip("onnx")
pytest.importorskip("sherpa_onnx")
pytestmark = pytest.mark.extra

RATE, FRAMES = 16_000, 256
"""Each phoneme lasts so many frames."""

SIGNS = "_^$ !',-.:;?abcdefghijklmnopqrstuvwxyzæçðŋɐɑɒɔəɚɛɜɡɪɹɾʃʊʌʒˈˌːθᵻʔɫ"
NOTES = {"model_type": "vits", "comment": "piper", "language": "English", "voice": "en-us", "has_espeak": "1",
         "n_speakers": "1", "sample_rate": str(RATE)}  # fmt: skip
TEXT = "Hello there. How are you? I am fine."


def write_model(path, notes):
    """A model in which each phoneme is a piece of a sine, louder for later ones of the table."""
    helper, number = onnx.helper, onnx.TensorProto
    wave = np.sin(2 * np.pi * np.arange(FRAMES) / 64).astype(np.float32) / 200
    nodes = [
        helper.make_node("Cast", ["input"], ["real"], to=number.FLOAT),
        helper.make_node("Unsqueeze", ["real", "last"], ["column"]),
        helper.make_node("Mul", ["column", "wave"], ["waves"]),
        helper.make_node("Reshape", ["waves", "shape"], ["output"]),
    ]
    made = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info("input", number.INT64, [1, "n"]),
            helper.make_tensor_value_info("input_lengths", number.INT64, [1]),
            helper.make_tensor_value_info("scales", number.FLOAT, [3]),
        ],
        [helper.make_tensor_value_info("output", number.FLOAT, [1, 1, "frames"])],
        [
            onnx.numpy_helper.from_array(np.array([2]), "last"),
            onnx.numpy_helper.from_array(wave, "wave"),
            onnx.numpy_helper.from_array(np.array([1, 1, -1]), "shape"),
        ],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if notes:
        helper.set_model_props(model, notes)
    onnx.save(model, path)


@pytest.fixture(scope="module", params=["as sherpa-onnx has it", "as Piper publishes it"])
def folder(request, tmp_path_factory):
    place = tmp_path_factory.mktemp("voice")
    keep_in(tmp_path_factory.mktemp("kept"))
    if request.param.startswith("as Piper"):
        write_model(place / "tiny.onnx", {})
        config = {"audio": {"sample_rate": RATE}, "espeak": {"voice": "en-us"}, "num_speakers": 1,
                  "phoneme_id_map": {sign: [id_] for id_, sign in enumerate(SIGNS)}}  # fmt: skip
        (place / "tiny.onnx.json").write_text(json.dumps(config))
    else:
        write_model(place / "tiny.onnx", NOTES)
        (place / "tokens.txt").write_text("".join(f"{sign} {id_}\n" for id_, sign in enumerate(SIGNS)))
    return place


def opened(folder, **settings):
    return backend("sherpa").open(complete_settings("sherpa", {"model": str(folder), **settings}))


def test_it_speaks_sentence_by_sentence(folder):
    voice = opened(folder)
    chunks = [chunk.audio for chunk in voice.speak(TEXT)]
    assert voice.sample_rate == RATE and len(chunks) == 3
    for audio in chunks:
        assert audio.dtype == np.float32 and audio.shape[1] == 1 and np.abs(audio).max() > 0.01
    np.testing.assert_array_equal(np.concatenate([c.audio for c in voice.speak(TEXT)]), np.concatenate(chunks))


def test_it_stops_and_speaks_again(folder):
    voice = opened(folder)
    with pytest.raises(Stopped):
        list(voice.speak(TEXT * 20, stopped=lambda: True))
    line = voice.speak(TEXT * 20)
    next(line)
    line.close()
    assert list(voice.speak("Go on."))


@pytest.mark.parametrize("folder", ["as sherpa-onnx has it"], indirect=True)
def test_a_pool_speaks_with_it_as_with_any_model(folder, tmp_path):
    settings = complete_settings("sherpa", {"model": str(folder)})
    preset = Preset(id="s", name="S", backend="sherpa", settings=settings)

    async def main():
        pool = VoicePool(catalog=Catalog(presets={"s": preset}), cache=TakeCache(tmp_path), sample_rate=RATE)
        try:
            await pool.load("s")
            return await pool.render(Line(text=TEXT, voice="s")), pool.state("s")
        finally:
            await pool.close()

    take, state = asyncio.run(main())
    assert take.frames > 3 * FRAMES and state.bytes.keys() == {"cpu"}


@pytest.fixture(scope="module")
def pocket(tmp_path_factory):
    """Return a pocket model and samples by their level."""
    from tests.voices.tiny_sherpa_pocket import save_pocket_parts

    folder = save_pocket_parts(tmp_path_factory.mktemp("pocket"))
    samples = {level: folder / f"{level}.wav" for level in (0.1, 0.4)}
    for level, path in samples.items():
        soundfile.write(path, np.full(8000, level, np.float32), 16_000)
    return folder, samples


def test_a_pocket_model_speaks_as_its_sample_does_sentence_by_sentence(pocket):
    folder, samples = pocket
    loudness = {}
    for level, path in samples.items():
        chunks = [chunk.audio for chunk in opened(folder, sample=str(path)).speak("Hello there. How are you?")]
        assert len(chunks) >= 4  # two parts of each sentence
        loudness[level] = float(np.abs(np.concatenate(chunks)).max())
    assert loudness[0.4] == pytest.approx(4 * loudness[0.1], rel=0.05)
    with pytest.raises(Stopped):
        list(opened(folder, sample=str(samples[0.1])).speak(TEXT * 20, stopped=lambda: True))


def test_a_clone_that_can_t_be_made_is_refused(pocket, folder, tmp_path):
    parts, samples = pocket
    with pytest.raises(VoiceError, match="speaks as a sample does; name one"):
        opened(parts)
    with pytest.raises(VoiceError, match="it can only be 1"):
        opened(parts, sample=str(samples[0.1]), speed=1.5)
    with pytest.raises(VoiceError, match="a model of the kind vits clones none"):
        opened(folder, sample=str(samples[0.1]))
    with pytest.raises(VoiceError, match=r"nobody\.wav can't be read"):
        opened(parts, sample=str(tmp_path / "nobody.wav"))
    (tmp_path / "lm_main.onnx").touch()
    with pytest.raises(VoiceError, match=r"lacks lm_flow\.onnx, which a model of the kind pocket needs"):
        opened(tmp_path)


KINDS = {
    "kokoro": lambda voices, folder: voices.save_kokoro(folder),
    "kokoro of several languages": lambda voices, folder: voices.save_kokoro(folder, version="2"),
    "kitten": lambda voices, folder: voices.save_kitten(folder),
    "matcha with hifigan": lambda voices, folder: voices.save_matcha(folder),
    "matcha with vocos": lambda voices, folder: voices.save_matcha(folder, "vocos"),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request, tmp_path_factory):
    """Return ``open(**settings)`` for a model of each kind with the notes and inputs that sherpa-onnx's own have."""
    from tests.voices import tiny_sherpa_voices as voices

    place = KINDS[request.param](voices, tmp_path_factory.mktemp("kind"))
    more = {"language": "en-us"} if "several" in request.param else {}
    return lambda **settings: opened(place, **more, **settings)


class TestKinds:
    """What a voice keeps to, as far as one that times no words can."""

    def test_a_line_comes_sentence_by_sentence_and_twice_is_the_same(self, kind):
        voice = kind()
        chunks = [chunk.audio for chunk in voice.speak(TEXT)]
        assert len(chunks) == 3 and voice.sample_rate == 24_000
        for audio in chunks:
            assert audio.dtype == np.float32 and audio.shape[1] == voice.channels and 0.01 < np.abs(audio).max() < 1.0
        np.testing.assert_array_equal(np.concatenate([c.audio for c in voice.speak(TEXT)]), np.concatenate(chunks))

    def test_it_stops_and_speaks_again_and_lines_do_not_mix(self, kind):
        voice = kind()
        with pytest.raises(Stopped):
            list(voice.speak(TEXT * 20, stopped=lambda: True))
        alone = np.concatenate([chunk.audio for chunk in voice.speak(TEXT)])
        line, other = voice.speak(TEXT), voice.speak("Go on. " * 20)
        begun = next(line).audio
        next(other)
        other.close()
        np.testing.assert_array_equal(np.concatenate([begun, *(chunk.audio for chunk in line)]), alone)
        assert list(other) == []

    def test_speed_is_the_models_own(self, kind):
        lengths = {speed: sum(len(c.audio) for c in kind(speed=speed).speak("Hello there.")) for speed in (1.0, 2.0)}
        assert lengths[2.0] == pytest.approx(lengths[1.0] / 2.0, rel=0.1)

    def test_nothing_to_speak_and_strangers_are_refused(self, kind, tmp_path):
        with pytest.raises(VoiceError, match="nothing to speak"):
            kind().speak("...")
        with pytest.raises(VoiceError, match="speaker 9: the model has"):
            kind(speaker=9)
        with pytest.raises(VoiceError, match="clones none"):
            kind(sample=str(tmp_path / "anna.wav"))


@pytest.mark.parametrize("save", ["save_kokoro", "save_kitten"])
def test_each_speaker_of_a_model_speaks_by_its_style(save, tmp_path):
    from tests.voices import tiny_sherpa_voices as voices

    folder = getattr(voices, save)(tmp_path)
    loud = [max(np.abs(c.audio).max() for c in opened(folder, speaker=n).speak("Hello.")) for n in range(2)]
    assert loud[1] / loud[0] == pytest.approx(voices.SPEAKERS[1] / voices.SPEAKERS[0], rel=0.01)


def test_what_sherpa_would_end_the_process_for_is_refused(tmp_path):
    from tests.voices import tiny_sherpa_voices as voices

    with pytest.raises(VoiceError, match="speaks several; name one"):
        opened(voices.save_kokoro(tmp_path, version="2"))
    (tmp_path / "voices.bin").write_bytes(b"short")
    with pytest.raises(VoiceError, match="it belongs to another model"):
        opened(tmp_path)


def test_what_is_wrong_is_said(folder, tmp_path):
    with pytest.raises(VoiceError, match=r"nothing to speak in '\.\.\.'"):
        opened(folder).speak("...")
    with pytest.raises(VoiceError, match="speaker 3: the model has 1, counted from 0"):
        opened(folder, speaker=3)
    with pytest.raises(VoiceError, match=r"no \.onnx file"):
        opened(tmp_path)
    write_model(tmp_path / "model.onnx", {})
    with pytest.raises(
        VoiceError, match="of the kind 'unknown'; sherpa speaks vits, matcha, kokoro, kitten-tts, pocket"
    ):
        opened(tmp_path)
    for kind, lacking in (("vits", "tokens.txt"), ("matcha", "a vocoder"), ("kokoro", "voices.bin")):
        write_model(tmp_path / "model.onnx", NOTES | {"model_type": kind})
        with pytest.raises(VoiceError, match=f"lacks {lacking}"):
            opened(tmp_path)
        (tmp_path / "tokens.txt").write_text("a 0\n")
