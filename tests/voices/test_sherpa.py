"""sherpa-onnx speaks a tiny model that is written here as ONNX, with the notes that it wants in it."""

import json

import numpy as np
import pytest

from engine.errors import VoiceError
from engine.voices.kept import keep_in
from engine.voices.media import Stopped
from engine.voices.preset import complete_settings
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


def test_what_is_wrong_is_said(folder, tmp_path):
    with pytest.raises(VoiceError, match=r"nothing to speak in '\.\.\.'"):
        opened(folder).speak("...")
    with pytest.raises(VoiceError, match="speaker 3: the model has 1, counted from 0"):
        opened(folder, speaker=3)
    with pytest.raises(VoiceError, match=r"no \.onnx file"):
        opened(tmp_path)
    write_model(tmp_path / "model.onnx", {})
    with pytest.raises(VoiceError, match="of the kind 'unknown'; sherpa speaks vits, matcha, kokoro, kitten-tts"):
        opened(tmp_path)
    for kind, lacking in (("vits", "tokens.txt"), ("matcha", "a vocoder"), ("kokoro", "voices.bin")):
        write_model(tmp_path / "model.onnx", NOTES | {"model_type": kind})
        with pytest.raises(VoiceError, match=f"lacks {lacking}"):
            opened(tmp_path)
        (tmp_path / "tokens.txt").write_text("a 0\n")
