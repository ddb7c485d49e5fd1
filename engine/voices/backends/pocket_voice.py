"""The voice of pocket_tts: text to latents to sound, streamed frame by frame. Worker processes only."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForTextToWaveform, AutoProcessor

from engine.errors import VoiceError
from engine.voices.backends.codec_stream import CodecStream
from engine.voices.backends.neural import content_hash
from engine.voices.backends.pocket_fixed import FixedStore
from engine.voices.backends.pocket_loop import Manner, latents
from engine.voices.backends.pocket_states import GrowingStates, Layers, Prompt, States, voice_layers
from engine.voices.backends.sample import read_sample
from engine.voices.backends.torch_device import device_of, dtype_of, quantize, settle, told_plainly
from engine.voices.base import Chunk, Report, Settings, Timing
from engine.voices.kept import kept
from engine.voices.media import never
from engine.voices.words import tokens

FRAMES_PER_CHUNK = (1, 1, 1, 2, 2, 3, 4)
"""How many frames are decoded together: the first at once, later ones cheaper; the last figure holds on. They grow no
faster than what has been made lets a player wait, also where a second of sound takes most of a second."""

TEXT_TOKENS_PER_SECOND = 3.0
SPARE_SECONDS = 2.0
"""A line is given up after its tokens at that pace and a little more, as the model's own runtime does."""


class PocketModel:
    """What is in memory: backbone and codec. One per worker."""

    def __init__(self, folder: Path, settings: Settings, report: Report) -> None:
        self.folder = folder
        self.device = device_of(settings)
        report(0.3, "reading weights")
        self.backbone: Any = AutoModelForTextToWaveform.from_pretrained(
            folder, local_files_only=True, dtype=dtype_of(settings)
        ).eval()
        self.backbone.model.layers = quantize(self.backbone.model.layers, settings)
        self.backbone.to(self.device)
        self._fixed = FixedStore(self.backbone) if self.device.type == "cuda" else None
        report(0.7, "reading the codec")
        self.processor: Any = AutoProcessor.from_pretrained(folder, local_files_only=True)
        self.codec: Any = self.processor.audio_tokenizer
        if self.codec is None:
            raise VoiceError(f"the model in {folder} comes without its codec: pull all of it")
        self.codec.eval().to(self.device)
        self.sample_rate = int(self.processor.feature_extractor.sampling_rate)
        settle()

    def codec_stream(self) -> CodecStream:
        """Return what decodes latents, (lines, frames, size), of one batch of lines."""
        return CodecStream(self.codec.decoder, lambda latents: self.codec.latent_proj(latents.transpose(1, 2)))

    @contextmanager
    def states(self, prompts: Sequence[Prompt], voice: Layers, flow_steps: int) -> Iterator[States]:
        """Lend the backbone, having heard ``voice``, for lines that are spoken together."""
        if self._fixed is None:
            yield GrowingStates(self.backbone, prompts, voice, flow_steps)
            return
        with self._fixed.lent(prompts, voice, flow_steps) as states:
            yield states

    def prompts(self, text: str) -> list[Prompt]:
        """Return ``text`` as the model wants it; what is too long for one go is split at sentences."""
        return [self._prompt(piece) for piece in self.processor.split_text(text)]

    def _prompt(self, text: str) -> Prompt:
        talk = [{"role": "user", "content": [{"type": "text", "text": text}]}]
        written = self.processor.apply_chat_template(talk, tokenize=False)
        read = self.processor(text=[written], return_tensors="pt")
        ids = read["input_ids"][0]
        seconds = (len(ids) - 1) / TEXT_TOKENS_PER_SECOND + SPARE_SECONDS
        return Prompt(
            ids=ids,
            tail_frames=int(read["frames_after_eos"][0]),
            most_frames=math.ceil(seconds * self.backbone.config.frame_rate),
        )

    def sample_latents(self, path: str) -> Tensor:
        """Return what the codec makes of a sample: (frames, latent size). Raises VoiceError."""
        waveform = read_sample(path, self.sample_rate)
        inputs = self.processor.feature_extractor([waveform], sampling_rate=self.sample_rate).to(self.device)
        encoded = self.codec.encode(inputs["input_values"].to(self.codec.dtype), inputs["padding_mask"])
        found: Tensor = encoded.latents[0][encoded.latents_mask[0].bool()].float()
        return found

    def speaker_latents(self, speaker: str) -> Tensor:
        """Return a speaker that lies beside the model: (frames, size). Raises VoiceError naming those there are."""
        files = {path.stem: path for path in (self.folder / "voices").glob("*.safetensors")}
        if speaker not in files:
            raise VoiceError(f"the model has no speaker {speaker!r}; there is: {', '.join(sorted(files)) or 'none'}")
        tensors = [t.squeeze(0) for t in load_file(files[speaker]).values() if t.squeeze(0).ndim == 2]
        size = self.backbone.model.audio_prompt_proj.in_features
        fitting = [t if t.shape[1] == size else t.T for t in tensors if size in t.shape]
        if not fitting:
            raise VoiceError(f"the speaker {speaker!r} is not made for this model")
        return fitting[0].contiguous()


