"""A voice of sherpa-onnx: sentence by sentence, as its callback hands them over. Worker processes only."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import sherpa_onnx
from numpy.typing import NDArray

from engine.errors import VoiceError
from engine.speech.split import sentences
from engine.voices.backends.sample import read_sample
from engine.voices.backends.sherpa_model import POCKET, SherpaFiles, find_files
from engine.voices.base import Chunk, Report, Settings, Timing
from engine.voices.media import Stopped, never
from engine.voices.words import tokens

Sound = NDArray[np.float32]

ASKING_SECONDS = 0.02
GOES_ON, ENDS = 1, 0
PAUSES = 1.0
"""A model's own are kept; left to itself, sherpa-onnx cuts them to a fifth."""

FLOW_STEPS = 2
"""Of a pocket model, per 80 ms, as sherpa-onnx's own examples have it."""


class SherpaVoice:
    """One speaker of one model."""

    channels = 1
    timing: Timing = "none"

    def __init__(self, speaker: Any, settings: Settings, sample: Sound | None) -> None:
        self._speaker, self._settings, self._sample = speaker, settings, sample
        number, there = round(float(settings["speaker"])), max(1, int(speaker.num_speakers))
        if number >= there:
            raise VoiceError(f"speaker {number}: the model has {there}, counted from 0")
        self.sample_rate = int(speaker.sample_rate)

    def speak(
        self,
        text: str,
        *,
        seed: int = 0,  # noqa: ARG002 - the models draw by themselves
        stopped: Callable[[], bool] = never,
    ) -> Generator[Chunk, None, None]:
        """Return ``text`` sentence by sentence; see ``Voice``. What is being made when it is stopped is made first."""
        if not any(token.certain for token in tokens(text)):
            raise VoiceError(f"there is nothing to speak in {text[:40]!r}")
        return self._stream(text, stopped)

    def _stream(self, text: str, stopped: Callable[[], bool]) -> Generator[Chunk, None, None]:
        with closing(_Making(self._speaker, text, self._settings, self._sample)) as making:
            for sound in making.sounds(stopped):
                yield Chunk(audio=np.ascontiguousarray(sound.reshape(-1, 1), dtype=np.float32))


class _Making:
    """Runs the model in a thread of its own, since it hands its sound to a callback. Closing it stops the model."""

    def __init__(self, speaker: Any, text: str, settings: Settings, sample: Sound | None) -> None:
        self._speaker, self._text, self._sample = speaker, text, sample
        self._manner = _manner(settings, sample, int(speaker.sample_rate))
        self._ending = False
        self._made: SimpleQueue[Sound | Exception | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sherpa", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the model, whether it is done or not."""
        self._ending = True
        self._thread.join()

    def sounds(self, stopped: Callable[[], bool]) -> Iterator[Sound]:
        """Yield the sound as it comes. Raises VoiceError, Stopped."""
        while True:
            if stopped():
                raise Stopped
            try:
                made = self._made.get(timeout=ASKING_SECONDS)
            except Empty:
                continue
            if made is None:
                return
            if isinstance(made, Exception):
                raise VoiceError(f"speaking failed: {made}") from made
            yield made

    def _run(self) -> None:
        try:
            if self._sample is None:
                self._speaker.generate(self._text, self._manner, self._take)
            else:
                self._clone()
            self._made.put(None)
        except Exception as error:  # noqa: BLE001 - it is raised where the sound is read
            self._made.put(error)

    def _clone(self) -> None:
        """Speak as the sample does, a sentence at a time: the model itself would make all of the text first."""
        for start, end in sentences(self._text):
            if self._ending:
                return
            if self._text[start:end].strip():
                self._speaker.generate(self._text[start:end].strip(), self._manner, self._take)

    def _take(self, samples: Sound, _progress: float) -> int:
        self._made.put(np.array(samples, dtype=np.float32))
        return ENDS if self._ending else GOES_ON


def _manner(settings: Settings, sample: Sound | None, sample_rate: int) -> Any:
    """Return how a line is to be spoken, in the library's own words."""
    manner = sherpa_onnx.GenerationConfig()
    manner.silence_scale, manner.speed = PAUSES, float(settings["speed"])
    manner.sid = round(float(settings["speaker"]))
    if sample is not None:
        manner.reference_audio, manner.reference_sample_rate = sample, sample_rate
        manner.num_steps = FLOW_STEPS
    return manner


_loaded: dict[str, tuple[str, Any]] = {}
"""The kind of the model that was opened last, and the model."""


def open_voice(folder: Path, settings: Settings, report: Report) -> SherpaVoice:
    """Return a voice; the model that was opened last is kept. Raises VoiceError."""
    key = f"{folder} {settings['language']}"
    if key not in _loaded:
        files = find_files(folder)
        if files.many_languages and not files.lexicon and not settings["language"]:
            raise VoiceError(f"language: the model in {folder} speaks several; name one, or put a lexicon*.txt there")
        report(0.3, "reading weights")
        config = sherpa_onnx.OfflineTtsConfig(model=_model(files, str(settings["language"])), max_num_sentences=1)
        if not config.validate():
            raise VoiceError(f"sherpa-onnx does not take the files in {folder}; the log says why")
        _loaded.clear()
        _loaded[key] = files.kind, sherpa_onnx.OfflineTts(config)
    kind, speaker = _loaded[key]
    return SherpaVoice(speaker, settings, _sample(kind, settings, int(speaker.sample_rate)))


def _sample(kind: str, settings: Settings, sample_rate: int) -> Sound | None:
    """Return the sample that is to be cloned. Raises VoiceError where that does not go together with the model."""
    path = str(settings["sample"])
    if kind != POCKET:
        if path:
            raise VoiceError(f"sample: a model of the kind {kind} clones none")
        return None
    if not path:
        raise VoiceError("sample: a pocket model speaks as a sample does; name one")
    if float(settings["speed"]) != 1.0:
        raise VoiceError("speed: a pocket model speaks at its own; it can only be 1")
    return read_sample(path, sample_rate)


def _model(files: SherpaFiles, language: str) -> Any:
    shared = {"tokens": files.tokens, "data_dir": files.data_dir, "lexicon": files.lexicon}
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    match files.kind:
        case "pocket":
            inner = sherpa_onnx.OfflineTtsPocketModelConfig(**files.parts)
            return sherpa_onnx.OfflineTtsModelConfig(pocket=inner, num_threads=threads)
        case "kokoro":
            inner = sherpa_onnx.OfflineTtsKokoroModelConfig(
                model=files.model, voices=files.voices, lang=language, **shared
            )
            return sherpa_onnx.OfflineTtsModelConfig(kokoro=inner, num_threads=threads)
        case "kitten-tts":
            inner = sherpa_onnx.OfflineTtsKittenModelConfig(
                model=files.model, voices=files.voices, tokens=files.tokens, data_dir=files.data_dir
            )
            return sherpa_onnx.OfflineTtsModelConfig(kitten=inner, num_threads=threads)
        case "matcha":
            inner = sherpa_onnx.OfflineTtsMatchaModelConfig(acoustic_model=files.model, vocoder=files.vocoder, **shared)
            return sherpa_onnx.OfflineTtsModelConfig(matcha=inner, num_threads=threads)
        case _:
            inner = sherpa_onnx.OfflineTtsVitsModelConfig(model=files.model, **shared)
            return sherpa_onnx.OfflineTtsModelConfig(vits=inner, num_threads=threads)
