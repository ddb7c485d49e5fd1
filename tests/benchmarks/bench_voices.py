"""pocket_tts at real size, random weights, beside the native pocket-tts package: first sound, speed, batches, memory.

Speed does not depend on what the weights are. Each measurement runs in a process of its own, with one thread for its
arithmetic (the native package decodes in a second one of its own). Lines are as long as they may get: 6 seconds.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from report import NOTES, Report, quantile

ROOT = Path(__file__).parents[2]
TEXT = "abcdefghijkl"
"""Twelve letters, each a token: (12 / 3 + 2) seconds are the most that it may take."""

SECONDS = 6.0
VOICE_SECONDS = 10.0
RATE = 24_000
LINES = 8
ENDLESS = 1000.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="lines that are timed (default: 3)")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        print(json.dumps(PARTS[arguments.part](arguments.folder, arguments.runs)))  # noqa: T201
        return
    report = Report("voices", f"pocket_tts, random weights at real size, one thread, {arguments.runs} lines each")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measured = {part: measure(part, folder, arguments.runs) for part in PARTS}
    tell(report, measured)
    report.finish()


def measure(part: str, folder: Path, runs: int) -> dict[str, float]:
    """Run one part in a process of its own."""
    NOTES.print(f"measuring: {part}")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, __file__, "--part", part, "--folder", str(folder), "--runs", str(runs)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    figures = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not figures:  # the exit code says nothing: the native package's threads may fall over after the work
        NOTES.print(f"{part} failed: {done.stderr.strip().splitlines()[-1:]}")
        return {}
    measured: dict[str, float] = json.loads(figures[-1])
    return measured


def tell(report: Report, measured: dict[str, dict[str, float]]) -> None:
    native = measured["native"].get("first", float("nan"))
    for part, share in (("fp32", 0.9), ("int8", 0.6), ("bf16", None)):
        ours = measured[part]
        if not ours:
            continue
        bar = {"at_most": share * native} if share and native == native else {}
        beside = {"reference": native, "reference_name": "native fp32"} if native == native else {}
        report.add(f"{part}: time to the first sound, median", ours["first"], "ms", **beside, **bar)
        beside = {"reference": measured["native"]["factor"], "reference_name": "native"} if native == native else {}
        report.add(f"{part}: time per second of sound", ours["factor"], "s", **beside)
        report.add(f"{part}: longest wait between chunks, of 80 to 320 ms", ours["gap"], "ms")
        report.add(
            f"{part}: memory of the whole process", ours["megabytes"], "MB", note=f"weights {ours['weights']:.0f} MB"
        )
    if batch := measured["batch"]:
        report.add(
            f"{LINES} lines together, sound per second of work", batch["together"], "×",
            reference=batch["alone"], reference_name="one by one", at_least=1.8 * batch["alone"],
        )  # fmt: skip


def native(folder: Path, runs: int) -> dict[str, float]:
    """Time the native package, its own configuration without weights."""
    import torch
    import yaml
    from pocket_tts import TTSModel

    torch.set_num_threads(1)
    import pocket_tts

    config = yaml.safe_load((Path(pocket_tts.__file__).parent / "config" / "english_2026-04.yaml").read_text())
    for key in [key for key in config if key.startswith("weights_path")]:
        del config[key]
    tokenizer = model_folder(folder) / "tokenizer.json"
    table = config["flow_lm"]["lookup_table"]
    table["tokenizer_path"] = str(tokenizer)
    table["n_bins"] = len(json.loads(tokenizer.read_text())["model"]["vocab"])
    (folder / "native.yaml").write_text(yaml.safe_dump(config))
    model = TTSModel.load_model(config=folder / "native.yaml", eos_threshold=ENDLESS)
    model.has_voice_cloning = True
    state = model.get_state_for_audio_prompt(0.1 * torch.randn(1, round(VOICE_SECONDS * RATE)))

    def chunks():
        return (chunk.numel() for chunk in model.generate_audio_stream(state, TEXT))

    return timed(chunks, runs)


def ours(folder: Path, runs: int, precision: str) -> dict[str, float]:
    """Time our voice."""
    voice = open_voice(folder, precision)
    from engine.platform import resident_bytes

    figures = timed(lambda: (len(chunk.audio) for chunk in voice.speak(TEXT)), runs)
    return {**figures, "megabytes": resident_bytes() / 1e6, "weights": weights(voice) / 1e6}


def batch(folder: Path, runs: int) -> dict[str, float]:
    """Compare lines together with lines one by one, chunks alike."""
    voice = open_voice(folder, "fp32")
    text, seeds = TEXT[:3], list(range(LINES))
    alone, together = [], []
    for _ in range(max(1, runs // 2)):
        begun = time.perf_counter()
        made = sum(len(chunk.audio) for seed in seeds for chunk in voice.speak(text, seed=seed))
        alone.append(made / RATE / (time.perf_counter() - begun))
        begun = time.perf_counter()
        made = sum(len(chunk.audio) for _, chunk in voice.speak_all([text] * LINES, seeds=seeds))
        together.append(made / RATE / (time.perf_counter() - begun))
    return {"alone": quantile(alone, 0.5), "together": quantile(together, 0.5)}


def timed(speak, runs: int) -> dict[str, float]:
    """Return first sound, time per second of sound, longest gap, of lines cut at ``SECONDS``; the first is left out."""
    firsts, factors, gaps = [], [], []
    for run in range(runs + 1):
        begun = last = time.perf_counter()
        made, times = 0, []
        for samples in speak():
            now = time.perf_counter()
            times.append(now - last)
            last, made = now, made + samples
            if made >= SECONDS * RATE:
                break
        if run:
            firsts.append(1e3 * times[0])
            factors.append((last - begun) / (made / RATE))
            gaps.append(1e3 * max(times[1:]))
    return {"first": quantile(firsts, 0.5), "factor": quantile(factors, 0.5), "gap": max(gaps)}


def open_voice(folder: Path, precision: str):
    import numpy as np
    import soundfile
    import torch

    sys.path.insert(0, str(ROOT))
    from engine.voices import kept
    from engine.voices.preset import complete_settings
    from engine.voices.registry import backend

    torch.set_num_threads(1)
    kept.keep_in(folder / "voices")
    sample = folder / "sample.wav"
    if not sample.exists():
        noise = 0.1 * np.random.default_rng(0).standard_normal(round(VOICE_SECONDS * RATE))
        soundfile.write(sample, noise.astype("f4"), RATE)
    settings = {
        "model": str(model_folder(folder)),
        "sample": str(sample),
        "precision": precision,
        "eos_threshold": ENDLESS,
    }
    return backend("pocket").open(complete_settings("pocket", settings))


def weights(voice) -> int:
    """Return the bytes of a loaded model's weights as they would be on disk."""
    import io

    import torch

    buffer = io.BytesIO()
    torch.save(voice._model.backbone.state_dict(), buffer)
    return buffer.getbuffer().nbytes


def model_folder(folder: Path) -> Path:
    """Return a model at real size, made on the first call."""
    sys.path.insert(0, str(ROOT))
    model = folder / "model"
    if not model.exists():
        from tests.neural.tiny_pocket import save_pocket

        save_pocket(model, real_size=True)
    return model


PARTS = {
    "native": native,
    "fp32": lambda folder, runs: ours(folder, runs, "fp32"),
    "int8": lambda folder, runs: ours(folder, runs, "int8"),
    "bf16": lambda folder, runs: ours(folder, runs, "bf16"),
    "batch": batch,
}

if __name__ == "__main__":
    if importlib.util.find_spec("torch") is None:
        sys.exit("this needs PyTorch: tools/setup.sh all")
    main()
