"""Whisper, window by window: text, language and times of words. Worker processes only."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import WhisperForConditionalGeneration, WhisperProcessor

from engine.errors import BadRange, VoiceError
from engine.speech.align.file import FileRecording
from engine.speech.align.heard import RATE
from engine.speech.heard_words import Piece, words_of
from engine.speech.transcript import HeardWord, Passage
from engine.speech.windows import Windows, is_silent
from engine.voices.backends.torch_device import (
    device_of,
    dtype_of,
    interruptible,
    quantize,
    settle,
    told_plainly,
)
from engine.voices.backends.whisper_advance import Advance
from engine.voices.base import Report, Settings
from engine.voices.media import Stopped, never

Audio = NDArray[np.float32]

TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
DOUBT: dict[str, Any] = {
    "temperature": TEMPERATURES,
    "compression_ratio_threshold": 1.35,
    "logprob_threshold": -1.0,
    "no_speech_threshold": 0.6,
}
"""When a window is heard again with more left to chance, and when it counts as silence: as the model's authors do."""


class WhisperListener:
    """One Whisper model."""

    def __init__(self, folder: Path, settings: Settings, report: Report) -> None:
        report(0.3, "reading weights")
        self._processor: Any = WhisperProcessor.from_pretrained(folder, local_files_only=True)
        self._model: Any = WhisperForConditionalGeneration.from_pretrained(
            folder, local_files_only=True, dtype=dtype_of(settings), attn_implementation="eager"
        )
        for part in (self._model.model.encoder, self._model.model.decoder):
            part.layers = quantize(part.layers, settings)
        self._model.eval().to(device_of(settings))
        config = self._model.generation_config
        self._languages: dict[str, int] = dict(getattr(config, "lang_to_id", None) or {})
        self._times_tokens = bool(getattr(config, "alignment_heads", None))
        self.window_seconds = float(self._processor.feature_extractor.chunk_length)
        report(0.8, "hearing once")
        self._warm()
        settle()

    def _warm(self) -> None:
        """Hear a window: only then is all of the weights in memory, and what they take can be measured."""
        features, _ = self._read(np.zeros(RATE, np.float32))
        start = torch.full((1, 1), self._model.config.decoder_start_token_id, device=self._model.device)
        self._model(input_features=features, decoder_input_ids=start)

    @property
    def languages(self) -> frozenset[str]:
        """The codes of the languages that it knows; English alone where it names none."""
        return frozenset(token.strip("<|>") for token in self._languages) or frozenset({"en"})

    def listen(
        self, path: Path, *, language: str = "", stopped: Callable[[], bool] = never
    ) -> Generator[Passage, None, None]:
        """Yield what is said in each window; see ``Listener``."""
        code = language.split("-")[0].lower()
        if code and code not in self.languages:
            raise BadRange(f"language {language!r}: this model hears {', '.join(sorted(self.languages))}")
        return self._listen(FileRecording(path), code, stopped)

    def _listen(
        self, recording: FileRecording, language: str, stopped: Callable[[], bool]
    ) -> Generator[Passage, None, None]:
        for start, audio in Windows(recording, self.window_seconds):
            if stopped():
                raise Stopped
            text = ""
            words: tuple[HeardWord, ...] = ()
            if not is_silent(audio):
                with told_plainly("listening"), interruptible(self._model, stopped):
                    features, mask = self._read(audio)
                    spoken = language or self._language_of(features)
                    text, words = words_of(self._hear(features, mask, spoken), len(audio) / RATE)
                language = spoken if text else language  # the first one that was found holds on
            yield Passage(
                text=text,
                language=language,
                words=tuple(_later(word, start) for word in words),
                heard_seconds=start + len(audio) / RATE,
                total_seconds=recording.seconds,
            )

    def _read(self, audio: Audio) -> tuple[Tensor, Tensor]:
        """Return the spectrogram of a window, and how much of it is sound."""
        read = self._processor.feature_extractor(
            audio, sampling_rate=RATE, return_tensors="pt", return_attention_mask=True
        )
        device = self._model.device
        return read["input_features"].to(device, self._model.dtype), read["attention_mask"].to(device)

    def _hear(self, features: Tensor, mask: Tensor, language: str) -> list[Piece]:
        """Return what is said in a window, segment by segment."""
        spoken = {"language": language, "task": "transcribe"} if self._languages else {}
        self._model._retrieve_segment = Advance(type(self._model)._retrieve_segment, features.shape[-1])
        with torch.random.fork_rng():
            torch.manual_seed(0)  # where the model doubts, it draws by chance
            made = self._model.generate(
                features,
                attention_mask=mask,
                return_timestamps=True,
                return_token_timestamps=self._times_tokens,
                return_segments=True,
                return_dict_in_generate=True,
                **spoken,
                **DOUBT,
            )
        return [self._piece(segment) for segment in made["segments"][0]]

    def _language_of(self, features: Tensor) -> str:
        """Return the code of the language that is most likely spoken."""
        if not self._languages:
            return "en"
        found = int(self._model.detect_language(input_features=features)[0])
        return next((token.strip("<|>") for token, id_ in self._languages.items() if id_ == found), "en")

    def _piece(self, segment: dict[str, Any]) -> Piece:
        """Return a segment's tokens of text, with the texts up to each, their times and how sure each was."""
        tokenizer, first_special = self._processor.tokenizer, self._model.generation_config.eos_token_id
        if isinstance(first_special, list):
            first_special = min(first_special)
        tokens = [int(token) for token in segment["tokens"]]
        kept = [place for place, token in enumerate(tokens) if token < first_special]
        ids = [tokens[place] for place in kept]
        times = segment["token_timestamps"].tolist() if self._times_tokens else []
        sure = _probabilities(segment, len(tokens))
        # transformers gives each token the time at which the one behind it was found
        return Piece(
            texts=tuple(tokenizer.decode(ids[: n + 1]) for n in range(len(ids))),
            starts=tuple(float(times[max(0, place - 1)]) for place in kept) if times else (),
            probabilities=tuple(sure[place] for place in kept),
            start_seconds=float(segment["start"]),
            end_seconds=float(segment["end"]),
        )


def _probabilities(segment: dict[str, Any], count: int) -> list[float]:
    """Return how likely each token of a segment was; 1 where the model does not tell."""
    scores = segment["result"].get("scores") if isinstance(segment["result"], dict) else None
    if not scores:
        return [1.0] * count
    first = len(segment["result"]["sequences"]) - len(scores)
    begin = max(0, segment["idxs"][0] - first)
    rows = scores[begin : begin + count]
    told = [float(row.float().softmax(-1)[int(t)]) for row, t in zip(rows, segment["tokens"], strict=False)]
    return told + [1.0] * (count - len(told))


def _later(word: HeardWord, seconds: float) -> HeardWord:
    return HeardWord(
        text=word.text,
        start_seconds=round(word.start_seconds + seconds, 3),
        end_seconds=round(word.end_seconds + seconds, 3),
        confidence=word.confidence,
    )


_loaded: dict[str, WhisperListener] = {}


def open_voice(folder: Path, settings: Settings, report: Report) -> WhisperListener:
    """Return the listener of a model; the one that was opened last is kept. Raises VoiceError."""
    key = f"{folder} {sorted(settings.items())}"
    if key not in _loaded:
        with told_plainly(f"loading {folder}"):
            _loaded.clear()
            listener = WhisperListener(folder, settings, report)
            if not listener.window_seconds:
                raise VoiceError(f"the model in {folder} does not say how long its windows are")
            _loaded[key] = listener
    return _loaded[key]
