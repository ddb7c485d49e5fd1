"""CSM: speech tokens step by step, decoded by its codec as they come. Worker processes only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import torch
from torch import Tensor
from transformers import AutoProcessor, AutoTokenizer, CsmForConditionalGeneration

from engine.errors import VoiceError
from engine.voices.backends.codec_stream import CodecStream
from engine.voices.backends.pocket_voice import check_text
from engine.voices.backends.torch_device import device_of, dtype_of, interruptible, settle, told_plainly
from engine.voices.base import Chunk, Report, Settings, Timing
from engine.voices.media import never

FRAMES_PER_CHUNK = (1, 2, 4)
"""How many frames of 80 ms are decoded together; the last figure holds on."""


class CsmVoice:
    """One speaker of CSM."""

    channels = 1
    timing: Timing = "none"

    def __init__(self, folder: Path, settings: Settings, report: Report) -> None:
        if settings["precision"] == "int8":
            raise VoiceError("precision int8 is for pocket; use fp32 or bf16 here")
        self._settings = settings
        report(0.3, "reading weights")
        self._model: Any = CsmForConditionalGeneration.from_pretrained(
            folder, local_files_only=True, dtype=dtype_of(settings)
        )
        self._model.eval().to(device_of(settings))
        self._tokenizer: Any = _tokenizer(folder)
        self._codec: Any = self._model.codec_model
        settle()

    @property
    def sample_rate(self) -> int:
        """Frames per second."""
        return int(self._codec.config.sampling_rate)

    def speak(self, text: str, *, seed: int = 0, stopped: Callable[[], bool] = never) -> Generator[Chunk, None, None]:
        """Return ``text`` as a stream of chunks; see ``Voice``."""
        check_text(text)
        return self._stream(text, seed, stopped)

    def _stream(self, text: str, seed: int, stopped: Callable[[], bool]) -> Generator[Chunk, None, None]:
        steps = _Steps(self._model, lambda: self._inputs(text), seed, stopped)
        stream = CodecStream(self._codec.decoder, self._codec.quantizer.decode)
        try:
            for frames in _gathered(steps.frames(), self._model.config.codebook_eos_token_id):
                with told_plainly("speaking"):
                    sound = stream.decode(frames.to(self._model.device)).float().cpu().numpy()
                yield Chunk(audio=sound.T.copy())
        finally:
            steps.end()

    def _inputs(self, text: str) -> dict[str, Tensor]:
        speaker = round(float(self._settings["speaker"]))
        read = self._tokenizer(f"[{speaker}]{text}", return_tensors="pt", add_special_tokens=True)
        return {"input_ids": read["input_ids"].to(self._model.device)}


class _Steps:
    """Runs the model in a thread of its own, since it hands its frames to a streamer. Ending it stops the model."""

    def __init__(self, model: Any, inputs: Callable[[], Any], seed: int, stopped: Callable[[], bool]) -> None:
        self._model, self._inputs, self._seed, self._stopped = model, inputs, seed, stopped
        self._ending = self._prompted = False
        self._made: SimpleQueue[Tensor | BaseException | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="csm", daemon=True)
        self._thread.start()

    def put(self, frame: Tensor) -> None:
        """Take the prompt, then a frame at a time, (1, codebooks); called by the model."""
        if self._prompted:
            self._made.put(frame)
        self._prompted = True

    def end(self) -> None:
        """Stop the model, whether it is done or not, or note that it is; called by us and by the model."""
        if threading.current_thread() is not self._thread:
            self._ending = True
            self._thread.join()

    def frames(self) -> Iterator[Tensor]:
        """Yield the frames as they come. Raises what the model raised."""
        while (made := self._made.get()) is not None:
            if isinstance(made, BaseException):
                raise made
            yield made

    def _run(self) -> None:
        try:
            with (
                told_plainly("speaking"),
                interruptible(self._model, lambda: self._ending or self._stopped()),
                torch.random.fork_rng(),
            ):
                torch.manual_seed(self._seed)
                self._model.generate(**self._inputs(), streamer=self)
            self._made.put(None)
        except Exception as error:  # noqa: BLE001 - it is raised where the frames are read
            self._made.put(error)


def _gathered(frames: Iterator[Tensor], end: int) -> Iterator[Tensor]:
    """Yield frames a few at a time, (1, codebooks, frames), up to the one that says the end."""
    waiting: list[Tensor] = []
    chunks = 0
    for frame in frames:
        codes = frame.reshape(-1)
        if (codes == end).all():
            break
        waiting.append(codes[None, :, None])
        if len(waiting) >= FRAMES_PER_CHUNK[min(chunks, len(FRAMES_PER_CHUNK) - 1)]:
            yield torch.cat(waiting, dim=-1)
            waiting, chunks = [], chunks + 1
    if waiting:
        yield torch.cat(waiting, dim=-1)


def _tokenizer(folder: Path) -> Any:
    try:
        return AutoProcessor.from_pretrained(folder, local_files_only=True).tokenizer
    except (OSError, ValueError, AttributeError):
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
