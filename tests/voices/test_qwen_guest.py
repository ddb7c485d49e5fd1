"""The Qwen3-TTS speaker without its packages: what belongs into its environment, which of them it speaks through."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from engine.voices.backends.interpreter import GUESTS, SETTINGS

DOCS = Path(__file__).parents[2] / "docs" / "voices.md"
PIN = re.compile(r"[a-z0-9-]+==\d+(\.\d+)+")
NOTHING = dict.fromkeys(SETTINGS, "")
FAST_TAKES = {
    "from_pretrained": {"folder", "device", "dtype"},
    "generate_voice_clone_streaming": {"text", "language", "ref_audio", "ref_text", "chunk_size", "xvec_only"},
    "generate_custom_voice_streaming": {"text", "language", "speaker", "instruct", "chunk_size"},
}
"""What faster-qwen3-tts 0.5.4, as published, calls what we give it."""


class Heard:
    """Stands for either package's model: keeps what it was asked for."""

    asked: list[tuple[str, dict[str, object]]]

    def __init__(self) -> None:
        self.asked = []

    def from_pretrained(self, folder: str, **manner: object) -> "Heard":
        self.asked.append(("from_pretrained", {"folder": folder, **manner}))
        return self

    def __getattr__(self, name: str):
        def work(**manner: object):
            self.asked.append((name, manner))
            if name.endswith("_streaming"):
                return iter([(np.full(4, part, "f4"), 24_000, {}) for part in range(3)])
            return "prompt" if name.startswith("create") else ([np.zeros(4, "f4")], 24_000)

        return work


@pytest.fixture
def guest(monkeypatch):
    """Return ``load(cuda, fast)``: the speaker's module and the model that it will find."""

    def load(cuda: bool, fast: bool):
        model = Heard()
        torch = ModuleType("torch")
        torch.cuda = SimpleNamespace(is_available=lambda: cuda)
        torch.bfloat16, torch.float32 = "bfloat16", "float32"
        torch.seeds = []
        torch.manual_seed = torch.seeds.append
        monkeypatch.setitem(sys.modules, "torch", torch)
        for package, name in (("qwen_tts", "Qwen3TTSModel"), ("faster_qwen3_tts", "FasterQwen3TTS")):
            module = ModuleType(package)
            setattr(module, name, model)
            monkeypatch.setitem(sys.modules, package, module)
        spec = importlib.util.spec_from_file_location("qwen3_here", GUESTS / "qwen3.py")
        qwen3 = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(qwen3)
        monkeypatch.setattr(qwen3, "_has", lambda name: fast and name.startswith("faster"))
        monkeypatch.setattr(qwen3, "_tell_of_others", lambda _: None)
        return qwen3, model

    return load


def test_what_belongs_into_its_environment_is_pinned_and_is_what_the_docs_say(guest):
    qwen3, _ = guest(False, False)
    docs = DOCS.read_text()
    for packages in (qwen3.PACKAGES, qwen3.FAST_PACKAGES):
        assert all(PIN.fullmatch(package) for package in packages)
        assert f"bin/pip install {' '.join(packages)}\n" in docs
    assert len(qwen3.REVISIONS) == 4
    assert all(re.fullmatch("[0-9a-f]{40}", commit) for commit in qwen3.REVISIONS.values())
    assert re.search(r"hf download\s+(\S+) --revision (\w+)", docs).groups() in qwen3.REVISIONS.items()


def test_with_a_card_and_the_fast_package_parts_come_as_they_are_made(guest, tmp_path):
    qwen3, model = guest(True, True)
    settings = {**NOTHING, "model": str(tmp_path), "sample": "anna.wav", "sample_text": "What Anna says."}
    speaker = qwen3.Speaker(settings, lambda *_: None)
    assert [int(sound[0]) for sound, _ in speaker.speak("Hello.", 7, lambda: False)] == [0, 1, 2]
    assert sys.modules["torch"].seeds == [7]
    (loaded, _), (name, asked) = model.asked
    assert (loaded, name) == ("from_pretrained", "generate_voice_clone_streaming")
    assert asked["ref_text"] == "What Anna says." and asked["xvec_only"] is False and asked["language"] == "Auto"
    stop = iter([False, True])
    assert len(list(speaker.speak("Hello.", 7, lambda: next(stop)))) == 1
    custom = qwen3.Speaker(
        {**NOTHING, "model": str(tmp_path), "voice": "Ryan", "instruct": "Whisper."}, lambda *_: None
    )
    assert len(list(custom.speak("Hello.", 7, lambda: False))) == 3
    assert model.asked[-1][1]["speaker"] == "Ryan" and model.asked[-1][1]["instruct"] == "Whisper."
    assert all(given.keys() <= FAST_TAKES[name] for name, given in model.asked)


@pytest.mark.parametrize(("cuda", "fast"), [(False, True), (True, False)])
def test_without_either_of_them_the_line_is_one_part(guest, tmp_path, cuda, fast):
    qwen3, model = guest(cuda, fast)
    speaker = qwen3.Speaker({**NOTHING, "model": str(tmp_path), "sample": "anna.wav"}, lambda *_: None)
    assert len(list(speaker.speak("Hello.", 7, lambda: False))) == 1
    names = [name for name, _ in model.asked]
    assert names == ["from_pretrained", "create_voice_clone_prompt", "generate_voice_clone"]
    assert model.asked[1][1]["x_vector_only_mode"] is True


def test_a_model_that_is_not_there_says_how_to_get_the_pinned_one(guest, monkeypatch):
    qwen3, _ = guest(False, False)
    hub = ModuleType("huggingface_hub")

    def nothing(model, revision, local_files_only):
        assert local_files_only
        raise FileNotFoundError(model)

    hub.snapshot_download = nothing
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    model, commit = next(iter(qwen3.REVISIONS.items()))
    with pytest.raises(ValueError, match=f"hf download {model} --revision {commit}"):
        qwen3.Speaker({**NOTHING, "model": model, "sample": "anna.wav"}, lambda *_: None)
