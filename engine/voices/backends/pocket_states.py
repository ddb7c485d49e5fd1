"""The backbone of pocket_tts between two steps of its loop: what it has heard, as a cache that grows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
import torch
from torch import Tensor
from transformers import DynamicCache

Layers = tuple[tuple[Tensor, Tensor], ...]
"""Keys and values of every layer: (1, heads, positions, size)."""


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """One line's text. ids: (positions,), ending in the first audio position. tail_frames: kept after its end."""

    ids: Tensor
    tail_frames: int
    most_frames: int


class States(Protocol):
    """A batch of lines on their way. Lines of different length are padded on the left, and the padding is masked."""

    def begin(self) -> tuple[Tensor, Tensor]:
        """Read the text; return the first frame's hidden state, and how sure the model is that the line ended."""
        ...

    def step(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Hear one frame, (lines, 1, latent size); return the same of the next."""
        ...

    def sample(self, hidden: Tensor, noise: Tensor) -> Tensor:
        """Return the latents that ``noise`` becomes: (lines, latent size)."""
        ...


class GrowingStates:
    """States as transformers keeps them: every step makes the cache longer."""

    def __init__(self, model: Any, prompts: Sequence[Prompt], voice: Layers, flow_steps: int) -> None:
        self._model, self._flow_steps = model, flow_steps
        self._lines = len(prompts)
        self._cache = DynamicCache(config=model.config)
        for index, (keys, values) in enumerate(voice):
            shape = (self._lines, -1, -1, -1)
            self._cache.update(keys.expand(*shape), values.expand(*shape), index)
        self._ids, pads = padded(prompts, model)
        self._placeholder = torch.full((self._lines, 1), model.config.audio_latent_token_id, device=model.device)
        self._mask, self._positions = None, None
        if any(pads):
            before = voice[0][0].shape[2] if voice else 0
            self._mask = heard(pads, before, self._ids).long()
            self._positions = (self._mask.cumsum(-1) - 1).clamp(min=0)[:, before:]

    def begin(self) -> tuple[Tensor, Tensor]:
        """See ``States``."""
        return self._run(input_ids=self._ids)

    def step(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """See ``States``."""
        if self._mask is not None and self._positions is not None:
            self._mask = torch.cat([self._mask, self._mask.new_ones(self._lines, 1)], dim=-1)
            self._positions = self._positions[:, -1:] + 1
        return self._run(input_ids=self._placeholder, audio_latents=latent)

    def sample(self, hidden: Tensor, noise: Tensor) -> Tensor:
        """See ``States``."""
        latent: Tensor = self._model.sample_latent(hidden, noise, self._flow_steps)
        return latent

    def _run(self, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        out = self._model(
            **inputs,
            attention_mask=self._mask,
            position_ids=self._positions,
            past_key_values=self._cache,
            use_cache=True,
        )
        return out.last_hidden_state[:, -1], out.logits[:, -1, 0].float()


def padded(prompts: Sequence[Prompt], model: Any) -> tuple[Tensor, list[int]]:
    """Return the texts as one tensor, (lines, positions), and how much of each row's beginning is padding."""
    longest = max(len(prompt.ids) for prompt in prompts)
    pads = [longest - len(prompt.ids) for prompt in prompts]
    fill = model.config.pad_token_id
    rows = [torch.nn.functional.pad(p.ids, (pad, 0), value=fill) for p, pad in zip(prompts, pads, strict=True)]
    return torch.stack(rows).to(model.device), pads


def heard(pads: Sequence[int], before: int, ids: Tensor) -> Tensor:
    """Return which positions of voice and text are no padding: (lines, ``before`` + positions)."""
    lines, longest = ids.shape
    mask = torch.ones(lines, before + longest, dtype=torch.bool)
    for row, pad in enumerate(pads):
        mask[row, before : before + pad] = False
    return mask.to(ids.device)


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