class PocketVoice:
    """One speaker of a loaded model."""

    channels = 1
    timing: Timing = "none"

    def __init__(self, model: PocketModel, voice: Layers, settings: Settings) -> None:
        self._model, self._voice = model, voice
        self._manner = Manner(
            temperature=float(settings["temperature"]),
            flow_steps=round(float(settings["flow_steps"])),
            eos_threshold=float(settings["eos_threshold"]),
        )
        fade = torch.linspace(0, 1, int(model.processor.fade_in_duration * model.sample_rate))
        self._fade = fade.numpy()[:, np.newaxis]

    @property
    def sample_rate(self) -> int:
        """Frames per second."""
        return self._model.sample_rate

    def speak(self, text: str, *, seed: int = 0, stopped: Callable[[], bool] = never) -> Generator[Chunk, None, None]:
        """Return ``text`` as a stream of chunks of 80 ms or a few times that; see ``Voice``."""
        check_text(text)
        return self._stream(text, seed, stopped)

    def speak_all(
        self, texts: Sequence[str], *, seeds: Sequence[int], stopped: Callable[[], bool] = never
    ) -> Generator[tuple[int, Chunk], None, None]:
        """Speak several lines at once; see ``BatchVoice``. Pieces of long lines are lines of their own here."""
        for text in texts:
            check_text(text)
        with told_plainly("speaking"):
            pieces = [(index, prompt) for index, text in enumerate(texts) for prompt in self._model.prompts(text)]
            sounds: list[list[np.ndarray]] = [[] for _ in pieces]
            prompts, chances = [prompt for _, prompt in pieces], [seeds[index] for index, _ in pieces]
            for sound, spoken in self._sound(prompts, chances, stopped):
                for row, frames in enumerate(spoken):
                    sounds[row].append(sound[row, : frames * self._frame_samples])
        for (index, _), parts in zip(pieces, sounds, strict=True):
            yield index, Chunk(audio=self._faded(np.concatenate(parts)[:, np.newaxis], 0))

    def _stream(self, text: str, seed: int, stopped: Callable[[], bool]) -> Generator[Chunk, None, None]:
        with told_plainly("speaking"):
            prompts = self._model.prompts(text)
        for prompt in prompts:
            sounds = self._sound([prompt], [seed], stopped)
            made = 0
            while True:
                with told_plainly("speaking"):  # not across the yield: others run meanwhile
                    part = next(sounds, None)
                if part is None:
                    break
                yield Chunk(audio=self._faded(part[0].T.copy(), made))
                made += part[0].shape[1]

    def _sound(
        self, prompts: Sequence[Prompt], seeds: Sequence[int], stopped: Callable[[], bool]
    ) -> Iterator[tuple[np.ndarray, list[int]]]:
        """Yield sound, (lines, samples), and how many frames of it belong to each line."""
        with self._model.states(prompts, self._voice, self._manner.flow_steps) as states:
            steps = latents(self._model.backbone, states, prompts, self._manner, seeds, stopped)
            yield from self._decode(steps, len(prompts))

    def _decode(self, steps: Iterable[tuple[Tensor, list[bool]]], lines: int) -> Iterator[tuple[np.ndarray, list[int]]]:
        codec = self._model.codec_stream()
        waiting: list[Tensor] = []
        counts = [0] * lines
        chunks = 0
        for latent, spoken in steps:
            waiting.append(latent)
            counts = [count + part for count, part in zip(counts, spoken, strict=True)]
            if len(waiting) >= FRAMES_PER_CHUNK[min(chunks, len(FRAMES_PER_CHUNK) - 1)]:
                yield self._decoded(codec, waiting), counts
                waiting, counts, chunks = [], [0] * lines, chunks + 1
        if waiting:
            yield self._decoded(codec, waiting), counts

    def _decoded(self, codec: CodecStream, waiting: list[Tensor]) -> np.ndarray:
        sound = codec.decode(torch.cat(waiting, dim=1).to(self._model.codec.dtype))
        decoded: np.ndarray = sound.float().cpu().numpy()
        return decoded

    @property
    def _frame_samples(self) -> int:
        return int(self._model.codec.config.frame_size)

    def _faded(self, audio: np.ndarray, made: int) -> np.ndarray:
        """Take the step out with which a fresh codec starts. made: how much of the piece came before ``audio``."""
        fade = self._fade[made : made + len(audio)]
        audio[: len(fade)] *= fade
        return audio


