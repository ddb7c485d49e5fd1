"""The sampling loop of pocket_tts: prompt in, one latent of 80 ms of sound out per step. One batch of lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import torch
from torch import Tensor

from engine.voices.backends.pocket_states import Prompt, States
from engine.voices.backends.torch_device import seeded
from engine.voices.media import Stopped

LEAST_FRAMES = 6
"""Before so many frames the model's word that the line has ended is not taken."""


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How is sampled. temperature: the variance of the noise."""

    temperature: float
    flow_steps: int
    eos_threshold: float


def latents(
    model: Any,
    states: States,
    prompts: Sequence[Prompt],
    manner: Manner,
    seeds: Sequence[int],
    stopped: Callable[[], bool],
) -> Iterator[tuple[Tensor, list[bool]]]:
    """Yield (lines, 1, latent size) per step, and of which lines it is part. Raises Stopped between two steps.

    states: the backbone, where it has heard the voice that every line starts from. A line's chances come from its own
    seed, so that it is the same in whatever company it is spoken.
    """
    config = model.config
    chances = [seeded(seed) for seed in seeds]
    ends = [_End(prompt, manner.eos_threshold) for prompt in prompts]
    hidden, eos = states.begin()
    while True:
        if stopped():
            raise Stopped
        noise = torch.cat([torch.randn(1, config.latent_dim, generator=chance) for chance in chances])
        noise = (noise * math.sqrt(manner.temperature)).to(hidden.device, hidden.dtype)
        latent = states.sample(hidden, noise)[:, None]
        spoken = [not end.over for end in ends]
        for end, sureness in zip(ends, eos.tolist(), strict=True):
            end.step(sureness)
        yield model.denormalize_latents(latent), spoken
        if all(end.over for end in ends):
            return
        hidden, eos = states.step(latent)


class _End:
    """Knows when a line is over: a few frames after the model said so, or when it may go on no longer."""

    def __init__(self, prompt: Prompt, threshold: float) -> None:
        self._prompt, self._threshold = prompt, threshold
        self._frames, self._left = 0, -1
        self.over = False

    def step(self, sureness: float) -> None:
        """Count one frame."""
        if self._left < 0 and self._frames >= LEAST_FRAMES and sureness > self._threshold:
            self._left = self._prompt.tail_frames
        elif self._left > 0:
            self._left -= 1
        self._frames += 1
        self.over = self.over or self._left == 0 or self._frames >= self._prompt.most_frames
