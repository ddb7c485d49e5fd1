"""What bench_voices measures, part by part; each runs in a process of its own: ``python voice_parts.py PART …``.

Prints one line of JSON. Lines are as long as they may get: 6 seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from report import quantile

ROOT = Path(__file__).parents[2]
TEXT = "abcdefghijkl"
"""Twelve letters, each a token: (12 / 3 + 2) seconds are the most that it may take."""

SECONDS = 6.0
VOICE_SECONDS = 10.0
RATE = 24_000
ENDLESS = 1000.0


def native(folder: Path, runs: int, device: str) -> dict[str, float]:
    """Time the native package, its own configuration without weights."""
    import pocket_tts
    import torch
    import yaml

    torch.set_num_threads(1)
    config = yaml.safe_load((Path(pocket_tts.__file__).parent / "config" / "english_2026-04.yaml").read_text())
    for key in [key for key in config if key.startswith("weights_path")]:
        del config[key]
    tokenizer = model_folder(folder) / "tokenizer.json"
    table = config["flow_lm"]["lookup_table"]
    table["tokenizer_path"] = str(tokenizer)
    table["n_bins"] = len(json.loads(tokenizer.read_text())["model"]["vocab"])
    (folder / "native.yaml").write_text(yaml.safe_dump(config))
    model = pocket_tts.TTSModel.load_model(config=folder / "native.yaml", eos_threshold=ENDLESS).to(device)
    model.has_voice_cloning = True
    state = model.get_state_for_audio_prompt(0.1 * torch.randn(1, round(VOICE_SECONDS * RATE)))
    return timed(lambda: (chunk.numel() for chunk in model.generate_audio_stream(state, TEXT)), runs)


def speaking(folder: Path, runs: int, device: str, precision: str) -> dict[str, float]:
    """Time our voice, line after line."""
    voice = open_voice(folder, precision, device)
    from engine.platform import resident_bytes
    from engine.voices.backends.torch_device import memory

    figures = timed(lambda: (len(chunk.audio) for chunk in voice.speak(TEXT)), runs)
    taken = sum(memory().values())
    return {**figures, "megabytes": resident_bytes() / 1e6, "weights": weights(voice) / 1e6, "device": taken / 1e6}


def batches(folder: Path, runs: int, device: str, precision: str, most: int) -> dict[str, float]:
    """Compare lines together, up to ``most`` of them, with lines one by one, chunks alike."""
    voice = open_voice(folder, precision, device)
    figures = {}
    text = TEXT[:3] if device == "cpu" else TEXT
    for lines in (number for number in (1, 8, 32) if number <= most):
        rates = []
        unheard = device != "cpu"  # a graphics device records its steps first
        for run in range(unheard + max(1, runs // 2)):
            begun = time.perf_counter()
            if lines == 1:
                made = sum(len(c.audio) for seed in range(8) for c in voice.speak(text, seed=seed))
            else:
                made = sum(len(c.audio) for _, c in voice.speak_all([text] * lines, seeds=range(lines)))
            if run >= unheard:
                rates.append(made / RATE / (time.perf_counter() - begun))
        figures[str(lines)] = quantile(rates, 0.5)
        figures[f"{lines} device"] = device_megabytes()
    return figures


def live(folder: Path, runs: int, device: str, precision: str) -> dict[str, float]:
    """Have the running engine speak new lines."""
    settings = settings_for(folder, precision, device)
    import msgspec
    import voice_live

    return msgspec.to_builtins(voice_live.measure(folder, settings, TEXT, runs))


def embedded(folder: Path, runs: int, _device: str) -> dict[str, float]:
    """Have the running engine's embedded voice speak new lines."""
    sys.path.insert(0, str(ROOT))
    import msgspec
    import voice_live

    return msgspec.to_builtins(voice_live.measure_embedded(folder, runs))


def of_memory(part: str) -> Callable[..., dict[str, float]]:
    """Return a part that ``voice_memory`` measures."""

    def measure(folder: Path, _runs: int, device: str, *more: str) -> dict[str, float]:
        sys.path.insert(0, str(ROOT))
        import voice_memory

        figures: dict[str, float] = getattr(voice_memory, part)(folder, device, *more)
        return figures

    return measure


def device_megabytes() -> float:
    """Return what PyTorch had at most on graphics devices since the last call, and forget it."""
    import torch

    if not torch.cuda.is_available():
        return 0.0
    most = torch.cuda.max_memory_allocated() / 1e6
    torch.cuda.reset_peak_memory_stats()
    return most


def timed(speak, runs: int) -> dict[str, float]:
    """Return first sound, time per second of sound, longest gap, of lines cut at ``SECONDS``; the first is left out."""
    firsts, factors, gaps = [], [], []
    for run in range(runs + 1):
        begun = last = time.perf_counter()
        made, times = 0, []
        with closing(speak()) as chunks:
            for samples in chunks:
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


def settings_for(folder: Path, precision: str, device: str) -> dict[str, str | float]:
    """Return the settings of a voice that has heard ten seconds of noise."""
    import numpy as np
    import soundfile

    from engine.voices.preset import complete_settings

    sample = folder / "sample.wav"
    if not sample.exists():
        noise = 0.1 * np.random.default_rng(0).standard_normal(round(VOICE_SECONDS * RATE))
        soundfile.write(sample, noise.astype("f4"), RATE)
    settings = {
        "model": str(model_folder(folder)),
        "sample": str(sample),
        "precision": precision,
        "device": device,
        "eos_threshold": ENDLESS,
    }
    return complete_settings("pocket", settings)


def open_voice(folder: Path, precision: str, device: str):
    """Return our voice."""
    import torch

    sys.path.insert(0, str(ROOT))
    from engine.voices import kept
    from engine.voices.registry import backend

    torch.set_num_threads(1)
    kept.keep_in(folder / "voices")
    return backend("pocket").open(settings_for(folder, precision, device))


def weights(voice) -> int:
    """Return the bytes of a loaded model's weights as they would be on disk."""
    import io

    import torch

    buffer = io.BytesIO()
    torch.save(voice._model.backbone.state_dict(), buffer)
    return buffer.getbuffer().nbytes


def model_folder(folder: Path) -> Path:
    """Return a model at real size, made on the first call (tiny where ``folder`` is called so: to try this out)."""
    sys.path.insert(0, str(ROOT))
    model = folder / "model"
    if not model.exists():
        from tests.neural.tiny_pocket import save_pocket

        save_pocket(model, real_size="tiny" not in folder.name)
    return model


PARTS = {"native": native, "speaking": speaking, "batches": batches, "live": live, "embedded": embedded}
PARTS |= {part: of_memory(part) for part in ("unloading", "together", "found")}


def main() -> None:
    """Measure one part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision")
    parser.add_argument("--most", type=int)
    asked = parser.parse_args()
    more = [value for value in (asked.precision, asked.most) if value is not None]
    print(json.dumps(PARTS[asked.part](asked.folder, asked.runs, asked.device, *more)))  # noqa: T201


if __name__ == "__main__":
    main()