def check_text(text: str) -> None:
    """Refuse a text with nothing to speak."""
    if not tokens(text):
        raise VoiceError(f"there is nothing to speak in {text!r}: no letter, digit or sign")


def open_voice(folder: Path, settings: Settings, report: Report) -> PocketVoice:
    """Return the voice; the model is loaded once per worker, its state for a sample once per machine."""
    with told_plainly(f"loading {folder}"):
        model = _model(folder, settings, report)
        report(0.85, "hearing the voice")
        return PocketVoice(model, _state(model, settings), settings)


_loaded: dict[tuple[str, ...], PocketModel] = {}
"""The model of this process: its folder, device, precision."""


def _model(folder: Path, settings: Settings, report: Report) -> PocketModel:
    key = (str(folder), str(settings["device"]), str(settings["precision"]))
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = PocketModel(folder, settings, report)
    return _loaded[key]


def _state(model: PocketModel, settings: Settings) -> Layers:
    """Return what the backbone remembers of the voice: kept on disk, so that a sample is heard once."""
    sample, speaker = str(settings["sample"]), str(settings["speaker"])
    if sample and speaker:
        raise VoiceError("a voice has a sample or a speaker, not both")
    if not sample and not speaker:
        return ()
    if speaker:
        return voice_layers(model.backbone, model.speaker_latents(speaker))
    stat = Path(sample).stat()
    identity = [content_hash(sample, stat.st_mtime_ns, stat.st_size), str(model.folder), str(settings["precision"])]
    weights = sorted((model.folder / "model.safetensors").parent.glob("*.safetensors"))
    identity += [f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in weights]
    file = kept(f"{hashlib.sha256(' '.join(identity).encode()).hexdigest()[:40]}.safetensors")
    if file.is_file():
        return _read_layers(file, model.device)
    layers = voice_layers(model.backbone, model.sample_latents(sample))
    temporary = file.with_suffix(".tmp")
    parts = {f"{n}.{part}": tensor for n, pair in enumerate(layers) for part, tensor in enumerate(pair)}
    save_file({name: tensor.contiguous() for name, tensor in parts.items()}, temporary)
    temporary.replace(file)
    return layers


def _read_layers(file: Path, device: torch.device) -> Layers:
    tensors = load_file(file, device=str(device))
    return tuple((tensors[f"{n}.0"], tensors[f"{n}.1"]) for n in range(len(tensors) // 2))
