"""The sampling loop of pocket_tts: prompt in, one latent of 80 ms of sound out per step. One batch of lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import torch
from torch import Tensor
from transformers import DynamicCache

from engine.voices.backends.torch_device import seeded
from engine.voices.media import Stopped

LEAST_FRAMES = 6
"""Before so many frames the model's word that the line has ended is not taken."""

Layers = tuple[tuple[Tensor, Tensor], ...]
"""Keys and values of every layer: (1, heads, positions, size)."""


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How is sampled. temperature: the variance of the noise."""

    temperature: float
    flow_steps: int
    eos_threshold: float


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """One line's text. ids: (positions,), ending in the first audio position. tail_frames: kept after its end."""

    ids: Tensor
    tail_frames: int
    most_frames: int


def latents(
    model: Any,
    prompts: Sequence[Prompt],
    voice: Layers,
    manner: Manner,
    seeds: Sequence[int],
    stopped: Callable[[], bool],
) -> Iterator[tuple[Tensor, list[bool]]]:
    """Yield (lines, 1, latent size) per step, and of which lines it is part. Raises Stopped between two steps.

    voice: the state of a voice, which every line starts from. A line's chances come from its own seed, so that it is
    the same in whatever company it is spoken.
    """
    config = model.config
    states = _States(model, prompts, voice)
    chances = [seeded(seed) for seed in seeds]
    ends = [_End(prompt, manner.eos_threshold) for prompt in prompts]
    hidden, eos = states.begin()
    while True:
        if stopped():
            raise Stopped
        noise = torch.cat([torch.randn(1, config.latent_dim, generator=chance) for chance in chances])
        noise = (noise * math.sqrt(manner.temperature)).to(hidden.device, hidden.dtype)
        latent = model.sample_latent(hidden, noise, manner.flow_steps)[:, None]
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


class _States:
    """The backbone and its cache. Lines of different length are padded on the left, and the padding is masked."""

    def __init__(self, model: Any, prompts: Sequence[Prompt], voice: Layers) -> None:
        self._model = model
        self._lines = len(prompts)
        self._cache = DynamicCache(config=model.config)
        for index, (keys, values) in enumerate(voice):
            shape = (self._lines, -1, -1, -1)
            self._cache.update(keys.expand(*shape), values.expand(*shape), index)
        longest = max(len(prompt.ids) for prompt in prompts)
        pads = [longest - len(prompt.ids) for prompt in prompts]
        device = model.device
        fill = model.config.pad_token_id
        rows = [torch.nn.functional.pad(p.ids, (pad, 0), value=fill) for p, pad in zip(prompts, pads, strict=True)]
        self._ids = torch.stack(rows).to(device)
        self._placeholder = torch.full((self._lines, 1), model.config.audio_latent_token_id, device=device)
        self._mask, self._positions = None, None
        if any(pads):
            before = voice[0][0].shape[2] if voice else 0
            mask = torch.ones(self._lines, before + longest, dtype=torch.long, device=device)
            for row, pad in enumerate(pads):
                mask[row, before : before + pad] = 0
            self._mask = mask
            self._positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, before:]

    def begin(self) -> tuple[Tensor, Tensor]:
        """Read the text; return the first frame's hidden state, and how sure the model is that the line ended."""
        return self._run(input_ids=self._ids)

    def step(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Hear one frame; return the same of the next."""
        if self._mask is not None and self._positions is not None:
            self._mask = torch.cat([self._mask, self._mask.new_ones(self._lines, 1)], dim=-1)
            self._positions = self._positions[:, -1:] + 1
        return self._run(input_ids=self._placeholder, audio_latents=latent)

    def _run(self, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        out = self._model(
            **inputs,
            attention_mask=self._mask,
            position_ids=self._positions,
            past_key_values=self._cache,
            use_cache=True,
        )
        return out.last_hidden_state[:, -1], out.logits[:, -1, 0].float()


def voice_layers(model: Any, prompt_latents: Tensor) -> Layers:
    """Return the state of a voice: what the backbone remembers of its sample. prompt_latents: (frames, size)."""
    config = model.config
    bos = getattr(config, "audio_prompt_bos_token_id", None)
    ids = [*([] if bos is None else [bos]), *[config.audio_prompt_token_id] * len(prompt_latents)]
    cache = DynamicCache(config=config)
    model(
        input_ids=torch.tensor([ids], device=model.device),
        audio_prompt_latents=prompt_latents[None].to(model.device, model.dtype),
        past_key_values=cache,
        use_cache=True,
    )
    return tuple((layer.keys, layer.values) for layer in cache.layers)
