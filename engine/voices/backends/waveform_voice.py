"""Voices of models that transformers' own pipeline speaks: a shared base, and a small class for what each adds.

They make a line as a whole. Cancelling is heard before every layer of the model, so that work stops within a step.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import SpeechT5HifiGan, pipeline

from engine.errors import VoiceError
from engine.voices.backends.pocket_voice import check_text
from engine.voices.backends.torch_device import device_of, dtype_of, interruptible, settle, told_plainly
from engine.voices.base import Chunk, Report, Settings, Timing
from engine.voices.media import never
from engine.voices.models.place import model_folder
from engine.voices.take import Word
from engine.voices.words import WordClock

Sound = np.ndarray


class WaveformVoice:
    """Any model of AutoModelForTextToWaveform, and of AutoModelForTextToSpectrogram with a vocoder."""

    channels = 1
    timing: Timing = "none"

    def __init__(self, folder: Path, settings: Settings, report: Report) -> None:
        if settings["precision"] == "int8":
            raise VoiceError("precision int8 is for pocket; use fp32 or bf16 here")
        self.settings = settings
        report(0.3, "reading weights")
        self.speaker: Any = pipeline(
            "text-to-speech",
            model=str(folder),
            device=device_of(settings),
            dtype=dtype_of(settings),
            **self.parts(folder),
        )
        self.speaker.model.eval()
        if not self.speaker.sampling_rate:
            raise VoiceError(f"the model in {folder} does not say its sample rate")
        settle()

    @property
    def sample_rate(self) -> int:
        """Frames per second."""
        return int(self.speaker.sampling_rate)

    def parts(self, folder: Path) -> dict[str, Any]:  # noqa: ARG002 - some need it
        """Return what the pipeline takes beside the model."""
        return {}

    def parameters(self) -> dict[str, Any]:
        """Return what the model is called with beside the text."""
        return {}

    def make(self, text: str) -> tuple[Sound, tuple[Word, ...]]:
        """Return the line's sound, one or two dimensions, and its words where the model times them."""
        made = self.speaker(text, forward_params=self.parameters())
        return made["audio"], ()

    def speak(self, text: str, *, seed: int = 0, stopped: Callable[[], bool] = never) -> Generator[Chunk, None, None]:
        """Return ``text`` as one chunk; see ``Voice``."""
        check_text(text)
        return self._stream(text, seed, stopped)

    def _stream(self, text: str, seed: int, stopped: Callable[[], bool]) -> Generator[Chunk, None, None]:
        with told_plainly("speaking"), interruptible(self.speaker.model, stopped), chance(seed):
            sound, words = self.make(text)
        mono = np.asarray(sound, dtype=np.float32)
        mono = mono if mono.ndim == 1 else mono.reshape(-1, mono.shape[-1]).mean(axis=0)
        yield Chunk(audio=np.ascontiguousarray(mono[:, np.newaxis]), words=words)


class Vits(WaveformVoice):
    """VITS and MMS: their durations are the exact times of the words."""

    timing: Timing = "exact"

    def __init__(self, folder: Path, settings: Settings, report: Report) -> None:
        super().__init__(folder, settings, report)
        model = self.speaker.model
        model.speaking_rate = model.speaking_rate * float(settings["speed"])
        speakers = model.config.num_speakers
        if float(settings["speaker"]) >= max(1, speakers):
            raise VoiceError(f"speaker {settings['speaker']:g}: the model has {speakers}, counted from 0")
        self._durations: list[torch.Tensor] = []
        predictor = model.duration_predictor
        predictor.register_forward_hook(lambda _module, _inputs, output: self._durations.append(output))

    def parameters(self) -> dict[str, Any]:
        """Return the speaker, where there are several."""
        return (
            {"speaker_id": round(float(self.settings["speaker"]))} if self.speaker.model.config.num_speakers > 1 else {}
        )

    def make(self, text: str) -> tuple[Sound, tuple[Word, ...]]:
        """Return sound and words."""
        self._durations.clear()
        sound, _ = super().make(text)
        model = self.speaker.model
        frames = torch.ceil(torch.exp(self._durations[-1].float()) / model.speaking_rate).flatten()
        hop = int(np.prod(model.config.upsample_rates))
        starts = np.concatenate([[0], np.cumsum(frames.cpu().numpy())]).astype(int) * hop
        return sound, self._words(text, starts)

    def _words(self, text: str, starts: np.ndarray) -> tuple[Word, ...]:
        """Return the words, none where the tokenizer rewrites the text (phonemes, romanising)."""
        tokenizer = self.speaker.tokenizer
        kept = _kept_characters(text, tokenizer)
        if "".join(sign for _, sign in kept) != tokenizer.prepare_for_tokenization(text)[0]:
            return ()
        first, step = (1, 2) if tokenizer.add_blank else (0, 1)
        if first + step * len(kept) - (step - 1) > len(starts):
            return ()
        clock = WordClock(text)
        words: list[Word] = []
        for number, (position, sign) in enumerate(kept):
            start = int(starts[first + step * number])
            if sign.isspace():
                clock.silence(start)
            else:
                words.extend(clock.hear(position, start))
                clock.sound(start)
        return (*words, *clock.finish(int(starts[-1])))


