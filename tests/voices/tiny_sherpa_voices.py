"""Kokoro, Kitten and Matcha models for sherpa-onnx, written here as ONNX: the inputs and notes of the real ones, sines.

Each phoneme is a piece of a sine, shorter where speech is quicker, louder for the second of two speakers.
"""

from pathlib import Path

import numpy as np

from tests.voices.tiny_sherpa_pocket import FLOAT, INT64, save_graph

RATE, FRAMES = 24_000, 512
"""Each phoneme lasts so many frames at speed 1."""

STYLE, LONGEST = 4, 64
SIGNS = "_^$ !',-.:;?abcdefghijklmnopqrstuvwxyzæçðŋɐɑɒɔəɚɛɜɡɪɹɾʃʊʌʒˈˌːθᵻʔɫ"
SPEAKERS = (0.25, 1.0)
"""How loud each is."""

ESPEAK = {
    "sample_rate": str(RATE),
    "n_speakers": str(len(SPEAKERS)),
    "has_espeak": "1",
    "voice": "en-us",
    "version": "1",
}
WAVE = (np.sin(2 * np.pi * np.arange(4 * FRAMES) / 64) / 200).astype("f4")
COLUMNS = 8
"""Of a spectrogram, for a phoneme at speed 1; each is worth 256 frames."""

BINS = 513


def save_kokoro(folder: Path, **notes: str) -> Path:
    """Write a Kokoro model and return its folder; a style for each number of phonemes."""
    dims = f"{LONGEST},1,{STYLE}"
    _save_styled(folder, "tokens", {"model_type": "kokoro", "style_dim": dims, **ESPEAK, **notes})
    np.repeat(SPEAKERS, LONGEST * STYLE).astype("f4").tofile(folder / "voices.bin")
    return folder


def save_kitten(folder: Path, **notes: str) -> Path:
    """Write a Kitten model and return its folder."""
    _save_styled(folder, "input_ids", {"model_type": "kitten-tts", "style_dim": f"1,{STYLE}", **ESPEAK, **notes})
    np.repeat(SPEAKERS, STYLE).astype("f4").tofile(folder / "voices.bin")
    return folder


def save_matcha(folder: Path, vocoder: str = "hifigan", **notes: str) -> Path:
    """Write a Matcha model with a vocoder, ``hifigan`` or ``vocos``, and return its folder."""
    _save_tokens(folder)
    scalar = (FLOAT, [1])
    save_graph(folder / "model-steps-3.onnx", {
        "x": (INT64, [1, "n"]), "x_length": (INT64, [1]), "noise_scale": scalar, "length_scale": scalar,
    }, {"mel": [1, 1, "frames"]}, [
        ("Cast", ["x"], ["real"], {"to": FLOAT}),
        ("Unsqueeze", ["real", "last"], ["column"], {}),
        ("Mul", ["length_scale", "columns"], ["long"], {}),
        ("Cast", ["long"], ["each"], {"to": INT64}),
        ("Concat", ["ones", "each"], ["wide"], {"axis": 0}),
        ("Expand", ["column", "wide"], ["columns_of_all"], {}),
        ("Reshape", ["columns_of_all", "row"], ["mel"], {}),
    ], {"last": np.array([-1]), "columns": np.array([COLUMNS], "f4"), "ones": np.array([1, 1]),
        "row": np.array([1, 1, -1])},
        {"model_type": "matcha-tts", "num_ode_steps": "3", "use_eos_bos": "1", "pad_id": "0", **ESPEAK,
         "n_speakers": "1", **notes})  # fmt: skip
    {"hifigan": _save_hifigan, "vocos": _save_vocos}[vocoder](folder)
    return folder


def _save_styled(folder: Path, tokens: str, notes: dict[str, str]) -> None:
    _save_tokens(folder)
    save_graph(folder / "model.onnx", {
        tokens: (INT64, [1, "n"]), "style": (FLOAT, [1, STYLE]), "speed": (FLOAT, [1]),
    }, {"audio": ["frames"]}, [
        ("Cast", [tokens], ["real"], {"to": FLOAT}),
        ("Unsqueeze", ["real", "last"], ["column"], {}),
        ("ReduceMean", ["style"], ["level"], {"keepdims": 0}),
        ("Mul", ["column", "level"], ["loud"], {}),
        ("Div", ["frames_of_one", "speed"], ["long"], {}),
        ("Cast", ["long"], ["end"], {"to": INT64}),
        ("Slice", ["wave", "start", "end"], ["piece"], {}),
        ("Mul", ["loud", "piece"], ["pieces"], {}),
        ("Reshape", ["pieces", "row"], ["audio"], {}),
    ], {"last": np.array([-1]), "frames_of_one": np.array([FRAMES], "f4"), "wave": WAVE, "start": np.array([0]),
        "row": np.array([-1])}, notes)  # fmt: skip


def _save_hifigan(folder: Path) -> None:
    save_graph(folder / "hifigan_v2.onnx", {"mel": (FLOAT, [1, 1, "frames"])}, {"audio": [1, 1, "n"]}, [
        ("Transpose", ["mel"], ["column"], {"perm": [0, 2, 1]}),
        ("Mul", ["column", "wave"], ["waves"], {}),
        ("Reshape", ["waves", "row"], ["audio"], {}),
    ], {"wave": WAVE[:256], "row": np.array([1, 1, -1])}, {"model_type": "hifigan"})  # fmt: skip


def _save_vocos(folder: Path) -> None:
    """One bin of a spectrum sounds, whose phase is that of the next hop, too."""
    sounds = np.zeros((1, BINS, 1), "f4")
    sounds[0, 20] = 1.0
    names = {name: [1, BINS, "frames"] for name in ("mag", "x", "y")}
    save_graph(folder / "vocos-22khz-univ.onnx", {"mel": (FLOAT, [1, 1, "frames"])}, names, [
        ("Mul", ["mel", "sounds"], ["mag"], {}),
        ("Mul", ["mag", "nothing"], ["y"], {}),
        ("Add", ["y", "one"], ["x"], {}),
    ], {"sounds": sounds, "nothing": np.zeros(1, "f4"), "one": np.ones(1, "f4")},
        {"model_type": "vocos", "n_fft": "1024", "hop_length": "256", "win_length": "1024", "center": "1",
         "normalized": "0", "window_type": "hann", "pad_mode": "reflect"})  # fmt: skip


def _save_tokens(folder: Path) -> None:
    (folder / "tokens.txt").write_text("".join(f"{sign} {id_}\n" for id_, sign in enumerate(SIGNS)))
