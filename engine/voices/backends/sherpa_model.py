"""Which files of a folder are what to sherpa-onnx; Piper voices as they are published get what it wants beside them."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import VoiceError
from engine.voices.backends.espeak_data import data_folder
from engine.voices.kept import kept

TAIL_BYTES = 1 << 16
"""What is written into an ONNX file about itself stands at its end."""

KINDS = {"vits": "vits", "matcha-tts": "matcha", "matcha": "matcha", "kokoro": "kokoro", "kitten-tts": "kitten-tts"}
"""What a model notes of itself, and what it is called here."""

BRITISH, AMERICAN = "lexicon-gb-en.txt", "lexicon-us-en.txt"
"""Kokoro's come with both; one of them may be given."""

POCKET = "pocket"
POCKET_MODELS = ("lm_main", "lm_flow", "encoder", "decoder", "text_conditioner")
POCKET_TABLES = ("vocab", "token_scores")


class SherpaFiles(msgspec.Struct, frozen=True, kw_only=True):
    """A model: its kind, and its files by the names that sherpa-onnx gives them. data_dir: of espeak-ng.

    parts: those of a pocket model, which has no others. many_languages: it needs a lexicon, or to be told which.
    """

    kind: str
    model: str = ""
    tokens: str = ""
    voices: str = ""
    vocoder: str = ""
    lexicon: str = ""
    data_dir: str = ""
    parts: dict[str, str] = {}
    many_languages: bool = False


def find_files(folder: Path) -> SherpaFiles:
    """Return what a folder holds. Raises VoiceError, saying what is missing."""
    if any(folder.glob("lm_main*.onnx")):
        return _pocket(folder)
    models = sorted(path for path in folder.glob("*.onnx") if not _is_vocoder(path))
    if not models:
        raise VoiceError(f"{folder} holds no voice of sherpa-onnx: no .onnx file")
    model = next((path for path in models if ".int8." not in path.name), models[0])
    described = model.with_name(model.name + ".json")
    if not (folder / "tokens.txt").is_file() and described.is_file():
        return _piper(model, described)
    noted = _noted(model, "model_type")
    kind = KINDS.get(noted, "")
    if not kind:
        known = ", ".join((*dict.fromkeys(KINDS.values()), POCKET))
        raise VoiceError(f"{model} is of the kind {noted or 'unknown'!r}; sherpa speaks {known}")
    vocoder = next(filter(_is_vocoder, sorted(folder.glob("*.onnx"))), None)
    for name, needed in (("tokens.txt", True), ("voices.bin", kind.startswith("k")), ("a vocoder", kind == "matcha")):
        there = vocoder if name == "a vocoder" else (folder / name).is_file()
        if needed and not there:
            raise VoiceError(f"{folder} lacks {name}, which a model of the kind {kind} needs")
    if kind == "kokoro":
        _check_voices(model, folder / "voices.bin")
    own = folder / "espeak-ng-data"
    return SherpaFiles(
        kind=kind,
        model=str(model),
        tokens=str(folder / "tokens.txt"),
        voices=str(folder / "voices.bin") if kind.startswith("k") else "",
        vocoder=str(vocoder or ""),
        lexicon=",".join(_lexicons(folder)),
        many_languages=kind == "kokoro" and int(_noted(model, "version") or 1) > 1,
        data_dir=str(own if own.is_dir() else data_folder()) if _speaks_phonemes(model, folder) else "",
    )


def _pocket(folder: Path) -> SherpaFiles:
    """Return the parts of a pocket model, the exact ones where there are others in 8 bits beside them."""
    parts: dict[str, str] = {}
    for name in POCKET_MODELS:
        there = sorted((path for path in folder.glob(f"{name}*.onnx")), key=lambda path: ".int8." in path.name)
        if not there:
            raise VoiceError(f"{folder} lacks {name}.onnx, which a model of the kind {POCKET} needs")
        parts[name] = str(there[0])
    for name in POCKET_TABLES:
        if not (folder / f"{name}.json").is_file():
            raise VoiceError(f"{folder} lacks {name}.json, which a model of the kind {POCKET} needs")
        parts[f"{name}_json"] = str(folder / f"{name}.json")
    return SherpaFiles(kind=POCKET, parts=parts)


def _check_voices(model: Path, voices: Path) -> None:
    """Raise VoiceError for voices of another model, which sherpa-onnx would end the process for."""
    sizes = [int(size) for size in (_noted(model, "style_dim") or "0").split(",")]
    wanted = 4 * math.prod(sizes) * int(_noted(model, "n_speakers") or 0)
    if wanted and (there := voices.stat().st_size) != wanted:
        raise VoiceError(f"{voices} has {there} bytes; {model.name} needs {wanted}: it belongs to another model")


def _lexicons(folder: Path) -> list[str]:
    found = sorted(folder.glob("lexicon*.txt"))
    names = {path.name for path in found}
    return [str(path) for path in found if path.name != BRITISH or AMERICAN not in names]


def _is_vocoder(path: Path) -> bool:
    return path.name.startswith(("hifigan", "vocos"))


def _speaks_phonemes(model: Path, folder: Path) -> bool:
    return _noted(model, "has_espeak") == "1" or (folder / "espeak-ng-data").is_dir()


def _noted(model: Path, name: str) -> str:
    """Return what an ONNX file notes of itself under ``name``: a pair of strings, each with its tag and its length."""
    with model.open("rb") as file:
        file.seek(max(0, model.stat().st_size - TAIL_BYTES))
        tail = file.read()
    key = b"\x0a" + bytes([len(name)]) + name.encode() + b"\x12"
    place = tail.rfind(key)
    if place < 0:
        return ""
    start = place + len(key) + 1
    return tail[start : start + tail[start - 1]].decode("utf-8", "replace")


def _piper(model: Path, described: Path) -> SherpaFiles:
    """Return a published Piper voice as sherpa-onnx wants it: kept beside the takes, made once."""
    config: dict[str, Any] = json.loads(described.read_text("utf-8"))
    stat = model.stat()
    mark = hashlib.sha256(f"{model.resolve()} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:16]
    made, tokens = kept(f"piper-{mark}.onnx"), kept(f"piper-{mark}.txt")
    rows = "".join(f"{sign} {ids[0]}\n" for sign, ids in config["phoneme_id_map"].items())
    if not tokens.is_file() or not made.is_file():
        voice = str(config["espeak"]["voice"])[:100]  # both have to be there, else sherpa-onnx ends the process
        notes = {
            "model_type": "vits",
            "comment": "piper",
            "language": voice,
            "voice": voice,
            "has_espeak": "1",
            "n_speakers": str(config.get("num_speakers", 1)),
            "sample_rate": str(config["audio"]["sample_rate"]),
        }
        _write(made, model.read_bytes() + b"".join(_note(key, value) for key, value in notes.items()))
        _write(tokens, rows.encode())
    return SherpaFiles(kind="vits", model=str(made), tokens=str(tokens), data_dir=str(data_folder()))


def _note(key: str, value: str) -> bytes:
    """Return a pair that may be put behind any ONNX file: its notes are field 14, and fields may come in any order."""
    pair = b"".join(
        tag + bytes([len(text)]) + text for tag, text in ((b"\x0a", key.encode()), (b"\x12", value.encode()))
    )
    return b"\x72" + bytes([len(pair)]) + pair


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(data)
    temporary.replace(path)