class SpeechT5(WaveformVoice):
    """SpeechT5 with its vocoder, and a speaker given as an x-vector."""

    def parts(self, folder: Path) -> dict[str, Any]:
        """Return the vocoder: beside the model, or the one that is named."""
        beside = folder / "vocoder"
        place = beside if beside.is_dir() else model_folder(str(self.settings["vocoder"]))
        return {"vocoder": SpeechT5HifiGan.from_pretrained(place, local_files_only=True).eval()}

    def parameters(self) -> dict[str, Any]:
        """Return the speaker; one of all zeros where none is given."""
        size = self.speaker.model.config.speaker_embedding_dim
        path = str(self.settings["speaker"])
        vector = np.load(path).reshape(-1) if path else np.zeros(size)
        if len(vector) != size:
            raise VoiceError(f"the speaker {path} has {len(vector)} numbers; the model wants {size}")
        return {"speaker_embeddings": torch.tensor(vector, dtype=torch.float32)[None]}


class FastSpeech2(WaveformVoice):
    """FastSpeech2 with its vocoder; no file of it says its rate."""

    def parts(self, folder: Path) -> dict[str, Any]:  # noqa: ARG002
        """Return the rate of ESPnet's published models."""
        return {"sampling_rate": 22_050}

    def make(self, text: str) -> tuple[Sound, tuple[Word, ...]]:
        """Return the sound; the pipeline would take the model's first answer, which is the spectrogram."""
        speaker = self.speaker
        inputs = speaker.tokenizer(text, return_tensors="pt").to(speaker.device)
        made = speaker.model(inputs["input_ids"], attention_mask=inputs["attention_mask"], return_dict=True)
        return made.waveform.float().cpu().numpy(), ()


class Bark(WaveformVoice):
    """Bark, with one of its voice presets."""

    def make(self, text: str) -> tuple[Sound, tuple[Word, ...]]:
        """Return the sound."""
        preset = str(self.settings["speaker"])
        made = self.speaker(text, **({"preprocess_params": {"voice_preset": preset}} if preset else {}))
        return made["audio"], ()


class Dia(WaveformVoice):
    """Dia: dialogue, with [S1] and [S2] in the text."""

    def parameters(self) -> dict[str, Any]:
        """Return how is sampled."""
        temperature = float(self.settings["temperature"])
        return {"do_sample": temperature > 0.0, "temperature": temperature or 1.0}


class VibeVoice(WaveformVoice):
    """VibeVoice: a script of one speaker, like a sample where one is given."""

    def make(self, text: str) -> tuple[Sound, tuple[Word, ...]]:
        """Return the sound. Raises VoiceError where the model ends before it has said anything."""
        said: list[dict[str, str]] = [{"type": "text", "text": text}]
        if sample := str(self.settings["sample"]):
            said.append({"type": "audio", "path": sample})
        processor, model = self.speaker.processor, self.speaker.model
        inputs = processor.apply_chat_template(
            [{"role": "0", "content": said}], tokenize=True, return_dict=True, return_tensors="pt"
        ).to(model.device, model.dtype)
        steps = round(float(self.settings["flow_steps"]))
        (made,) = model.generate(**inputs, num_diffusion_steps=steps, return_dict_in_generate=True).audio
        if made is None:
            raise VoiceError(f"the model says nothing to {text[:40]!r}")
        return made.float().cpu().numpy(), ()


def _kept_characters(text: str, tokenizer: Any) -> list[tuple[int, str]]:
    """Return the characters that the tokenizer leaves of ``text``, with their places."""
    known = tokenizer.encoder
    lowered = [
        (place, sign if sign in known or not tokenizer.normalize else sign.lower()) for place, sign in enumerate(text)
    ]
    kept = [(place, sign) for place, sign in lowered if sign in known or not tokenizer.normalize]
    while kept and kept[0][1].isspace():
        kept.pop(0)
    while kept and kept[-1][1].isspace():
        kept.pop()
    return kept


@contextmanager
def chance(seed: int) -> Iterator[None]:
    """Let everything that draws by chance draw from ``seed``, and leave the process's chances as they were."""
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)  # models draw from it
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


FAMILIES: dict[str, type[WaveformVoice]] = {
    "vits": Vits,
    "speecht5": SpeechT5,
    "fastspeech2": FastSpeech2,
    "bark": Bark,
    "dia": Dia,
    "vibevoice": VibeVoice,
    "transformers": WaveformVoice,
}

_loaded: dict[str, Any] = {}


def open_voice(folder: Path, settings: Settings, report: Report, family: str) -> Any:
    """Return the voice of a model; the one that was opened last is kept."""
    key = f"{family} {folder} {sorted(settings.items())}"
    if key not in _loaded:
        with told_plainly(f"loading {folder}"):
            _loaded.clear()
            _loaded[key] = _family(family)(folder, settings, report)
    return _loaded[key]


def _family(name: str) -> Any:
    if name == "csm":
        from engine.voices.backends.csm_voice import CsmVoice

        return CsmVoice
    return FAMILIES[name]
